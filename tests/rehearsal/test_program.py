"""The stand-ins as programs of their own."""

import hmac
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bot.rehearsal.__main__ import main
from bot.rehearsal.serving import served

COMMAND = (sys.executable, "-m", "bot.rehearsal")


@pytest.mark.parametrize("words", [("telegram", "--enforce"), ("wechat", "--template", "NOTICE=thing1,time2")])
def test_a_program_says_its_address_and_answers_there_until_it_is_ended(words: tuple[str, ...]) -> None:
    with subprocess.Popen([*COMMAND, *words, "--json"], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout
            told = json.loads(program.stdout.readline())
            assert told["platform"] == words[0]
            assert told["address"].startswith("http://127.0.0.1:")
            with urllib.request.urlopen(f"{told['address']}/_/calls", timeout=5) as answer:
                assert json.load(answer)["total"] == 0
            # Listening on this machine's own address alone.
            port = int(told["address"].rpartition(":")[2])
            rows = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
            assert [row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"] == [
                f"0100007F:{port:04X}"
            ]
        finally:
            program.terminate()
        assert program.wait(10) is not None


def test_the_receiver_says_its_settings_takes_what_is_signed_and_turns_away_what_isnt() -> None:
    with subprocess.Popen([*COMMAND, "receiver", "--secret", "s" * 40], stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout
            lines = [program.stdout.readline().strip() for _ in range(4)]
            settings = dict(line.split("=", 1) for line in lines[1:3])
            assert settings == {"WEBHOOK_URL": settings["WEBHOOK_URL"], "WEBHOOK_SECRET": "s" * 40}
            url, body, stamp = settings["WEBHOOK_URL"], b'{"event": "order.opened"}', str(int(time.time()))
            signed = (
                "clausebot-event-v1",
                "POST",
                urlsplit(url).path,
                stamp,
                "a" * 32,
                "b" * 32,
                sha256(body).hexdigest(),
            )
            headers = {
                "X-Clausebot-Timestamp": stamp,
                "X-Clausebot-Nonce": "a" * 32,
                "Idempotency-Key": "b" * 32,
                "X-Clausebot-Signature": hmac.new(b"s" * 40, "\n".join(signed).encode(), sha256).hexdigest(),
            }
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=5) as answer:
                assert json.load(answer) == {"taken": "now"}
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(urllib.request.Request(url, body), timeout=5)
            with urllib.request.urlopen(lines[3].removeprefix("Calls: "), timeout=5) as answer:
                assert json.load(answer)["total"] == 2
        finally:
            program.terminate()
        assert program.wait(10) is not None


@pytest.mark.parametrize("platform", ["telegram", "wechat"])
def test_help_names_every_option(platform: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([platform, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(option in said for option in ("--port", "--webhook", "--fault", "--seed", "--hurry"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["telegram", "--fault", "sendMessage explode"], "no fault 'explode'"),
        (["telegram", "--webhook", "https://example.com/"], "127.0.0.1 alone"),
        (["wechat", "--aes-key", "short"], "EncodingAESKey"),
        (["wechat", "--faults", "/nowhere.json"], "/nowhere.json"),
    ],
)
def test_a_wrong_option_ends_in_one_sentence(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1


def test_a_script_is_read_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "faults.json"
    script.write_text('{"seed": 1, "rules": ["sendMessage reset at=no"]}', "utf-8")
    assert main(["telegram", "--faults", str(script)]) == 2
    assert "at=no" in capsys.readouterr().err


async def test_no_answer_waits_for_an_acknowledgement(session: aiohttp.ClientSession) -> None:
    found = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        wire = scope["rehearsal.transport"].get_extra_info("socket")
        found.append(wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await Response(b"")(scope, receive, send)

    async with served(app) as address, session.get(address) as answer:
        assert answer.status == 200
    assert found[0]
