"""The stand-ins as programs of their own."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

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
