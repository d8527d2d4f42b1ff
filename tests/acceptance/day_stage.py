"""The stage of the day: the real application of a company, with a stand-in of everything around it, on a turned clock.

The application is the one of bot.app.build. What its scheduler would wake by the machine's clock, `settle` and
`pass_time` wake by the turned one: the same functions.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from argon2 import PasswordHasher, profiles
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlmodel import SQLModel

from bot.app import App, build
from bot.core.accounts import Account
from bot.core.audit import AnchorFile, chain_new, check_and_note
from bot.core.contacts import Contact, Kind
from bot.core.retention import forget_old
from bot.core.roles import Role
from bot.core.staff import Staffers
from bot.rehearsal.journal import Clock as StandInClock
from bot.rehearsal.mailbox import Mail, Mailbox
from bot.rehearsal.portal import AccountsStandIn
from bot.rehearsal.portal.calls import SECRET as PORTAL_SECRET
from bot.rehearsal.portal.calls import PortalCalls
from bot.rehearsal.portal.directory import SECRET as ACCOUNTS_SECRET
from bot.rehearsal.receiver import PATH as WEBHOOK_PATH
from bot.rehearsal.receiver import SECRET as WEBHOOK_SECRET
from bot.rehearsal.receiver import WebhookReceiver
from bot.rehearsal.serving import served
from bot.rehearsal.sms import PATH as SMS_PATH
from bot.rehearsal.sms import SECRET as SMS_SECRET
from bot.rehearsal.sms import SmsStandIn
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.wechat import WeChatStandIn
from bot.settings import Settings
from storage.stores.accounts import AccountLine, ContactLine
from tests.acceptance.day_cast import START, Customer
from tests.bot.staff_desk import Team
from tests.conftest import Clock
from tests.portal import as_told

TOKEN, SECRET = "990000000:REHEARSAL", "invented-webhook-secret"
PUBLIC_URL = "http://privacy.example.com"
"""What links begin with; the day asks the application's own port instead."""
STAFF = ("ann", "ben", "cem")
OLD, NEW = timedelta(days=400), timedelta(days=10)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SWEEPS_MOST = 120
"""Seconds of the turned clock in which everything that is to go out has gone out."""


class DayClock(Clock):
    """Stands still until it is turned, and takes the clocks of the stand-ins along."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self._others = START - HOUR, list[StandInClock]()

    def lead(self, *others: StandInClock) -> None:
        self._others += others
        self._align()

    def turn(self, **by: float) -> datetime:
        super().turn(**by)
        self._align()
        return self.now

    def _align(self) -> None:
        for other in self._others:
            other.ahead += self.now - other()

    def unix(self) -> float:
        return self.now.timestamp()


@dataclass
class Company:
    """One company's application and what is around it. `team` are its staff, each with an authenticator."""

    app: App
    url: str
    clock: DayClock
    chance: Random
    telegram: TelegramStandIn
    wechat: WeChatStandIn
    sms: SmsStandIn
    mailbox: Mailbox
    directory: AccountsStandIn
    system: WebhookReceiver
    """The company's own system, which is told of orders and may send results in. Only beside a portal."""
    team: Team
    folder: Path
    anchors: AnchorFile
    has_portal: bool

    @property
    def portal(self) -> PortalCalls:
        """The company's portal, which speaks to the bot by signed calls alone."""
        return PortalCalls(self.url, clock=self.clock.unix)

    def seconds_pass(self) -> None:
        """As long as somebody takes to read and type."""
        self.clock.turn(seconds=self.chance.uniform(4, 9))

    async def settle(self) -> None:
        """Returns when all that is asked for is answered and all that is queued for now has gone out."""
        for _ in range(SWEEPS_MOST):
            while self.telegram.webhook.pending.waiting:
                await self.telegram.control.change(within=1.0)
            waiting = await asyncio.to_thread(self._work_on)
            if not waiting:
                return
            for channel in waiting & set(self.app.senders):
                await self.app.senders[channel].sweep()
            self.clock.turn(seconds=1)
        raise AssertionError(f"something never went out: {waiting}")

    def _work_on(self) -> set[str]:
        """Asks the directory, makes packages; what still waits: names of channels, and of jobs."""
        self.app.desk.go_on()
        self.app.desk.hand_out()
        delivery = SQLModel.metadata.tables["delivery"].c
        soon = self.clock() + timedelta(seconds=30)
        with self.app.database.read() as work:
            unsettled = select(delivery.channel).where(
                delivery.state.in_(("queued", "claimed")), delivery.due_at < soon
            )
            found = set(work.connection.execute(unsettled.distinct()).scalars())
            found |= {"enquiries"} if work.enquiries.is_due(soon) else set()
            return found | ({"results"} if work.results.is_due(soon) else set())

    async def pass_time(self, until: datetime) -> None:
        """Turns the clock, and does at every stop what the scheduler would by the minute: hourly while a deletion is on
        hold, because a hold counts only time that was looked at, else daily and before whatever somebody does."""
        while self.clock() < until:
            await asyncio.to_thread(self._next_stop, until)
            await self.settle()

    def _next_stop(self, until: datetime) -> None:
        before = self.clock()
        step = min(until - before, HOUR if self._is_something_on_hold() else DAY)
        self.clock.turn(seconds=step.total_seconds())
        self.app.desk.tick()
        if before.date() != self.clock().date():
            self._daily()

    def _is_something_on_hold(self) -> bool:
        order = SQLModel.metadata.tables["work_order"].c
        running = order.hold_until.is_not(None) & order.hold_over_at.is_(None) & order.ended_at.is_(None)
        with self.app.database.read() as work:
            return bool(work.connection.execute(select(func.count()).where(running)).scalar_one())

    def _daily(self) -> None:
        forget_old(self.app.database, self.clock())
        chain_new(self.app.database, self.clock)
        verdict = check_and_note(self.app.database, self.clock, self.anchors)
        assert verdict.broken is None, verdict.broken


def _contacts(who: Customer) -> tuple[Contact, ...]:
    phone_since = START - (NEW if who.phone_is_new else OLD)
    return (Contact(Kind.PHONE, who.phone, phone_since), Contact(Kind.EMAIL, who.mail, START - OLD))


@asynccontextmanager
async def company(
    customers: Sequence[Customer], folder: Path, *, has_portal: bool, seed: int
) -> AsyncIterator[Company]:
    """A company with these customers. With a portal it also has an account directory of its own, asked over HTTP;
    without, the accounts lie in our table."""
    clock, folder = DayClock(), folder / ("portal" if has_portal else "contact")
    folder.mkdir()
    telegram, wechat = TelegramStandIn(token=TOKEN, hurry=20), WeChatStandIn()
    sms, mailbox = SmsStandIn(clock=clock.unix), Mailbox(clock.unix)
    mailbox.mails = type(mailbox.mails)(maxlen=None)  # All of them are counted.
    accounts = tuple(Account(who.account, _contacts(who), contacts_changed_at=START - OLD) for who in customers)
    directory = AccountsStandIn(tuple(as_told(one) for one in accounts), clock=clock.unix)
    system = WebhookReceiver(clock=clock.unix)
    clock.lead(*(one.control.clock for one in (telegram, wechat, sms, directory, system)))
    async with (
        served(telegram.app) as telegram_url,
        served(wechat.app) as wechat_url,
        served(sms.app) as sms_url,
        served(directory.app) as directory_url,
        served(system.app) as system_url,
    ):
        account = wechat.account
        settings = Settings(
            database_url=f"sqlite:///{folder / 'clausebot.db'}",
            key_file=folder / "keys.toml",
            knowledge_dir=folder / "none",
            public_url=PUBLIC_URL,
            telegram_token=SecretStr(TOKEN),
            telegram_api_url=telegram_url,
            telegram_webhook_secret=SecretStr(SECRET),
            telegram_live_per_second=1000.0,  # The pace of a single chat stays; of all together nobody here tires.
            wechat_app_id=account.app_id,
            wechat_app_secret=SecretStr(account.app_secret),
            wechat_token=SecretStr(account.token),
            wechat_aes_key=SecretStr(account.aes_key),
            wechat_api_url=wechat_url,
            smtp_host="127.0.0.1",
            smtp_port=await mailbox.start(),
            smtp_from="privacy@example.com",
            smtp_tls="none",
            sms_url=sms_url + SMS_PATH,
            sms_secret=SecretStr(SMS_SECRET),
            portal_secret=SecretStr(PORTAL_SECRET if has_portal else ""),
            accounts_url=directory_url if has_portal else "",
            accounts_secret=SecretStr(ACCOUNTS_SECRET if has_portal else ""),
            webhook_url=system_url + WEBHOOK_PATH if has_portal else "",
            webhook_secret=SecretStr(WEBHOOK_SECRET if has_portal else ""),
        )
        app = build(settings, clock=clock)
        if not has_portal:
            _keep(app, accounts, clock())
        team = Team(app.database, clock)
        team.staffers = Staffers(app.database, clock, PasswordHasher.from_parameters(profiles.CHEAPEST))
        for name in STAFF:
            team.add(name, Role.OFFICER)
        anchors = AnchorFile(folder / "anchors", app.database.keyring)
        try:
            for channel in app.channels:
                await channel.open()
            async with served(app.web) as url:
                telegram.point_webhook(f"{url}/telegram", SECRET)
                wechat.point_webhook(f"{url}/wechat")
                yield Company(
                    app, url, clock, Random(seed), telegram, wechat, sms, mailbox, directory, system, team, folder, anchors,
                    has_portal,
                )  # fmt: skip
        finally:
            await asyncio.gather(*(sender.stop() for sender in app.senders.values()))
            for channel in app.channels:
                await channel.close()
            await telegram.close()
            await wechat.close()
            await mailbox.close()
            app.close()


def _keep(app: App, accounts: Sequence[Account], now: datetime) -> None:
    """Puts the accounts into our own table, as `clausebot accounts import` does."""
    lines = [
        AccountLine(
            one.id,
            tuple(ContactLine(c.kind.value, c.value, c.since) for c in one.contacts),
            contacts_changed_at=one.contacts_changed_at,
        )
        for one in accounts
    ]
    with app.database.work() as work:
        work.accounts.apply(work.accounts.plan(lines, now), now)


def mails_to(company: Company, address: str) -> list[Mail]:
    """What this mailbox got, oldest first."""
    return [mail for mail in company.mailbox.mails if mail.to == address]
