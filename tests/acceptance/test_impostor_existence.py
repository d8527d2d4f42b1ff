"""H4, H5, H6 and H8: who wants to know whether somebody is a customer, or to guess a code. See test_impostor for the table."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core import flood
from bot.core.contacts import Kind
from bot.core.retention import forget_old
from storage.crypto import Keyring
from tests.acceptance.impostor_browser import Browser
from tests.acceptance.impostor_stage import (
    ADA,
    ADAS_MAIL,
    ADAS_PHONE,
    MALLORY,
    MALLORYS_PHONE,
    SECRETS_OF_ADA,
    Stage,
    stage,
)

NOBODY = {"account": "K-999999", "phone": "+8613700000777", "mail": "nobody@mail.example.com"}
THERE = {"account": ADA, "phone": ADAS_PHONE, "mail": ADAS_MAIL}
_CHANCE = re.compile(
    r'data-id="[0-9]+"|id="[em][0-9]+"|<time.*?</time>|flow:[0-9a-z]+:|KP-[0-9A-Z]{4}-[0-9A-Z]{4}'
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}|mydata:[0-9]+|start=[A-Za-z0-9_-]{22}|\b[0-9A-Z]{4}-[0-9A-Z]{4}\b"
    r"|(?<=from )[0-9]{2}:[0-9]{2}|(?<=after )[0-9]{2}:[0-9]{2}|[0-9]{2}:[0-9]{2} \(UTC\+8\)",
    re.DOTALL,
)
"""Ids, times and numbers that differ between any two chats."""


@pytest.fixture
async def open_house(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Stage]:
    """A company without a portal: any chat may ask for a code to any account."""
    async with stage(tmp_path / "open", sqlite_template, keyring, portal=False) as on:
        yield on


async def everything_that_may_be_asked(on: Stage, chat: Browser, hint: str) -> list[str]:
    """Bytes of every answer to a session that tries whatever could tell, chance taken out."""
    seen = []

    async def note(_: str) -> None:
        seen.append(_CHANCE.sub("", chat.shown))

    await chat.wants_a_copy()
    await note(await chat.say(hint))
    await note(await chat.say("/mydata"))
    await on.go_on()
    await note(await chat.say("/mydata"))
    for _ in range(3):
        await note(await chat.say("0000 0000"))
    await note(await chat.say("/mydata"))
    await note(await chat.press("again"))
    await note(await chat.say(hint))
    await on.go_on()
    for _ in range(7):
        await note(await chat.say("0000 0001"))
    await note(await chat.say("/mydata"))
    await note(await chat.press("none"))
    await note(await chat.say("/status"))
    on.clock.turn(minutes=2)
    await note(await chat.say("/mydata"))
    await note(await chat.say("/privacy"))
    await note(await chat.say("/forget"))
    await note(await chat.press("yes"))
    return seen


@pytest.mark.parametrize("named", list(THERE))
async def test_h08_nothing_that_can_be_asked_tells_a_customer_from_nobody(open_house: Stage, named: str) -> None:
    """Not even what the bot says that it holds on the asker: /mydata counts everything."""
    on = open_house
    told = []
    for hint in (THERE[named], NOBODY[named]):
        chat = await on.browser()
        told.append(await everything_that_may_be_asked(on, chat, hint))
        chat.saw_nothing_of(*set(SECRETS_OF_ADA) - {hint})
    assert on.codes() > 0, "otherwise nothing was compared"
    assert told[0] == told[1]


async def test_h08_neither_do_accounts_that_get_no_code(open_house: Stage) -> None:
    """Contacts too young, an account closed, a number of two accounts, codes used up, locked after a hundred wrong ones."""
    on = open_house
    on.put_account("K-300001", (Kind.PHONE, "+8613800000301", 10), (Kind.EMAIL, "young@mail.example.com", 3))
    on.put_account("K-300002", (Kind.PHONE, "+8613800000302", 400), closed=True)
    for name in ("K-300003", "K-300004"):
        on.put_account(name, (Kind.PHONE, "+8613800000303", 400))
    on.put_account("K-300005", (Kind.WECHAT, "oEXAMPLE00000000000000000009", 400))
    with on.app.database.work() as work:
        used_up, now = work.verification.account_index(ADA), on.clock()
        for _ in range(100):
            work.verification.count_wrong(work.verification.scope("unbound", used_up), None, now, 1_000)
    reference = await everything_that_may_be_asked(on, await on.browser(), NOBODY["account"])
    for hint in ("K-300001", "+8613800000302", "+8613800000303", "K-300005", ADA):
        assert await everything_that_may_be_asked(on, await on.browser(), hint) == reference, hint
    assert {text for text in on.sent() if "code" in text} == set(on.sent("+8613800000302"))


async def test_h08_what_is_left_of_a_try_after_days_tells_nothing_either(open_house: Stage) -> None:
    """Whoever has an account of their own ends the row of wrong codes with a right one, and comes back later."""
    on, chats = open_house, list[Browser]()
    on.put_account("K-666002", (Kind.PHONE, "+8613900000667", 400))
    for hint, own, phone in ((ADA, MALLORY, MALLORYS_PHONE), (NOBODY["account"], "K-666002", "+8613900000667")):
        chats.append(chat := await on.browser())
        for account in (hint, own):
            await chat.wants("withdraw_consent", "mail")
            await chat.say(account)
            await on.go_on()
            await chat.say(on.code(phone) if account == own else "00000000")
        assert len(on.orders_of(own)) == 1
    on.clock.turn(days=2)
    await asyncio.to_thread(forget_old, on.app.database, on.clock())
    told = [_CHANCE.sub("", await chat.say("/mydata")) for chat in chats]
    assert "Counts of codes" not in told[0]
    assert told[0] == told[1]


async def test_h08_what_an_order_of_somebody_else_does_shows_nowhere(open_house: Stage) -> None:
    """The victim has a request under way: the impostor's own, about the same account, goes on as about nobody's."""
    on = open_house
    ada = await on.browser()
    await ada.wants_a_copy()
    await ada.say(ADA)
    await on.go_on()
    await ada.say(on.code(ADAS_PHONE))
    assert len(on.orders_of(ADA)) == 1
    told = []
    for hint in (ADA, NOBODY["account"]):
        chat = await on.browser()
        told.append(await everything_that_may_be_asked(on, chat, hint))
        chat.saw_nothing_of(*set(SECRETS_OF_ADA) - {hint}, on.orders_of(ADA)[0].number)
    assert told[0] == told[1]


# ---- H4: guessing


async def test_h04_many_chats_at_once_have_no_more_tries_than_one_and_the_owner_isnt_locked_out(
    tmp_path: Path, sqlite_template: Path, keyring: Keyring
) -> None:
    async with stage(tmp_path / "on", sqlite_template, keyring) as on:
        chats = [await on.browser() for _ in range(8)]
        await asyncio.gather(*(chat.wants("withdraw_consent", "mail") for chat in chats))
        await asyncio.gather(*(chat.say(ADAS_PHONE) for chat in chats))
        await on.go_on()
        assert on.codes() == 3, "an hour's codes, all chats together"
        live = on.code(ADAS_PHONE)
        for guess in ("00000000", "00000001", "00000002", "00000003", "00000004", "00000005"):
            await asyncio.gather(*(chat.say(guess) for chat in chats))
        compared = on.rows("SELECT wrong, in_a_row FROM verification_tally WHERE person_id IS NULL")
        assert compared == [(10, 10)], "a day's tries, all chats together"
        assert max(row[0] for row in on.rows("SELECT tries FROM verification")) == 5
        for chat in chats:  # A fresh chat brings neither codes nor tries back.
            on.clock.turn(seconds=30)
            await chat.say("/forget")
            await chat.press("yes")
            await chat.wants("withdraw_consent", "mail")
            await chat.say(ADA)
            await on.go_on()
            await chat.say(live)
        assert on.codes() == 3
        on.clock.turn(minutes=61)
        late = await on.browser()
        await late.wants("withdraw_consent", "mail")
        await late.say(ADAS_MAIL)
        await on.go_on()
        await late.say(on.code(ADAS_PHONE))
        assert (on.codes(), on.orders_of(ADA)) == (4, []), "the day's tries are gone, so even the right code is none"
        ada = await on.browser()
        await on.connect(ada, ADA)
        assert (await on.order_of(ada, ADAS_PHONE)).state == "open"


async def test_h04_ever_new_chats_to_ever_other_accounts_meet_a_cap_over_all(
    tmp_path: Path, sqlite_template: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each chat and each account is within its own limits. Nothing shows; staff are told once; a connected chat goes on."""
    monkeypatch.setattr(flood, "LOOKUPS_A_MINUTE", 14)
    monkeypatch.setattr(flood, "CODES_AN_HOUR", 8)
    async with stage(tmp_path / "on", sqlite_template, keyring) as on:
        phones = [f"+861370000{n:04}" for n in range(24)]
        for n, phone in enumerate(phones):
            on.put_account(f"K-20{n:04}", (Kind.PHONE, phone, 400))
        answers = set()
        for hint in (*phones, *(f"+861371000{n:04}" for n in range(12))):
            stranger = await on.browser()
            await stranger.wants("withdraw_consent", "mail")
            answers.add(_CHANCE.sub("", await stranger.say(hint)).replace(hint, ""))
        await on.go_on()
        assert len(answers) == 1
        assert on.codes() == 4, "half at once; the other half comes with the hour"
        held_back = on.rows("SELECT count(*) FROM trail WHERE action = 'look-up held back'")[0][0]
        assert 36 - held_back <= 14
        for _ in range(3):
            stranger = await on.browser()
            await stranger.wants("withdraw_consent", "mail")
            await stranger.say(phones[-1])
        await on.go_on()
        told = on.rows("SELECT detail FROM trail WHERE action = 'alarm flood' ORDER BY detail")
        assert told == [("codes",), ("look-ups",)]
        ada = await on.browser()
        await on.connect(ada, ADA)
        assert (await on.order_of(ada, ADAS_PHONE)).state == "open"


# ---- H5: a number that belongs to somebody else by now


@pytest.mark.parametrize("portal", [True, False])
async def test_h05_a_number_new_on_file_gets_no_code(
    tmp_path: Path, sqlite_template: Path, keyring: Keyring, portal: bool
) -> None:
    """Whoever took over a phone, or entered their own at a stolen session: 30 days it proves nothing, by any flow."""
    async with stage(tmp_path / "on", sqlite_template, keyring, portal=portal) as on:
        new = "+8613700000555"
        on.put_account(ADA, (Kind.PHONE, new, 29.9), (Kind.EMAIL, ADAS_MAIL, 400))
        mallory = await on.browser()
        for hint in (new, ADA, ADAS_MAIL):
            await mallory.wants("withdraw_consent", "mail")
            await mallory.say(hint)
            await on.go_on()
        assert on.sent(new) == []
        # A mailed code alone proves nothing where a portal is connected; where none is, staff check besides.
        assert len(on.sent(ADAS_MAIL)) == (0 if portal else 3)
        await mallory.press("none")
        assert on.orders_of(ADA) == []
        on.put_account("K-777777", (Kind.PHONE, ADAS_PHONE, 200))  # Her old number has gone to another customer.
        await mallory.wants("withdraw_consent", "mail")
        on.clock.turn(hours=2)
        await mallory.say(ADAS_PHONE)
        await on.go_on()
        with on.app.database.read() as work:
            meant = on.rows("SELECT account_index FROM verification ORDER BY id DESC LIMIT 1")[0][0]
            assert meant == work.verification.account_index("K-777777")
