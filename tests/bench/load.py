"""A light load client: sends given requests over a few connections, the next when the last is answered.

    python -m tests.bench.load        reads {"port", "connections", "requests": [...]} as JSON, prints what came of it

`requests` are whole HTTP requests. Prints {"began", "ended": time.monotonic(), "took": [seconds], "status": {"200": n},
"marked": n}: `marked` counts answers whose body holds the text "mark". A connection that the server closes is opened anew.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator
from time import monotonic
from typing import Any, cast

GIVE_UP = 60.0
"""Seconds for one answer."""


class Connection(asyncio.Protocol):
    """Takes requests from those that are left until there are none."""

    def __init__(self, port: int, left: Iterator[bytes], result: "Result") -> None:
        self._port, self._left, self._result = port, left, result
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._asked: float | None = None

    async def run(self) -> None:
        await self._connect()
        await self.done

    async def _connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class.
        self._read = b""
        self._ask()

    def connection_lost(self, failure: Exception | None) -> None:
        if self._asked is not None:
            self._result.status["cut off"] += 1
            self._asked = None
        if not self.done.done():
            self._again = asyncio.ensure_future(self._connect())

    def data_received(self, data: bytes) -> None:
        self._read += data
        head = self._read.find(b"\r\n\r\n")
        if head < 0 or self._asked is None:
            return
        top = self._read[:head].lower()
        at = top.find(b"\r\ncontent-length:")
        if len(self._read) < head + 4 + (int(top[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0):
            return
        self._result.took.append(monotonic() - self._asked)
        self._result.status[top.split(b" ", 2)[1].decode()] += 1
        self._result.marked += self._result.mark in self._read[head:]
        self._asked, self._read = None, b""
        assert self._transport is not None
        if b"connection: close" in top:
            self._transport.close()
        else:
            self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        request = next(self._left, None)
        if request is None:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._asked = monotonic()
        self._transport.write(request)


class Result:
    """What is counted."""

    def __init__(self, mark: str) -> None:
        self.mark = mark.encode()
        self.took: list[float] = []
        self.status: Counter[str] = Counter()
        self.marked = 0


async def _load(task: dict[str, Any]) -> dict[str, Any]:
    requests = [request.encode() for request in task["requests"]]
    left, result = iter(requests), Result(task["mark"])
    connections = [Connection(task["port"], left, result) for _ in range(task["connections"])]
    began = monotonic()
    async with asyncio.timeout(GIVE_UP + len(requests) / 10):
        await asyncio.gather(*(connection.run() for connection in connections))
    ended = monotonic()
    return {
        "began": began,
        "ended": ended,
        "took": result.took,
        "status": dict(result.status),
        "marked": result.marked,
    }


def run_fast(what: Coroutine[Any, Any, Any]) -> Any:
    """As asyncio.run, on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(what)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(what)


if __name__ == "__main__":
    print(json.dumps(run_fast(_load(json.load(sys.stdin)))))
