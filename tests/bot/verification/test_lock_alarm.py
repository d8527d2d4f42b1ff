"""Staff are told that an account is locked: once, by a job, in the trail and by a mail that names nobody."""

import json

from bot.core.lock_alarm import ACTION, LockAlarm
from bot.core.verification import LOCK_AT, Verification
from storage.engine import Database
from storage.stores.verification import NO_LIMIT
from tests.bot.verification.conftest import ACCOUNT, MAIL, PHONE, Bench

STAFF = "privacy-desk@mail.example.com"


def wrong(bench: Bench, times: int, account: str = ACCOUNT) -> None:
    """So many wrong codes more, from chats that aren't connected."""
    with bench.database.work() as work:
        store = work.verification
        scope = store.scope("unbound", store.account_index(account))
        for _ in range(times):
            store.count_wrong(scope, None, bench.clock(), NO_LIMIT, LOCK_AT)


def looked(bench: Bench, mailbox: str = STAFF) -> int:
    """How many accounts staff are told of when the job runs a minute later."""
    bench.clock.turn(minutes=1)
    return LockAlarm(mailbox).run_due(bench.database, bench.clock())


def mails(database: Database) -> list[str]:
    with database.read() as work:
        there = work.people.at("email", STAFF)
        return [json.loads(sent.body)["text"] for sent in work.deliveries.history(there)] if there else []


async def test_staff_are_told_once_with_a_hint_and_what_to_do(bench: Bench) -> None:
    await bench.coded(bench.chat("impostor"))
    wrong(bench, LOCK_AT - 1)
    assert looked(bench) == 0
    wrong(bench, 1)
    assert [looked(bench), looked(bench), looked(bench)] == [1, 0, 0]
    [mail] = mails(bench.database)
    assert "K***01" in mail
    assert f"{LOCK_AT} wrong codes in a row" in mail
    assert f"连续输错验证码 {LOCK_AT} 次" in mail
    assert "clausebot accounts show ID\nclausebot accounts unlock ID\n" in mail
    assert not any(name in mail for name in (ACCOUNT, PHONE, MAIL))
    with bench.database.read() as work:
        store = work.verification
        index = store.account_index(ACCOUNT)
        entries = work.trail.of_thing(f"tally:{store.scope('unbound', index)[:16]}")
    assert [(entry.actor, entry.action, entry.detail) for entry in entries] == [
        ("bot", ACTION, f"account:{index[:16]}")
    ]
    bench.clock.turn(days=5)
    assert looked(bench) == 0


async def test_what_is_locked_again_is_told_again_an_hour_later(bench: Bench) -> None:
    await bench.coded(bench.chat("impostor"))
    wrong(bench, LOCK_AT)
    assert looked(bench) == 1
    with bench.database.work() as work:
        assert Verification(work, bench.codes, bench.clock()).unlock(ACCOUNT, "staff:1")
    assert looked(bench) == 0
    wrong(bench, LOCK_AT)
    assert looked(bench) == 0
    bench.clock.turn(hours=1)
    assert [looked(bench), looked(bench)] == [1, 0]
    assert len(mails(bench.database)) == 2


async def test_each_account_is_told_and_none_where_the_row_is_of_a_connected_chat(bench: Bench) -> None:
    impostor = bench.chat("impostor")
    await bench.coded(impostor)
    with bench.database.work() as work:
        store = work.verification
        for scope in (store.scope("chat", impostor.id), store.scope("bound", store.account_index(ACCOUNT), 1)):
            for _ in range(LOCK_AT):
                store.count_wrong(scope, impostor.id, bench.clock(), NO_LIMIT, LOCK_AT)
    assert looked(bench) == 0
    wrong(bench, LOCK_AT)
    wrong(bench, LOCK_AT, "K-200002")
    assert looked(bench) == 2


async def test_an_impostor_who_has_everything_erased_is_told_of_all_the_same(bench: Bench) -> None:
    impostor = bench.chat("impostor")
    await bench.coded(impostor)
    wrong(bench, LOCK_AT)
    with bench.database.work() as work:
        work.people.forget(impostor.id)
    assert [looked(bench), looked(bench)] == [1, 0]
    [mail] = mails(bench.database)
    assert "(the chats that tried were erased)" in mail


def test_without_a_mailbox_the_trail_says_it(bench: Bench) -> None:
    wrong(bench, LOCK_AT)
    assert looked(bench, "") == 1
    assert ("bot", ACTION) in bench.trail()
    assert mails(bench.database) == []
