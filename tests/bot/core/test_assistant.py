"""What a turn promises: one effect a message, all or nothing, an honest word when something breaks,
and nothing left of the erased."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text

from bot.core.assistant import BURST, Assistant
from bot.core.clock import Clock
from bot.core.message import Event, Reply
from bot.core.receipts import new_code
from intents.recogniser import Recogniser, Recognition
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from tests.bot.conftest import Person

QUESTION = "How long do you keep my data?"


class Crash(BaseException):
    """The process ends here: nobody catches it, nothing is tidied up."""


class Broken(Recogniser):
    def recognise(self, text: str, *, language: str | None = None) -> Recognition:
        raise RuntimeError("the matcher is broken")


def test_the_same_message_twice_has_one_effect_and_the_same_replies(alice: Person, database: Database):
    message = alice.message(QUESTION)
    first, second = alice.assistant.take(message), alice.assistant.take(message)
    assert first.replies == second.replies != ()
    assert (first.repeated, second.repeated) == (False, True)
    assert second.deliveries == ()
    assert len(alice.turns(database)) == 1


def test_two_threads_with_the_same_message_have_one_effect(alice: Person, database: Database):
    message, together = alice.message(QUESTION), Barrier(2)

    def take():
        together.wait()
        return alice.assistant.take(message)

    with ThreadPoolExecutor(2) as threads:
        one, other = [running.result() for running in [threads.submit(take), threads.submit(take)]]
    assert one.replies == other.replies != ()
    assert sorted([one.repeated, other.repeated]) == [False, True]
    assert len(alice.turns(database)) == 1


def test_many_messages_of_one_person_at_once_all_take_effect(alice: Person, database: Database):
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(alice.assistant.take, [alice.message(QUESTION) for _ in range(16)]))
    assert all(one.replies for one in taken)
    assert [turn.outcome for turn in alice.turns(database)] == ["answered"] * 16


def test_the_replies_of_a_turn_are_its_deliveries(alice: Person, database: Database):
    taken = alice.take("/forget")
    with database.read() as work:
        known = work.people.at("memory", "alice")
        kept = work.deliveries.history(known)
    assert [one.id for one in kept] == list(taken.deliveries)
    assert len(taken.replies) == len(kept) == 2
    assert len({one.cause for one in kept}) == 1


def test_a_crash_before_the_commit_leaves_nothing(
    database: Database, policy: PolicyVersion, recogniser: Recogniser, wording: Wording, clock: Clock
):
    def crash() -> str:
        raise Crash

    alice = Person(Assistant(database, policy, recogniser, wording, clock, codes=crash), clock)
    message = alice.message(QUESTION)
    with pytest.raises(Crash):
        alice.assistant.take(message)
    with database.read() as work:
        assert (work.people.count(), work.trail.count(), work.quarantine.count()) == (0, 0, 0)
        assert work.conversations.turn_of(message.key) is None


def test_a_crash_between_an_effect_and_its_commit_undoes_the_effect(
    alice: Person, database: Database, policy: PolicyVersion, recogniser: Recogniser, clock: Clock
):
    class Crashing(Wording):
        def say(self, flow: str, key: str, language: str, /, **values: str) -> str:
            if (flow, key) == ("forget_me", "gone"):  # Said after the rows are deleted.
                raise Crash
            return super().say(flow, key, language, **values)

    alice(QUESTION)
    alice("/forget")
    crashing = Person(Assistant(database, policy, recogniser, Crashing.load(), clock), clock)
    yes = crashing.message("yes")
    with pytest.raises(Crash):
        crashing.assistant.take(yes)
    assert len(alice.turns(database)) == 2
    assert "erased" in alice.assistant.take(yes).replies[0].text  # The platform sends it again, and it takes effect.
    assert alice.turns(database) == []


def test_a_failing_recogniser_ends_in_quarantine_and_an_apology(
    database: Database, policy: PolicyVersion, wording: Wording, clock: Clock
):
    alice = Person(Assistant(database, policy, Broken(policy, {}), wording, clock), clock)
    message = alice.message("你们会保存我的信息多久？")
    taken = alice.assistant.take(message)
    assert [reply.text for reply in taken.replies] == [
        wording.shared("went_wrong", "zh", company=policy.name["zh"], contact=policy.contact["zh"])
    ]
    assert len(taken.deliveries) == 1
    with database.read() as work:
        held = work.quarantine.get(message.key)
    assert held.body.decode() == "你们会保存我的信息多久？"
    assert held.error.startswith("RuntimeError")
    assert [(turn.outcome, turn.text) for turn in alice.turns(database)] == [("apology", "")]


def test_a_message_in_quarantine_that_comes_again_gets_the_same_apology(
    database: Database, policy: PolicyVersion, wording: Wording, clock: Clock
):
    alice = Person(Assistant(database, policy, Broken(policy, {}), wording, clock), clock)
    message = alice.message(QUESTION)
    first, second = alice.assistant.take(message), alice.assistant.take(message)
    assert first.replies == second.replies
    with database.read() as work:
        assert work.quarantine.count() == 1


def test_after_an_apology_the_talk_goes_on_where_it_stood(
    alice: Person, database: Database, policy: PolicyVersion, wording: Wording, clock: Clock
):
    alice("/forget")
    broken = Person(Assistant(database, policy, Broken(policy, {}), wording, clock), clock)
    broken("what?")
    assert "erased" in alice("yes")[0].text


def test_when_not_even_a_quarantine_is_possible_nothing_is_acknowledged(alice: Person, database: Database):
    with database.work() as work:
        work.connection.execute(text("DROP TABLE seen"))
    with pytest.raises(Exception, match="seen"):
        alice(QUESTION)
    with database.read() as work:
        assert (work.people.count(), work.quarantine.count()) == (0, 0)


def test_a_receipt_code_that_is_taken_is_made_anew(
    database: Database, policy: PolicyVersion, recogniser: Recogniser, wording: Wording, clock: Clock
):
    codes: Iterator[str] = iter(["AAAA-AAAA", "AAAA-AAAA", "BBBB-BBBB"])
    alice = Person(Assistant(database, policy, recogniser, wording, clock, codes=lambda: next(codes)), clock)
    assert alice(QUESTION)[0].receipt == "AAAA-AAAA"
    assert alice(QUESTION)[0].receipt == "BBBB-BBBB"


def test_a_chat_that_floods_is_told_once_and_heard_again_after_a_minute(
    alice: Person, bob: Person, clock: Clock, wording: Wording
):
    for _ in range(BURST):
        assert alice("/help")[0].text != wording.shared("too_fast", "en")
    assert [reply.text for reply in alice("/help")] == [wording.shared("too_fast", "en")]
    assert alice("/help") == alice("/help") == ()
    assert bob("/help")
    clock.turn(minutes=1)
    assert len(alice("/help")) == 1


def test_nothing_of_an_erased_person_is_left_to_read(alice: Person, bob: Person, database: Database):
    alice(QUESTION)
    bob(QUESTION)
    alice("/forget")
    alice("yes")
    with database.read() as work:
        connection = work.connection
        for table in ("person", "person_key", "conversation", "turn", "delivery"):
            owner = "id" if table == "person" else "person_id"
            owners = connection.execute(text(f"SELECT DISTINCT {owner} FROM {table}")).scalars().all()
            assert owners == [work.people.at("memory", "bob").id], table


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_rows_of_an_erased_person_are_gone_from_the_file(alice: Person, database: Database, database_url: str):
    alice(QUESTION)
    with database.read() as work:
        connection = work.connection
        sealed = [
            bytes(connection.execute(text(f"SELECT {column} FROM {table}")).scalar_one())
            for table, column in (("person_key", "wrapped"), ("person", "address"), ("turn", "text"))
        ]

    def on_disk() -> bytes:
        path = Path(database_url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))

    assert all(value in on_disk() for value in sealed)
    alice("/forget")
    alice("yes")
    assert not any(value in on_disk() for value in sealed)


def test_erasing_is_noted_without_a_name(alice: Person, database: Database):
    alice("/forget")
    alice("yes")
    with database.read() as work:
        actions = work.connection.execute(text("SELECT actor, action, thing FROM trail ORDER BY id")).all()
    actor, action, thing = actions[-1]
    assert action == "erased"
    assert re.fullmatch(r"person:\d+", actor)
    assert thing == actor


def test_what_is_kept_of_a_message_is_masked(alice: Person, database: Database):
    alice("my card is 4111 1111 1111 1111")
    assert alice.turns(database)[0].text == "my card is [card ***1111]"


@pytest.mark.parametrize(
    ("hint", "greeting"), [("zh-CN", "您好"), ("zh-TW", "您好"), ("en-GB", "Hello"), ("fr", "Hello"), (None, "Hello")]
)
def test_who_joins_is_greeted_in_the_language_of_the_platform(alice: Person, hint: str | None, greeting: str):
    assert alice(event=Event.JOINED, language_hint=hint)[0].text.startswith(greeting)


def test_who_leaves_is_not_answered_and_not_reachable(alice: Person, database: Database):
    alice(QUESTION)
    assert alice(event=Event.LEFT) == ()
    with database.read() as work:
        assert not work.people.at("memory", "alice").reachable
    alice(QUESTION)
    with database.read() as work:
        assert work.people.at("memory", "alice").reachable


def test_the_language_follows_the_person_until_one_is_chosen(alice: Person):
    def spoken(text: str) -> str:
        return alice(text)[0].language

    assert spoken(QUESTION) == "en"
    assert spoken("你们会保存我的信息多久？") == "zh"
    assert spoken("cookies") == "zh"  # One Latin word is no change of language.
    assert spoken("個人資料會保存多久？") == "zh-Hant"
    assert spoken("你好") == "zh-Hant"  # Written the same in both scripts.
    assert spoken("/language en") == "en"
    assert spoken("你们会保存我的信息多久？") == "en"


def test_a_fresh_code_is_used_for_each_answer(alice: Person):
    receipts = [reply.receipt for _ in range(3) for reply in alice(QUESTION)]
    assert len(set(receipts)) == 3
    assert all(len(receipt) == len(new_code()) for receipt in receipts)


@pytest.mark.parametrize("takes_phone", [True, False])
def test_whether_a_phone_may_be_shared_is_written_down_and_older_replies_still_read(takes_phone: bool):
    reply = Reply("Which account?", language="en", takes_phone=takes_phone)
    kept = json.loads(json.dumps(reply.as_data()))
    assert ("takes_phone" in kept) is takes_phone
    assert Reply.from_data(kept) == reply
    older = {name: value for name, value in kept.items() if name != "takes_phone"}
    assert Reply.from_data(older) == Reply("Which account?", language="en")


def test_a_reply_survives_being_written_down_and_read_back(alice: Person):
    for said in (QUESTION, "/policy", "/mydata", "encryption"):
        for reply in alice(said):
            assert Reply.from_data(reply.as_data() | {}) == reply
