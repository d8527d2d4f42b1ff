"""Settings of the installation: whose policy, where the data lies, where the web listens, how much is logged."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class General(BaseModel):
    """What every installation has."""

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
