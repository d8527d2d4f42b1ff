"""The stand-in put together: its HTTP edge for the bot, and its endpoints under /_/ for drills and tests."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from bot.rehearsal.control import Control, OwnMachineOnly, Wrong, asked, needed, told
from bot.rehearsal.edge import Said, answer_call
from bot.rehearsal.faults import Script
from bot.rehearsal.journal import Call
from bot.rehearsal.serving import Connection, on_loopback
from bot.rehearsal.telegram.chats import Chats, Data
from bot.rehearsal.telegram.delivery import Described, Webhook
from bot.rehearsal.telegram.hands import Hands, somebody
from bot.rehearsal.telegram.methods import Methods
from bot.rehearsal.telegram.parameters import Parameters, read
from bot.rehearsal.telegram.pending import Update
from bot.rehearsal.telegram.rates import Rates
from bot.rehearsal.telegram.refusal import Refusal, scripted

_SHOWN = {
    name.lower(): name
    for name in (
        "getMe", "sendMessage", "editMessageText", "editMessageReplyMarkup", "deleteMessage", "answerCallbackQuery",
        "answerInlineQuery", "sendChatAction", "getUpdates", "setWebhook", "deleteWebhook", "getWebhookInfo",
        "setMyCommands", "getMyCommands", "deleteMyCommands", "setMyDescription", "getMyDescription",
        "setMyShortDescription", "getMyShortDescription", "getFile",
    )
}  # fmt: skip
"""Method names as they are written; the server takes them in any case."""


class TelegramStandIn:
    """A Bot API on this machine. `app` is its ASGI application; `hands` are the people who write to the bot."""

    def __init__(
        self,
        *,
        token: str = "",
        script: Script | None = None,
        rates: Rates | None = None,
        anyone: bool = False,
        hurry: float = 1.0,
        keep: int = 100_000,
    ) -> None:
        """`token`: the only one let in, or any of the right form; `hurry` divides the waits between repeats."""
        self.control = Control(script, keep=keep)
        self.chats = Chats(self.control.clock, anyone=anyone)
        self.webhook = Webhook(self.control, self._run_answer, hurry=hurry)
        self.methods = Methods(self.control, self.chats, self.webhook)
        self.methods.rates = rates
        self.hands = Hands(self.control, self.chats, self.methods, self.webhook)
        self._token = token
        self.app = Starlette(routes=self._routes(), middleware=[Middleware(OwnMachineOnly)])

    def point_webhook(self, url: str, secret: str = "") -> None:
        """Pushes go to `url` from now on, as if the bot had called setWebhook. Raises ValueError beyond this machine."""
        if not on_loopback(url):
            raise ValueError(f"{url}: a stand-in pushes to 127.0.0.1 alone")
        self.webhook.point(url, secret)

    async def close(self) -> None:
        await self.webhook.close()

    def _routes(self) -> list[BaseRoute]:
        def post(path: str, does: Callable[[Data], Awaitable[Any]]) -> Route:
            async def handler(request: Request) -> Any:
                return await does(await asked(request))

            return Route(path, told(handler), methods=["POST"])

        return [
            Route("/bot{token}/{method}", _Edge(self)),
            Route("/file/bot{token}/{path:path}", self._file, methods=["GET"]),
            *self.control.routes,
            Route("/_/updates", told(self._updates), methods=["GET"]),
            Route("/_/chat/{person:int}", told(self._chat), methods=["GET"]),
            Route("/_/rates", told(self._rates), methods=["GET", "POST"]),
            post("/_/say", self._say),
            post("/_/send", self._send),
            post("/_/press", self._press),
            post("/_/key", self._key),
            post("/_/edit", self._edit),
            post("/_/inline", self._inline),
            post("/_/block", self._block),
            post("/_/group", self._group),
            post("/_/update", self._raw),
            post("/_/webhook", self._point),
        ]

    def is_let_in(self, token: str) -> bool:
        number, colon, rest = token.partition(":")
        return token == self._token if self._token else bool(number.isdecimal() and colon and rest)

    async def call(self, name: str, given: Parameters, call: Call) -> Said:
        """One method, with the platform's envelope around its result."""
        try:
            result = await self.methods.find(name)(given, call)
        except Refusal as refused:
            return refused.said()
        if isinstance(result, Described):
            return Said({"ok": True, "result": result.result, "description": result.description})
        return Said({"ok": True, "result": result})

    async def _run_answer(self, name: str, given: Data) -> None:
        """A method out of the webhook's answer: whatever becomes of it, nobody is told."""
        shown, chat = _SHOWN.get(name, name), str(given.get("chat_id", ""))
        call = self.control.journal.open(shown, chat, given, "answer")
        fault = self.control.script.at(shown, chat)
        if fault and not fault.has_effect:
            said = scripted(fault.code or 500, fault.seconds)
        else:
            said = await self.call(name, Parameters(given), call)
        self.control.journal.close(call, said.status, said.data, str(fault.kind) if fault else "")

    async def _file(self, request: Request) -> Response:
        body = dict(self.methods.files.values()).get(request.path_params["path"])
        if body is None or not self.is_let_in(request.path_params["token"]):
            return Response(
                b'{"ok":false,"error_code":404,"description":"Not Found"}', 404, media_type="application/json"
            )
        return Response(body, media_type="application/octet-stream")

    async def _updates(self, request: Request) -> Any:
        pending = self.webhook.pending
        return {
            "delivered": pending.delivered,
            "dropped": pending.dropped,
            "waiting": [update.as_data() for update in pending.waiting.values()],
            "past": [update.as_data() for update in pending.past],
        }

    async def _chat(self, request: Request) -> Any:
        return self.seen_by(request.path_params["person"])

    def seen_by(self, number: int) -> Data:
        """What an invented person sees: the messages, the keyboard below them, whether the bot is typing or blocked."""
        chat = self.chats.with_person(somebody(number))
        return {
            "chat": chat.data,
            "blocked": chat.blocked,
            "typing": chat.typing_until > self.control.clock().timestamp(),
            "messages": list(chat.messages.values()),
            "keys": chat.keys.rows if chat.keys else [],
        }

    async def _rates(self, request: Request) -> Any:
        """POST {"overall": 30, "per_chat": 1, "per_group": 20} enforces them, {} ends that."""
        if request.method == "POST":
            wish = await asked(request)
            most = {"overall": 30.0, "per_chat": 1.0, "per_group": 20.0}
            if not all(name in most and isinstance(value, int | float) for name, value in wish.items()):
                raise Wrong("rates are overall, per_chat and per_group, all numbers")
            most |= wish
            self.methods.rates = Rates(most["overall"], most["per_chat"], most["per_group"]) if wish else None
        rates = self.methods.rates
        return {"overall": rates.overall, "per_chat": rates.per_chat, "per_group": rates.per_group} if rates else {}

    async def _say(self, wish: Data) -> Any:
        group = wish.get("group", 0)
        more = wish.get("more") or {}
        return _sent(self.hands.say(somebody(wish.get("person")), needed(wish, "text", str), group=group, **more))

    async def _send(self, wish: Data) -> Any:
        who, kind = somebody(wish.get("person")), needed(wish, "kind", str)
        return _sent(self.hands.send(who, kind, wish.get("caption", ""), own=wish.get("own", True)))

    async def _press(self, wish: Data) -> Any:
        who = somebody(wish.get("person"))
        name, update = self.hands.press(who, needed(wish, "message_id", int), needed(wish, "data", str))
        return _sent(update) | {"query": name}

    async def _key(self, wish: Data) -> Any:
        return _sent(self.hands.press_key(somebody(wish.get("person")), needed(wish, "text", str)))

    async def _edit(self, wish: Data) -> Any:
        who = somebody(wish.get("person"))
        return _sent(self.hands.edit(who, needed(wish, "message_id", int), needed(wish, "text", str)))

    async def _inline(self, wish: Data) -> Any:
        name, update = self.hands.ask_inline(somebody(wish.get("person")), needed(wish, "query", str))
        return _sent(update) | {"query": name}

    async def _block(self, wish: Data) -> Any:
        return _sent(self.hands.block(somebody(wish.get("person")), wish.get("blocked", True)))

    async def _group(self, wish: Data) -> Any:
        number = needed(wish, "group", int)
        if number >= 0:
            raise Wrong("the number of a group is negative")
        return _sent(self.hands.add_to_group(somebody(wish.get("person")), number, removed=wish.get("removed", False)))

    async def _raw(self, wish: Data) -> Any:
        return _sent(self.hands.raw(wish))

    async def _point(self, wish: Data) -> Any:
        try:
            self.point_webhook(needed(wish, "url", str), wish.get("secret", ""))
        except ValueError as bad:
            raise Wrong(str(bad)) from bad
        return self.webhook.info()


def _sent(update: Update | None) -> Data:
    return {"update_id": update.id if update else None}


class _Edge:
    """/bot<token>/<method>, by GET or POST."""

    def __init__(self, stand_in: TelegramStandIn) -> None:
        self._stand_in = stand_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stand_in, place = self._stand_in, scope["path_params"]
        name = place["method"].lower()
        shown = _SHOWN.get(name, place["method"])
        refused: Refusal | None = None
        given = Parameters({})
        try:
            given = await read(Request(scope, receive))
            if not stand_in.is_let_in(place["token"]):
                refused = Refusal(401)
        except Refusal as unreadable:
            refused = unreadable

        async def run(call: Call) -> Said:
            return refused.said() if refused else await stand_in.call(name, given, call)

        await answer_call(
            stand_in.control,
            Connection(scope, receive, send),
            shown,
            str(given.values.get("chat_id", "")),
            given.values,
            run,
            lambda fault: scripted(fault.code, fault.seconds),
        )
