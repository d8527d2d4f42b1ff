"""A chat, an account and its contacts; and everything between a wish to be verified and the code in somebody's hand."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.core.accounts import Account, AccountDirectory, MemoryDirectory
from bot.core.binding import Bindings, Offered, Shown
from bot.core.code_sending import CodeSending
from bot.core.codes import Codes
from bot.core.contacts import Contact, Kind
from bot.core.enquiries import Enquiries
from bot.core.message import Reply
from bot.core.verification import Checked, Started, Verification
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.stores.people import Known
from tests.conftest import Clock

PHONE, MAIL, ACCOUNT = "+8613800000001", "ada@mail.example.com", "K-100001"
EVERYTHING = frozenset({"email", "sms"})


@dataclass(slots=True)
class Bench:
    """One installation. `compared` counts the comparisons in which a code could have been right."""

    database: Database
    directory: AccountDirectory
    clock: Clock
    voice: Callable[[str], Voice]
    reach: frozenset[str] = EVERYTHING
    portal_connected: bool = True
    compared: list[bytes] = field(default_factory=list)

    @property
    def codes(self) -> Codes:
        real = Codes.of(self.database.keyring)

        def is_same(right: bytes, typed: bytes) -> bool:
            if right.isdigit() and len(right) == 8:
                self.compared.append(right)
            return real.is_same(right, typed)

        return Codes(real.key, is_same)

    def chat(self, user: str = "alice", channel: str = "memory") -> Known:
        with self.database.work() as work:
            return work.people.meet(channel, user, self.clock(), "en")

    def begin(self, person: Known, hint: str = PHONE, purpose: str = "order:1") -> Started:
        with self.database.work() as work:
            return Verification(work, self.codes, self.clock()).begin(person, hint, purpose)

    def check(self, person: Known, verification_id: int | None, typed: str) -> Checked:
        assert verification_id is not None
        with self.database.work() as work:
            return Verification(work, self.codes, self.clock()).check(person, verification_id, typed)

    def ask(self) -> int:
        """Lets the clock's job ask the directory for what is due."""
        enquiries = Enquiries(
            self.database,
            self.directory,
            self.clock,
            self.voice,
            reach=self.reach,
            portal_connected=self.portal_connected,
            zone=ZoneInfo("Asia/Shanghai"),
        )
        return enquiries.run_due()

    def queued(self, channel: str) -> list[tuple[str, Reply]]:
        """(address, message) of everything that waits to go out there, now settled as sent."""
        out = list[tuple[str, Reply]]()
        with self.database.work() as work:
            # Of one person and lane only the oldest is due at a time.
            while due := work.deliveries.due(channel, self.clock(), 100, "t", self.clock() + timedelta(minutes=1)):
                work.deliveries.settle_sent([(one.id, "t") for one in due], self.clock())
                out += [(one.user, Reply.from_data(json.loads(one.body))) for one in due]
        return out

    async def sent(self, channel: str) -> list[tuple[str, str]]:
        """(address, text as it goes out) of the same, codes filled in."""
        sending, out = CodeSending(self.database, self.codes, self.clock), []
        for user, reply in self.queued(channel):
            async with sending.filled(reply) as filled:
                out.append((user, filled.text))
        return out

    async def coded(self, person: Known, hint: str = PHONE, purpose: str = "order:1") -> tuple[int, str]:
        """A wish of this chat and its code, sent by SMS or mail."""
        started = self.begin(person, hint, purpose)
        assert started.verification_id is not None
        self.ask()
        texts = [text for channel in ("sms", "email") for _, text in await self.sent(channel)]
        [code] = [found[0] for text in texts if (found := re.search(r"[0-9]{4} [0-9]{4}", text))]
        return started.verification_id, code.replace(" ", "")

    def offer(self, account_id: str = ACCOUNT, ago: timedelta = timedelta(minutes=1)) -> Offered:
        with self.database.work() as work:
            offer = Bindings(work, self.codes, self.clock()).offer(account_id, self.clock() - ago)
            assert isinstance(offer, Offered)
            return offer

    def bind(self, person: Known, account_id: str = ACCOUNT) -> None:
        """Connects a chat as its owner does, and lets the notices go."""
        offer = self.offer(account_id)
        with self.database.work() as work:
            bindings = Bindings(work, self.codes, self.clock())
            shown = bindings.start(offer.token, person, is_private=True)
            assert isinstance(shown, Shown)
            back = bindings.confirm(offer.id, shown.digits)
            assert isinstance(back, Shown)
            assert bindings.finish(person, back.digits) == bindings.of(person)

    def trail(self) -> list[tuple[str, str]]:
        """(actor, action) of everything noted."""
        with self.database.read() as work:
            rows = work.connection.exec_driver_sql("SELECT actor, action FROM trail ORDER BY id")
            return [(actor, action) for actor, action in rows]


def account(clock: Clock, *, days: float = 400, kinds: Sequence[Kind] = (Kind.PHONE, Kind.EMAIL)) -> Account:
    """An account whose contacts have been on file for so many days."""
    since = clock() - timedelta(days=days)
    values = {Kind.PHONE: PHONE, Kind.EMAIL: MAIL}
    return Account(ACCOUNT, tuple(Contact(kind, values[kind], since) for kind in kinds))


@pytest.fixture(scope="session")
def voice(policy: PolicyVersion, wording: Wording) -> Callable[[str], Voice]:
    return lambda language: Voice(wording, policy, language)


@pytest.fixture
def directory(clock: Clock) -> MemoryDirectory:
    return MemoryDirectory([account(clock)])


@pytest.fixture
def bench(database: Database, directory: MemoryDirectory, clock: Clock, voice: Callable[[str], Voice]) -> Bench:
    return Bench(database, directory, clock, voice)


@pytest.fixture
def quick(sqlite_database: Database, directory: MemoryDirectory, clock: Clock, voice: Callable[[str], Voice]) -> Bench:
    """For rules that no database has a part in."""
    return Bench(sqlite_database, directory, clock, voice)
