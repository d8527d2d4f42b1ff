"""The stand-in put together: its HTTP edge for the bot, and its endpoints under /_/ for drills and tests."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from bot.rehearsal.control import Control, OwnMachineOnly, Wrong, asked, needed, told
from bot.rehearsal.edge import Said, answer_call
from bot.rehearsal.faults import Script
from bot.rehearsal.journal import Call
from bot.rehearsal.people import Person, person
from bot.rehearsal.serving import Connection, on_loopback
from bot.rehearsal.wechat.account import Account
from bot.rehearsal.wechat.calls import Asked, Calls, Do, read_body
from bot.rehearsal.wechat.errcodes import Errcode
from bot.rehearsal.wechat.followers import Data, Followers
from bot.rehearsal.wechat.hands import Hands
from bot.rehearsal.wechat.pushes import Push, Pushes

TEMPLATES = {"REHEARSAL_TEMPLATE": ("thing1", "time2")}
"""Template messages that every account here has, by id: their fields."""


class WeChatStandIn:
    """A WeChat API on this machine. `app` is its ASGI application; `hands` are the people who write to the account."""

    def __init__(
        self,
        account: Account | None = None,
        *,
        webhook: str = "",
        script: Script | None = None,
        templates: Mapping[str, tuple[str, ...]] | None = None,
        safe: bool = True,
        anyone: bool = False,
        hurry: float = 1.0,
        keep: int = 100_000,
    ) -> None:
        """`hurry` divides the five seconds too. Raises ValueError for a `webhook` beyond this machine."""
        self.account = account or Account()
        self.control = Control(script, keep=keep)
        self.followers = Followers(self.control.clock, self.control.journal.changed, anyone=anyone)
        self.pushes = Pushes(self.control, self.account, self.followers, "", safe=safe, hurry=hurry)
        self.calls = Calls(
            self.control, self.account, self.followers, {**TEMPLATES, **(templates or {})}, self._push_later
        )
        self.hands = Hands(self.control, self.followers, self.calls, self.pushes)
        if webhook:
            self.point_webhook(webhook)
        self.app = Starlette(routes=self._routes(), middleware=[Middleware(OwnMachineOnly)])

    def point_webhook(self, url: str) -> None:
        """Pushes go to `url` from now on. Raises ValueError beyond this machine."""
        if not on_loopback(url):
            raise ValueError(f"{url}: a stand-in pushes to 127.0.0.1 alone")
        self.pushes.webhook = url

    async def close(self) -> None:
        await self.pushes.close()

    def _push_later(self, fields: Data) -> None:
        self.pushes.send(str(fields["FromUserName"]), fields)

    def _routes(self) -> list[BaseRoute]:
        def post(path: str, does: Callable[[Person, Data], Push]) -> Route:
            async def handler(request: Request) -> Any:
                wish = await asked(request)
                push = does(_somebody(wish.get("person")), wish)
                if wish.get("wait"):
                    await push.done.wait()
                return push.as_data()

            return Route(path, told(handler), methods=["POST"])

        hands = self.hands
        return [
            *(Route(path, _Edge(self, *what)) for path, what in self.calls.by_path.items()),
            *self.control.routes,
            Route("/_/pushes", told(self._pushes), methods=["GET"]),
            Route("/_/chat/{person:int}", told(self._chat), methods=["GET"]),
            Route("/_/quotas", told(self._quotas), methods=["GET", "POST"]),
            Route("/_/revoke-tokens", told(self._revoke), methods=["POST"]),
            Route("/_/webhook", told(self._point), methods=["POST"]),
            Route("/_/verify", told(self._verify), methods=["POST"]),
            post("/_/say", lambda who, w: hands.say(who, needed(w, "text", str), message_id=w.get("message_id"))),
            post("/_/speak", lambda who, w: hands.speak(who, w.get("heard", ""))),
            post("/_/send", lambda who, w: hands.send(who, needed(w, "kind", str))),
            post("/_/choose", lambda who, w: hands.choose(who, needed(w, "id", str), needed(w, "content", str))),
            post("/_/follow", lambda who, w: hands.follow(who, w.get("scene", ""))),
            post("/_/unfollow", lambda who, w: hands.unfollow(who)),
            post("/_/scan", lambda who, w: hands.scan(who, needed(w, "scene", str))),
            post("/_/tap", lambda who, w: hands.tap(who, needed(w, "key", str))),
            post("/_/view", lambda who, w: hands.view(who, needed(w, "url", str))),
            post("/_/decide", self._decide),
            post("/_/change-info", lambda who, w: hands.change_info(who)),
            post("/_/revoke", lambda who, w: hands.revoke(who, w.get("what", "1"))),
            post("/_/push", lambda who, w: hands.fields(who, needed(w, "fields", dict))),
            post("/_/xml", lambda who, w: hands.xml(who, needed(w, "xml", str), w.get("off", 0))),
        ]

    def _decide(self, who: Person, wish: Data) -> Push:
        template = needed(wish, "template", str)
        return self.hands.decide(who, template, accept=wish.get("accept", True), how=wish.get("how", "popup"))

    async def _pushes(self, request: Request) -> Any:
        return {"pushes": [push.as_data() for push in self.pushes.past]}

    async def _chat(self, request: Request) -> Any:
        return self.seen_by(request.path_params["person"])

    def seen_by(self, number: int) -> Data:
        """What an invented person sees: the lines, the menu bar, whether the bot is typing; and what may still be sent."""
        follower = self.followers.meet(_somebody(number))
        until = follower.typing_until
        return {
            "openid": follower.openid,
            "subscribed": follower.subscribed,
            "typing": bool(until and until > self.control.clock()),
            "left": self.followers.left(follower),
            "credits": {name: left for name, left in follower.credits.items() if left},
            "menu": self.calls.menu["button"] if self.calls.menu else [],
            "messages": list(follower.lines),
        }

    async def _quotas(self, request: Request) -> Any:
        """POST {"custom/send": 3} sets what a day allows."""
        quotas = self.calls.quotas
        if request.method == "POST":
            wish = await asked(request)
            if not all(isinstance(value, int) for value in wish.values()):
                raise Wrong("a quota is a number")
            quotas.limits.update(wish)
        return {"limits": quotas.limits, "used": quotas.used}

    async def _revoke(self, request: Request) -> Any:
        self.calls.tokens.revoke()
        return {}

    async def _point(self, request: Request) -> Any:
        try:
            self.point_webhook(needed(await asked(request), "url", str))
        except ValueError as bad:
            raise Wrong(str(bad)) from bad
        return {"url": self.pushes.webhook}

    async def _verify(self, request: Request) -> Any:
        return {"verified": await self.pushes.verify()}


def _somebody(name: Any) -> Person:
    if isinstance(name, bool) or not isinstance(name, int) or name < 1:
        raise Wrong('"person" is the number of an invented person: 1, 2, 3 ...')
    return person(name)


class _Edge:
    """One call of the API."""

    def __init__(self, stand_in: WeChatStandIn, method: str, name: str, do: Do) -> None:
        self._stand_in, self._method, self._name, self._do = stand_in, method, name, do

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, calls = Request(scope, receive), self._stand_in.calls
        asked, refused = await self._read(request)
        given = asked.body or dict(asked.query)

        async def run(call: Call) -> Said:
            try:
                if refused:
                    raise refused
                if self._name not in ("token", "stable_token"):
                    calls.tokens.check(asked.query.get("access_token", ""))
                calls.quotas.count(self._name)
                said = await self._do(asked, call)
            except Errcode as bad:
                return bad.said(call.number)
            return said if isinstance(said, Said) else Said(said)

        await answer_call(
            self._stand_in.control,
            Connection(scope, receive, send),
            self._name,
            str(asked.body.get("touser", asked.query.get("openid", ""))),
            given,
            run,
            lambda fault: Errcode(fault.code).said(0) if fault.code < 400 or fault.code > 599 else Said({}, fault.code),
        )

    async def _read(self, request: Request) -> tuple[Asked, Errcode | None]:
        """The call, and the error that it must get whatever else happens."""
        query = dict(request.query_params)
        if request.method != self._method:
            return Asked(query, {}), Errcode(43001 if self._method == "GET" else 43002)
        if self._method == "GET":
            return Asked(query, {}), None
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            try:
                form = await MultiPartParser(request.headers, request.stream()).parse()
            except MultiPartException:
                return Asked(query, {}), Errcode(47001)
            sent = form.get("media")
            if sent is None or isinstance(sent, str):
                return Asked(query, {}), Errcode(41005)
            body = await sent.read()
            await form.close()
            return Asked(query, {}, (sent.filename or "", body)), None
        if self._name == "media/upload":
            return Asked(query, {}), Errcode(41005)
        try:
            return Asked(query, read_body(await request.body())), None
        except Errcode as bad:
            return Asked(query, {}), bad
