"""A page with two phones: a Telegram-like and a WeChat-like chat that talk to the running bot through the stand-ins.

What is typed here goes out as an update or a push, arrives at the real adapters, and comes back over their calls; beside
the phones stands what went over the wire, and switches for what can go wrong.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.guards import SECURITY_HEADERS, is_foreign
from bot.look import HTML_CODES, LANGUAGES, accepted
from bot.rehearsal.control import Wrong, asked, needed
from bot.rehearsal.faults import Rule
from bot.rehearsal.people import OPENERS, Person, person
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.wechat import WeChatStandIn
from intents.traditional import traditional
from knowledge.library import read_toml

HERE = Path(__file__).parent
WIRE_LINES = 40
"""Calls shown beside the phones, the newest of both platforms."""
LOOK_AGAIN = 2.0
"""Seconds after which the page is told again what time alone has changed (typing ends)."""
END_WITHIN = 1.0
"""Seconds that a stream may take to end once the server ends; cut off, it would be logged as broken."""
ONCE = {
    "flood": ("telegram", "sendMessage refuse:429 seconds=3 times=1"),
    "lost": ("telegram", "sendMessage reset-after times=1"),
    "telegram-twice": ("telegram", "update duplicate times=1"),
    "slow": ("wechat", "custom/send slow seconds=4 times=1"),
    "quota": ("wechat", "custom/send refuse:45047 times=1"),
    "wechat-twice": ("wechat", "push duplicate times=1"),
}
"""Switches that strike once: the platform and the rule."""
_ASSETS = {"phones.css": "text/css", "phones.js": "text/javascript"}


def routes(telegram: TelegramStandIn, wechat: WeChatStandIn, path: str = "/phones") -> list[BaseRoute]:
    """The page and what it asks for, below `path`. Both stand-ins must run in this event loop."""
    phones = _Phones(telegram, wechat, path)
    return [
        Route(path, phones.page, methods=["GET"]),
        Route(f"{path}/state", phones.state, methods=["GET"]),
        Route(f"{path}/events", phones.events, methods=["GET"]),
        Route(f"{path}/do", phones.do, methods=["POST"]),
        Route(f"{path}/{{name}}", phones.asset, methods=["GET"]),
    ]


class _Phones:
    def __init__(self, telegram: TelegramStandIn, wechat: WeChatStandIn, path: str) -> None:
        self._telegram, self._wechat, self._path = telegram, wechat, path
        self._armed: dict[str, Rule] = {}
        for owner in (1, 2):
            wechat.followers.meet(person(owner), subscribed=False)

    async def page(self, request: Request) -> Response:
        """Both phones; `?lang=` is en, zh or zh-Hant."""
        language = request.query_params.get("lang", "")
        if language not in LANGUAGES:
            language = accepted(request.headers.get("accept-language", ""))
        words = texts(language)
        asked_first = OPENERS["en" if language == "en" else "zh"]
        body = (
            _environment()
            .get_template("phones.html")
            .render(
                t=words,
                words=json.dumps({key: value for key, value in words.items() if key.startswith("js_")}),
                language=language,
                languages=LANGUAGES,
                html_code=HTML_CODES[language],
                path=self._path,
                owner=_owner(language).number,
                openers=[traditional(line) if language == "zh-Hant" else line for line in asked_first],
            )
        )
        return _secure(HTMLResponse(body, headers={"Vary": "Accept-Language"}))

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return _secure(Response(status_code=404))
        return _secure(Response((HERE / "static" / name).read_bytes(), media_type=_ASSETS[name]))

    async def state(self, request: Request) -> Response:
        """Everything that the page shows, as JSON."""
        return _secure(JSONResponse(self._seen(_asked_owner(request))))

    async def events(self, request: Request) -> Response:
        """The same again at every change, as server-sent events."""
        ending = anyio.Event()
        changes = self._changes(_asked_owner(request), ending)
        stream = EventSourceResponse(changes, ping=15, shutdown_event=ending, shutdown_grace_period=END_WITHIN)
        return _secure(stream)

    async def _changes(self, owner: Person, ending: anyio.Event) -> AsyncIterator[dict[str, str]]:
        before = ""
        while not ending.is_set():
            seen = json.dumps(self._seen(owner), ensure_ascii=False)
            if seen != before:
                before = seen
                yield {"data": seen}
            stand_ins = (self._telegram, self._wechat)
            awaited = [asyncio.create_task(stand_in.control.change(LOOK_AGAIN)) for stand_in in stand_ins]
            awaited.append(asyncio.create_task(ending.wait()))
            try:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in awaited:
                    one.cancel()

    async def do(self, request: Request) -> Response:
        """What a hand does: {"owner": 2, "phone": "telegram", "act": "say", "text": "..."}."""
        if is_foreign(request.headers):
            return _secure(JSONResponse({"error": "another site's page"}, 403))
        try:
            wish = await asked(request)
            self._do(_known(wish.get("owner")), needed(wish, "phone", str), needed(wish, "act", str), wish)
        except Wrong as bad:
            return _secure(JSONResponse({"error": str(bad)}, 400))
        return _secure(JSONResponse({}))

    def _do(self, owner: Person, phone: str, act: str, wish: dict[str, Any]) -> None:
        telegram, wechat = self._telegram.hands, self._wechat.hands
        acts: dict[tuple[str, str], Callable[[], object]] = {
            ("telegram", "start"): lambda: telegram.start(owner),
            ("telegram", "say"): lambda: telegram.say(owner, needed(wish, "text", str)),
            ("telegram", "voice"): lambda: telegram.send(owner, "voice"),
            ("telegram", "press"): lambda: telegram.press(
                owner, needed(wish, "message", int), needed(wish, "data", str)
            ),
            ("telegram", "key"): lambda: telegram.press_key(owner, needed(wish, "text", str)),
            ("wechat", "follow"): lambda: wechat.follow(owner),
            ("wechat", "unfollow"): lambda: wechat.unfollow(owner),
            ("wechat", "say"): lambda: wechat.say(owner, needed(wish, "text", str)),
            ("wechat", "voice"): lambda: wechat.speak(owner, needed(wish, "text", str)),
            ("wechat", "tap"): lambda: wechat.tap(owner, needed(wish, "key", str), needed(wish, "name", str)),
            ("wechat", "view"): lambda: wechat.view(owner, needed(wish, "url", str)),
            ("wechat", "choose"): lambda: wechat.choose(owner, needed(wish, "id", str), needed(wish, "text", str)),
            ("switch", "blocked"): lambda: telegram.block(owner, needed(wish, "on", bool)),
        }
        if phone == "switch" and act in ONCE:
            self._switch(act, on=needed(wish, "on", bool))
        elif (phone, act) in acts:
            acts[phone, act]()
        else:
            raise Wrong(f"no such thing to do: {phone} {act}")

    def _switch(self, name: str, *, on: bool) -> None:
        platform, words = ONCE[name]
        control = (self._telegram if platform == "telegram" else self._wechat).control
        if (armed := self._armed.pop(name, None)) and armed in control.script.rules:
            control.script.rules = [rule for rule in control.script.rules if rule is not armed]
        if on:
            self._armed[name] = Rule.parse(words)
            control.script.rules.append(self._armed[name])
        control.journal.changed()

    def _seen(self, owner: Person) -> dict[str, Any]:
        telegram = self._telegram.seen_by(owner.number)
        wechat = self._wechat.seen_by(owner.number)
        answered = [
            (name, query.answer)
            for name, query in self._telegram.methods.queries.items()
            if query.person == owner.telegram and query.answer and query.answer.get("text")
        ]
        telegram["toast"] = {"id": answered[-1][0], "text": answered[-1][1]["text"]} if answered else None
        switches = {name: rule.happened == 0 for name, rule in self._armed.items()}
        return {
            "telegram": telegram,
            "wechat": wechat,
            "switches": {name: switches.get(name, False) for name in ONCE} | {"blocked": telegram["blocked"]},
            "wire": self._wire(),
        }

    def _wire(self) -> list[dict[str, Any]]:
        lines = []
        for platform, stand_in in (("telegram", self._telegram), ("wechat", self._wechat)):
            for call in stand_in.control.journal.calls(last=WIRE_LINES):
                lines.append({"platform": platform, **call, "id": f"{platform}-{call['number']}"})
        return sorted(lines, key=lambda line: line["at"])[-WIRE_LINES:]


def _owner(language: str) -> Person:
    """Whose phones they are: the page's language decides, for the bot sees the phone's."""
    return person(2 if language == "en" else 1)


def _known(number: Any) -> Person:
    if number not in (1, 2):
        raise Wrong('"owner" is 1 or 2')
    return person(int(number))


def _asked_owner(request: Request) -> Person:
    return person(1 if request.query_params.get("owner") == "1" else 2)


def _secure(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response


@cache
def texts(language: str) -> dict[str, str]:
    """The page's words by their key. Traditional characters are made from the simplified ones."""
    source = "zh" if language == "zh-Hant" else language
    words: dict[str, str] = dict(read_toml(HERE / "templates" / "text" / f"{source}.toml"))
    return {key: traditional(value) for key, value in words.items()} if language == "zh-Hant" else words


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


__all__: Sequence[str] = ("routes", "texts")
