"""Settings of work orders: where accounts are looked up, how codes and notices go out, who may connect a chat."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from bot.core.contacts import Kind, one_form


class Rights(BaseModel):
    """Accounts, mail, SMS, the portal, webhooks and the audit's anchors."""

    deadline_rules: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_DEADLINE_RULES",
            description="Rule sets that bind the company, with commas between: cn, gdpr, ccpa; the earliest date wins.",
        ),
    ] = "cn"
    accounts_url: Annotated[
        str,
        Field(
            alias="ACCOUNTS_URL",
            description="The company's account directory (docs/portal-api.md); empty: the table of `clausebot accounts`.",
        ),
    ] = ""
    accounts_secret: Annotated[
        SecretStr, Field(alias="ACCOUNTS_SECRET", description="Signs the calls to the directory and its answers.")
    ] = SecretStr("")
    accounts_secret_old: Annotated[
        SecretStr,
        Field(alias="ACCOUNTS_SECRET_OLD", description="The secret before, accepted too while it is changed."),
    ] = SecretStr("")
    accounts_timeout: Annotated[
        float, Field(alias="ACCOUNTS_TIMEOUT", gt=0, le=10, description="Seconds one call to the directory may take.")
    ] = 3.0
    smtp_host: Annotated[
        str, Field(alias="SMTP_HOST", description="Mail server that codes and notices go out by; empty: no mail.")
    ] = ""
    smtp_port: Annotated[int, Field(alias="SMTP_PORT", ge=1, le=65535, description="Its port.")] = 587
    smtp_user: Annotated[str, Field(alias="SMTP_USER", description="Name to sign in with; empty: no sign-in.")] = ""
    smtp_password: Annotated[SecretStr, Field(alias="SMTP_PASSWORD", description="Password to sign in with.")] = (
        SecretStr("")
    )
    smtp_from: Annotated[
        str, Field(alias="SMTP_FROM", description="Sender of the mails, for example privacy@example.com.")
    ] = ""
    smtp_tls: Annotated[
        Literal["starttls", "tls", "none"],
        Field(alias="SMTP_TLS", description="How the line is encrypted; none only for a server on this machine."),
    ] = "starttls"
    sms_url: Annotated[str, Field(alias="SMS_URL", description="SMS gateway (docs/sms-gateway.md); empty: no SMS.")] = (
        ""
    )
    sms_secret: Annotated[SecretStr, Field(alias="SMS_SECRET", description="Signs the calls to the gateway.")] = (
        SecretStr("")
    )
    portal_secret: Annotated[
        SecretStr,
        Field(
            alias="PORTAL_SECRET",
            description="Signs the portal's calls that connect a chat to an account; empty: no portal.",
        ),
    ] = SecretStr("")
    portal_secret_old: Annotated[
        SecretStr, Field(alias="PORTAL_SECRET_OLD", description="The secret before, accepted too while it is changed.")
    ] = SecretStr("")
    webhook_url: Annotated[
        str,
        Field(
            alias="WEBHOOK_URL",
            description="The company's system that is told about orders (docs/webhooks.md); empty: nobody.",
        ),
    ] = ""
    webhook_secret: Annotated[
        SecretStr,
        Field(
            alias="WEBHOOK_SECRET",
            description="Signs what that system is told, and the results that it sends in; empty: none are taken.",
        ),
    ] = SecretStr("")
    webhook_secret_old: Annotated[
        SecretStr, Field(alias="WEBHOOK_SECRET_OLD", description="The secret before, valid too while it is changed.")
    ] = SecretStr("")
    audit_anchor: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_AUDIT_ANCHOR",
            description="File on another disk that the audit's head is written to every hour; empty: nowhere.",
        ),
    ] = ""
    audit_mail: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_AUDIT_MAIL",
            description="Mailbox elsewhere that the audit's head is mailed to every hour (needs SMTP_HOST); empty: none.",
        ),
    ] = ""
    staff_mail: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_STAFF_MAIL",
            description="Mailbox of staff: urgent reports and reminders go there at once; empty: only list and log.",
        ),
    ] = ""
    staff: Annotated[
        str,
        Field(
            alias="CLAUSEBOT_STAFF",
            description="Who of staff acts in `clausebot orders` and `clausebot staff` where --as isn't given.",
        ),
    ] = ""

    @field_validator("audit_mail", "staff_mail")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        if value and one_form(Kind.EMAIL, value) is None:
            raise ValueError("is no e-mail address, such as privacy-desk@example.com")
        return one_form(Kind.EMAIL, value) or ""

    @field_validator("deadline_rules")
    @classmethod
    def _are_rule_sets(cls, value: str) -> str:
        if not value.strip(" ,"):
            raise ValueError("names no rule set; at least one is needed")
        return value
