"""The edge of the Bot API for tests of the adapter: records calls, answers as told, on a free port of this machine."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2
from aiohttp import web
from starlette.applications import Starlette

from bot.channels.telegram import Telegram, TelegramSettings
from bot.core.channel import Door
from bot.core.message import InboundMessage, Reply
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from tests.conftest import Clock

TOKEN = "4242:" + "canary-token-" + "x" * 22
SECRET, OLD_SECRET = "s" * 43, "o" * 43
ALICE, BOB, GROUP = 1001, 1002, -5005
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@dataclass
class Planned:
    """One answer: a status and a body, after a while; or the connection is cut before or after the call is noted."""

    status: int = 200
    body: Any = None
    after: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class BotApi:
    """What the tests look at: `calls` in order, `planned` answers by method, `queue` for getUpdates."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.paths: list[str] = []
        self.planned: dict[str, deque[Planned]] = defaultdict(deque)
        self.queue: list[dict[str, Any]] = []
        self.webhook: dict[str, Any] = {"url": "", "has_custom_certificate": False, "pending_update_count": 0}
        self.url = ""
        self._ids = count(1)
        self._more = asyncio.Event()

    def plan(self, method: str, *answers: Planned) -> None:
        self.planned[method].extend(answers)

    def of(self, method: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == method]

    async def until(self, method: str, times: int = 1, within: float = 5.0) -> list[dict[str, Any]]:
        """The calls of `method`, once there are so many."""
        async with asyncio.timeout(within):
            while len(self.of(method)) < times:
                self._more.clear()
                await self._more.wait()
        return self.of(method)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        form = await request.post()
        given = {name: _read(str(value)) for name, value in form.items()}
        self.calls.append((method, given))
        self._more.set()
        self.paths.append(request.path)
        planned = self.planned[method].popleft() if self.planned[method] else None
        if planned is not None:
            await asyncio.sleep(planned.after)
            if planned.cut:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            if planned.body is not None or planned.status != 200:
                body = planned.body if isinstance(planned.body, bytes) else json.dumps(planned.body).encode()
                return web.Response(status=planned.status, body=body, headers=planned.headers)
        return web.json_response({"ok": True, "result": await self._result(method, given)})

    async def _result(self, method: str, given: dict[str, Any]) -> Any:
        match method:
            case "sendMessage":
                chat = {"id": given["chat_id"], "type": "private", "first_name": "A"}
                return {"message_id": next(self._ids), "date": 1772443800, "chat": chat, "text": str(given["text"])}
            case "getMe":
                return {"id": 4242, "is_bot": True, "first_name": "Clause", "username": "clause_test_bot"}
            case "getUpdates":
                first = given.get("offset", -1)
                if not any(update["update_id"] >= first for update in self.queue):
                    await asyncio.sleep(0.05)
                self.queue = [update for update in self.queue if update["update_id"] >= first]
                return self.queue
            case "getWebhookInfo":
                return self.webhook
        return True


def _read(value: str) -> Any:
    """A parameter as it was before it became part of a form."""
    try:
        return json.loads(value)
    except ValueError:
        return value


@asynccontextmanager
async def bot_api() -> AsyncIterator[BotApi]:
    """A running stand-in; `url` is its address."""
    api = BotApi()
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


class Doorman:
    """A door that notes what comes through; it can be slow, and it can raise."""

    def __init__(self) -> None:
        self.messages: list[InboundMessage] = []
        self.failures: list[Exception] = []
        self.takes = 0.0
        self.then: Callable[[InboundMessage], None] = lambda message: None

    async def __call__(self, message: InboundMessage) -> Sequence[Reply]:
        if self.takes:
            await asyncio.sleep(self.takes)
        if self.failures:
            raise self.failures.pop(0)
        self.messages.append(message)
        self.then(message)
        return ()


@dataclass
class Stage:
    """A Telegram channel with its stand-in, its door and what it put into quarantine."""

    api: BotApi
    telegram: Telegram
    door: Doorman
    held: list[tuple[str, bytes, str]]
    clock: Clock
    web: httpx2.AsyncClient
    _numbers: Any = field(default_factory=lambda: count(700_000))

    async def post(self, body: Any, secret: str | None = SECRET, **headers: str) -> httpx2.Response:
        """Posts an update as Telegram does; bytes go as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        if secret is not None:
            sent[HEADER] = secret
        return await self.web.post("/telegram", content=content, headers=sent)

    def update(self, **parts: Any) -> dict[str, Any]:
        return {"update_id": next(self._numbers), **parts}

    def said(self, text: str = "", person: int = ALICE, code: str = "en", **more: Any) -> dict[str, Any]:
        """An update with a message in the private chat of `person`."""
        return self.update(message=message(text, person, code, **more))

    def pressed(self, data: str | None, person: int = ALICE, **more: Any) -> dict[str, Any]:
        """An update with a press of a button under a message of ours in that person's chat."""
        below = {"message_id": 5, "date": 1772443800, "chat": private(person), "text": "?", **more}
        query = {"id": "77", "from": user(person), "chat_instance": "1", "message": below}
        return self.update(callback_query=query | ({"data": data} if data is not None else {}))

    def member(self, before: str, after: str, person: int = ALICE, **chat: Any) -> dict[str, Any]:
        """An update that tells how the bot's standing in a chat changed."""
        me = {"id": 4242, "is_bot": True, "first_name": "Clause"}
        changed = {
            "chat": chat or private(person),
            "from": user(person),
            "date": 1772443800,
            "old_chat_member": {"user": me, "status": before, "until_date": 0},
            "new_chat_member": {"user": me, "status": after, "until_date": 0},
        }
        return self.update(my_chat_member=changed)


def user(person: int, code: str = "en") -> dict[str, Any]:
    return {"id": person, "is_bot": False, "first_name": "Canary-Name", "language_code": code}


def private(person: int) -> dict[str, Any]:
    return {"id": person, "type": "private", "first_name": "Canary-Name"}


def message(text: str = "", person: int = ALICE, code: str = "en", **more: Any) -> dict[str, Any]:
    said = {"message_id": 9, "date": 1772443800, "chat": private(person), "from": user(person, code)}
    return said | ({"text": text} if text else {}) | more


@asynccontextmanager
async def stage(
    policy: PolicyVersion,
    wording: Wording,
    recogniser: Recogniser,
    clock: Clock,
    *,
    door: Doorman | None = None,
    web_door: Door | None = None,
    **settings: Any,
) -> AsyncIterator[Stage]:
    """A channel on a stand-in, its webhook mounted."""
    async with bot_api() as api:
        held: list[tuple[str, bytes, str]] = []
        told = {"webhook_secret": SECRET, "webhook_secret_old": OLD_SECRET, "api_url": api.url, **settings}
        telegram = Telegram(
            TelegramSettings(TOKEN, **told),
            b"k" * 32,
            policy,
            wording,
            clock,
            recogniser=recogniser,
            quarantine=lambda key, body, error, user: held.append((key, body, error)),
        )
        await telegram.open()
        doorman = door or Doorman()
        app = Starlette(routes=telegram.routes(web_door or doorman))
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bot") as client:
            yield Stage(api, telegram, doorman, held, clock, client)
        await telegram.close()
