"""The bot's own privacy: what /mydata and /privacy say is what is done."""

import json
from datetime import timedelta

import pytest
from sqlmodel import SQLModel, insert, select

from bot.core import retention
from bot.core.clock import Clock
from bot.core.errors import StaleChoice
from bot.core.message import Address, InboundMessage, Reply
from bot.core.privacy import KIND, LATEST, PAGE, more_of_my_data, my_data, own_notice
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.stores.holdings import NAMES_NOBODY, SHOWN, Holdings
from storage.tables import Person as Person_
from storage.tables import WeChatWindow
from tests.bot.conftest import Person
from tests.orders import full_order
from tests.results import full_results
from tests.verification import full_verification


def page(person: Person, database: Database, voice: Voice, before: str) -> Reply:
    """What the button with the value mydata:<before> shows."""
    with database.read() as work:
        known = work.people.at(person.address.channel, person.address.user)
        return more_of_my_data(work, known, voice, before)


def button(reply: Reply, label: str) -> str:
    """What the button carries behind its kind."""
    (value,) = (choice.value for choice in reply.choices if choice.label == label)
    kind, _, rest = value.partition(":")
    assert kind == KIND
    return rest


@pytest.fixture
def voice(wording: Wording, policy: PolicyVersion) -> Voice:
    return Voice(wording, policy, "en")


def test_mydata_shows_what_one_wrote_as_it_is_kept(alice: Person):
    alice("my card is 4111 1111 1111 1111")
    alice(choice="menu")
    (reply,) = alice("/mydata")
    assert "2026-03-02 09:30 UTC  my card is [card ***1111] → " in reply.text
    assert "4111 1111" not in reply.text
    assert "a button" in reply.text
    assert "2 March 2026" in reply.text


def test_mydata_shows_nothing_of_anybody_else(alice: Person, bob: Person, database: Database, voice: Voice):
    alice("How long do you keep my data?")
    assert "How long" not in bob("/mydata")[0].text
    assert "How long" not in page(bob, database, voice, "1000").text
    assert "Kenpai keeps" not in page(bob, database, voice, "1000").text


def test_mydata_says_how_much_there_is_and_until_when(alice: Person, database: Database, clock: Clock):
    shown = alice("How long do you keep my data?")
    alice.press("👎 Not helpful", shown)
    alice(choice=f"reason:{shown[0].receipt}:unclear")
    clock.turn(days=1)
    alice("nothing that anybody covers")
    with database.work() as work:
        known = work.people.at("memory", "alice")
        work.quarantine.put("memory:x", "memory", b"words", "RuntimeError", clock(), "alice")
        work.deliveries.add(known, "notice:1", [b"{}"], clock())
        work.people.touch(known.id, clock(), reachable=False)
    text = alice("/mydata")[0].text
    assert "first heard of 2 March 2026" in text
    assert "taken from what you write" in text
    assert "messages don't reach you" in text
    assert "without words: 4, of which you rated 1. Each 90 days; the oldest until 31 May 2026" in text
    assert "My replies, encrypted: 5, of which waiting to go out 5, not delivered 0. Each 90 days" in text
    assert "is kept: 1. Each 3 years; the oldest until" in text
    assert "counts twice: 4. Each 72 hours" in text
    assert "failed to handle, encrypted: 1. Each 7 days; the last until 10 March 2026" in text
    assert "last question “nothing that anybody covers”" in text
    assert (
        f"answered; Privacy Policy 7.2; receipt {shown[0].receipt}; you found it not helpful; Hard to understand"
        in text
    )


def test_mydata_says_that_the_language_was_chosen(alice: Person):
    alice("/language en")
    text = alice("/mydata")[0].text
    assert "language English, chosen by you" in text
    assert "Notes of what was done for you (such as a language set), without words, under a number: 1" in text


def test_everything_that_was_said_can_be_paged_through_with_the_replies(
    alice: Person, database: Database, clock: Clock, voice: Voice
):
    replies = []
    for number in range(2 * PAGE + 2):
        clock.turn(minutes=5)
        replies += alice(f"/policy question number {number}")
    (overview,) = alice("/mydata")
    assert f"question number {2 * PAGE + 1} →" in overview.text
    assert f"question number {2 * PAGE + 1 - LATEST} →" not in overview.text
    shown, texts = page(alice, database, voice, button(overview, "Show everything")), []
    while True:
        texts.append(shown.text)
        if all(choice.label != "More" for choice in shown.choices):
            break
        shown = page(alice, database, voice, button(shown, "More"))
    assert len(texts) == 3
    everything = "\n".join(texts)
    for number in range(2 * PAGE + 2):
        assert everything.count(f"/policy question number {number} →") == 1
    assert all(f"I said: {reply.text}" in everything for reply in replies)
    assert "That was the first message I hold." in texts[-1]
    assert button(shown, "Overview") == ""
    assert page(alice, database, voice, "").text.startswith("What I hold")


def test_a_page_names_an_overview_and_does_not_quote_it(alice: Person, database: Database, voice: Voice):
    alice("How long do you keep my data?")
    alice("/mydata")
    text = page(alice, database, voice, "1000").text
    assert "I said: (an overview or a page like this one)" in text
    assert "What I hold" not in text


def test_what_was_sent_unasked_stands_among_the_rest_once(
    alice: Person, database: Database, clock: Clock, voice: Voice
):
    for number in range(2 * PAGE):
        clock.turn(minutes=5)
        alice(f"/policy question number {number}")
        if number in (0, 2, PAGE + 1):
            clock.turn(minutes=1)
            with database.work() as work:
                body = json.dumps(Reply(f"notice {number}").as_data()).encode()
                work.deliveries.add(work.people.at("memory", "alice"), f"notice:{number}", [body], clock())
    first = page(alice, database, voice, "1000")
    last = page(alice, database, voice, button(first, "More"))
    assert "notice" not in page(alice, database, voice, "1").text.partition("notice 0")[2]
    assert (
        first.text.index(f"number {PAGE + 2}")
        < first.text.index(f"notice {PAGE + 1}")
        < first.text.index(f"number {PAGE + 1} ")
    )
    assert "notice 0" not in first.text
    assert last.text.index("notice 2") < last.text.index("notice 0")
    assert f"notice {PAGE + 1}" not in last.text
    assert "I said: notice 0 (waiting to go out)" in last.text


@pytest.mark.parametrize("before", ["x", "-1", "1 OR 1", "9" * 19, "１２"])
def test_a_page_that_no_button_shows_is_declined(alice: Person, database: Database, voice: Voice, before: str):
    alice("hello")
    with pytest.raises(StaleChoice):
        page(alice, database, voice, before)


def test_mydata_after_forgetting_says_that_there_is_nothing(alice: Person):
    alice("How long do you keep my data?")
    alice.press("Yes, erase it", alice("/forget"))
    (reply,) = alice("/mydata")
    assert reply.text.startswith("Apart from this message and my reply to it, I hold nothing about you but this:")
    assert "How long" not in reply.text
    assert [choice.label for choice in reply.choices] == ["Erase it"]


def test_a_key_that_names_its_writer_outlives_them_as_nobodys(alice: Person, database: Database):
    """The web's message ids begin with the visitor's own; they are kept for 72 hours, the person isn't."""
    visitor = "0123456789abcdef0123456789abcdef"
    address = Address("web", visitor)
    said = InboundMessage(address, "How long do you keep my data?", f"{visitor}-1", alice.clock())
    alice.assistant.take(said)
    again = alice.assistant.take(said)
    assert again.repeated
    with database.work() as work:
        known = work.people.at("web", visitor)
        assert known is not None
        work.people.forget(known.id)
    with database.read() as work:
        for table in SQLModel.metadata.sorted_tables:
            for row in work.connection.execute(select(table)):
                assert visitor not in str(tuple(row)), table.name


def named_by_rows() -> list[str]:
    """Tables whose rows lead to a person or a turn by a foreign key, however many steps away."""
    tables, found = SQLModel.metadata.tables, {"person"}
    while new := {
        name
        for name, one in tables.items()
        if name not in found and any(key.column.table.name in found for key in one.foreign_keys)
    }:
        found |= new
    return sorted(found)


def test_every_table_is_shown_or_holds_nothing_on_a_person_who_talks_to_the_bot():
    assert set(SHOWN) | set(NAMES_NOBODY) == set(SQLModel.metadata.tables)
    assert not set(SHOWN) & set(NAMES_NOBODY)


def test_a_table_that_leads_to_a_person_is_shown():
    columns = {name: set(one.columns.keys()) for name, one in SQLModel.metadata.tables.items()}
    by_column = {name for name, those in columns.items() if those & {"person_id", "turn_id", "person", "sender_index"}}
    assert {*named_by_rows(), *by_column} <= set(SHOWN)


@pytest.mark.parametrize("language", ["en", "zh", "zh-Hant"])
def test_mydata_names_every_kind_there_is(
    alice: Person, database: Database, clock: Clock, wording: Wording, policy: PolicyVersion, language: str
):
    alice("How long do you keep my data?")
    voice = Voice(wording, policy, language)
    with database.work() as work:
        known = work.people.at("memory", "alice")
        index = work.connection.execute(select(Person_.address_index).where(Person_.id == known.id)).scalar_one()
        work.quarantine.put("memory:x", "memory", b"words", "RuntimeError", clock(), "alice")
        work.trail.add(clock(), f"person:{known.id}", "language set", f"person:{known.id}")
        work.pace.take(f"memory:person:{known.id}", 1.0, 1, clock())
        work.connection.execute(
            insert(WeChatWindow).values(person=index, message_left=1, action_left=0, touched_at=clock())
        )
        full_results(work, full_order(work, known.id, clock()), clock)
        full_verification(work, known, clock())
        counts = Holdings(work.connection, known).counts()
        assert {name for name, count in counts.items() if count.rows} == set(SHOWN)
        said = my_data(work, known, voice).text.splitlines()
    for name in SHOWN:
        # The key is named with the person. What stands before the first number is the same for every count.
        words = voice.shared(f"mydata_{name}" if name != "person_key" else "mydata_person").partition("{")[0]
        assert [line for line in said if line.startswith(words)], name


def test_the_erase_button_asks_first(alice: Person):
    shown = alice("/mydata")
    assert len(alice.press("Erase it", shown)) == 2
    assert "Nothing was erased" in alice("no")[0].text


@pytest.mark.parametrize(
    ("language", "limits"),
    [
        ("en", ("{talk} days", "{keys} hours", "{held} days", "{receipts} years")),
        ("zh", ("{talk} 天", "{keys} 小时", "{held} 天", "{receipts} 年")),
    ],
)
def test_the_notice_states_the_limits_that_are_kept(
    wording: Wording, policy: PolicyVersion, language: str, limits: tuple[str, ...]
):
    text = own_notice(Voice(wording, policy, language)).text
    kept = {
        "talk": retention.TALK.days,
        "keys": retention.MESSAGE_KEYS // timedelta(hours=1),
        "held": retention.QUARANTINED.days,
        "receipts": retention.RECEIPTS.days // 365,
    }
    for limit in limits:
        assert limit.format(**kept) in text


def test_forgetting_takes_failed_messages_along(alice: Person, bob: Person, database: Database, clock: Clock):
    alice("hello")
    with database.work() as work:
        for person in (alice, bob):
            user = person.address.user
            work.quarantine.put(f"memory:{user}", "memory", b"words", "RuntimeError", clock(), user)
    alice.press("Yes, erase it", alice("/forget"))
    with database.read() as work:
        assert work.quarantine.get("memory:alice") is None
        assert work.quarantine.get(f"memory:{bob.address.user}") is not None
