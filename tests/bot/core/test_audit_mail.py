"""The end of the audit chain by mail, through a real SMTP server: what arrives, and what is seen when nothing does."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.channels.email import Email, EmailSettings
from bot.commands.doctor_audit import audit_findings
from bot.core.audit import AnchorFile, check_and_note
from bot.core.audit_mail import AnchorMail
from bot.core.delivery import Sender
from bot.core.errors import Misconfigured
from bot.core.finding import Finding
from bot.request_desk import request_desk
from bot.schedule import start
from bot.settings import Settings
from intents.wording import Wording
from knowledge.library import load_policy
from storage.chain import head
from storage.crypto import Keyring
from storage.engine import Database
from tests.bot.channels.test_email import Server, serving
from tests.conftest import Clock

MAILBOX = "auditor@elsewhere.example.com"


class Post:
    """A program that notes its trail by mail."""

    def __init__(self, database: Database, clock: Clock, server: Server) -> None:
        self.database, self.clock, self.server = database, clock, server
        self.place = AnchorMail(database, MAILBOX, "kenpai", clock)

    def write(self, detail: str) -> int:
        """One more line of the trail; the number of the end."""
        with self.database.work() as work:
            work.trail.add(self.clock(), "staff:1", "reviewed", "order:7", detail)
        check_and_note(self.database, self.clock, None)
        with self.database.read() as work:
            return head(work).seq

    async def hour(self) -> None:
        """An hour passes: the trail is checked, and the pump sends what is due."""
        self.clock.turn(hours=1)
        await asyncio.to_thread(check_and_note, self.database, self.clock, None, [self.place])
        async with serving(self.server) as port:
            channel = Email(EmailSettings("127.0.0.1", port, "privacy@example.com", tls="none"))
            pump = Sender(self.database, channel, self.clock)
            for _ in range(40):  # A slot that came too late on a busy machine is let go and comes again.
                await pump.sweep()
                if not await asyncio.to_thread(self._is_due):
                    return
                await asyncio.sleep(0.1)
            raise AssertionError("the mail was neither sent nor put off")

    def _is_due(self) -> bool:
        with self.database.read() as work:
            return work.deliveries.is_due("email", ["order"], self.clock())


@pytest.fixture
def post(database: Database, clock: Clock) -> Post:
    return Post(database, clock, Server())


def subjects(post: Post) -> list[str]:
    return [str(mail["Subject"]) for mail in post.server.taken]


async def test_the_end_arrives_and_can_be_checked_with(post: Post, database: Database, tmp_path: Path):
    number = post.write("a")
    await post.hour()
    [mail] = post.server.taken
    assert mail["To"] == MAILBOX
    assert mail["Subject"] == f"clausebot kenpai: audit trail at number {number} · 审计链 {number} 号"
    part = mail.get_body(("plain",))
    assert part is not None
    text = part.get_content()
    with database.read() as work:
        end = head(work)
    assert f"Number: {number}\nHash: {end.hash.hex()}\nTime: 2026-03-02T10:30:00Z\n" in text
    [line] = [line for line in text.splitlines() if line.startswith("2026-")]
    (tmp_path / "from_mail.txt").write_text(f"{line}\n")
    anchors, problems = AnchorFile(tmp_path / "from_mail.txt", database.keyring).read()
    assert ([(anchor.seq, anchor.hash) for anchor in anchors], problems) == ([(number, end.hash)], [])


async def test_nothing_comes_twice_and_nothing_without_news(post: Post):
    first = post.write("a")
    for _ in range(3):
        await post.hour()
    assert len(post.server.taken) == 1
    second = post.write("b")
    await post.hour()
    assert [str(number) in subject for number, subject in zip((first, second), subjects(post), strict=True)] == [
        True
    ] * 2


async def test_mail_writes_no_line_of_the_trail_that_would_want_another_mail(post: Post, database: Database):
    number = post.write("a")
    await post.hour()
    with database.read() as work:
        assert work.trail.count() == number


async def test_while_the_server_is_down_one_mail_waits_and_goes_when_it_is_back(post: Post):
    post.server.mail = "451 later"
    first = post.write("a")
    await post.hour()
    post.write("b")
    with capture_logs() as logs:
        await post.hour()
    told = [entry for entry in logs if entry["event"] == "audit_mail_waits"]
    assert [(entry["seq"], entry["log_level"]) for entry in told] == [(first, "error")]
    assert post.server.taken == []
    post.server.mail = "250 OK"
    await post.hour()
    assert [f"number {first}" in subject for subject in subjects(post)] == [True]
    await post.hour()
    assert len(post.server.taken) == 2


async def test_what_was_refused_for_good_is_told_and_tried_anew(post: Post):
    post.server.rcpt = "550 no such mailbox"
    number = post.write("a")
    await post.hour()
    post.server.rcpt = "250 OK"
    with capture_logs() as logs:
        await post.hour()
    told = [(entry["event"], entry["seq"], entry["reason"]) for entry in logs if entry["log_level"] == "error"]
    assert told == [("audit_not_mailed", number, "smtp_550")]
    assert [f"number {number}" in subject for subject in subjects(post)] == [True]


async def test_a_day_without_a_server_and_the_next_mail_tells_the_present_end(post: Post):
    post.server.mail = "451 later"
    post.write("a")
    await post.hour()
    last = post.write("b")
    post.clock.turn(hours=24)
    await post.hour()
    post.server.mail = "250 OK"
    await post.hour()
    assert [f"number {last}" in subject for subject in subjects(post)] == [True]


# ---- the doctor


@pytest.fixture
def settings(database_url: str, keyring: Keyring, tmp_path: Path) -> Settings:
    keyring.write(tmp_path / "keys.toml")
    return Settings(
        database_url=database_url, key_file=tmp_path / "keys.toml", audit_mail=MAILBOX, smtp_host="127.0.0.1"
    )


def finding(settings: Settings, clock: Clock) -> Finding:
    [found] = audit_findings(settings, clock)
    return found


async def test_the_doctor_sees_how_it_stands(post: Post, settings: Settings, clock: Clock):
    assert finding(settings, clock).state == "ok"
    post.write("a")
    assert finding(settings, clock).says.startswith("mail: none was sent yet")
    post.server.mail = "451 later"
    await post.hour()
    waits = finding(settings, clock)
    assert (waits.state, "waits after 1 tries" in waits.says) == ("warning", True)
    post.server.mail = "250 OK"
    await post.hour()
    assert finding(settings, clock) == Finding("audit", "ok", "mail: number 1 of 1, 2026-03-02 10:30 UTC, was sent")
    post.write("b")
    clock.turn(hours=3)
    assert "is `clausebot serve` running?" in finding(settings, clock).says
    post.server.rcpt = "550 no such mailbox"
    await post.hour()
    refused = finding(settings, clock)
    assert (refused.state, "was given up (smtp_550)" in refused.says) == ("wrong", True)


def test_the_doctor_wants_a_mail_server(settings: Settings, clock: Clock):
    without = settings.model_copy(update={"smtp_host": ""})
    assert finding(without, clock).state == "wrong"


def test_the_doctor_looks_at_the_file(settings: Settings, database: Database, clock: Clock, tmp_path: Path):
    path = tmp_path / "anchors.txt"
    on_file = settings.model_copy(update={"audit_mail": "", "audit_anchor": str(path)})
    with database.work() as work:
        work.trail.add(clock(), "staff:1", "reviewed", "order:7")
    check_and_note(database, clock, None)
    assert finding(on_file, clock).state == "warning"
    check_and_note(database, clock, AnchorFile(path, database.keyring))
    assert finding(on_file, clock) == Finding("audit", "ok", f"{path}: number 1 of 1 was noted 2026-03-02 09:30 UTC")
    with database.work() as work:
        work.trail.add(clock(), "staff:1", "reviewed", "order:7")
    check_and_note(database, lambda: clock.turn(hours=3), None)
    assert "no anchor for long" in finding(on_file, clock).says
    path.write_text("nonsense\n")
    assert finding(on_file, clock).state == "wrong"


def test_nowhere_is_said(settings: Settings, clock: Clock):
    assert "noted nowhere outside" in finding(settings.model_copy(update={"audit_mail": ""}), clock).says


# ---- put together


def test_the_schedule_notes_by_mail_where_a_mailbox_is_set(database: Database, clock: Clock, settings: Settings):
    with database.work() as work:
        work.trail.add(clock(), "staff:1", "reviewed", "order:7")
    nothing = SimpleNamespace(go_on=list, hand_out=list, tick=list)
    app: Any = SimpleNamespace(database=database, clock=clock, settings=settings, desk=nothing)
    jobs = start(app)
    try:
        jobs.get_job("audit").func()
    finally:
        jobs.shutdown()
    last = AnchorMail(database, MAILBOX, "kenpai", clock).last()
    assert last is not None
    assert (last.state, last.cause.split(":")[1]) == ("queued", "1")


def test_without_a_mail_server_it_does_not_start(settings: Settings, database: Database, clock: Clock):
    without = settings.model_copy(update={"smtp_host": ""})
    with pytest.raises(Misconfigured) as refused:
        request_desk(without, database, load_policy("kenpai"), Wording.load(), clock)
    assert refused.value.problems == ("CLAUSEBOT_AUDIT_MAIL: nothing can be mailed to it without SMTP_HOST",)
