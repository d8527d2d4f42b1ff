"""The whole program as an operator runs it: `clausebot serve` and a stand-in of each platform, three processes.

Everything stays on 127.0.0.1. Whatever the bot prints or logs is in `log`; its database can be opened beside it.
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from bot.rehearsal.wechat.account import Account
from storage.crypto import Keyring
from storage.engine import Database

ROOT = Path(__file__).parents[2]
TOKEN = "990000001:CANARY-bot-token-Hq7Zr2Vw9Xk4Lm6Np8"
SECRET, OLD_SECRET = "CANARY-webhook-secret-7fQ2mX9bL4vR8tK1wZ5", "CANARY-webhook-secret-before-3dN6pS0cJ"
ACCOUNT = Account(
    app_id="wx00000000canary0", app_secret="CANARYappsecret0f3b9d7e1a5c2864", token="CANARYpushtoken8d2f6b"
)
OLD_KEY = "CANARYoldkey" + "B2" * 15 + "A"
"""Invented, every one of them; each must never be seen in a log."""
START_WITHIN, STOP_WITHIN = 60.0, 20.0
"""Seconds; a start takes some three on an idle machine."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A running bot. `bot`, `telegram` and `wechat` are addresses: of its web server, and of the two stand-ins."""

    bot: str
    telegram: str
    wechat: str
    process: "subprocess.Popen[bytes]"
    log: Path
    url: str
    keys: Path

    def database(self) -> Database:
        """The bot's own database, opened once more. The caller closes it."""
        return Database.open(self.url, Keyring.read(self.keys), migrate=False)

    def resident(self) -> float:
        """MiB of memory that the bot holds now (Linux: VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def limit_files(self, most: int | None) -> None:
        """No file of the bot may grow beyond `most` bytes any more: what a full disk is to it. None ends that."""
        hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (hard if most is None else most, hard))

    def lives(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> int:
        """Ends the bot as an operator does; its exit status. Killed, and -9, when it doesn't end in time."""
        if self.lives():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def ask(address: str, data: Mapping[str, Any] | None = None) -> Any:
    """What a stand-in answers under /_/: a GET, or a POST of `data`."""
    body = None if data is None else json.dumps(data).encode()
    request = Request(address, body, {"Content-Type": "application/json"} if body else {})
    with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
        return json.load(answer)


@contextmanager
def whole(
    folder: Path,
    *,
    url: str = "",
    level: str = "warning",
    settings: Mapping[str, str] | None = None,
    keep: int = 100_000,
) -> Iterator[Whole]:
    """A bot whose files are in `folder`, at most `keep` calls kept by the stand-ins. Its database: `url`, or a SQLite file."""
    url = url or f"sqlite:///{folder}/clausebot.db"
    with ExitStack() as until_done:
        more = ["--json", "--anyone", "--keep", str(keep)]
        secrets = ["--app-id", ACCOUNT.app_id, "--app-secret", ACCOUNT.app_secret, "--token", ACCOUNT.token]
        platforms = [
            until_done.enter_context(_process(["bot.rehearsal", name, *more, *special], folder / f"{name}.log"))
            for name, special in (("telegram", ["--token", TOKEN]), ("wechat", secrets))
        ]
        telegram, wechat = (
            json.loads(_line(process, folder / f"{name}.log", r"\{.*\}"))["address"]
            for process, name in zip(platforms, ("telegram", "wechat"), strict=True)
        )
        given = {
            "CLAUSEBOT_WEB_PORT": "0",
            "CLAUSEBOT_LOG_LEVEL": level,
            "CLAUSEBOT_KEY_FILE": str(folder / "keys.toml"),
            "CLAUSEBOT_KNOWLEDGE_DIR": str(folder / "knowledge"),
            "DATABASE_URL": url,
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": telegram,
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "TELEGRAM_WEBHOOK_SECRET_OLD": OLD_SECRET,
            "TELEGRAM_LIVE_PER_SECOND": "2000",  # The pace is judged elsewhere; here it would only take time.
            "WECHAT_APP_ID": ACCOUNT.app_id,
            "WECHAT_APP_SECRET": ACCOUNT.app_secret,
            "WECHAT_TOKEN": ACCOUNT.token,
            "WECHAT_AES_KEY": ACCOUNT.aes_key,
            "WECHAT_AES_KEY_OLD": OLD_KEY,
            "WECHAT_API_URL": wechat,
        }
        log = folder / "bot.log"
        process = until_done.enter_context(_process(["bot", "serve"], log, given | dict(settings or {})))
        bot = _line(process, log, r"http://127\.0\.0\.1:\d+(?=/\s)")
        ask(f"{telegram}/_/webhook", {"url": f"{bot}/telegram", "secret": SECRET})
        ask(f"{wechat}/_/webhook", {"url": f"{bot}/wechat"})
        yield Whole(bot, telegram, wechat, process, log, url, folder / "keys.toml")


@contextmanager
def _process(
    words: list[str], log: Path, settings: Mapping[str, str] | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    """`python -m ...` with nothing of our own settings around it, everything that it says in `log`."""
    ours = ("CLAUSEBOT_", "TELEGRAM_", "WECHAT_", "DATABASE_URL")
    around = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    around |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1", **(settings or {})}
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], cwd=log.parent, env=around, stdout=said, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _line(process: "subprocess.Popen[bytes]", log: Path, pattern: str) -> str:
    """What the process says first that looks like `pattern`. Raises RuntimeError when it ends or takes too long."""
    end = monotonic() + START_WITHIN
    while not (found := re.search(pattern, log.read_text())):
        if process.poll() is not None or monotonic() > end:
            raise RuntimeError(f"it did not start:\n{log.read_text()[-2000:]}")
        sleep(0.02)
    return found[0]
