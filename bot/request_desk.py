"""Puts together what requests need: the account directory, mail and SMS, the portal's API, and whom news go to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from starlette.routing import BaseRoute

from bot import papers_pages, results_pages
from bot.core.accounts import AccountDirectory, StoredDirectory
from bot.core.announcing import Announcing
from bot.core.channel import Channel
from bot.core.clock import Clock
from bot.core.code_sending import CodeSending
from bot.core.codes import Codes
from bot.core.enquiries import Enquiries
from bot.core.errors import Misconfigured
from bot.core.lock_alarm import LockAlarm
from bot.core.order.clock import run_due
from bot.core.order.moves import NotAllowed
from bot.core.order.moving import Ports
from bot.core.order.news import News
from bot.core.requests import Requests
from bot.core.results import Results
from bot.core.voice import Voice
from bot.directory.client import HttpDirectory
from bot.directory.settings import AccountsSettings
from bot.portal_api import Links, PortalApi, PortalSettings
from bot.result_api import ResultApi
from bot.settings import Settings
from bot.webhooks import Webhooks, WebhookSettings, secret_problems
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.deadlines import Deadlines, load_rules, official_calendar
from knowledge.errors import BrokenFile
from storage.engine import Database
from storage.stores.orders import Order
from storage.work import Work

CALENDAR, RULES = "calendar", "deadlines"
"""Folders below the knowledge folder: announced years, rule sets of the company's own."""


@dataclass(frozen=True, slots=True)
class RequestDesk:
    """Everything behind the requests of one installation."""

    requests: Requests
    channels: tuple[Channel, ...]
    """Mail and SMS, as far as they are set up."""
    routes: tuple[BaseRoute, ...]
    directory: AccountDirectory
    enquiries: Enquiries
    database: Database
    clock: Clock
    announcing: Announcing
    webhooks: Webhooks | None
    lock_alarm: LockAlarm

    def go_on(self) -> None:
        """Asks the directory for what waits. Raises StorageError."""
        self.enquiries.run_due()

    def hand_out(self) -> None:
        """Makes packages that wait, tells contacts of them, and tells the company's systems. Raises StorageError."""
        self.announcing.run_due()
        if self.webhooks is not None:
            self.webhooks.run_due()

    def tick(self) -> None:
        """Does what is due for orders: reminders, ends of holds, expiry; and looks for locked accounts. Raises
        StorageError."""
        now = self.clock()
        run_due(self.database, now, self.requests.deadlines, lambda work: self.requests.ports(work, now))
        self.lock_alarm.run_due(self.database, now)

    def close(self) -> None:
        """Ends the connections to the company's systems."""
        if self.webhooks is not None:
            self.webhooks.close()
        if isinstance(self.directory, HttpDirectory):
            self.directory.close()


def request_desk(
    settings: Settings, database: Database, policy: PolicyVersion, wording: Wording, clock: Clock
) -> RequestDesk:
    """What `settings` describe. Raises Misconfigured."""
    mailboxes = {"CLAUSEBOT_STAFF_MAIL": settings.staff_mail, "CLAUSEBOT_AUDIT_MAIL": settings.audit_mail}
    if (named := [name for name, mailbox in mailboxes.items() if mailbox]) and not settings.smtp_host:
        raise Misconfigured([f"{name}: nothing can be mailed to it without SMTP_HOST" for name in named])
    secret, secret_old = (one.get_secret_value() for one in (settings.webhook_secret, settings.webhook_secret_old))
    if (secret or secret_old) and (problems := secret_problems(secret, secret_old)):
        raise Misconfigured(problems)
    codes = Codes.of(database.keyring)
    sending = CodeSending(database, codes, clock)
    channels: list[Channel] = []
    if settings.smtp_host:
        from bot.channels.email import Email, EmailSettings

        mail = EmailSettings(
            host=settings.smtp_host,
            port=settings.smtp_port,
            sender=settings.smtp_from,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            tls=settings.smtp_tls,
            name=policy.name["en"],
        )
        channels.append(Email(mail, sending.filled))
    if settings.sms_url:
        from bot.channels.sms import Sms, SmsSettings

        channels.append(
            Sms(SmsSettings(settings.sms_url, settings.sms_secret.get_secret_value()), sending.filled, clock)
        )
    routes: list[BaseRoute] = []
    portal_secret = settings.portal_secret.get_secret_value()
    if portal_secret:
        portal = PortalSettings(portal_secret, settings.portal_secret_old.get_secret_value())
        telegram = settings.telegram_name if settings.telegram_token.get_secret_value() else ""
        links = Links(settings.public_url, telegram, bool(settings.wechat_app_id))
        routes += PortalApi(portal, database, codes, clock, links).routes
    voices = {name: Voice(wording, policy, name) for name in wording.languages}
    voice, reach = voices.__getitem__, reach_of(settings)
    papers_url = f"{settings.public_url}{papers_pages.PREFIX}" if settings.public_url else ""
    requests = Requests(
        codes, deadlines(settings), reach, bool(portal_secret), ports_of(settings, codes, voice), papers_url
    )
    directory = directory_of(settings, database, clock)
    zone = requests.deadlines.rule_sets[0].zone
    enquiries = Enquiries(
        database,
        directory,
        clock,
        voice,
        reach=reach,
        portal_connected=bool(portal_secret),
        zone=zone,
        staff_mail=settings.staff_mail,
    )
    announcing = Announcing(
        database,
        directory,
        clock,
        voice,
        reach=reach,
        company=dict(policy.name),
        result_url=f"{settings.public_url}/result/",
        zone=zone,
        staff_mail=settings.staff_mail,
    )
    routes += results_pages.routes(
        database, requests, clock, policy.name, public=settings.public_url.startswith("https")
    )
    routes += papers_pages.routes(
        database, requests, clock, policy.name, public=settings.public_url.startswith("https")
    )
    webhooks = None
    if secret or secret_old:
        routes += ResultApi(secret, database, requests, clock, secret_old=secret_old).routes
    if settings.webhook_url:
        webhooks = Webhooks(WebhookSettings(settings.webhook_url, secret, secret_old), database, clock)
    return RequestDesk(
        requests,
        tuple(channels),
        tuple(routes),
        directory,
        enquiries,
        database,
        clock,
        announcing,
        webhooks,
        LockAlarm(settings.staff_mail),
    )


def reach_of(settings: Settings) -> frozenset[str]:
    """The channels that contacts can be written to."""
    return frozenset(name for name, at in (("email", settings.smtp_host), ("sms", settings.sms_url)) if at)


def ports_of(settings: Settings, codes: Codes, voice: Callable[[str], Voice]) -> Callable[[Work, datetime], Ports]:
    """Where news of orders go, for each transaction anew. `voice` speaks a language.

    What sends a link (a result, the stop link of a hold) raises NotAllowed ("no_address") without a public address.
    """
    reach, has_portal = reach_of(settings), bool(settings.portal_secret.get_secret_value())

    def linked() -> None:
        """Raises NotAllowed where a link would lead nowhere: then the move that needs one isn't made."""
        if not settings.public_url:
            raise NotAllowed("no_address")

    def ports(work: Work, now: datetime) -> Ports:
        news = News(work, now, voice, reach, f"{settings.public_url}/stop/", settings.staff_mail).ports()

        def tell(order: Order, key: str, values: Mapping[str, str]) -> None:
            if key == "ready":  # The chat learns only that; the link goes to the contacts on file.
                linked()
                Results(work, codes, now).announce(order)
            news.tell(order, key, values)

        def warn(order: Order, kind: str, address: str, key: str, values: Mapping[str, str]) -> None:
            if news.reaches(kind, address):
                linked()
            news.warn(order, kind, address, key, values)

        return replace(news, tell=tell, warn=warn, has_portal=has_portal)

    return ports


def deadlines(settings: Settings) -> Deadlines:
    """The rule sets that bind the company, and the calendar with the years it entered. Raises Misconfigured."""
    names = [name.strip() for name in settings.deadline_rules.split(",") if name.strip()]
    try:
        rules = load_rules(*names, extra=settings.knowledge_dir / RULES)
        return Deadlines(rules, official_calendar(settings.knowledge_dir / CALENDAR))
    except BrokenFile as bad:
        raise Misconfigured([f"CLAUSEBOT_DEADLINE_RULES: {bad}"]) from bad


def directory_of(settings: Settings, database: Database, clock: Clock) -> AccountDirectory:
    """The company's directory, or our own table where no address of one is set. Raises Misconfigured."""
    if not settings.accounts_url:
        return StoredDirectory(database)
    asked = AccountsSettings(
        settings.accounts_url,
        settings.accounts_secret.get_secret_value(),
        settings.accounts_secret_old.get_secret_value(),
        timedelta(seconds=settings.accounts_timeout),
    )
    return HttpDirectory(asked, clock)
