"""`clausebot demo`: everything on this machine, with stand-ins of both platforms and two phones to try them with."""

import secrets
import socket
from pathlib import Path

from pydantic import SecretStr

from bot.app import build
from bot.channels.wechat import WeChat, buttons
from bot.commands.serve import listen, run, run_quickly
from bot.logs import set_up
from bot.rehearsal import phones
from bot.rehearsal.serving import served
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.wechat import WeChatStandIn
from bot.schedule import start
from bot.settings import Settings

FOLDER = Path("var/demo")


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
    telegram, wechat = TelegramStandIn(), WeChatStandIn()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with served(telegram.app) as telegram_url, served(wechat.app) as wechat_url:
        secret, account = secrets.token_urlsafe(32), wechat.account
        settings = Settings(
            database_url=f"sqlite:///{FOLDER}/clausebot.db",
            key_file=FOLDER / "keys.toml",
            knowledge_dir=FOLDER / "knowledge",
            telegram_token=SecretStr(f"1:{secrets.token_urlsafe(26)}"),
            telegram_api_url=telegram_url,
            telegram_webhook_secret=SecretStr(secret),
            wechat_app_id=account.app_id,
            wechat_app_secret=SecretStr(account.app_secret),
            wechat_token=SecretStr(account.token),
            wechat_aes_key=SecretStr(account.aes_key),
            wechat_api_url=wechat_url,
        )
        app = build(settings, pages=phones.routes(telegram, wechat))
        telegram.point_webhook(f"{address}/telegram", secret)
        wechat.point_webhook(f"{address}/wechat")
        for channel in app.channels:
            if isinstance(channel, WeChat):
                await channel.api.put_menu(buttons("zh"))
        print(
            f"\n  The web chat is at   {address}/\n  Two phones, stand-ins of Telegram and WeChat   {address}/phones"
            f"\n  The policy   {address}/policy\n\n  Ctrl-C ends it.\n",
            flush=True,
        )
        jobs = start(app)
        try:
            await run(app, listener)
        finally:
            jobs.shutdown(wait=False)
            app.close()
            await telegram.close()
            await wechat.close()
