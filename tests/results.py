"""What tests of results share: a delivered order whose package is made, its link, and the code that opens it."""

import json
import re
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.core.accounts import Account, MemoryDirectory
from bot.core.announcing import Announcing
from bot.core.codes import VALID_FOR, Codes
from bot.core.contacts import Contact, Kind
from bot.core.enquiries import Enquiries
from bot.core.message import Reply
from bot.core.orders import Actor, Order, Orders, Right, staff
from bot.core.requests import Requests
from bot.core.results import Results
from bot.core.verification import SENT_WITHIN
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.library import load_policy
from storage.engine import Database
from storage.stores.results import Made
from storage.tables import Verification as VerificationRow
from storage.tables.common import table
from storage.work import Work
from tests.conftest import Clock
from tests.orders import ANN, BEN, Desk, deadlines

MAIL, PHONE, ACCOUNT = "ada@mail.example.com", "+8613800000001", "K-1"
STAFF_MAIL = "desk@mail.example.com"
COMPANY = {"en": "Example Cloud", "zh": "示例云"}
EVERYTHING = frozenset({"email", "sms"})


class Handing:
    """Delivered orders on a database, and everything between the announcement and the open package."""

    def __init__(self, database: Database, clock: Clock, *, portal: bool = False) -> None:
        self.database, self.clock = database, clock
        self.desk = Desk(database, clock)
        self.codes = Codes.of(database.keyring)
        self.directory = MemoryDirectory()
        self.put_account()
        policy, wording = load_policy("kenpai"), Wording.load()
        voices = {name: Voice(wording, policy, name) for name in wording.languages}
        self.requests = Requests(self.codes, deadlines(), EVERYTHING, portal, lambda work, now: self.desk.news.ports)
        self.announcing = Announcing(
            database,
            self.directory,
            clock,
            voices.__getitem__,
            reach=EVERYTHING,
            company=COMPANY,
            result_url="https://privacy.example.com/result/",
            zone=deadlines().rule_sets[0].zone,
            staff_mail=STAFF_MAIL,
        )
        self.enquiries = Enquiries(
            database, self.directory, clock, voices.__getitem__, reach=EVERYTHING, portal_connected=portal
        )

    def put_account(self, account: str = ACCOUNT, mail: str = MAIL, days: float = 99) -> None:
        since = self.clock() - timedelta(days=days)
        contacts = (Contact(Kind.EMAIL, mail, since), Contact(Kind.PHONE, PHONE, since))
        self.directory.put(Account(account, contacts, contacts_changed_at=since))

    def ready(self, **more: Any) -> Order:
        """An access request that two staff have approved; `more` as for Desk.open."""
        order = self.desk.open(Right.ACCESS, **more)
        with self.desk.orders() as orders:
            order = orders.propose(orders.take(order, ANN), ANN)
            return orders.approve(order, BEN)

    def attach(self, order: Order, name: str, body: bytes, by: Actor | None = None, kind: str = "text/plain") -> None:
        """Puts a file for the person on the order, as if before the first signature: from then on nobody can."""
        with self.desk.orders() as orders:
            papers = orders.work.orders.papers
            papers.add_file(
                order.id, self.clock(), str(by or staff(ANN)), name, kind, body, internal=False, paper=False
            )

    def deliver(self, order: Order) -> Order:
        """Delivers and announces, in one transaction."""
        with self.desk.orders() as orders:
            order = orders.deliver(order, staff(BEN))
            self.results(orders).announce(order)
            return order

    def results(self, orders: Orders) -> Results:
        return Results(orders.work, self.codes, self.clock())

    def token(self) -> str:
        """Makes what is due; the token of the link that was mailed last."""
        assert self.announcing.run_due() == 1
        return self.links()[-1][1]

    def links(self) -> list[tuple[str, str]]:
        """(address, token) of every link that waits to go out by mail, now settled as sent."""
        found = []
        for user, text in self.queued("email"):
            found += [(user, link) for link in re.findall(r"/result/([A-Za-z0-9_-]{22})\b", text)]
        return found

    def queued(self, channel: str) -> list[tuple[str, str]]:
        out = list[tuple[str, str]]()
        with self.database.work() as work:
            while due := work.deliveries.due(channel, self.clock(), 100, "t", self.clock() + timedelta(minutes=1)):
                work.deliveries.settle_sent([(one.id, "t") for one in due], self.clock())
                out += [(one.user, Reply.from_data(json.loads(one.body)).text) for one in due]
        return out

    def linked(self, **more: Any) -> tuple[Order, str]:
        """A delivered order and the token of its link."""
        order = self.deliver(self.ready(**more))
        return order, self.token()

    def code(self) -> tuple[int, str]:
        """(id, digits) of the code asked for last, as it goes out."""
        self.enquiries.run_due()
        rows = table(VerificationRow)
        with self.database.work() as work:
            newest = work.connection.execute(select(rows.c.id).order_by(rows.c.id.desc()).limit(1)).scalar_one()
            salt = work.verification.begin_sending(
                newest, self.clock(), not_before=self.clock() - SENT_WITHIN, valid_for=VALID_FOR
            )
        assert salt is not None
        return newest, self.codes.code(newest, salt)

    def ticket(self, token: str) -> str:
        """What the right code gives."""
        with self.database.work() as work:
            results = Results(work, self.codes, self.clock())
            opened = results.opened(token)
            assert opened is not None
            assert results.send_code(opened).verification_id is not None
        verification_id, digits = self.code()
        with self.database.work() as work:
            results = Results(work, self.codes, self.clock())
            opened = results.opened(token)
            assert opened is not None
            checked, ticket = results.check(opened, verification_id, digits)
        assert checked.ok
        assert ticket
        return ticket

    def fetch(self, token: str, ticket: str) -> Made:
        with self.database.work() as work:
            return Results(work, self.codes, self.clock()).fetch(token, ticket)[0]

    def package(self, made: Made) -> bytes:
        """The archive, unsealed."""
        with self.database.read() as work:
            return b"".join(work.results.part(made, ordinal) for ordinal in range(made.parts))


def full_results(work: Work, order: Order, clock: Clock) -> None:
    """A row in every table of results."""
    from storage.stores.webhooks import Taken

    now = clock()
    work.results.wish(order.id, now)
    [made] = work.results.due(now, now + timedelta(minutes=1))
    work.results.begin(made, now + timedelta(hours=72))
    assert work.results.put_part(made, 0, b"invented")
    assert work.webhooks.add(1, order.id, "order.opened", "0" * 32, b"{}", now)
    work.webhooks.keep("key", order.id, Taken("digest", 201, "{}"), now)
