"""The chat page as a channel: what is posted goes through the door, what is kept is drawn, what comes is streamed."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from sse_starlette.sse import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.channels.web.entry import RATINGS, Bubble, Entry, History, bubble, bubbles
from bot.channels.web.live import OpenPages, Signal
from bot.channels.web.visitor import Visitors, new_visitor
from bot.core.channel import Door, Lane, Limits, Receipt
from bot.core.message import Address, Citation, InboundMessage, Reply
from bot.look import HINTS, Look, day_words, is_fragment, text
from knowledge.clause import PolicyVersion

NAME = "web"
TEXT_MAX = 4_000
"""Characters of one question that the page takes."""
CHOICE_MAX = 256
"""Characters of a choice's value; ours are far shorter."""
SHOWN_AT_MOST = 200
"""Entries that a page starts with; older ones are kept, not shown."""
END_WITHIN = 1.0
"""Seconds that open pages have to end when the server stops."""
LOOKS_EVERY = timedelta(seconds=20)
"""How often an open page looks for what another process sent."""
REMEMBERED = timedelta(days=30)
"""For how long after the last message a browser is still the same visitor."""
FIRST_QUESTIONS = ("collect", "share", "keep", "delete", "leak")
_START = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a link hands to the chat, as Telegram's deep links do: https://.../?start=clause_privacy.7.4 is sent as /start."""
_MESSAGE_ID = re.compile(r"[0-9A-Za-z-]{16,64}")


class WebChat:
    """The web chat. `history` is read in a thread; `older`: earlier versions, for citations; `public`: on https."""

    name = NAME
    limits = Limits(text_max=20_000)

    def __init__(
        self,
        policy: PolicyVersion,
        *,
        signing_key: bytes,
        history: History,
        public: bool = False,
        older: Sequence[PolicyVersion] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        looks_every: timedelta = LOOKS_EVERY,
    ) -> None:
        self.policy, self.pages = policy, OpenPages()
        self._look = Look(policy.name, public=public)
        self._visitors = Visitors(signing_key, public=public, remembered=REMEMBERED)
        self._history, self._now, self._looks_every = history, now, looks_every
        self._dates = {day_words(v.date, code): str(v.date) for v in (*older, policy) for code in ("en", "zh")}

    def routes(self, door: Door) -> Sequence[Route]:
        """The page itself, the address it posts to, and the stream of what comes later."""

        async def post(request: Request) -> Response:
            return await self._take(request, door)

        return (
            Route("/", self._page, name="chat"),
            Route("/chat/messages", post, methods=["POST"]),
            Route("/chat/stream", self._stream),
        )

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        """Shows `reply`, which the history already holds, on the pages that visitor has open, if any."""
        self.pages.tell(address.user, Signal.LOOK)
        return Receipt()

    def typing(self, address: Address, is_typing: bool) -> None:
        """Shows on the open pages of that visitor that somebody writes, or no longer does."""
        self.pages.tell(address.user, Signal.TYPING if is_typing else Signal.QUIET)

    async def open(self) -> None:
        """Nothing is held open."""

    async def close(self) -> None:
        """Ends the streams of all open pages; their browsers come back by themselves."""
        self.pages.end_all()

    async def _page(self, request: Request) -> Response:
        visitor = self._visitors.known(request)
        entries = await self._entries(visitor, 0) if visitor else []
        asked = request.query_params.get("ask", "")
        thing = self.policy.clauses.get(asked) or self.policy.law.get(asked)
        return self._look.page(
            request,
            "chat.html",
            bubbles=bubbles(entries[-SHOWN_AT_MOST:], self._address_of),
            is_known=visitor is not None,
            questions=FIRST_QUESTIONS,
            message_id=secrets.token_hex(16),
            text_max=TEXT_MAX,
            policy=self.policy,
            ask=thing,
            typed=f"/start {start}" if _START.fullmatch(start := request.query_params.get("start", "")) else "",
            ask_value=f"{'law' if asked in self.policy.law else 'clause'}:{asked}",
        )

    async def _take(self, request: Request, door: Door) -> Response:
        """One message from the page: through the door, then the replies, drawn; without a script, back to the page."""
        language = self._look.language(request)
        form = await request.form(max_files=0, max_fields=12)
        choice, message_id = str(form.get("choice", ""))[:CHOICE_MAX], str(form.get("message_id", ""))
        words = str(form.get("question") or form.get("text") or "").replace("\r\n", "\n").strip()
        if len(words) > TEXT_MAX:
            raise HTTPException(413, text("chat.too_long", language, length=len(words), limit=TEXT_MAX))
        if not words and not choice:
            if not is_fragment(request):
                return RedirectResponse("/", 303)
            raise HTTPException(422, text("chat.empty", language))
        if not _MESSAGE_ID.fullmatch(message_id):
            message_id = secrets.token_hex(16)
        visitor = self._visitors.known(request) or new_visitor()
        address = Address(NAME, visitor)
        message = InboundMessage(
            sender=address,
            text=await self._label(visitor, choice) if choice else words,
            # Bound to the visitor, so that nobody can use up, or be answered for, a message of somebody else's.
            message_id=f"{visitor}-{message_id}",
            at=self._now(),
            choice=choice or None,
            language_hint=HINTS[language],
        )
        self.typing(address, True)
        try:
            replies = await door(message)
        finally:
            self.typing(address, False)
        self.pages.tell(visitor, Signal.LOOK)
        response: Response = RedirectResponse("/#latest", 303)
        if is_fragment(request):
            response = await self._answer(request, visitor, replies)
        self._visitors.remember(response, visitor)
        return response

    async def _label(self, visitor: str, choice: str) -> str:
        """What the button said, as we offered it, so that the talk reads on; "" for a thumb and for the unknown."""
        if choice.startswith(RATINGS):
            return ""
        offered = (entry.reply.choices for entry in reversed(await self._entries(visitor, 0)) if entry.reply)
        return next((c.label for choices in offered for c in choices if c.value == choice), "")

    async def _answer(self, request: Request, visitor: str, replies: Sequence[Reply]) -> HTMLResponse:
        """What the page doesn't show yet: kept entries, and replies that aren't kept (such as to /forget)."""
        form = await request.form()
        after = _number(str(form.get("after", "")))
        # A page that sends again may have been shown the answer by its stream in between.
        seen = await self._entries(visitor, 0 if form.get("again") else after)
        kept = [entry.reply for entry in seen]
        drawn = bubbles([entry for entry in seen if entry.id > after], self._address_of)
        drawn += [bubble(reply, self._now(), self._address_of) for reply in replies if reply not in kept]
        return self._look.page(request, "entries.html", bubbles=drawn)

    async def _stream(self, request: Request) -> Response:
        """Server-sent events: `entry` (drawn, with its id) and `typing` ("on" or "off")."""
        visitor = self._visitors.known(request)
        if visitor is None:
            return Response(status_code=204)  # tells an EventSource not to come back
        after = _number(request.headers.get("last-event-id") or request.query_params.get("after", ""))
        ending = anyio.Event()
        events = self._events(request, visitor, after, ending)
        return EventSourceResponse(events, ping=15, shutdown_event=ending, shutdown_grace_period=END_WITHIN)

    async def _events(
        self, request: Request, visitor: str, after: int, ending: anyio.Event
    ) -> AsyncIterator[dict[str, Any]]:
        queue = self.pages.enter(visitor)
        signal = Signal.LOOK
        try:
            while signal is not Signal.END:
                if signal is Signal.LOOK:
                    for entry in await self._entries(visitor, after):
                        after = entry.id
                        event = {"event": "entry", "data": self._drawn(request, entry)}
                        # Only a reply moves the browser's place: what was written may share its id.
                        yield event if entry.mine else {**event, "id": str(entry.id)}
                else:
                    yield {"event": "typing", "data": "on" if signal is Signal.TYPING else "off"}
                signal = await self._next(queue, ending)
        finally:
            self.pages.leave(visitor, queue)

    async def _next(self, queue: "asyncio.Queue[Signal]", ending: anyio.Event) -> Signal:
        """What the page is told next: END when the server stops, LOOK when nothing was said for a while."""
        told, ends = asyncio.create_task(queue.get()), asyncio.create_task(ending.wait())
        try:
            await asyncio.wait((told, ends), timeout=self._looks_every.total_seconds(), return_when="FIRST_COMPLETED")
            if told.done():
                return told.result()
            return Signal.END if ends.done() else Signal.LOOK
        finally:
            told.cancel()
            ends.cancel()

    def _drawn(self, request: Request, entry: Entry) -> str:
        drawn: list[Bubble] = bubbles([entry], self._address_of)
        return bytes(self._look.page(request, "entries.html", bubbles=drawn).body).decode()

    async def _entries(self, visitor: str, after: int) -> list[Entry]:
        return list(await run_in_threadpool(self._history, Address(NAME, visitor), after))

    def _address_of(self, citation: Citation) -> str:
        """The page of what is cited, in the version that the citation names."""
        if citation.source == "law":
            return f"/law/{citation.id}"
        return f"/policy/{self._dates.get(citation.version, self.policy.date)}/clause/{citation.id}"


def _number(words: str) -> int:
    """An entry's id as the browser sends it back; 0 for anything else."""
    return int(words) if re.fullmatch(r"[0-9]{1,18}", words) else 0
