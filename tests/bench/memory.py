"""Resident memory of `clausebot serve` after it has answered in both languages: python -m tests.bench.memory"""

import http.cookiejar
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

QUESTIONS = ("who can see my phone number?", "你们会保存我的信息多久？", "我的資料會不會傳到國外？", "hello", "/policy")
ROUNDS = 40


def run() -> None:
    """Starts a server on a free port, asks, and prints its VmRSS (Linux)."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "CLAUSEBOT_WEB_PORT": "0",
            "DATABASE_URL": f"sqlite:///{folder}/a.db",
            "CLAUSEBOT_KEY_FILE": f"{folder}/keys.toml",
            "CLAUSEBOT_LOG_LEVEL": "error",
        }
        with subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"], env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+", line)))
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
            for question in QUESTIONS * ROUNDS:
                opener.open(f"{address}chat/messages", urllib.parse.urlencode({"text": question}).encode()).read()
            opener.open(f"{address}policy").read()
            time.sleep(1)
            status = Path(f"/proc/{server.pid}/status").read_text()
            resident = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
            print(f"clausebot serve after {len(QUESTIONS) * ROUNDS} messages: {resident:.0f} MB resident")
            server.terminate()


if __name__ == "__main__":
    run()
