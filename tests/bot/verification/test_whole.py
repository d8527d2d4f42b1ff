"""From the wish to the right code, through the outbox, its pump and a mail server: the code arrives once, or not at all."""

import asyncio
import re
from datetime import timedelta

from bot.channels.email import Email
from bot.core.code_sending import CodeSending
from bot.core.delivery import Sender
from tests.bot.channels.test_email import Server, serving, settings
from tests.bot.verification.conftest import Bench
from tests.conftest import Clock


def sender(bench: Bench, port: int, clock: Clock) -> Sender:
    bench.reach, bench.portal_connected = frozenset({"email"}), False
    return Sender(bench.database, Email(settings(port), CodeSending(bench.database, bench.codes, clock).filled), clock)


def state(bench: Bench) -> tuple[str, str | None]:
    with bench.database.read() as work:
        rows = work.connection.exec_driver_sql("SELECT state, reason FROM delivery WHERE channel = 'email'").all()
    [(how, why)] = rows
    return how, why


async def pumped(pump: Sender) -> None:
    """Sweeps a few times: a slot that came too late on a busy machine is let go and comes again."""
    for _ in range(4):
        await pump.sweep()
        await asyncio.sleep(0.25)


def code_in(server: Server) -> str:
    [mail] = server.taken
    found = re.search(r"[0-9]{4} [0-9]{4}", mail.get_body(("plain",)).get_content())
    assert found
    return found[0]


async def test_the_code_of_a_mail_is_right(bench: Bench, clock: Clock):
    server, alice = Server(), bench.chat()
    async with serving(server) as port:
        pump = sender(bench, port, clock)
        started = bench.begin(alice)
        bench.ask()
        await pumped(pump)
    assert state(bench) == ("sent", None)
    assert bench.check(alice, started.verification_id, code_in(server)).ok


async def test_a_greylisted_code_arrives_later_and_is_good_for_ten_minutes_from_then(bench: Bench, clock: Clock):
    server, alice = Server(rcpt="451 4.7.1 come back"), bench.chat()
    async with serving(server) as port:
        pump = sender(bench, port, clock)
        started = bench.begin(alice)
        bench.ask()
        await pumped(pump)
        assert state(bench)[0] == "queued"
        server.rcpt = "250 OK"
        clock.turn(minutes=8)
        await pumped(pump)
    clock.turn(minutes=9, seconds=59)
    assert bench.check(alice, started.verification_id, code_in(server)).ok


async def test_a_code_whose_fate_is_unknown_is_not_sent_again(bench: Bench, clock: Clock):
    server, alice = Server(drop="data"), bench.chat()
    async with serving(server) as port:
        pump = sender(bench, port, clock)
        started = bench.begin(alice)
        bench.ask()
        await pumped(pump)
        server.drop = ""
        for _ in range(3):
            clock.turn(minutes=2)
            await pumped(pump)
    assert len(server.taken) == 1, "it had arrived although the server never said so"
    assert state(bench) == ("failed", "code_not_repeated")
    assert bench.check(alice, started.verification_id, code_in(server)).ok, "and what arrived is good"


async def test_a_code_that_a_crash_left_in_flight_is_not_sent_again(bench: Bench, clock: Clock):
    server, alice = Server(), bench.chat()
    async with serving(server) as port:
        pump = sender(bench, port, clock)
        bench.begin(alice)
        bench.ask()
        with bench.database.work() as work:  # Claimed and begun by a process that died before it could note anything.
            [due] = work.deliveries.due("email", clock(), 1, "dead", clock() + timedelta(seconds=60))
            number = int(due.cause.removeprefix("code:"))
            assert work.verification.begin_sending(
                number,
                clock(),
                not_before=clock() - timedelta(hours=1),
                valid_for={"phone": timedelta(1), "email": timedelta(1)},
            )
        clock.turn(minutes=2)
        await pumped(pump)
    assert server.taken == []
    assert state(bench) == ("failed", "code_not_repeated")


async def test_an_address_that_is_refused_leaves_the_chat_as_wise_as_before(bench: Bench, clock: Clock):
    server, alice = Server(rcpt="550 5.1.1 nobody"), bench.chat()
    async with serving(server) as port:
        pump = sender(bench, port, clock)
        started = bench.begin(alice)
        bench.ask()
        await pumped(pump)
    assert state(bench) == ("unreachable", "smtp_550")
    none = bench.begin(bench.chat("bob"), "K-999999")
    bench.ask()
    tried = [
        bench.check(alice, started.verification_id, "00000000"),
        bench.check(bench.chat("bob"), none.verification_id, "00000000"),
    ]
    assert tried[0] == tried[1]
