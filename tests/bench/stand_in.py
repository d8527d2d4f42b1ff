"""Where the sends of a bench arrive: counts them and answers at once, as the Bot API or as WeChat's.

    python -m tests.bench.stand_in        prints its port; ends when its input does

GET /seen tells {"sends": n, "last": time.monotonic() of the last}, GET /forget begins anew. As little Python as
possible, for it takes processor time from what is measured.
"""

import asyncio
import json
import sys
from contextlib import suppress
from time import monotonic
from typing import cast

from tests.bench.load import run_fast

SENT = b'{"ok":true,"result":{"message_id":7,"date":1767225600,"chat":{"id":1,"type":"private","first_name":"A"},"text":"x"}}'
ME = b'{"ok":true,"result":{"id":1,"is_bot":true,"first_name":"Bench","username":"bench_bot"}}'
TOKEN = b'{"access_token":"bench","expires_in":7200}'
FINE = b'{"ok":true,"result":true,"errcode":0,"errmsg":"ok"}'


class Seen:
    """What arrived."""

    sends = 0
    last = 0.0


class StandIn(asyncio.Protocol):
    """One connection: whole requests in, answers out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class.
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (head := self._read.find(b"\r\n\r\n")) >= 0:
            top = self._read[:head].lower()
            at = top.find(b"\r\ncontent-length:")
            whole = head + 4 + (int(top[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0)
            if len(self._read) < whole:
                return
            self._read = self._read[whole:]
            body = _answer(top.split(b" ", 2)[1].split(b"?")[0])
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )


def _answer(path: bytes) -> bytes:
    if path.endswith((b"/sendmessage", b"/custom/send")):
        Seen.sends, Seen.last = Seen.sends + 1, monotonic()
        return SENT if path.endswith(b"/sendmessage") else FINE
    if path.endswith(b"/getme"):
        return ME
    if path.endswith((b"/stable_token", b"/token")):
        return TOKEN
    if path == b"/forget":
        Seen.sends = 0
    return json.dumps({"sends": Seen.sends, "last": Seen.last}).encode() if path == b"/seen" else FINE


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(StandIn, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    with suppress(asyncio.CancelledError):
        await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    run_fast(_serve())
