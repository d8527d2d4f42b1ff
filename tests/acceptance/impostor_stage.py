"""Where the impostor plays: the whole application on a database of its own, with a mail server, an SMS gateway and a
portal beside it that are real connections to stand-ins, and two customers: Ada, the victim, and Mallory.

Everything is done as an outsider does it: over HTTP. Staff and the company's portal act as they do in reality. What a browser
got is kept, so that a test can say that not a byte of it is Ada's. All names, numbers and addresses are invented.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
from pydantic import SecretStr

from bot.app import App, build
from bot.core.accounts import Account
from bot.core.contacts import Kind
from bot.core.orders import Orders, staff
from bot.rehearsal.mailbox import Mailbox
from bot.rehearsal.portal.calls import SECRET as PORTAL_SECRET
from bot.rehearsal.portal.calls import PortalCalls
from bot.rehearsal.serving import served
from bot.rehearsal.sms import SECRET as SMS_SECRET
from bot.rehearsal.sms import SmsStandIn
from bot.rehearsal.telegram import TelegramStandIn
from bot.settings import Settings
from storage.crypto import Keyring
from storage.stores.accounts import AccountLine, ContactLine
from storage.stores.orders import Order
from tests.acceptance.impostor_browser import Browser

ADA, ADAS_PHONE, ADAS_MAIL = "K-100001", "+8613800000001", "ada@mail.example.com"
MALLORY, MALLORYS_PHONE, MALLORYS_MAIL = "K-666001", "+8613900000666", "mallory@mail.example.com"
SECRETS_OF_ADA = (ADA, "13800000001", "138 0000 0001", ADAS_MAIL, "a***@", "***001", "blue bicycle")
"""None of it may reach anybody but Ada. The last is in the file that staff found for her."""
TELEGRAM_TOKEN, TELEGRAM_SECRET = "990000000:REHEARSAL", "invented-webhook-secret"
FILE = b"account note: owns a blue bicycle\n"
_CODE = re.compile(r"\b([0-9]{4}) ([0-9]{4})\b")
_DIGITS = re.compile(r"\btype ([0-9]{2}) into\b")


class RunningClock:
    """A clock that runs, and can be turned: pauses between messages end by themselves."""

    def __init__(self) -> None:
        self._began, self._turned = monotonic(), timedelta()

    def __call__(self) -> datetime:
        return datetime(2026, 3, 2, 9, 30, tzinfo=UTC) + timedelta(seconds=monotonic() - self._began) + self._turned

    def turn(self, **by: float) -> None:
        self._turned += timedelta(**by)


@dataclass
class Stage:
    """One installation and its surroundings."""

    app: App
    clock: RunningClock
    sms: SmsStandIn
    mailbox: Mailbox
    portal: PortalCalls
    telegram: TelegramStandIn
    url: str
    close: AsyncExitStack

    async def browser(self) -> Browser:
        client = httpx.AsyncClient(
            base_url=self.url, headers={"Accept": "text/html", "Accept-Language": "en"}, follow_redirects=False
        )
        return Browser(await self.close.enter_async_context(client))

    def put_account(self, account: str, *contacts: tuple[Kind, str, float], closed: bool = False) -> None:
        """An account of the company's, each contact on file for so many days. Of a new one no contact went before."""
        now = self.clock()
        lines = tuple(ContactLine(kind.value, value, now - timedelta(days=days)) for kind, value, days in contacts)
        changed_at = min((line.since for line in lines if line.since), default=None)
        with self.app.database.work() as work:
            line = AccountLine(account, lines, closed, changed_at)
            work.accounts.apply(work.accounts.plan([line], now), now)

    async def go_on(self) -> None:
        """Time passes: the directory is asked, packages are made, mail and SMS go out."""
        for _ in range(2):
            await asyncio.to_thread(self.app.desk.go_on)
            await asyncio.to_thread(self.app.desk.hand_out)
            while self.rows(
                "SELECT 1 FROM delivery WHERE channel IN ('sms', 'email') AND state IN ('queued', 'claimed')"
            ):
                self.clock.turn(seconds=5)  # Several messages to one address wait for each other.
                for name in ("sms", "email"):
                    await self.app.senders[name].sweep()

    async def days(self, days: float) -> None:
        """Days pass with the clock's job running, as a hold is counted."""
        for _ in range(int(days * 24)):
            self.clock.turn(hours=1)
            await asyncio.to_thread(self.app.desk.tick)
        await self.go_on()

    def sent(self, to: str = "") -> list[str]:
        """Every SMS and mail (to somebody), SMS first."""
        texts = [one.text for one in self.sms.texts if to in one.to]
        return texts + [f"{one.subject}\n{one.text}" for one in self.mailbox.mails if to in one.to]

    def code(self, to: str) -> str:
        """The code that went there last."""
        return ["".join(found.groups()) for text in self.sent(to) if (found := _CODE.search(text))][-1]

    def codes(self) -> int:
        """How many codes ever went out."""
        return sum(_CODE.search(text) is not None for text in self.sent())

    async def connect(self, chat: Browser, account: str) -> None:
        """The account's owner connects a chat, both screens before them."""
        status, link = await self.portal.link(account, self.clock().timestamp())
        assert status == 200
        found = _DIGITS.search(await chat.say(f"/start {link['token']}"))
        assert found, chat.words
        status, back = await self.portal.confirm(link["id"], found[1])
        assert status == 200
        await chat.say(back["digits"])
        await self.go_on()

    def digits(self, chat: Browser) -> str | None:
        """The number that a chat shows for the portal."""
        found = _DIGITS.search(chat.words)
        return found[1] if found else None

    async def order_of(self, chat: Browser, phone: str, what: str = "copy") -> Order:
        """The owner of a connected chat asks for a copy, or a deletion, with the code that came to their phone."""
        await (chat.wants_a_copy() if what == "copy" else chat.wants_deletion())
        await self.go_on()
        await chat.say(self.code(phone))
        found = re.search(r"KP-[0-9A-Z]{4}-[0-9A-Z]{4}", chat.words)
        assert found, chat.words
        return self.order(found[0])

    def order(self, number: str) -> Order:
        with self.app.database.read() as work:
            found = work.orders.get(number)
        assert found is not None
        return found

    def orders_of(self, account: str) -> list[Order]:
        with self.app.database.read() as work:
            return work.orders.of_account(account)

    @contextmanager
    def desk(self) -> Iterator[Orders]:
        """Orders as staff work them."""
        with self.app.database.work() as work:
            yield self.app.desk.requests.orders(work, self.clock())

    def account(self, name: str) -> Account:
        found = self.app.desk.directory.get(name)
        assert found is not None
        return found

    def decided(self, order: Order, account: Account | None = None, first: int = 1, second: int = 2) -> Order:
        """Two of staff have signed; `account` as the directory told it then."""
        contacts, changed_at = (account.contacts, account.contacts_changed_at) if account else ((), None)
        with self.desk() as orders:
            order = orders.take(orders.get(order.number), first)
            return orders.approve(orders.propose(order, first), second, contacts, changed_at)

    async def delivered(self, order: Order) -> str:
        """Staff answer with a file; the token of the link in the mail."""
        with self.desk() as orders:
            orders.attach(orders.get(order.number), staff(1), "note.txt", "text/plain", FILE, internal=False)
        order = self.decided(order)
        with self.desk() as orders:
            orders.deliver(orders.get(order.number), staff(2))
        await self.go_on()
        return self.links("result")[-1]

    def links(self, kind: str) -> list[str]:
        """Tokens of links that went out: "result" or "stop"."""
        return [one for text in self.sent() for one in re.findall(rf"/{kind}/([A-Za-z0-9_-]{{22}})\b", text)]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.app.database.read() as work:
            return [tuple(row) for row in work.connection.exec_driver_sql(sql)]

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])


@asynccontextmanager
async def stage(folder: Path, template: Path, keyring: Keyring, *, portal: bool = True) -> AsyncIterator[Stage]:
    """The company with two customers and three of staff. Without `portal` it has none."""
    await asyncio.to_thread(_furnish, folder, template, keyring)
    clock, mailbox = RunningClock(), Mailbox()
    sms = SmsStandIn(clock=lambda: clock().timestamp())
    telegram = TelegramStandIn(token=TELEGRAM_TOKEN, hurry=20)
    async with AsyncExitStack() as close, served(sms.app) as sms_url, served(telegram.app) as telegram_url:
        settings = Settings(
            database_url=f"sqlite:///{folder}/clausebot.db",
            key_file=folder / "keys.toml",
            knowledge_dir=folder,
            public_url="http://127.0.0.1",
            smtp_host="127.0.0.1",
            smtp_port=await mailbox.start(),
            smtp_from="privacy@example.com",
            smtp_tls="none",
            sms_url=f"{sms_url}/sms",
            sms_secret=SecretStr(SMS_SECRET),
            portal_secret=SecretStr(PORTAL_SECRET if portal else ""),
            telegram_token=SecretStr(TELEGRAM_TOKEN),
            telegram_api_url=telegram_url,
            telegram_webhook_secret=SecretStr(TELEGRAM_SECRET),
            telegram_live_per_second=1000.0,
        )
        app = build(settings, clock=clock)
        with app.database.work() as work:
            for name in ("ann", "ben", "cem"):
                work.staff.add(name, {"officer"}, "unused", b"unused", clock())
        for channel in app.channels:
            await channel.open()
        async with served(app.web) as url:
            calls = PortalCalls(url, clock=lambda: clock().timestamp())
            there = Stage(app, clock, sms, mailbox, calls, telegram, url, close)
            for account, phone, mail in ((ADA, ADAS_PHONE, ADAS_MAIL), (MALLORY, MALLORYS_PHONE, MALLORYS_MAIL)):
                there.put_account(account, (Kind.PHONE, phone, 400), (Kind.EMAIL, mail, 400))
            await asyncio.to_thread(app.desk.tick)
            try:
                yield there
            finally:
                await close.aclose()
                for channel in app.channels:
                    await channel.close()
                await telegram.close()
                await mailbox.close()
        app.close()


async def waiting(on: Stage, chat: Browser) -> Order:
    """A request that was written down without any proof."""
    await chat.wants_a_copy()
    await chat.press("none")
    return on.order(re.findall(r"KP-[0-9A-Z]{4}-[0-9A-Z]{4}", chat.words)[-1])


def _furnish(folder: Path, template: Path, keyring: Keyring) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "clausebot.db").write_bytes(template.read_bytes())
    keyring.write(folder / "keys.toml")
