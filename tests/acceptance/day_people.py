"""One customer at the phone: every act of the script played on Telegram, WeChat or the web, and what came of it checked.

The phones are those of test_same_dialogue: they read what each platform would show, and press what it would offer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import aiohttp

from bot.rehearsal.people import Person
from intents.wording import Wording
from knowledge.library import load_policy
from tests.acceptance.day_cast import Customer
from tests.acceptance.day_pages import Pages
from tests.acceptance.day_script import (
    WORDS,
    Act,
    AskForOrder,
    Certify,
    Connect,
    Ends,
    Fetch,
    HandInPapers,
    NameAccount,
    Pick,
    PressStop,
    Say,
    Staff,
    SystemSends,
    TryPages,
    TypeCode,
    UseForeignLink,
)
from tests.acceptance.day_staff import make_certificate, system_sends, work_order
from tests.acceptance.day_stage import PUBLIC_URL, Company
from tests.acceptance.test_same_dialogue import Heard, Phone, TelegramPhone, WebPhone, WeChatPhone

NUMBER = re.compile(r"KP-[0-9A-Z]{4}-[0-9A-Z]{4}")
CODE = re.compile(r"(?<![0-9])[0-9]{4} [0-9]{4}(?![0-9])")
PAPERS_LINK = re.compile(rf"{re.escape(PUBLIC_URL)}/papers/([0-9A-Z]{{8}}[A-Za-z0-9_-]{{22}})")
NO_ACCOUNT = "K-599999"
POLICY, WORDING = load_policy("kenpai"), Wording.load()


@dataclass
class Player:
    """A customer on the stage. `others` are all of the company, by number, for those who are after somebody's account."""

    who: Customer
    on: Company
    session: aiohttp.ClientSession
    others: dict[int, "Player"]
    pages: Pages = field(init=False)
    order: str = ""
    """The number of the latest order."""
    refused: int = 0
    """Tries of an impostor's that came to nothing, each seen to."""
    barred: int = 0
    """Commands of staff on this person's orders that the program didn't let pass."""
    _shown: list[str] = field(default_factory=list)
    _heard: str = ""
    _papers: str = ""

    def __post_init__(self) -> None:
        self.pages = Pages(self.on, self.who)

    @cached_property
    def person(self) -> Person:
        return Person(self.who.number, f"Example {self.who.number}", "zh-hans" if self.who.language == "zh" else "en")

    @cached_property
    def phone(self) -> Phone:
        match self.who.channel:
            case "telegram":
                return TelegramPhone(self.on.telegram, self.person)
            case "wechat":
                return WeChatPhone(self.on.wechat, self.person)
            case _:
                return WebPhone(self.session, self.on.url, self.who.language)

    @property
    def has_chatted(self) -> bool:
        """Whether the person has written at all."""
        return bool(self._heard)

    async def play(self, act: Act) -> None:
        """Does it, waits until all has gone out, and looks at what came of it. Raises AssertionError."""
        try:
            await self._play(act)
        except Exception as wrong:  # Whatever it was, who met it where is the first thing to know.
            where = f"{self.who.number} {self.who.story} ({self.who.channel}, {self.who.language}), {act}"
            raise AssertionError(f"{where}: {wrong!r}; last heard: {self._heard!r}") from wrong

    async def _play(self, act: Act) -> None:
        match act:
            case Say(words):
                await self.say(WORDS[words][self.who.language == "zh"])
            case Pick(label):
                await self._do(f"[{self.worded(label)}]")
            case Connect(wrong):
                await self._connect(wrong)
            case NameAccount(whose):
                await self.say(self._account(whose))
            case TypeCode(which):
                await self._type_code(which)
            case Ends(how, _):
                self._read_number(how)
            case Staff():
                self.barred += await work_order(self.on, self.order, act, self.who)
                if act.what == "check" and self._papers:
                    await self.pages.papers_are_over(self._papers)
            case SystemSends():
                await system_sends(self.on, self.order, self.who)
            case HandInPapers():
                await self.pages.hand_in(self._papers_token(), self.order)
            case Fetch(times, wrong, over):
                await self.pages.fetch(times, wrong, over=over)
            case PressStop():
                await self.pages.press_stop(self.order)
            case Certify():
                await self.pages.certify(await make_certificate(self.on, self.order))
            case _:
                await self._attack(act)
        await self.on.settle()

    # ---- in the chat

    async def say(self, text: str) -> None:
        await self._do(text)

    async def _do(self, step: str) -> None:
        self.on.seconds_pass()
        await self.phone.do(step, self._shown)
        await self.on.settle()
        heard = self.phone.heard()
        self._shown = next((one.choices for one in reversed(heard) if one.choices), self._shown)
        self._heard = said_in(heard)
        assert self._heard, "no answer"
        self._papers = next(reversed(PAPERS_LINK.findall(self._heard)), self._papers)

    def worded(self, label: str, **values: str) -> str:
        """A piece of the wording in this person's language: "flow.step.option", or "_shared.key"."""
        flow, _, rest = label.partition(".")
        key = rest if flow == "_shared" or rest.startswith("say.") else f"choose.{rest}"
        company = POLICY.name[self.who.language]
        return WORDING.say(flow, key.removeprefix("say."), self.who.language, company=company, **values)

    def is_told(self, label: str) -> bool:
        """Whether this was among what came last. What the bot fills in isn't compared."""
        pieces = re.split(r"\{[a-z_]+\}", self.worded(label))
        return all(_flat(piece) in _flat(self._heard) for piece in pieces if piece.strip())

    def _account(self, whose: str) -> str:
        match whose:
            case "own":
                return self.who.account
            case "victim":
                return self.others[self.who.victim].who.account
            case _:
                return NO_ACCOUNT

    def _read_number(self, how: str) -> None:
        urgent = how == "opened" and self.is_told("_order.say.opened_urgent")
        assert urgent or self.is_told(f"_order.say.{how}"), f"not told that it was {how}"
        self.order = NUMBER.findall(self._heard)[-1]

    # ---- proof

    async def _connect(self, wrong: str) -> None:
        status, link = await self.on.portal.link(self.who.account, self.on.clock.unix())
        assert status == 200, link
        await self.say(f"/start {link['token']}")
        digits = self._digits()
        typed = _another(digits) if wrong == "portal" else digits
        status, told = await self.on.portal.confirm(link["id"], typed)
        assert status == (410 if wrong == "portal" else 200), told
        if wrong == "portal":
            return
        await self.say(_another(told["digits"]) if wrong else told["digits"])
        if wrong:
            assert self.is_told("_shared.connect_void")
        else:
            assert self.is_told("_shared.connect_done") or self.is_told("_shared.connect_again")

    def _digits(self) -> str:
        """The two digits that the chat shows, to be typed into the portal."""
        before, after = self.worded("_shared.connect_shown").split("{digits}")
        flat = _flat(self._heard)
        return flat[flat.index(_flat(before)) + len(_flat(before)) :][:2] if _flat(after) in flat else ""

    def codes(self) -> list[str]:
        """The codes that went to contacts of this person's account, the latest first."""
        sent = [(one.at, one.text) for one in self.on.sms.texts if one.to == self.who.phone]
        sent += [(mail.at, mail.text) for mail in self.on.mailbox.mails if mail.to == self.who.mail]
        return [found[0] for _, text in sorted(sent, reverse=True) if (found := CODE.search(text))]

    async def _type_code(self, which: str) -> None:
        match which:
            case "right" | "late":
                code = self.codes()[0]
            case "victim":
                code = self.others[self.who.victim].codes()[1]  # Of before: the latest went out for this very try.
            case _:
                code = "0123 4567"
        await self.say(code)
        was_refused = self.is_told("_shared.prove_wrong") or self.is_told("_shared.prove_over")
        assert was_refused is not (which == "right")
        self.refused += self.who.is_impostor and was_refused

    def _papers_token(self) -> str:
        """Of the upload link that the chat gave."""
        assert self._papers, "the chat gave no upload link"
        return self._papers

    # ---- impostors

    async def _attack(self, act: Act) -> None:
        victim = self.others[self.who.victim]
        match act:
            case AskForOrder():
                assert victim.order
                question = {"en": "where is my request {}?", "zh": "我的申请 {} 办到哪一步了？"}[self.who.language]
                await self.say(question.format(victim.order))
                assert self.is_told("_mine.say.unknown")
                self.refused += 1
            case UseForeignLink():
                _, link = await self.on.portal.link(victim.who.account, self.on.clock.unix())
                await self.say(f"/start {link['token']}")
                status, _ = await self.on.portal.confirm(link["id"], _another(self._digits()))
                assert status == 410
                await self.say("42")
                assert not self.is_told("_shared.connect_done")
                assert await self.on.portal.state(link["id"]) == "void"
                self.refused += 2
            case TryPages():
                self.refused += await self.pages.attack(victim.pages.result_token)
            case _:
                raise AssertionError(f"nobody knows how to play {act}")


def said_in(heard: Sequence[Heard]) -> str:
    """The words of replies, line by line."""
    return "\n".join(line for one in heard for line in one.lines)


def _flat(text: str) -> str:
    """Without what a channel may lay out in its own way."""
    return re.sub(r"\s+", "", text)


def _another(digits: str) -> str:
    """Two digits that are not these."""
    return f"{(int(digits) - 10 + 1) % 90 + 10}"
