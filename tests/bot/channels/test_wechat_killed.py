"""The whole program killed while it holds a push: WeChat was told nothing, so the push comes again, and is answered."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import httpx2

from bot.rehearsal.people import person
from bot.rehearsal.serving import listen, served
from bot.rehearsal.wechat import WeChatStandIn

BO = person(1)
QUESTION = "你们会保存我的信息多久？"


class Front:
    """A front end before the bot: while the bot is down it keeps silent, as the network does when a machine dies."""

    def __init__(self, port: int) -> None:
        self._port, self._open = port, set[asyncio.Task[None]]()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        try:
            yield f"http://{host}:{port}"
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        asked = bytearray()
        with suppress(OSError, asyncio.CancelledError), closing(writer):
            try:
                bot, to_bot = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await reader.read(-1)
                return
            there = asyncio.create_task(_copy(reader, to_bot, asked))
            answered = await _copy(bot, writer, bytearray())
            if asked and not answered:
                await there  # The bot died over it: until WeChat itself ends the connection.
            there.cancel()
            to_bot.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray) -> int:
    with suppress(OSError):
        while data := await reader.read(65_536):
            seen += data
            writer.write(data)
            await writer.drain()
    return len(seen)


def free_port() -> int:
    with listen() as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def bot(folder: Path, port: int, stand_in: WeChatStandIn, api_url: str) -> AsyncIterator[int]:
    """`clausebot serve`, ready; its process id. Ended at the end of the block, unless it is dead by then."""
    account = stand_in.account
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "serve"),
        cwd=Path(__file__).parents[3],
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
            "DATABASE_URL": f"sqlite:///{folder}/one.db",
            "CLAUSEBOT_KEY_FILE": f"{folder}/keys.toml",
            "CLAUSEBOT_KNOWLEDGE_DIR": f"{folder}/knowledge",
            "CLAUSEBOT_WEB_PORT": str(port),
            "WECHAT_APP_ID": account.app_id,
            "WECHAT_APP_SECRET": account.app_secret,
            "WECHAT_TOKEN": account.token,
            "WECHAT_AES_KEY": account.aes_key,
            "WECHAT_API_URL": api_url,
        },
    )
    try:
        # It listens before it is ready, so the first answer may take a while.
        async with httpx2.AsyncClient(timeout=30) as client, asyncio.timeout(30):
            while not await _is_well(client, port):  # noqa: ASYNC110  another process is waited for
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
        await process.wait()


async def _is_well(client: httpx2.AsyncClient, port: int) -> bool:
    with suppress(httpx2.TransportError):
        return (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
    return False


def count(folder: Path, what: str) -> int:
    with closing(sqlite3.connect(folder / "one.db")) as database:
        return int(database.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


async def test_a_bot_killed_over_a_push_answers_it_once_when_it_comes_again(tmp_path: Path) -> None:
    stand_in, port = WeChatStandIn(), free_port()
    stand_in.followers.meet(BO)
    async with served(stand_in.app) as api_url, Front(port).running() as address:
        stand_in.point_webhook(f"{address}/wechat")
        async with bot(tmp_path, port, stand_in, api_url) as process:
            # Somebody else writes, so the push can't be kept yet. Killed in that moment, nothing of it is anywhere.
            with closing(sqlite3.connect(tmp_path / "one.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                push = stand_in.hands.say(BO, QUESTION)
                await asyncio.sleep(1.5)
                assert (push.tries, push.state) == ([], "waiting")
                os.kill(process, signal.SIGKILL)
        assert count(tmp_path, "turn") == 0
        async with bot(tmp_path, port, stand_in, api_url):
            await asyncio.wait_for(push.done.wait(), 20)
            assert push.state == "replied"
            assert push.tries[0] == "0"
            assert push.tries[-1] == "200"
            lines = [line for line in stand_in.followers.all[BO.openid].lines if line["from"] != "person"]
            assert [line["via"] for line in lines] == ["passive"]
            assert "依据：" in lines[0]["text"]
        assert count(tmp_path, "turn") == count(tmp_path, "delivery WHERE state = 'sent'") == 1
    await stand_in.close()
