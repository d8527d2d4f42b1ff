"""Updates on their way to the bot: queues by chat, webhook and polling, with the real server's patience.

In each queue strictly in order, the queues beside one another; a failed update is sent again at once, then after 2, 4,
8 ... seconds, at most a random 60 to 120; a Retry-After up to an hour is obeyed; after a day it is dropped.
Source: tdlib/telegram-bot-api, WebhookActor.cpp.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import aiohttp

from bot.rehearsal.control import Control
from bot.rehearsal.faults import Kind
from bot.rehearsal.serving import Waiting, on_loopback
from bot.rehearsal.telegram.chats import Data
from bot.rehearsal.telegram.pending import Pending, Update
from bot.rehearsal.telegram.refusal import Refusal, bad

PATIENCE = 60.0
RESEND_MOST = (60.0, 120.0)
RETRY_AFTER_MOST = 3600.0
GONE_CLOSES_AFTER = 23 * 3600
_NEVER_RUN = ("setwebhook", "deletewebhook", "close", "logout")

Execute = Callable[[str, Data], Awaitable[None]]


class Webhook:
    """Where updates are pushed to. `execute` runs a method that the bot put into its answer."""

    def __init__(self, control: Control, execute: Execute, *, hurry: float = 1.0) -> None:
        self._control, self._execute, self._hurry = control, execute, hurry
        self.pending = Pending(control)
        self.url = self.secret = ""
        self._most = 40
        self._places = asyncio.Semaphore(self._most)
        self._queues: dict[str, deque[Update]] = {}
        self._running = Waiting()
        self._others = Waiting()
        self._session: aiohttp.ClientSession | None = None
        self._error: tuple[int, str] | None = None
        self._gone_since: float | None = None
        self._set_at = float("-inf")
        self._luck = Random(control.script.seed)  # noqa: S311  a wait, no secret

    def set(self, url: str, secret: str, connections: int, *, drop: bool = False) -> Any:
        """setWebhook. Raises Refusal. Only http and https addresses of this machine are taken."""
        if len(secret) > 256:
            raise bad("secret token is too long")
        if any(not (c.isascii() and (c.isalnum() or c in "_-")) for c in secret):
            raise bad("secret token contains unallowed characters")
        if not on_loopback(url):
            raise bad("bad webhook: a stand-in pushes to 127.0.0.1 alone")
        now = self._control.clock().timestamp()
        if now - self._set_at < 1 / self._hurry:
            raise Refusal(429, retry_after=1)
        self._set_at = now
        is_same = (url, secret, connections) == (self.url, self.secret, self._most)
        self.point(url, secret, connections, drop=drop)
        return Described(True, "Webhook is already set" if is_same else "Webhook was set")

    def point(self, url: str, secret: str = "", connections: int = 40, *, drop: bool = False) -> None:
        """The same without asking."""
        if drop:
            self.pending.clear()
        self.url, self.secret, self._most = url, secret, connections
        self._places = asyncio.Semaphore(connections)
        self._error = None
        self._gone_since = None
        self.pending.has_webhook = True
        self.pending.wake()
        self._restart()

    def delete(self, *, drop: bool = False) -> Any:
        if drop:
            self.pending.clear()
        was = bool(self.url)
        self.url = self.secret = ""
        self.pending.has_webhook = False
        self._error = None
        self._restart()
        return Described(True, "Webhook was deleted" if was else "Webhook is already deleted")

    def info(self) -> Data:
        said: Data = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending.waiting),
        }
        if self.url:
            if self._error:
                said |= {"last_error_date": self._error[0], "last_error_message": self._error[1]}
            said |= {"max_connections": self._most, "ip_address": "127.0.0.1"}
        if self.pending.allowed:
            said["allowed_updates"] = self.pending.allowed
        return said

    def push(self, kind: str, queue: str, payload: Data, person: str, number: int | None = None) -> Update | None:
        """A new update; None when the bot doesn't want that kind."""
        if not self.pending.is_wanted(kind):
            return None
        update = self.pending.add(kind, queue, payload, person, number)
        if self.url:
            self._start(update)
        return update

    async def close(self) -> None:
        await self._running.end()
        await self._others.end()
        if self._session:
            await self._session.close()
            self._session = None

    def _restart(self) -> None:
        """All queues begin anew, at the address that counts now."""
        self._queues = {}
        self._running.cancel()
        if self.url:
            for update in self.pending.waiting.values():
                self._start(update)

    def _start(self, update: Update) -> None:
        queue = self._queues.get(update.queue)
        if queue is not None:
            queue.append(update)
            return
        queue = self._queues[update.queue] = deque([update])
        self._running.start(self._work(update.queue, queue))

    async def _work(self, name: str, queue: deque[Update]) -> None:
        while queue:
            update = queue[0]
            fault = self._control.script.at("update", update.person) if update.tries == 0 else None
            if fault and fault.kind is Kind.SWAP:
                await asyncio.sleep(0.05 / self._hurry)
                if len(queue) > 1:
                    queue[0], queue[1] = queue[1], queue[0]
                    update = queue[0]
            if fault and fault.kind is Kind.LATE:
                await asyncio.sleep(fault.seconds / self._hurry)
            async with self._places:
                wait = await self._deliver(update, str(fault.kind) if fault else "")
                if wait is None and fault and fault.kind is Kind.DUPLICATE:
                    await self._deliver(update, "duplicate")
            if wait is None:
                self.pending.settle(update, "delivered")
            elif self._control.clock().timestamp() + wait > update.expires_at:
                self.pending.settle(update, "dropped")
            else:
                await asyncio.sleep(wait / self._hurry)
                continue
            queue.popleft()
        if self._queues.get(name) is queue:
            del self._queues[name]

    async def _deliver(self, update: Update, fault: str) -> float | None:
        """One push: None when it was taken, else the seconds until the next try."""
        update.tries += 1
        call = self._control.journal.open("update", update.person, update.data, "out")
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.secret
        wait: float | None = None
        try:
            answer = await self._post(update.data, headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as broken:
            status, said = 0, type(broken).__name__
            wait = self._failed(
                update, "Read timeout expired" if isinstance(broken, TimeoutError) else "Connection closed"
            )
        else:
            status, body, kind, retry_after = answer
            said = body[:500].decode("utf-8", "replace")
            if 200 <= status <= 299:
                self._gone_since = None
                self._run_answer(body, kind)
            else:
                wait = self._failed(update, f"Wrong response from the webhook: {status}", retry_after)
                self._count_gone(status)
        update.answers.append(str(status))
        self._control.journal.close(call, status, said, fault)
        return wait

    async def _post(self, data: Data, headers: dict[str, str]) -> tuple[int, bytes, str, float]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=PATIENCE / self._hurry)
            )
        body = json.dumps(data, separators=(",", ":")).encode()
        async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
            after = answer.headers.get("Retry-After", "0")
            seconds = min(float(after), RETRY_AFTER_MOST) if after.isdecimal() else 0.0
            return answer.status, await answer.read(), answer.headers.get("Content-Type", ""), seconds

    def _failed(self, update: Update, why: str, retry_after: float = 0.0) -> float:
        """Seconds until the next try."""
        self._error = (self._control.clock.unix(), why)
        wait = retry_after
        if not retry_after and update.tries > 1:
            update.delay = wait = min(self._luck.uniform(*RESEND_MOST), update.delay * 2)
        return wait

    def _count_gone(self, status: int) -> None:
        """410 for 23 hours closes the webhook."""
        now = self._control.clock().timestamp()
        if status != 410:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        elif now > self._gone_since + GONE_CLOSES_AFTER:
            self.delete()

    def _run_answer(self, body: bytes, kind: str) -> None:
        """A method in the answer is called; nobody is told whether that worked."""
        given = _answer_parameters(body, kind)
        method = str(given.pop("method", "")).lower()
        if method and method not in _NEVER_RUN and not method.startswith("get"):
            self._others.start(self._execute(method, given))


@dataclass(frozen=True, slots=True)
class Described:
    """A result that comes with a description."""

    result: Any
    description: str


def _answer_parameters(body: bytes, kind: str) -> Data:
    if not body.strip():
        return {}
    try:
        if "json" in kind:
            data = json.loads(body)
            return data if isinstance(data, dict) else {}
        if "x-www-form-urlencoded" in kind:
            return dict(parse_qsl(body.decode()))
        if "multipart/form-data" in kind:
            return _multipart(body, kind)
    except (ValueError, UnicodeDecodeError):
        return {}
    return {}


def _multipart(body: bytes, kind: str) -> Data:
    from email import message_from_bytes

    parts = message_from_bytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body)
    found: Data = {}
    for part in parts.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found[name] = payload.decode("utf-8", "replace").strip("\r\n")
    return found
