"""The company's side of a transcript: its accounts, its portal, its staff, and the mail that a person gets.

    ~ staff Ann                          there is somebody who works orders
    ~ account K-1001                     an account with a phone and an e-mail address, on file for 400 days
    ~ account K-1002 10 days             ... for ten days only
    ~ a new phone number for K-1001      the one on file is replaced now
    ~ the directory is down              nobody learns anything about any account ...
    ~ the directory answers again        ... until now
    ~ a portal is connected              the company's portal makes links
    ~ the portal makes a link for K-1001 {link} is what it hands to /start
    ~ the portal is told {digits}        what the chat showed is typed into the portal; {number} is what that shows
    ~ the portal is told 00              ... something else is typed there
    ~ staff take | check | propose | approve | deliver | execute       with the order of the latest number
    ~ staff refuse REASON WORDS | answer WORDS | say WORDS | pause WORDS | extend WORDS
    ~ papers are handed in               by the latest upload link
    ~ papers come by post                for the order of the latest number
    ~ our pages can't be reached         from outside: no upload links are given
    ~ somebody stops it                  by the latest stop link that a contact got

A fact `! mailed SUBJECT` is about the latest mail to the mailbox of staff.
After every message what waits for the directory is asked, and codes go out: {code} is the latest. As time passes, what
is due for orders happens; by the hour once a hold has begun, because a hold counts only time that was looked at.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot.channels.memory import MemoryChannel
from bot.core.accounts import Account, DirectoryDown, MemoryDirectory
from bot.core.binding import Bindings, Offered, Shown
from bot.core.channel import Lane, Receipt
from bot.core.code_sending import CodeSending
from bot.core.codes import Codes
from bot.core.contacts import Contact, Kind
from bot.core.delivery import Sender
from bot.core.enquiries import Enquiries
from bot.core.handing_in import HandingIn, paper_of
from bot.core.message import Address, Reply
from bot.core.order.clock import run_due
from bot.core.order.moves import staff
from bot.core.order.moving import Ports
from bot.core.order.news import News
from bot.core.requests import Requests
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.work import Work

REACH = frozenset({"email", "sms"})
STAFF_MAIL = "desk@example.com"
_ACCOUNT = re.compile(r"account (?P<id>\S+)(?: (?P<days>\d+) days)?")
_CODE = re.compile(r"[0-9]{4} [0-9]{4}")
_STOP = "https://privacy.example.com/stop/"
_PAPERS = "https://privacy.example.com/papers/"
_PAPERS_LINK = re.compile(rf"{re.escape(_PAPERS)}(\S+)")
_STOP_LINK = re.compile(rf"{re.escape(_STOP)}(\S+)")
_DIGITS = re.compile(r"(?<=type )[0-9]{2}(?= into)|(?<=输入 )[0-9]{2}(?=；)|(?<=輸入 )[0-9]{2}(?=；)")
_DONE = ("take", "check", "propose", "approve", "deliver", "execute", "refuse", "answer", "say", "pause", "extend")
"""What staff do with an order."""
_LOOKS = timedelta(hours=1)


class Post(MemoryChannel):
    """Mail or SMS: fills codes in as the real channels do."""

    def __init__(self, name: str, codes: CodeSending) -> None:
        super().__init__(name)
        self._codes = codes
        self.sent: list[str] = []
        self.to_staff: list[str] = []

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        async with self._codes.filled(reply) as filled:
            (self.to_staff if address.user == STAFF_MAIL else self.sent).append(filled.text)
            return await super().send(address, filled, lane)


class Directory(MemoryDirectory):
    """The company's accounts, unless it is down."""

    is_down = False

    def find(self, hint: str) -> Account | None:
        self._reached()
        return super().find(hint)

    def get(self, account_id: str) -> Account | None:
        self._reached()
        return super().get(account_id)

    def _reached(self) -> None:
        if self.is_down:
            raise DirectoryDown("stalled")


class Company:
    """Everything behind the requests of one transcript."""

    def __init__(
        self, database: Database, policy: PolicyVersion, wording: Wording, clock: Callable[[], datetime]
    ) -> None:
        self._database, self._clock, self._codes = database, clock, Codes.of(database.keyring)
        self.directory = Directory()
        voices = {name: Voice(wording, policy, name) for name in wording.languages}
        self._voice = voices.__getitem__
        sending = CodeSending(database, self._codes, clock)
        self.post = tuple(Post(name, sending) for name in sorted(REACH))
        self._senders = [Sender(database, channel, clock) for channel in self.post]
        self.placeholders = dict.fromkeys(("code", "link", "digits", "number", "order", "papers"), "")
        self._offer, self._stop, self._looked = "", "", clock()
        self.requests = Requests(self._codes, reach=REACH, ports=self._ports, papers_url=_PAPERS)

    def _ports(self, work: Work, now: datetime) -> Ports:
        return News(work, now, self._voice, REACH, _STOP, STAFF_MAIL).ports()

    @property
    def mailed(self) -> str:
        """The subject of the latest mail to staff, its number masked; "nothing" before there is one."""
        mails = [text for channel in self.post for text in channel.to_staff]
        return "\n".join(self.masked(mails[-1].splitlines()[:1])) if mails else "nothing"

    async def do(self, what: str) -> bool:
        """Does what stands behind the "~"; False when it is nothing of the company's."""
        if found := _ACCOUNT.fullmatch(what):
            since = self._clock() - timedelta(days=int(found["days"] or 400))
            place = len(found["id"]) + int(re.sub(r"\D", "", found["id"]) or 0)
            contacts = (
                Contact(Kind.PHONE, f"+8613800{place:06}", since),
                Contact(Kind.EMAIL, f"{found['id'].lower()}@example.com", since),
            )
            self.directory.put(Account(found["id"], contacts, contacts_changed_at=since))
        elif what.startswith("a new phone number for "):
            known = self.directory.get(what.rsplit(" ", 1)[1])
            assert known is not None, what
            fresh = Contact(Kind.PHONE, "+8613900000000", self._clock())
            self.directory.put(replace(known, contacts=(fresh, *known.of_kind(Kind.EMAIL))))
        elif what in ("the directory is down", "the directory answers again"):
            self.directory.is_down = what.endswith("down")
        elif what == "a portal is connected":
            self.requests = replace(self.requests, has_portal=True)
        elif what.startswith("the portal makes a link for "):
            self._link(what.rsplit(" ", 1)[1])
        elif what.startswith("the portal is told "):
            self._tell_portal(what.rsplit(" ", 1)[1])
        elif what == "papers are handed in":
            handing = HandingIn(self._database, self.requests, self._clock)
            handing.take(self.placeholders["papers"], [paper_of("paper.pdf", b"%PDF-1.7 a paper")])
        elif what == "papers come by post":
            with self._database.work() as work:
                orders = self.requests.orders(work, self._clock())
                order, member = orders.get(self.placeholders["order"]), work.staff.all()[0]
                orders.attach(order, staff(member.id), "paper.png", "image/png", b"a paper", internal=True, paper=True)
        elif what == "our pages can't be reached":
            self.requests = replace(self.requests, papers_url="")
        elif what == "somebody stops it":
            with self._database.work() as work:
                self.requests.orders(work, self._clock()).stop(self._stop)
        elif what.startswith("staff "):
            self._work(what.split()[1:])
        else:
            return False
        await self.go_on()
        return True

    async def go_on(self) -> None:
        """What waits for the directory is asked, what is due for orders happens, what is queued for contacts goes out."""
        with self._database.read() as work:
            waits = work.enquiries.is_due(self._clock())
        if waits:
            ask = Enquiries(
                self._database,
                self.directory,
                self._clock,
                self._voice,
                reach=REACH,
                portal_connected=self.requests.has_portal,
                zone=self.requests.deadlines.rule_sets[0].zone,
            )
            await asyncio.to_thread(ask.run_due)
        for sender in self._senders:
            while await sender.sweep():
                pass
        for channel in self.post:
            for text in channel.sent:
                self.placeholders["code"] = found[0] if (found := _CODE.search(text)) else self.placeholders["code"]
                self._stop = found[1] if (found := _STOP_LINK.search(text)) else self._stop
            channel.sent.clear()

    def masked(self, lines: list[str]) -> list[str]:
        """Lines of a transcript without what chance made: numbers of orders, digits to be copied."""
        text = "\n".join(lines)
        for number in re.findall(r"KP-[0-9A-Z]{4}-[0-9A-Z]{4}", text):
            self.placeholders["order"] = number
            text = text.replace(number, "{order}")
        for token in _PAPERS_LINK.findall(text):
            self.placeholders["papers"] = token
            text = text.replace(token, "{papers}")
        if found := _DIGITS.search(text):
            self.placeholders["digits"] = found[0]
            text = text[: found.start()] + "{digits}" + text[found.end() :]
        return text.split("\n") if lines else lines

    def tick(self) -> None:
        """Time has passed."""
        now = self._clock()
        hours = (now - self._looked) // _LOOKS if self._stop else 0
        for at in (*(self._looked + _LOOKS * hour for hour in range(1, hours + 1)), now):
            run_due(self._database, at, self.requests.deadlines, partial(self._ports, now=at))
        self._looked = now

    def _tell_portal(self, typed: str) -> None:
        digits = typed.replace("{digits}", self.placeholders["digits"])
        with self._database.work() as work:
            shown = Bindings(work, self._codes, self._clock()).confirm(self._offer, digits)
        self.placeholders["number"] = shown.digits if isinstance(shown, Shown) else ""

    def _link(self, account: str) -> None:
        with self._database.work() as work:
            offered = Bindings(work, self._codes, self._clock()).offer(account, self._clock())
        assert isinstance(offered, Offered), offered
        self._offer, self.placeholders["link"] = offered.id, offered.token

    def _work(self, words: list[str]) -> None:
        """Staff act: the first one works the order, the second approves, the third checks. An appeal goes to the others."""
        with self._database.work() as work:
            if words[0] not in _DONE:
                work.staff.add(words[0], {"officer"}, "unused", b"unused", self._clock())
                return
            orders = self.requests.orders(work, self._clock())
            order = orders.get(self.placeholders["order"])
            first, second, third = ([member.id for member in work.staff.all() if member.id != order.refused_by] * 3)[:3]
            match words:
                case ["take"]:
                    orders.take(order, first)
                case ["check"]:
                    orders.check(order, third)
                case ["propose"]:
                    orders.propose(order, first)
                case ["approve"]:
                    account = orders.account(order)
                    known = self.directory.get(account) if account else None
                    contacts, changed_at = (known.contacts, known.contacts_changed_at) if known else ((), None)
                    orders.approve(order, second, contacts, changed_at)
                    self._looked = self._clock()  # The hours of a hold are counted from its beginning.
                case ["deliver"]:
                    orders.deliver(order, staff(first))
                case ["execute"]:
                    orders.execute(order, staff(first))
                case ["refuse", reason, *rest]:
                    orders.refuse(order, first, reason, " ".join(rest))
                case ["answer", *rest]:
                    orders.answer(order, first, " ".join(rest))
                case ["say", *rest]:
                    orders.remark(order, staff(first), " ".join(rest), internal=False)
                case ["pause", *rest]:
                    orders.pause(order, first, " ".join(rest))
                case ["extend", *rest]:
                    orders.extend(order, first, " ".join(rest))
