"""`clausebot doctor`: the lines to the company's own systems, on servers of this machine; and codes that couldn't go out."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from bot.app import open_database
from bot.commands import doctor_lines
from bot.commands.doctor import examine
from bot.commands.doctor_lines import code_findings, line_findings
from bot.core.finding import Finding
from bot.rehearsal.mailbox import Mailbox
from bot.settings import Settings, names, read


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def listening(says: bytes | None = None) -> Iterator[int]:
    """A port that takes connections; what it says to each, or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            kept = []
            while True:
                try:
                    line, _ = server.accept()
                    if says is not None:
                        line.sendall(says)
                        line.close()
                except OSError:
                    return
                kept.append(line)

        Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def found(**settings: object) -> list[Finding]:
    return list(line_findings(Settings.model_validate(settings), offline=False))


async def test_a_mail_server_that_answers_is_well_and_gets_no_mail():
    mailbox = Mailbox()
    port = await mailbox.start()
    try:
        [finding] = await asyncio.to_thread(found, smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none")
        assert (finding.what, finding.state) == ("mail server", "ok")
        assert "no mail was sent" in finding.says
        [finding] = await asyncio.to_thread(found, smtp_host="127.0.0.1", smtp_port=port, smtp_tls="starttls")
        assert (finding.state, "offers no encryption" in finding.says) == ("wrong", True)
        [finding] = await asyncio.to_thread(
            found, smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", smtp_user="ada"
        )
        assert (finding.state, "offers no sign-in" in finding.says) == ("wrong", True)
    finally:
        await mailbox.close()


def test_a_mail_server_that_isnt_there_stalls_or_is_none_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_lines, "WITHIN", 0.3)
    [finding] = found(smtp_host="127.0.0.1", smtp_port=closed_port(), smtp_tls="none")
    assert (finding.state, "refuses the connection: check SMTP_HOST" in finding.says) == ("wrong", True)
    with listening() as port:
        [finding] = found(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none")
        assert (finding.state, "said nothing for" in finding.says) == ("wrong", True)
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        [finding] = found(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none")
        assert (finding.state, "check SMTP_PORT" in finding.says) == ("wrong", True)
        [finding] = found(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="tls")
        assert (finding.state, "no encrypted line" in finding.says) == ("wrong", True)


@pytest.mark.parametrize(
    ("setting", "name", "what"),
    [
        ("sms_url", "SMS_URL", "SMS gateway"),
        ("accounts_url", "ACCOUNTS_URL", "account system"),
        ("webhook_url", "WEBHOOK_URL", "webhooks"),
    ],
)
def test_an_address_of_the_company_is_tried(setting: str, name: str, what: str):
    with listening() as port:
        assert [(one.what, one.state) for one in found(**{setting: f"http://127.0.0.1:{port}/x"})] == [(what, "ok")]
    [finding] = found(**{setting: f"http://127.0.0.1:{closed_port()}/x"})
    assert (finding.state, f"refuses the connection: check {name}" in finding.says) == ("wrong", True)
    [finding] = found(**{setting: "https://no-such-host.invalid/x"})
    assert (finding.state, "isn't known by that name" in finding.says) == ("wrong", True)
    with listening(b"no TLS here") as port:
        [finding] = found(**{setting: f"https://127.0.0.1:{port}/x"})
        assert finding.state == "wrong"


def test_offline_none_is_asked_and_what_isnt_set_is_no_finding(place: Path):
    lines = "SMS_URL=https://no-such-host.invalid/\nSMS_SECRET=" + "x" * 40
    (place / ".env").write_text(f"{lines}\n", encoding="utf-8")
    assert [one.says for one in examine(offline=True) if one.what == "SMS gateway"] == ["not asked: --offline"]
    assert found() == []


def test_codes_that_couldnt_go_out_lately_are_counted_by_their_way():
    now = datetime.now(UTC)
    with closing(open_database(read())) as database, database.work() as work:
        for number, (channel, ago, end) in enumerate(
            [("sms", 1, "failed"), ("sms", 2, "unreachable"), ("email", 3, "failed"), ("sms", 25, "failed"), ("sms", 1, "sent")]
        ):  # fmt: skip
            whom = work.people.meet(channel, f"somebody-{number}", now, "en")
            [one] = work.deliveries.add(whom, f"code:{number}", [b"{}"], now, "t", now + timedelta(minutes=1))
            assert work.deliveries.settle(one, "t", end, now - timedelta(hours=ago))
        whom = work.people.meet("email", "other", now, "en")
        [one] = work.deliveries.add(whom, "order:1:v2:taken", [b"{}"], now, "t", now + timedelta(minutes=1))
        work.deliveries.settle(one, "t", "failed", now)
    [finding] = code_findings(read())
    assert (finding.what, finding.state) == ("codes", "warning")
    assert "1 by email, 2 by sms" in finding.says


def test_where_every_code_went_out_nothing_is_said():
    assert list(code_findings(read())) == []
