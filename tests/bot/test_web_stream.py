"""What comes later reaches the open pages: over a real server, because a stream that never ends needs one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
import uvicorn

from bot.channels.web import WebChat
from bot.channels.web.live import PAGES_AT_MOST, SIGNALS_AT_MOST, OpenPages, Signal
from bot.core.message import Address, Reply
from bot.policy_pages import PolicyPages
from bot.web import make_app
from tests.bot.scripted import Scripted

FRAGMENT = {"HX-Request": "true"}


@dataclass
class Running:
    """A server on a free port with one scripted assistant, and a browser that talks to it."""

    script: Scripted
    chat: WebChat
    server: uvicorn.Server
    browser: httpx2.AsyncClient

    async def meet(self) -> Address:
        """Sends the first message, so that there is a visitor."""
        await self.browser.post("/chat/messages", data={"text": "hi"}, headers=FRAGMENT)
        return Address("web", next(iter(self.script.kept)))

    @asynccontextmanager
    async def listen(self, after: int = 0, **headers: str) -> AsyncIterator[AsyncIterator[tuple[str, str, str]]]:
        """Events of the stream as (event, id, data), read one by one."""
        async with self.browser.stream("GET", f"/chat/stream?after={after}", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            yield events(answer)


async def events(answer: httpx2.Response) -> AsyncIterator[tuple[str, str, str]]:
    named: dict[str, list[str]] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line == "" and "event" in named:
            yield named["event"][0], named.get("id", [""])[0], "\n".join(named.get("data", []))
            named = {}
        elif name in ("event", "id", "data"):
            named.setdefault(name, []).append(value)


async def next_event(stream: AsyncIterator[tuple[str, str, str]]) -> tuple[str, str, str]:
    return await asyncio.wait_for(anext(stream), 5)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    script = Scripted()
    chat = script.chat(looks_every=0.3)
    app = make_app([chat], script.door, PolicyPages([script.policy]))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=3))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    serving = asyncio.create_task(server.serve([listener]))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as browser:
        yield Running(script, chat, server, browser)
    server.should_exit = True
    await asyncio.wait_for(serving, 10)


async def test_nobody_gets_no_stream_and_is_told_not_to_come_back(running: Running) -> None:
    assert (await running.browser.get("/chat/stream")).status_code == 204


async def test_what_is_kept_comes_first_and_only_replies_move_the_place(running: Running) -> None:
    await running.meet()
    async with running.listen() as stream:
        written, answered = await next_event(stream), await next_event(stream)
    assert (written[0], written[1]) == ("entry", "")
    assert 'id="m1"' in written[2]
    assert (answered[0], answered[1]) == ("entry", "2")
    assert 'id="e2"' in answered[2]


async def test_a_browser_that_comes_back_gets_what_it_missed_and_nothing_else(running: Running) -> None:
    visitor = await running.meet()
    running.script.keep(visitor, Reply("missed"))
    async with running.listen(after=0, **{"Last-Event-ID": "2"}) as stream:
        assert "missed" in (await next_event(stream))[2]
    async with running.listen(after=2) as stream:
        assert "missed" in (await next_event(stream))[2]


async def test_a_reply_that_is_sent_appears_at_once(running: Running) -> None:
    visitor = await running.meet()
    async with running.listen(after=2) as stream:
        await asyncio.sleep(0.05)
        running.script.keep(visitor, Reply("from the staff <b>"))
        await running.chat.send(visitor, Reply("from the staff <b>"))
        event, number, data = await next_event(stream)
    assert (event, number) == ("entry", "3")
    assert "from the staff &lt;b&gt;" in data


async def test_what_another_process_sent_appears_without_being_told(running: Running) -> None:
    visitor = await running.meet()
    async with running.listen(after=2) as stream:
        running.script.keep(visitor, Reply("from elsewhere"))
        assert "from elsewhere" in (await next_event(stream))[2]


async def test_other_pages_of_the_visitor_see_the_typing_and_then_the_turn(running: Running) -> None:
    await running.meet()
    async with running.listen(after=2) as stream:
        await asyncio.sleep(0.05)
        await running.browser.post("/chat/messages", data={"text": "and then?", "after": "2"}, headers=FRAGMENT)
        seen = [await next_event(stream) for _ in range(4)]
    assert [(event, data) for event, _, data in seen[:2]] == [("typing", "on"), ("typing", "off")]
    assert [event for event, _, _ in seen[2:]] == ["entry", "entry"]
    assert "and then?" in seen[2][2]


async def test_a_broken_turn_stops_the_typing_too(running: Running) -> None:
    await running.meet()
    running.script.fails = True
    async with running.listen(after=2) as stream:
        await asyncio.sleep(0.05)
        assert (await running.browser.post("/chat/messages", data={"text": "x"}, headers=FRAGMENT)).status_code == 500
        assert [(await next_event(stream))[2] for _ in range(2)] == ["on", "off"]


async def test_nobody_hears_of_another_visitor(running: Running) -> None:
    visitor = await running.meet()
    async with httpx2.AsyncClient(base_url=running.browser.base_url) as other:
        await other.post("/chat/messages", data={"text": "another"}, headers=FRAGMENT)
        async with other.stream("GET", "/chat/stream?after=2") as answer:
            stream = events(answer)
            running.script.keep(visitor, Reply("private"))
            await running.chat.send(visitor, Reply("private"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.8)


async def test_streams_end_when_the_channel_closes(running: Running) -> None:
    await running.meet()
    async with running.listen(after=2) as stream:
        await asyncio.sleep(0.05)
        await running.chat.close()
        with pytest.raises(StopAsyncIteration):
            await next_event(stream)


async def test_an_open_page_does_not_keep_the_server_from_stopping(running: Running) -> None:
    await running.meet()
    async with running.listen(after=2) as stream:
        await asyncio.sleep(0.05)
        started = asyncio.get_running_loop().time()
        running.server.should_exit = True
        with pytest.raises((StopAsyncIteration, httpx2.RemoteProtocolError)):
            await next_event(stream)
        assert asyncio.get_running_loop().time() - started < 4


async def test_one_page_too_many_ends_the_oldest_and_leaving_forgets() -> None:
    pages = OpenPages()
    queues = [pages.enter("a") for _ in range(PAGES_AT_MOST + 1)]
    assert queues[0].get_nowait() is Signal.END
    assert pages.tell("a", Signal.LOOK) == PAGES_AT_MOST
    for queue in queues:
        pages.leave("a", queue)
    assert pages.tell("a", Signal.LOOK) == 0
    assert pages.tell("nobody", Signal.LOOK) == 0


async def test_signals_do_not_pile_up_on_a_page_that_sleeps_but_the_end_always_arrives() -> None:
    pages = OpenPages()
    queue = pages.enter("a")
    for _ in range(1000):
        pages.tell("a", Signal.LOOK)
    pages.end_all()
    assert queue.qsize() == SIGNALS_AT_MOST + 1
