"""Both webhooks beside their peers: python -m tests.bench.channels webhooks [telegram|wechat ...] [--rounds N]

A whole turn of ours (dedupe, recognise, answer, ledger, trail on SQLite FULL, sending) against echoes that keep nothing.
Servers, load client and stand-in are processes of their own on one machine; the servers take turns, `rounds` times each
from a fresh start, and get the same load: 32 connections, every question different, one update a person and second at
most. A round counts only when every request was answered 200 and every reply arrived (at the stand-in, or encrypted in
the answer to the push). Some peers need packages that aren't ours: BENCH_PEERS_PYTHON names a Python that has them.
"""

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wechatpy.crypto import WeChatCrypto

from knowledge.library import load_policy, phrasings

ROOT = Path(__file__).parents[2]
CHANNELS = ("telegram", "wechat")
CONNECTIONS = 32
PERSONS, QUESTIONS = 1_500, 3_000
ROUNDS = 3
STARTS_WITHIN, DRAINS_WITHIN = 60.0, 30.0
"""Seconds."""
TOKEN = "123456:" + "b" * 35
SECRET = "bench-secret"
WECHAT = {"WECHAT_TOKEN": "benchtoken", "WECHAT_AES_KEY": "b" * 42 + "A", "WECHAT_APP_ID": "wx0000000000000000"}
PEERS_NEED = "aiogram wechatpy pycryptodome flask gunicorn"


@dataclass(frozen=True, slots=True)
class Server:
    """One that is measured. `needs`: the module without which it can't run."""

    name: str
    channel: str
    command: Callable[[int], Sequence[str]]
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """Rates a second; times in milliseconds, CPU of the server's processes in milliseconds a request."""

    requests: float
    answered: float
    p50: float
    p99: float
    cpu: float
    memory: float


def peers_python() -> str:
    """The Python that has the peers' packages."""
    return os.environ.get("BENCH_PEERS_PYTHON", sys.executable)


def servers() -> list[Server]:
    """Ours and the peers, each beside those it is compared with."""
    peers, ours = peers_python(), [sys.executable, "-m", "bot", "serve"]
    return [
        Server("clausebot, whole turn", "telegram", lambda port: ours),
        Server("python-telegram-bot, echo", "telegram", lambda port: [sys.executable, "tests/bench/peers/ptb_echo.py"]),
        Server("aiogram, echo", "telegram", lambda port: [peers, "tests/bench/peers/aiogram_echo.py"], "aiogram"),
        Server("clausebot, whole turn", "wechat", lambda port: ours),
        Server(
            "wechatpy, Flask, gunicorn, echo",
            "wechat",
            lambda port: [
                peers,
                "-m",
                "gunicorn",
                "--log-level",
                "error",
                "-b",
                f"127.0.0.1:{port}",
                "tests.bench.peers.wechatpy_echo:app",
            ],
            "gunicorn",
        ),
    ]


def run(channels: Sequence[str] = CHANNELS, rounds: int = ROUNDS) -> None:
    """Prints one line a round, and the medians."""
    for channel in channels:
        playing = [server for server in servers() if server.channel == channel and _can_run(server)]
        results: dict[str, list[Round]] = {server.name: [] for server in playing}
        print(f"{channel}: {CONNECTIONS} connections, {QUESTIONS} different questions of {PERSONS} persons a round")
        for number in range(rounds):
            for server in playing if number % 2 == 0 else reversed(playing):
                result = _play(server, number)
                results[server.name].append(result)
                print(f"  {_line(server.name, result)}", flush=True)
        print(f"{channel}, medians of {rounds} rounds")
        for name, all_rounds in results.items():
            fields = zip(*((r.requests, r.answered, r.p50, r.p99, r.cpu, r.memory) for r in all_rounds), strict=True)
            print(f"  {_line(name, Round(*map(statistics.median, fields)))}", flush=True)


def main(words: Sequence[str]) -> None:
    """`words`: channels to measure, and --rounds N."""
    parser = argparse.ArgumentParser(prog="tests.bench.channels webhooks")
    parser.add_argument("channels", nargs="*", metavar="telegram|wechat")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(words)
    run(given.channels or CHANNELS, given.rounds)


def _line(name: str, of: Round) -> str:
    return (
        f"{name:32} {of.requests:5.0f} req/s, {of.answered:5.0f} replies/s, p50 {of.p50:5.1f} ms, p99 {of.p99:6.1f} ms, "
        f"{of.cpu:.2f} ms CPU a request, {of.memory:.0f} MB"
    )


def _can_run(server: Server) -> bool:
    if not server.needs:
        return True
    found = subprocess.run([peers_python(), "-c", f"import {server.needs}"], capture_output=True)
    if found.returncode:
        print(
            f"{server.name}: left out, {peers_python()} has no {server.needs}. Make it one: "
            f"`python3 -m venv peers && peers/bin/pip install {PEERS_NEED}`, then BENCH_PEERS_PYTHON=peers/bin/python"
        )
    return found.returncode == 0


def _play(server: Server, number: int) -> Round:
    """One round from a fresh start. Raises AssertionError when a request or a reply is missing."""
    questions = _questions(number)
    build = partial(_update, number) if server.channel == "telegram" else partial(_push, number)
    with ExitStack() as stage:
        folder = stage.enter_context(tempfile.TemporaryDirectory())
        api = stage.enter_context(_stand_in())
        port = _free_port()
        process = stage.enter_context(_started(server, port, api, folder))
        _load(port, server.channel, [build(1 + person, person, "hello") for person in range(PERSONS)])
        _wait_for_rest(api, 0 if server.channel == "wechat" else PERSONS)
        _ask(api, "/forget")
        cpu = _cpu(process.pid)
        requests = [build(10_000 + place, place % PERSONS, text) for place, text in enumerate(questions)]
        result = _load(port, server.channel, requests)
        replies = _wait_for_rest(api, 0 if server.channel == "wechat" else len(requests))
        cpu = _cpu(process.pid) - cpu
        memory = sum(_memory(pid) for pid in _family(process.pid))
    assert result["status"] == {"200": len(requests)}, (server.name, result["status"])
    passive = result["marked"] if server.channel == "wechat" else 0
    # A question that asks several things gets as many replies; nobody gets none.
    assert passive + replies["sends"] >= len(requests), (server.name, passive, replies)
    seconds = result["ended"] - result["began"]
    until_last = (
        max(result["ended"] if passive else 0.0, replies["last"] if replies["sends"] else 0.0) - result["began"]
    )
    cuts = statistics.quantiles(result["took"], n=100)
    return Round(
        len(requests) / seconds,
        (passive + replies["sends"]) / until_last,
        cuts[49] * 1000,
        cuts[98] * 1000,
        cpu / len(requests) * 1000,
        memory,
    )


def _questions(number: int) -> list[str]:
    policy = load_policy("kenpai")
    texts = [text for language in ("en", "zh") for many in phrasings(policy, language).values() for text in many]
    return random.Random(number).sample(list(dict.fromkeys(texts)), QUESTIONS)


def _update(number: int, message: int, person: int, text: str) -> str:
    """A request as Telegram makes it."""
    chat = {"id": 1_000_000 + person, "first_name": "Bench", "type": "private"}
    sender = {"id": chat["id"], "is_bot": False, "first_name": "Bench", "language_code": "en"}
    said = {"message_id": message, "from": sender, "chat": chat, "date": int(time.time()), "text": text}
    body = json.dumps({"update_id": number * 100_000 + message, "message": said})
    return _request("/telegram", body, "application/json", f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n")


def _push(number: int, message: int, person: int, text: str) -> str:
    """A request as WeChat makes it in safe mode."""
    at, nonce = str(int(time.time())), f"{number}{message:08}"
    crypto = WeChatCrypto(WECHAT["WECHAT_TOKEN"], WECHAT["WECHAT_AES_KEY"], WECHAT["WECHAT_APP_ID"])
    user = f"oBench{person:022}"
    xml = (
        f"<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>"
        f"<CreateTime>{at}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content>"
        f"<MsgId>{number}{message:012}</MsgId></xml>"
    )
    sealed = crypto.encrypt_message(xml, nonce, at)
    encrypted, signature = _between(sealed, "Encrypt"), _between(sealed, "MsgSignature")
    body = f"<xml><ToUserName><![CDATA[gh_bench]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    query = f"signature=0&timestamp={at}&nonce={nonce}&openid={user}&encrypt_type=aes&msg_signature={signature}"
    return _request(f"/wechat?{query}", body, "text/xml", "")


def _between(xml: str, name: str) -> str:
    return xml.partition(f"<{name}>")[2].partition(f"</{name}>")[0].removeprefix("<![CDATA[").removesuffix("]]>")


def _request(path: str, body: str, kind: str, more: str) -> str:
    length = len(body.encode())
    return (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\n{more}Content-Length: {length}\r\n\r\n{body}"
    )


# ---- processes


@contextmanager
def _stand_in() -> Iterator[str]:
    """The address of a fresh stand-in."""
    command = [sys.executable, "-m", "tests.bench.stand_in"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


@contextmanager
def _started(server: Server, port: int, api: str, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server, once it listens; ended at the end."""
    ours = {
        "CLAUSEBOT_WEB_PORT": str(port),
        "DATABASE_URL": f"sqlite:///{folder}/bench.db",
        "CLAUSEBOT_KEY_FILE": f"{folder}/keys.toml",
        "CLAUSEBOT_LOG_LEVEL": "error",
    }
    if server.channel == "telegram":
        ours |= {
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": api,
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "TELEGRAM_LIVE_PER_SECOND": "100000",
        }
    else:
        ours |= WECHAT | {"WECHAT_APP_SECRET": "bench", "WECHAT_API_URL": api}
    theirs = {"PORT": str(port), "API_URL": api, "TOKEN": TOKEN}
    environment: Mapping[str, str] = {**os.environ, **ours, **theirs, "PYTHONPATH": str(ROOT)}
    output = subprocess.DEVNULL
    with subprocess.Popen(server.command(port), cwd=ROOT, env=environment, stdout=output) as process:
        try:
            _wait_until_listening(process, port)
            yield process
        finally:
            process.terminate()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        assert process.poll() is None, "the server ended by itself"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server doesn't listen")


def _load(port: int, channel: str, requests: list[str]) -> dict[str, Any]:
    task = {"port": port, "connections": CONNECTIONS, "requests": requests, "mark": "<Encrypt>"}
    command = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(task), stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _wait_for_rest(api: str, expected: int) -> dict[str, Any]:
    """Returns when `expected` sends have arrived and nothing more comes."""
    end, before = time.monotonic() + DRAINS_WITHIN, -1
    while True:
        seen: dict[str, Any] = json.loads(_ask(api, "/seen"))
        if (seen["sends"] >= expected and seen["sends"] == before) or time.monotonic() > end:
            return seen
        before = seen["sends"]
        time.sleep(1.0)


def _ask(api: str, path: str) -> bytes:
    with urllib.request.urlopen(api + path, timeout=10) as answer:
        read: bytes = answer.read()
        return read


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """The process and all below it (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _family(int(child)))]


def _cpu(pid: int) -> float:
    """Seconds of processor time of the process and all below it."""
    ticks = 0
    for one in _family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """MB resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
