"""Every setting: read once, from the environment over the file .env; all mistakes are reported together by name.

`.env.example` lists them all with meaning, unit and default; a test holds it against this module.
"""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from bot.core.errors import Misconfigured

ENV_FILE = Path(".env")


class Settings(BaseModel):
    """One field a setting; its alias is the name in the environment, its description what it means."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)

    company: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_COMPANY",
            pattern=r"^[a-z0-9-]{1,40}$",
            description="Whose policy is answered from: the name of a folder of policies.",
        ),
    ] = "kenpai"
    policy_version: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_POLICY_VERSION",
            description="Date of the policy version, YYYY-MM-DD; empty for the newest.",
        ),
    ] = ""
    knowledge_dir: Annotated[
        Path,
        Field(
            alias="CLAUSEBOT_KNOWLEDGE_DIR",
            description="Folder for the company's own policies and imported official wording.",
        ),
    ] = Path("var/knowledge")
    database_url: Annotated[
        str,
        Field(
            alias="DATABASE_URL",
            description="sqlite:///path/to/file.db, or postgresql://user@host/name (extra `postgres`).",
        ),
    ] = "sqlite:///var/clausebot.db"
    key_file: Annotated[
        Path,
        Field(
            alias="CLAUSEBOT_KEY_FILE",
            description="The encryption keys; made at the first start. Keep a copy apart from the database.",
        ),
    ] = Path("var/keys.toml")
    web_host: Annotated[str, Field(alias="CLAUSEBOT_WEB_HOST", description="Address the web server listens on.")] = (
        "127.0.0.1"
    )
    web_port: Annotated[
        int,
        Field(
            alias="CLAUSEBOT_WEB_PORT",
            ge=0,
            le=65535,
            description="Port the web server listens on; 0 takes any free one.",
        ),
    ] = 8080
    public_url: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_PUBLIC_URL",
            description="Address people reach the web pages at, https://...; empty while trying out.",
        ),
    ] = ""
    log_format: Annotated[
        Literal["text", "json"], Field(alias="CLAUSEBOT_LOG_FORMAT", description="text for people, json for machines.")
    ] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(alias="CLAUSEBOT_LOG_LEVEL", description="Least level that is logged."),
    ] = "info"
    telegram_token: Annotated[
        SecretStr,
        Field(alias="TELEGRAM_TOKEN", description="Token of the Telegram bot, from @BotFather; empty: no Telegram."),
    ] = SecretStr("")
    telegram_api_url: Annotated[
        str, Field(alias="TELEGRAM_API_URL", description="Address of the Bot API; another one for a rehearsal.")
    ] = "https://api.telegram.org"
    telegram_mode: Annotated[
        Literal["webhook", "polling"],
        Field(
            alias="TELEGRAM_MODE",
            description="webhook needs CLAUSEBOT_PUBLIC_URL; polling needs nothing and suits trying out.",
        ),
    ] = "webhook"
    telegram_webhook_secret: Annotated[
        SecretStr,
        Field(
            alias="TELEGRAM_WEBHOOK_SECRET",
            description="What Telegram proves itself with: 1 to 256 letters, digits, - and _; best 43 random ones.",
        ),
    ] = SecretStr("")
    telegram_webhook_secret_old: Annotated[
        SecretStr,
        Field(alias="TELEGRAM_WEBHOOK_SECRET_OLD", description="The secret before, accepted too while it is changed."),
    ] = SecretStr("")
    telegram_live_per_second: Annotated[
        float,
        Field(
            alias="TELEGRAM_LIVE_PER_SECOND",
            gt=0,
            description="Answers a second to all chats together; Telegram allows some 30 with broadcasts.",
        ),
    ] = 4.0
    telegram_broadcast_per_second: Annotated[
        float,
        Field(
            alias="TELEGRAM_BROADCAST_PER_SECOND",
            gt=0,
            description="Broadcast messages a second to all chats together.",
        ),
    ] = 24.0
    wechat_app_id: Annotated[
        str, Field(alias="WECHAT_APP_ID", description="AppID of the WeChat Official Account; empty: no WeChat.")
    ] = ""
    wechat_app_secret: Annotated[
        SecretStr, Field(alias="WECHAT_APP_SECRET", description="AppSecret of the account.")
    ] = SecretStr("")
    wechat_token: Annotated[
        SecretStr,
        Field(
            alias="WECHAT_TOKEN",
            description="Token that signs pushes: 3 to 32 letters and digits, the same as in WeChat's console.",
        ),
    ] = SecretStr("")
    wechat_aes_key: Annotated[
        SecretStr,
        Field(
            alias="WECHAT_AES_KEY", description="EncodingAESKey of WeChat's console, 43 letters and digits (safe mode)."
        ),
    ] = SecretStr("")
    wechat_aes_key_old: Annotated[
        SecretStr,
        Field(alias="WECHAT_AES_KEY_OLD", description="The EncodingAESKey before, tried too while it is changed."),
    ] = SecretStr("")
    wechat_api_url: Annotated[
        str, Field(alias="WECHAT_API_URL", description="Address of the WeChat API; another one for a rehearsal.")
    ] = "https://api.weixin.qq.com"
    wechat_plain_mode: Annotated[
        bool,
        Field(
            alias="WECHAT_PLAIN_MODE",
            description="true also takes pushes that are not encrypted; one leaked address then lets anybody forge them.",
        ),
    ] = False

    @field_validator("policy_version")
    @classmethod
    def _is_a_date(cls, value: str) -> str:
        if value:
            date.fromisoformat(value)
        return value

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _in_any_case(cls, value: str) -> str:
        return value.lower()

    @field_validator("knowledge_dir")
    @classmethod
    def _is_a_folder(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("is a file, not a folder")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
            raise ValueError("must look like https://privacy.example.com")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _is_a_known_database(cls, value: str) -> str:
        if value.startswith("postgres://"):
            value = "postgresql://" + value.removeprefix("postgres://")
        if value.startswith("postgresql://"):
            value = "postgresql+psycopg://" + value.removeprefix("postgresql://")
        if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value


def names() -> dict[str, str]:
    """Name in the environment -> field."""
    return {str(field.alias): name for name, field in Settings.model_fields.items()}


def read(environment: Mapping[str, str] | None = None, file: Path = ENV_FILE) -> Settings:
    """The settings. Raises Misconfigured with every problem at once, each naming its setting."""
    problems: list[str] = []
    values = _env_file(file, problems)
    values.update(os.environ if environment is None else environment)
    known = names()
    for name in values:
        if name.startswith("CLAUSEBOT_") and name not in known and name not in OTHER_PROGRAMS:
            problems.append(f"{name} is no setting; the settings are: {', '.join(known)}")
    try:
        settings = Settings.model_validate({name: values[name] for name in known if values.get(name, "") != ""})
    except ValidationError as bad:
        for error in bad.errors():
            problems.append(
                f"{error['loc'][0]}: {error['msg'].removeprefix('Value error, ')}. {Settings.model_fields[known[str(error['loc'][0])]].description}"
            )
        raise Misconfigured(problems) from bad
    if problems:
        raise Misconfigured(problems)
    return settings


OTHER_PROGRAMS = frozenset({"CLAUSEBOT_CHROMIUM", "CLAUSEBOT_OFFICIAL_TEXT", "CLAUSEBOT_CROWD_TEXTS", "CLAUSEBOT_NODE"})
"""Names that only the tests read."""


def _env_file(path: Path, problems: list[str]) -> dict[str, str]:
    """NAME=value lines; blank lines and # comments are skipped, quotes around a value are taken off."""
    found: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as bad:
        problems.append(f"{path} can't be read: {type(bad).__name__}")
        return found
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            problems.append(f"{path} line {number}: write NAME=value")
            continue
        value = value.strip()
        quoted = value[:1] in ("'", '"') and value.endswith(value[0]) and len(value) > 1
        found[name.strip()] = value[1:-1] if quoted else value.partition(" #")[0].strip()
    return found
