"""`clausebot demo`: everything on this machine, with stand-ins of both platforms and two phones to try them with."""

import secrets
import shlex
import socket
from pathlib import Path

from pydantic import SecretStr

from bot.app import build
from bot.channels.wechat import WeChat, buttons
from bot.commands.serve import listen, run, run_quickly
from bot.logs import set_up
from bot.rehearsal import phones
from bot.rehearsal.demo_company import PHONES, STAFF_MAIL, TOTP_SECRET, furnish
from bot.rehearsal.mailbox import Mailbox
from bot.rehearsal.portal import page as portal_page
from bot.rehearsal.portal.calls import SECRET as PORTAL_SECRET
from bot.rehearsal.portal.calls import PortalCalls
from bot.rehearsal.serving import served
from bot.rehearsal.sms import PATH as SMS_PATH
from bot.rehearsal.sms import SECRET as SMS_SECRET
from bot.rehearsal.sms import SmsStandIn
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.telegram.chats import BOT
from bot.rehearsal.wechat import WeChatStandIn
from bot.schedule import start
from bot.settings import Settings, names

FOLDER = Path("var/demo")
FOR_STAFF = (
    "DATABASE_URL",
    "CLAUSEBOT_KEY_FILE",
    "CLAUSEBOT_KNOWLEDGE_DIR",
    "CLAUSEBOT_PUBLIC_URL",
    "SMTP_HOST",
    "SMTP_PORT",
    "SMTP_FROM",
    "SMTP_TLS",
    "CLAUSEBOT_STAFF_MAIL",
    "SMS_URL",
    "SMS_SECRET",
    "PORTAL_SECRET",
)
"""What `clausebot orders` must know as well: without mail and SMS it would tell no contact of a deletion."""


def run_demo(port: int) -> None:
    """Serves the bundled policy from a SQLite file of its own until Ctrl-C; the environment's settings don't count."""
    set_up("text", "error")
    listener = listen("127.0.0.1", port, ".venv/bin/clausebot demo --port 0")
    try:
        run_quickly(_demo(listener))
    except KeyboardInterrupt:
        pass
    finally:
        print("Stopped.", flush=True)


async def _demo(listener: socket.socket) -> None:
    telegram, wechat, sms, mailbox = TelegramStandIn(), WeChatStandIn(), SmsStandIn(), Mailbox()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with served(telegram.app) as telegram_url, served(wechat.app) as wechat_url, served(sms.app) as sms_url:
        secret, account = secrets.token_urlsafe(32), wechat.account
        settings = Settings(
            database_url=f"sqlite:///{FOLDER}/clausebot.db",
            key_file=FOLDER / "keys.toml",
            knowledge_dir=FOLDER / "knowledge",
            public_url=address,
            # A token begins with the bot's own number, by which it knows its messages.
            telegram_token=SecretStr(f"{BOT['id']}:{secrets.token_urlsafe(26)}"),
            telegram_api_url=telegram_url,
            telegram_webhook_secret=SecretStr(secret),
            wechat_app_id=account.app_id,
            wechat_app_secret=SecretStr(account.app_secret),
            wechat_token=SecretStr(account.token),
            wechat_aes_key=SecretStr(account.aes_key),
            wechat_api_url=wechat_url,
            smtp_host="127.0.0.1",
            smtp_port=await mailbox.start(),
            smtp_from="privacy@example.com",
            smtp_tls="none",
            staff_mail=STAFF_MAIL,
            sms_url=sms_url + SMS_PATH,
            sms_secret=SecretStr(SMS_SECRET),
            portal_secret=SecretStr(PORTAL_SECRET),
        )
        desk = portal_page.routes(PortalCalls(address), mailbox, sms)
        app = build(settings, pages=(*phones.routes(telegram, wechat), *desk))
        furnish(app.database, app.clock)
        telegram.hands.numbers.update(PHONES)
        telegram.point_webhook(f"{address}/telegram", secret)
        wechat.point_webhook(f"{address}/wechat")
        for channel in app.channels:
            if isinstance(channel, WeChat):
                await channel.api.put_menu(buttons("zh"))
        print(
            f"\n  The web chat is at   {address}/\n  Two phones, stand-ins of Telegram and WeChat   {address}/phones"
            f"\n  The policy   {address}/policy"
            f"\n  A customer's portal, to connect a chat   {address}/portal    their mail and phone   {address}/mailbox"
            f"\n  Requests are worked by ann, ben and cem, whose one-time passwords come from the secret {TOTP_SECRET}:"
            f"\n    . {_for_staff(settings)}; .venv/bin/clausebot orders list --as ann\n\n  Ctrl-C ends it.\n",
            flush=True,
        )
        jobs = start(app)
        try:
            await run(app, listener)
        finally:
            jobs.shutdown(wait=False)
            app.close()
            await mailbox.close()
            await telegram.close()
            await wechat.close()


def _for_staff(settings: Settings) -> Path:
    """A file for a shell of staff beside this demo: its settings, as exports. They hold for this run of the demo."""
    path, lines = FOLDER / "staff.sh", []
    for name in FOR_STAFF:
        value = getattr(settings, names()[name])
        shown = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        lines.append(f"export {name}={shlex.quote(shown)}\n")
    path.write_text("".join(lines), encoding="utf-8")
    path.chmod(0o600)
    return path
