"""The process that is killed: python -m tests.faults.worker pump|door '<plan as JSON>'

It imports everything, says "open", and for each number read from standard input forks a worker that says "ready".
"""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path

import structlog

import bot.core.assistant as core
from bot.channels.memory import MemoryChannel
from bot.core.channel import Lane, Limits, Receipt
from bot.core.clock import system_clock
from bot.core.delivery import Sender
from bot.core.ledger import Times
from bot.core.message import Address, InboundMessage, Reply
from bot.inbox import Inbox
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.library import load_policy
from storage.crypto import Keyring
from storage.engine import Database
from tests.faults.stage import CHANNEL, Plan

BY_HEART = {"privacy.7.2": ["How long do you keep my data?"]}


class FileChannel(MemoryChannel):
    """A platform outside: a message has arrived once its line is in the file, whoever dies afterwards."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(CHANNEL, Limits(4096, per_second=plan.per_second, per_address=inf))
        self._file = os.open(plan.effects, os.O_WRONLY | os.O_APPEND)
        self._latency = plan.latency

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        await asyncio.sleep(self._latency)
        os.write(self._file, f"{address.user} {reply.receipt or reply.text.replace(chr(10), ' ')}\n".encode())
        await asyncio.sleep(self._latency)
        return Receipt()


async def pump(plan: Plan, database: Database, ready: str) -> None:
    """Sends what is due until SIGTERM."""
    sender = _sender(plan, database)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: stopping.append(_later(sender.stop())))
    stopping: list[asyncio.Task[None]] = []
    os.write(1, ready.encode())
    await sender.run()
    await asyncio.gather(*stopping)


async def door(plan: Plan, database: Database, ready: str, policy: PolicyVersion, wording: Wording) -> None:
    """Takes updates, one JSON line each, and says the update's id once it is committed. Pumps too."""
    recogniser = Recogniser(policy, {})
    recogniser.add_taught(BY_HEART)
    sender = _sender(plan, database)
    core.CLAIM_FOR = timedelta(seconds=plan.lease)  # A run can't wait a minute for what each kill leaves claimed.
    inbox = Inbox(core.Assistant(database, policy, recogniser, wording, system_clock), {CHANNEL: sender}, frozenset())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            update = json.loads(line)
            address = Address(CHANNEL, update["user"])
            await inbox.put(InboundMessage(address, update["text"], update["id"], datetime.now(UTC)))
            writer.write(f"{update['id']}\n".encode())
        writer.close()

    number = ready.split()[2]
    path = f"{plan.socket}{number}"
    with suppress(FileNotFoundError):
        os.unlink(path)
    server = await asyncio.start_unix_server(serve, path)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: stopping.append(_later(sender.stop())))
    stopping: list[asyncio.Task[None]] = []
    running = _later(sender.run())
    await asyncio.sleep(0)
    os.write(1, ready.encode())
    await running
    server.close()
    await asyncio.gather(*stopping)


def _later(what: object) -> asyncio.Task[None]:
    return asyncio.ensure_future(what)  # type: ignore[call-overload,no-any-return]


def _sender(plan: Plan, database: Database) -> Sender:
    times = Times(
        lease=timedelta(seconds=plan.lease),
        call=timedelta(seconds=plan.call),
        retry_first=timedelta(seconds=0.1),
        retry_most=timedelta(seconds=1),
    )
    return Sender(database, FileChannel(plan), system_clock, times=times, window=plan.window)


def main(role: str, plan: Plan) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    keyring = Keyring.read(Path(plan.keys))
    known = (load_policy("kenpai"), Wording.load()) if role == "door" else ()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for the dead.
    print("open", flush=True)
    for line in sys.stdin:
        if os.fork():
            continue
        os.close(0)
        with Database.open(plan.url, keyring, migrate=False) as database:
            ready = f"ready {os.getpid()} {line.strip()}\n"
            asyncio.run(door(plan, database, ready, *known) if role == "door" else pump(plan, database, ready))
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Plan(**json.loads(sys.argv[2])))
