"""Settings: what may be set, what is refused and in which words, and that .env.example tells the truth about them."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.core.errors import Misconfigured
from bot.settings import OTHER_PROGRAMS, Settings, names, read

EXAMPLE = Path(__file__).parent.parent / ".env.example"
SETTING = re.compile(r"#([A-Z][A-Z0-9_]*)=(.*)")


def settings_of(path: Path, *lines: str, environment: dict[str, str] | None = None) -> Settings:
    """The settings of a .env file with these lines, in an environment of their own."""
    file = path / ".env"
    file.write_text("\n".join(lines), encoding="utf-8")
    return read(environment or {}, file)


def problems_of(path: Path, *lines: str, environment: dict[str, str] | None = None) -> tuple[str, ...]:
    """The complaints about a .env file with these lines."""
    with pytest.raises(Misconfigured) as refused:
        settings_of(path, *lines, environment=environment)
    return refused.value.problems


def example() -> dict[str, tuple[str, str]]:
    """.env.example: name of a setting -> (its meaning on one line, its default)."""
    found: dict[str, tuple[str, str]] = {}
    meaning: list[str] = []
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if setting := SETTING.fullmatch(line):
            assert setting[1] not in found, f"{setting[1]} stands twice"
            found[setting[1]] = (" ".join(meaning), setting[2])
            meaning = []
        elif line.startswith("# "):
            meaning.append(line[2:].strip())
        else:
            assert line == "", f"neither a remark nor a setting: {line!r}"
            meaning = []
    return found


def test_the_example_lists_every_setting_and_no_other():
    assert list(example()) == list(names())


@pytest.mark.parametrize("name", names())
def test_the_example_gives_the_default(name: str):
    default = getattr(Settings(), names()[name])
    assert example()[name][1] == (default.get_secret_value() if isinstance(default, SecretStr) else str(default))


@pytest.mark.parametrize("name", names())
def test_the_example_gives_the_meaning(name: str):
    description = Settings.model_fields[names()[name]].description
    assert description
    assert example()[name][0].startswith(description)


def test_the_example_with_every_remark_sign_taken_off_changes_nothing(tmp_path: Path):
    lines = [line[1:] if SETTING.fullmatch(line) else line for line in EXAMPLE.read_text(encoding="utf-8").splitlines()]
    assert settings_of(tmp_path, *lines) == Settings()


def test_the_example_as_it_is_changes_nothing(tmp_path: Path):
    assert settings_of(tmp_path, EXAMPLE.read_text(encoding="utf-8")) == Settings()


def test_without_a_file_the_defaults_count(tmp_path: Path):
    assert read({}, tmp_path / ".env") == Settings()


GOOD = [
    ("CLAUSEBOT_COMPANY", "example-cloud", "example-cloud"),
    ("CLAUSEBOT_POLICY_VERSION", "2023-12-15", "2023-12-15"),
    ("CLAUSEBOT_KNOWLEDGE_DIR", "/srv/knowledge", Path("/srv/knowledge")),
    ("DATABASE_URL", "sqlite:////srv/clausebot.db", "sqlite:////srv/clausebot.db"),
    ("DATABASE_URL", "postgresql://someone@db.example/privacy", "postgresql+psycopg://someone@db.example/privacy"),
    ("DATABASE_URL", "postgres://someone@db.example/privacy", "postgresql+psycopg://someone@db.example/privacy"),
    ("CLAUSEBOT_KEY_FILE", "/srv/keys.toml", Path("/srv/keys.toml")),
    ("CLAUSEBOT_WEB_HOST", "::1", "::1"),
    ("CLAUSEBOT_WEB_PORT", "0", 0),
    ("CLAUSEBOT_WEB_PORT", "65535", 65535),
    ("CLAUSEBOT_PUBLIC_URL", "https://privacy.example.com/", "https://privacy.example.com"),
    ("CLAUSEBOT_LOG_FORMAT", "json", "json"),
    ("CLAUSEBOT_LOG_LEVEL", "warning", "warning"),
    ("TELEGRAM_TOKEN", "1:invented", SecretStr("1:invented")),
    ("TELEGRAM_API_URL", "http://127.0.0.1:9900", "http://127.0.0.1:9900"),
    ("TELEGRAM_MODE", "polling", "polling"),
    ("TELEGRAM_WEBHOOK_SECRET", "invented", SecretStr("invented")),
    ("TELEGRAM_WEBHOOK_SECRET_OLD", "invented", SecretStr("invented")),
    ("TELEGRAM_LIVE_PER_SECOND", "0.5", 0.5),
    ("TELEGRAM_BROADCAST_PER_SECOND", "1000", 1000.0),
    ("WECHAT_APP_ID", "wxinvented", "wxinvented"),
    ("WECHAT_APP_SECRET", "invented", SecretStr("invented")),
    ("WECHAT_TOKEN", "invented", SecretStr("invented")),
    ("WECHAT_AES_KEY", "invented", SecretStr("invented")),
    ("WECHAT_AES_KEY_OLD", "invented", SecretStr("invented")),
    ("WECHAT_API_URL", "http://127.0.0.1:8082", "http://127.0.0.1:8082"),
    ("WECHAT_PLAIN_MODE", "true", True),
    ("CLAUSEBOT_DEADLINE_RULES", "cn,gdpr", "cn,gdpr"),
    ("ACCOUNTS_URL", "https://accounts.example.com", "https://accounts.example.com"),
    ("ACCOUNTS_SECRET", "invented", SecretStr("invented")),
    ("ACCOUNTS_SECRET_OLD", "invented", SecretStr("invented")),
    ("ACCOUNTS_TIMEOUT", "1.5", 1.5),
    ("SMTP_HOST", "mail.example.com", "mail.example.com"),
    ("SMTP_PORT", "25", 25),
    ("SMTP_USER", "invented", "invented"),
    ("SMTP_PASSWORD", "invented", SecretStr("invented")),
    ("SMTP_FROM", "privacy@example.com", "privacy@example.com"),
    ("SMTP_TLS", "tls", "tls"),
    ("SMS_URL", "https://sms.example.com", "https://sms.example.com"),
    ("SMS_SECRET", "invented", SecretStr("invented")),
    ("PORTAL_SECRET", "invented", SecretStr("invented")),
    ("PORTAL_SECRET_OLD", "invented", SecretStr("invented")),
    ("WEBHOOK_URL", "https://privacy.example.com/clausebot", "https://privacy.example.com/clausebot"),
    ("WEBHOOK_SECRET", "invented", SecretStr("invented")),
    ("WEBHOOK_SECRET_OLD", "invented", SecretStr("invented")),
    ("CLAUSEBOT_AUDIT_MAIL", "Audit@Example.com", "audit@example.com"),
    ("TELEGRAM_NAME", "example_privacy_bot", "example_privacy_bot"),
    ("CLAUSEBOT_STAFF_MAIL", " Desk@Example.com", "desk@example.com"),
    ("CLAUSEBOT_AUDIT_ANCHOR", "/mnt/other/anchor.txt", "/mnt/other/anchor.txt"),
    ("CLAUSEBOT_STAFF", "ada", "ada"),
]


@pytest.mark.parametrize(("name", "said", "meant"), GOOD)
def test_a_good_value_is_taken(tmp_path: Path, name: str, said: str, meant: object):
    assert getattr(settings_of(tmp_path, f"{name}={said}"), names()[name]) == meant


def test_every_setting_was_tried():
    assert {name for name, _, _ in GOOD} == set(names())


ODD = [
    ("CLAUSEBOT_COMPANY", "Example Cloud"),
    ("CLAUSEBOT_COMPANY", "../../etc"),
    ("CLAUSEBOT_COMPANY", "x" * 41),
    ("CLAUSEBOT_POLICY_VERSION", "newest"),
    ("CLAUSEBOT_POLICY_VERSION", "2023-02-30"),
    ("DATABASE_URL", "mysql://someone@db.example/privacy"),
    ("DATABASE_URL", "var/clausebot.db"),
    ("DATABASE_URL", "sqlite://"),
    ("TELEGRAM_MODE", "push"),
    ("TELEGRAM_LIVE_PER_SECOND", "0"),
    ("TELEGRAM_BROADCAST_PER_SECOND", "fast"),
    ("WECHAT_PLAIN_MODE", "perhaps"),
    ("CLAUSEBOT_WEB_PORT", "eighty"),
    ("CLAUSEBOT_WEB_PORT", "-1"),
    ("CLAUSEBOT_WEB_PORT", "65536"),
    ("CLAUSEBOT_WEB_PORT", "80.5"),
    ("CLAUSEBOT_PUBLIC_URL", "privacy.example.com"),
    ("CLAUSEBOT_PUBLIC_URL", "ftp://privacy.example.com"),
    ("CLAUSEBOT_PUBLIC_URL", "https://"),
    ("CLAUSEBOT_PUBLIC_URL", "http://[::1"),
    ("CLAUSEBOT_LOG_FORMAT", "xml"),
    ("CLAUSEBOT_STAFF_MAIL", "the privacy desk"),
    ("TELEGRAM_NAME", "@example_bot"),
    ("TELEGRAM_NAME", "t.me/example_bot"),
    ("CLAUSEBOT_LOG_LEVEL", "loud"),
]


@pytest.mark.parametrize(("name", "value"), ODD)
def test_an_odd_value_gives_one_message_that_names_the_setting_and_what_it_means(tmp_path: Path, name: str, value: str):
    (problem,) = problems_of(tmp_path, f"{name}={value}")
    assert problem.startswith(f"{name}: ")
    assert problem.endswith(str(Settings.model_fields[names()[name]].description))


def test_all_problems_are_reported_together(tmp_path: Path):
    lines = ("CLAUSEBOT_WEB_PORT=eighty", "just words", "CLAUSEBOT_COMPNY=kenpai", "CLAUSEBOT_LOG_LEVEL=loud")
    problems = problems_of(tmp_path, *lines)
    for named in ("CLAUSEBOT_WEB_PORT", "line 2", "CLAUSEBOT_COMPNY", "CLAUSEBOT_LOG_LEVEL"):
        assert sum(named in problem.split(";")[0] for problem in problems) == 1
    assert len(problems) == 4


def test_a_password_in_a_wrong_address_is_not_repeated(tmp_path: Path):
    (problem,) = problems_of(tmp_path, "DATABASE_URL=mysql://someone:not-a-real-password@db.example/privacy")
    assert "not-a-real-password" not in problem


SLIPS = [
    ("CLAUSEBOT_PROT", "CLAUSEBOT_WEB_PORT"),
    ("CLAUSEBOT_COMPNY", "CLAUSEBOT_COMPANY"),
    ("clausebot_web_port", "CLAUSEBOT_WEB_PORT"),
    ("CLAUSEBOT_DATABASE_URL", "DATABASE_URL"),
    ("CLAUSEBOT_TELEGRAM_TOKEN", "TELEGRAM_TOKEN"),
    ("TELEGRAM_TOKN", "TELEGRAM_TOKEN"),
    ("WECHAT_APPID", "WECHAT_APP_ID"),
]


@pytest.mark.parametrize(("slip", "meant"), [*SLIPS, ("KNOWLEDGE_DIR", "CLAUSEBOT_KNOWLEDGE_DIR"), ("DATABSE_URL", "DATABASE_URL")])  # fmt: skip
def test_a_misspelt_setting_in_the_file_is_named_with_its_line_and_the_one_meant(tmp_path: Path, slip: str, meant: str):
    (problem,) = problems_of(tmp_path, "# a remark", f"{slip}=invented")
    assert problem == f"{tmp_path / '.env'} line 2: {slip} is no setting. Did you mean {meant}?"


@pytest.mark.parametrize(("slip", "meant"), SLIPS)
def test_a_misspelt_setting_is_named_in_the_environment_too(tmp_path: Path, slip: str, meant: str):
    (problem,) = problems_of(tmp_path, environment={slip: "invented"})
    assert problem == f"the environment: {slip} is no setting. Did you mean {meant}?"


def test_what_is_like_no_setting_is_pointed_to_the_list(tmp_path: Path):
    (problem,) = problems_of(tmp_path, "CLAUSEBOT_FROBNICATE=1")
    assert problem.endswith("CLAUSEBOT_FROBNICATE is no setting. .env.example lists them all")


def test_any_unknown_name_in_the_file_is_named(tmp_path: Path):
    (problem,) = problems_of(tmp_path, "FOO=1")
    assert "line 1: FOO is no setting" in problem


def test_variables_that_other_programs_own_are_let_be(tmp_path: Path):
    foreign = (
        "TELEGRAM_API_ID",
        "TELEGRAM_CHAT_ID",
        "TELEGRAM_BOT_TOKEN",
        "WECHAT_CORP_ID",
        "DB_URL",
        "DATABASE",
        "HOME",
    )
    assert settings_of(tmp_path, environment=dict.fromkeys(foreign, "x")) == Settings()


def test_a_name_beside_the_right_one_is_somebody_elses(tmp_path: Path):
    settings = settings_of(tmp_path, "WECHAT_APP_ID=wxinvented", environment={"WECHAT_APPID": "wxother"})
    assert settings.wechat_app_id == "wxinvented"


def test_names_of_other_programs_are_let_be(tmp_path: Path):
    others = dict.fromkeys(OTHER_PROGRAMS, "x") | {"PATH": "/bin", "CLAUSE": "x"}
    assert settings_of(tmp_path, environment=others) == Settings()


def test_the_environment_counts_before_the_file(tmp_path: Path):
    settings = settings_of(tmp_path, "CLAUSEBOT_WEB_PORT=9001", environment={"CLAUSEBOT_WEB_PORT": "9002"})
    assert settings.web_port == 9002


def test_an_empty_value_means_the_default(tmp_path: Path):
    assert settings_of(tmp_path, "CLAUSEBOT_WEB_PORT=").web_port == 8080


def test_an_empty_value_in_the_environment_takes_back_the_one_in_the_file(tmp_path: Path):
    settings = settings_of(tmp_path, "CLAUSEBOT_COMPANY=example-cloud", environment={"CLAUSEBOT_COMPANY": ""})
    assert settings.company == "kenpai"


@pytest.mark.parametrize(
    "line",
    [
        "CLAUSEBOT_WEB_PORT=9001",
        "  CLAUSEBOT_WEB_PORT = 9001  ",
        "export CLAUSEBOT_WEB_PORT=9001",
        'CLAUSEBOT_WEB_PORT="9001"',
        "CLAUSEBOT_WEB_PORT='9001'",
    ],
)
def test_a_line_may_have_blanks_quotes_and_export(tmp_path: Path, line: str):
    assert settings_of(tmp_path, "# a remark", "", line).web_port == 9001


def test_a_value_may_hold_an_equals_sign(tmp_path: Path):
    url = "postgresql://someone@db.example/privacy?sslmode=require"
    assert settings_of(tmp_path, f"DATABASE_URL={url}").database_url.endswith("/privacy?sslmode=require")


def test_the_last_of_two_equal_names_counts(tmp_path: Path):
    assert settings_of(tmp_path, "CLAUSEBOT_WEB_PORT=9001", "CLAUSEBOT_WEB_PORT=9002").web_port == 9002


@pytest.mark.parametrize("line", ["CLAUSEBOT_WEB_PORT", "=9001", "CLAUSEBOT-WEB-PORT=9001"])
def test_a_line_that_is_no_setting_is_named_by_its_number(tmp_path: Path, line: str):
    (problem,) = problems_of(tmp_path, "# a remark", line)
    assert "line 2" in problem
    assert "NAME=value" in problem


def test_a_file_that_is_not_text_is_one_problem_with_its_remedy(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_bytes(b"CLAUSEBOT_COMPANY=\xff\xfe")
    with pytest.raises(Misconfigured) as refused:
        read({}, file)
    (problem,) = refused.value.problems
    assert problem.startswith(f"{file} is not UTF-8 text. Save it as UTF-8")


def test_a_folder_in_the_place_of_the_file_is_one_problem_with_its_remedy(tmp_path: Path):
    with pytest.raises(Misconfigured) as refused:
        read({}, tmp_path)
    (problem,) = refused.value.problems
    assert problem.startswith(f"{tmp_path} is a folder. Move it away")


def test_a_file_that_may_not_be_read_is_one_problem_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def denied(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")  # Root may read everything, so that it can't be tried for real.

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(Misconfigured) as refused:
        read({}, tmp_path / ".env")
    (problem,) = refused.value.problems
    assert (
        problem
        == f"{tmp_path / '.env'} can't be read: Permission denied. Let the user who runs this read it: chmod u+r {tmp_path / '.env'}"
    )
