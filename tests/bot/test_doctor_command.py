"""`clausebot doctor`: what is well and what isn't, each with what to do, on 80 columns, and the exit code."""

import asyncio
import shutil
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from bot.app import open_database
from bot.commands import doctor
from bot.commands.doctor import examine, run_doctor
from bot.core.finding import Finding
from bot.settings import names, read
from knowledge.library import BUNDLED
from knowledge.publishing import lock
from storage.stores.accounts import AccountLine
from tests.knowledge.example_cloud import DAY, write_policy

VERSION = "2023-12-15"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, without settings in the environment."""
    for name in names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def own_policy(place: Path) -> Path:
    """A copy of the bundled policy, published, to be broken."""
    folder = place / "var" / "knowledge" / "kenpai" / VERSION
    shutil.copytree(BUNDLED / "kenpai" / VERSION, folder)
    lock(folder, DAY)
    return folder


def of(what: str, *, offline: bool = True) -> list[Finding]:
    return [finding for finding in examine(offline=offline) if finding.what == what]


def test_all_is_well(
    place: Path, own_policy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (place / ".env").write_text("CLAUSEBOT_PUBLIC_URL=https://privacy.example.com\n", encoding="utf-8")
    monkeypatch.setattr("intents.training.is_stale", lambda *_: False)
    monkeypatch.setattr("knowledge.topic_material.are_stale", lambda *_: False)
    run_doctor(offline=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == " All is well."
    assert {line.split()[0] for line in lines[:-2] if not line.startswith("    ")} == {"ok"}


def test_everything_broken_is_told_at_once_on_80_columns(
    place: Path, own_policy: Path, capsys: pytest.CaptureFixture[str]
):
    settings = "TELEGRAM_TOKEN=nonsense\nWECHAT_APP_ID=x\nCLAUSEBOT_PUBLIC_URL=http://privacy.example.com\n"
    (place / ".env").write_text(settings, encoding="utf-8")
    (place / "var" / "keys.toml").write_text("broken", encoding="utf-8")
    (own_policy / "trained" / "en.npz").write_bytes(b"x")
    structure = own_policy / "policy.toml"
    text = structure.read_text(encoding="utf-8").replace('related = ["', 'related = ["privacy.99", "', 1)
    structure.write_text(text, encoding="utf-8")
    lock(own_policy, DAY)
    with pytest.raises(SystemExit) as ended:
        run_doctor(offline=True)
    assert ended.value.code == 2
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    wrong = {line.split()[1] for line in out.splitlines() if line.startswith(" wrong")}
    assert wrong == {"knowledge", "matcher", "database", "telegram", "wechat"}
    assert "Correct related = [...]" in " ".join(out.split())  # Brackets are no markup.
    assert "…" not in out
    assert "mistakes, " in out.splitlines()[-1]


def test_wrong_settings_are_named_and_what_needs_none_is_looked_at(place: Path):
    (place / ".env").write_text("CLAUSEBOT_WEB_PROT=1\n", encoding="utf-8")
    found = list(examine())
    assert found[0] == Finding(
        "settings", "wrong", ".env line 1: CLAUSEBOT_WEB_PROT is no setting. Did you mean CLAUSEBOT_WEB_PORT?"
    )
    assert [finding.what for finding in found[1:]] == ["wording", "clock", "the rest"]
    assert not (place / "var").exists()


@pytest.mark.parametrize(
    ("lines", "state", "says"),
    [
        ("", None, ""),
        ("SMTP_HOST=mail.example.com", "warning", "set CLAUSEBOT_STAFF_MAIL, or look"),
        ("PORTAL_SECRET=" + "x" * 40, "warning", "set CLAUSEBOT_STAFF_MAIL and SMTP_HOST, or look"),
        ("SMTP_HOST=mail.example.com\nCLAUSEBOT_STAFF_MAIL=desk@example.com", "ok", "goes to desk@example.com"),
        ("CLAUSEBOT_STAFF_MAIL=desk@example.com", "wrong", "without SMTP_HOST"),
    ],
)
def test_where_people_use_their_rights_staff_need_a_mailbox(place: Path, lines: str, state: str | None, says: str):
    (place / ".env").write_text(f"{lines}\n", encoding="utf-8")
    found = of("staff mail")
    assert [finding.state for finding in found] == ([state] if state else [])
    assert all(says in finding.says for finding in found)


@pytest.mark.parametrize(
    ("changed", "state", "says"),
    [
        ([], None, ""),
        ([timedelta(days=400), timedelta(days=400), timedelta(days=3)], "ok", "1 of 3 open accounts"),
        ([timedelta(days=3), None, timedelta(days=400)], "warning", "2 of 3 open accounts"),
    ],
)
def test_deletions_that_wait_longer_are_told_with_what_to_do(
    place: Path, changed: list[timedelta | None], state: str | None, says: str
):
    now = datetime.now(UTC)
    with closing(open_database(read())) as database, database.work() as work:
        lines = [AccountLine(f"K-{n}", (), contacts_changed_at=ago and now - ago) for n, ago in enumerate(changed)]
        work.accounts.apply(work.accounts.plan(lines, now), now)
    found = of("accounts")
    assert [finding.state for finding in found] == ([state] if state else [])
    assert all(says in finding.says for finding in found)
    assert all(("contacts_changed_at" in finding.says) == (state == "warning") for finding in found)


def test_where_the_companys_system_is_asked_its_answers_should_say_when_contacts_changed(place: Path):
    (place / ".env").write_text("ACCOUNTS_URL=https://accounts.example.com/find\nACCOUNTS_SECRET=" + "x" * 40 + "\n")
    (finding,) = of("accounts")
    assert (finding.state, "contacts_changed_at" in finding.says) == ("ok", True)


def test_a_changed_published_version_is_wrong(own_policy: Path):
    path = own_policy / "en" / "privacy-7.toml"
    path.write_text(path.read_text(encoding="utf-8") + "# x\n", encoding="utf-8")
    (finding,) = of("knowledge")
    assert finding.state == "wrong"
    assert "privacy-7.toml: was changed after the version was published" in finding.says


def test_a_gap_in_the_wording_is_wrong(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("intents.catalogue.gaps", lambda _: ["said/help.toml (zh) lacks help.hello", "another"])
    (finding,) = of("wording")
    assert finding.state == "wrong"
    assert "lacks help.hello (1 more: python -m intents check)" in finding.says


def test_a_policy_without_phrasings_needs_no_training(place: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_policy(place / "var" / "knowledge")
    shutil.rmtree(folder / "phrasings")
    monkeypatch.setenv("CLAUSEBOT_COMPANY", "example-cloud")
    assert [(f.state, f.says) for f in of("matcher")] == [
        ("ok", f"{language}: no phrasings, so it goes by the clauses' own words") for language in ("en", "zh")
    ]


def test_phrasings_that_nobody_trained_on_and_old_files_are_warnings(own_policy: Path):
    (own_policy / "trained" / "zh.npz").unlink()
    with (own_policy / "phrasings" / "en" / "more.toml").open("w", encoding="utf-8") as file:
        file.write('"privacy.7.4" = ["an invented phrasing that nobody learned"]\n')
    english, chinese = of("matcher")
    assert (english.state, chinese.state) == ("warning", "warning")
    assert "en: trained on other wording than there is now. Train: python -m intents train" in english.says
    assert "zh: not trained on its phrasings yet" in chinese.says


@pytest.mark.parametrize(
    ("topics", "state", "says"), [(None, "warning", "is missing"), (OSError, "wrong", "is damaged")]
)
def test_topics_that_are_missing_or_damaged_are_found(
    place: Path, monkeypatch: pytest.MonkeyPatch, topics: type[OSError] | None, state: str, says: str
):
    def read(_: str) -> None:
        if topics:
            raise topics

    monkeypatch.setattr("knowledge.topics.topics", read)
    found = of("topics")
    assert [finding.state for finding in found] == [state, state]
    assert all(says in finding.says and "knowledge.topic_training" in finding.says for finding in found)


def test_a_look_that_fails_unforeseen_is_a_finding_without_its_words(place: Path, monkeypatch: pytest.MonkeyPatch):
    def fails(_: object) -> None:
        raise RuntimeError("123:secret")

    monkeypatch.setattr("intents.catalogue.gaps", fails)
    (finding,) = of("wording")
    assert finding == Finding("wording", "wrong", "couldn't be looked at (RuntimeError). Please report this")


@pytest.fixture
def telegram(place: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Telegram is on, and its checks are a module that a test fills."""
    (place / ".env").write_text("TELEGRAM_TOKEN=1:invented\nTELEGRAM_MODE=polling\n", encoding="utf-8")
    checks = ModuleType("bot.channels.telegram.checks")
    monkeypatch.setitem(sys.modules, checks.__name__, checks)
    monkeypatch.setattr(doctor, "find_spec", lambda name: name == checks.__name__ or None)
    return checks


def test_a_platform_is_asked_and_its_findings_join_the_others(telegram: ModuleType):
    async def check(settings: object, database: object) -> list[Finding]:
        with database.read() as work:  # type: ignore[attr-defined]
            assert work.quarantine.count() == 0
        return [Finding("telegram", "warning", f"60 updates wait for bot {settings.bot_id}")]  # type: ignore[attr-defined]

    telegram.check = check  # type: ignore[attr-defined]
    assert Finding("telegram", "warning", "60 updates wait for bot 1") in of("telegram", offline=False)


def test_offline_no_platform_is_asked(telegram: ModuleType):
    assert of("telegram")[-1] == Finding("telegram", "ok", "not asked: --offline")


def test_a_platform_that_gives_no_answer_is_a_finding(telegram: ModuleType, monkeypatch: pytest.MonkeyPatch):
    async def check(*_: object) -> None:
        await asyncio.sleep(60)

    telegram.check = check  # type: ignore[attr-defined]
    monkeypatch.setattr(doctor, "LIVE_SECONDS", 0.01)
    assert of("telegram", offline=False)[-1].says.startswith("gave no answer in 0 seconds")


def test_a_platform_that_fails_is_told_without_its_words(telegram: ModuleType):
    async def check(*_: object) -> None:
        raise ConnectionError("https://api.telegram.org/bot1:invented/getMe")

    telegram.check = check  # type: ignore[attr-defined]
    last = of("telegram", offline=False)[-1]
    assert last.state == "wrong"
    assert "ConnectionError" in last.says
    assert "invented" not in last.says
