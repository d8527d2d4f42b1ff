"""The WeChat Official Account as a channel: pushes come in, the first answer goes back in them, later ones by the API.

WeChat waits five seconds for the answer to a push, then pushes again, three times in all; `success` ends it.
Source: https://developers.weixin.qq.com/doc/subscription/guide/product/message/Passive_user_reply_message.html
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Protocol

import structlog
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.channels.wechat.api import Api
from bot.channels.wechat.codec import Codec, Garbage, NotWeChat, Push
from bot.channels.wechat.drawing import TEXT_MAX_BYTES, how_many_fit, parts, passive_xml
from bot.channels.wechat.events import NAME, Happening, read_push
from bot.channels.wechat.quota import Quota
from bot.channels.wechat.settings import WeChatSettings
from bot.core.assistant import Along
from bot.core.channel import Door, Lane, Limits, Receipt
from bot.core.clock import Clock
from bot.core.errors import DeliveryError, TryLater, Unreachable, Unwanted
from bot.core.message import Address, Event, InboundMessage, Reply
from bot.logs import places
from storage.engine import Database
from storage.errors import AlreadySeen, StorageError
from storage.stores.wechat import Why
from storage.work import Work

PATH = "/wechat"
BODY_MAX = 64 * 1024
"""Bytes. WeChat's longest push is a text of 2,048 bytes, encrypted."""
ANSWER_WITHIN = timedelta(seconds=4.5)
"""WeChat ends the connection after 5 s; half a second is ours."""
GIVEN_UP_AFTER = timedelta(seconds=6)
"""By then WeChat has ended the connection itself, and pushes again."""
LIMITS = Limits(
    TEXT_MAX_BYTES, "bytes", per_second=200, per_address=5, buttons=False, lanes={"broadcast": 100}, address_burst=5
)
"""WeChat writes down no rate a second. 500,000 customer-service messages a day are its limit."""

log = structlog.get_logger(__name__)


class Passive(Protocol):
    """Replies that go back in the answer to a push. Without `confirm` they are sent by the channel later."""

    @property
    def replies(self) -> Sequence[Reply]: ...

    @property
    def is_repeat(self) -> bool:
        """Whether they went back before, in the answer to an earlier push of the same message."""

    async def confirm(self) -> None: ...


class PassiveDoor(Protocol):
    """Takes a message; the first of its replies, as many as `together` says go into one answer, None for nothing.

    Raises TimeoutError and StorageError when it is not committed: then nothing may be acknowledged; and what `along`
    raises, which writes in the same transaction.
    """

    async def __call__(
        self, message: InboundMessage, within: timedelta, together: Callable[[Sequence[Reply]], int], along: Along
    ) -> Passive | None: ...


class WeChat:
    """One Official Account. `door` is the inbox's; `routes` needs no other."""

    name, limits, capped = NAME, LIMITS, (PATH,)

    def __init__(
        self,
        settings: WeChatSettings,
        database: Database,
        clock: Clock,
        door: PassiveDoor,
        *,
        answer_within: timedelta = ANSWER_WITHIN,
        given_up_after: timedelta = GIVEN_UP_AFTER,
    ) -> None:
        self._database, self._clock, self._door = database, clock, door
        self._within, self._given_up = answer_within.total_seconds(), given_up_after.total_seconds()
        self._codec, self._quota = Codec(settings), Quota(database, clock)
        self.api = Api(settings, database, clock)

    def routes(self, door: Door) -> Sequence[Route]:
        """The one address that WeChat knows. The door that sends by itself is not needed here."""
        return (Route(PATH, self._verify, methods=["GET"]), Route(PATH, self._push, methods=["POST"]))

    async def open(self) -> None:
        """Connections are made when they are needed."""

    async def close(self) -> None:
        """Closes the connections to WeChat."""
        await self.api.close()

    # ---- sending

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        """Sends `reply` by customer-service messages, one for each part, inside the person's quota."""
        await self._send_parts(address.user, parts([reply]), lane)
        return Receipt()

    async def _send_parts(self, user: str, texts: Sequence[str], lane: Lane) -> None:
        """Raises DeliveryError; what was not sent goes back to the quota."""
        await self._quota_or_later(self._quota.take(user, len(texts), lane))
        sent = 0
        try:
            for text in texts:
                await self.api.send_text(user, text)
                sent += 1
        except DeliveryError as failure:
            unsure = isinstance(failure, TryLater) and failure.unsure
            if unsent := len(texts) - sent - unsure:
                await self._quota_or_later(self._quota.give_back(user, unsent))
            if isinstance(failure, Unreachable) and failure.reason in ("window_closed", "quota_used"):
                why: Why = "quota_used" if failure.reason == "quota_used" else "window_closed"
                await self._quota_or_later(self._quota.use_up(user, why))
            if isinstance(failure, TryLater) and sent:
                # The first parts arrived: whoever tries again repeats them.
                raise TryLater(failure.after, unsure=True) from None
            raise

    async def _quota_or_later(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except StorageError as busy:
            raise TryLater(timedelta(seconds=1)) from busy

    # ---- pushes

    async def _verify(self, request: Request) -> Response:
        try:
            return PlainTextResponse(self._codec.echo(_query(request), self._clock()))
        except NotWeChat as no:
            return _refused(no)

    async def _push(self, request: Request) -> Response:
        """Answers one push: 403 to what is not WeChat's, else the reply, or `success`. Never later than `answer_within`."""
        began = monotonic()
        try:
            async with asyncio.timeout(self._within):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("", 408)
        if body is None:
            return PlainTextResponse("", 413)
        try:
            push = self._codec.open(_query(request), body, self._clock())
            about = read_push(push, self._clock())
        except NotWeChat as no:
            return _refused(no)
        except Garbage as garbage:
            return await self._in_time(began, self._quarantine(garbage, body))
        return await self._in_time(began, self._take(push, about, body, began))

    async def _in_time(self, began: float, answering: Awaitable[Response]) -> Response:
        """The answer, once everything is committed; else silence, so that WeChat pushes again."""
        try:
            async with asyncio.timeout(self._within - (monotonic() - began)):
                return await answering
        except Exception as failure:
            # Whatever it was, nothing is known to be kept: an answer of any kind would make WeChat forget the push.
            log.error("wechat push not taken; it will come again", error=type(failure).__name__, at=places(failure))
            await asyncio.sleep(max(0.0, self._given_up - (monotonic() - began)))
            return PlainTextResponse("", 503, {"Retry-After": "5"})

    async def _take(self, push: Push, about: Happening, body: bytes, began: float) -> Response:
        has_left = about.message is not None and about.message.event is Event.LEFT
        digest = hashlib.sha256(body).hexdigest()
        note = self._quota.noting(about.user, push.signed.nonce, push.signed.at, digest, about.contact, left=has_left)
        if about.message is None:
            if not await self._quota.write(about.user, note):
                return _refused(NotWeChat("nonce"))
            if about.notes:
                await asyncio.to_thread(self._write_notes, about)
            return _success()

        def along(work: Work, now: datetime) -> None:
            if not note(work, now):
                raise Unwanted("nonce")

        # A little before our own limit: what is there at the last moment must still be written.
        left = self._within - (monotonic() - began) - 0.1
        try:
            passive = await self._door(about.message, timedelta(seconds=max(0.0, left)), how_many_fit, along)
        except Unwanted as no:
            return _refused(NotWeChat(str(no)))
        if passive is None:
            return _success()
        now = self._clock()
        first, *rest = parts(passive.replies)
        xml = passive_xml(first, user=about.user, account=about.account, at=int(now.timestamp()))
        answer = self._codec.seal(xml, push, now)
        later = BackgroundTask(self._after_answer, passive, about.user, [] if passive.is_repeat else rest)
        return Response(answer, media_type="application/xml", background=later)

    async def _after_answer(self, passive: Passive, user: str, rest: Sequence[str]) -> None:
        """Sends the parts of a long reply that the answer had no room for. Unconfirmed, all of it is sent again later."""
        try:
            if rest:
                await self._send_parts(user, rest, "interactive")
            await passive.confirm()
        except (DeliveryError, StorageError) as failure:
            log.warning("wechat reply not confirmed", error=type(failure).__name__)

    def _write_notes(self, about: Happening) -> None:
        """Writes what WeChat told about somebody into the trail, once however often it is pushed."""
        now = self._clock()
        try:
            with self._database.work() as work:
                work.conversations.mark_seen(f"{NAME}:{about.key}", now)
                known = work.people.at(NAME, about.user)
                thing = f"person:{known.id}" if known else "person:unknown"
                for note in about.notes:
                    work.trail.add(now, NAME, note.action, thing, note.detail)
        except AlreadySeen:
            return

    async def _quarantine(self, garbage: Garbage, body: bytes) -> Response:
        kept = garbage.text.encode("utf-8", "surrogatepass") or body
        key = f"{NAME}:garbage-{hashlib.sha256(body).hexdigest()}"

        def put() -> None:
            with self._database.work() as work:
                work.quarantine.put(key, NAME, kept, garbage.what, self._clock(), garbage.sender)

        log.warning("wechat push not understood", why=garbage.what)
        await asyncio.to_thread(put)
        return _success()


async def _body(request: Request) -> bytes | None:
    """The body; None when it is longer than BODY_MAX."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    return bytes(body)


def _query(request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return found


def _success() -> Response:
    return PlainTextResponse("success")


def _refused(why: NotWeChat) -> Response:
    log.warning("wechat push refused", why=str(why))
    return PlainTextResponse("", 403)
