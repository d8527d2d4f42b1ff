"""What a turn decides: buttons, asides, ratings, receipts, and that nothing typed reaches further than it may."""

import pytest

from bot.core.message import Reply
from bot.core.receipts import REASONS, tidy_code
from bot.core.state import OpenFlow, State
from storage.engine import Database
from tests.bot.conftest import Person

QUESTION = "How long do you keep my data?"
UNSURE = "encryption"


def texts(replies: tuple[Reply, ...]) -> str:
    return "\n".join(reply.text for reply in replies)


def is_stale(replies: tuple[Reply, ...]) -> bool:
    return "earlier step" in texts(replies)


def test_an_answer_rests_on_its_clause_and_has_a_receipt(alice: Person, database: Database):
    (reply,) = alice(QUESTION)
    assert [citation.id for citation in reply.citations] == ["privacy.7.2"]
    with database.read() as work:
        basis = work.conversations.receipt(reply.receipt)
    assert (basis.company, basis.version, basis.clauses) == ("kenpai", "2023-12-15", ("privacy.7.2",))


def test_asking_back_gives_no_receipt_and_picking_gives_one(alice: Person):
    (asked,) = alice(UNSURE)
    assert asked.receipt == ""
    assert asked.choices[0].value.startswith("ask:")
    (picked,) = alice("1")
    assert picked.citations[0].id == asked.choices[0].value.removeprefix("ask:")
    assert picked.receipt


def test_none_of_these_asks_for_other_words_and_the_second_time_names_a_person(alice: Person):
    alice(UNSURE)
    assert "other words" in texts(alice("none of these"))
    alice(UNSURE)
    assert "400-076-9938" in texts(alice("none of these"))


def test_an_answer_that_helps_begins_the_count_anew(alice: Person):
    alice(UNSURE)
    alice("none of these")
    alice(QUESTION)
    alice(UNSURE)
    assert "other words" in texts(alice("none of these"))


def test_what_the_policy_does_not_say_is_answered_from_the_law_and_said_to_be_law(alice: Person):
    (reply,) = alice("May relatives see the data of the dead?")
    assert reply.text.startswith("The policy doesn't say.")
    assert "This is the law, not the policy" in reply.text
    assert [citation.source for citation in reply.citations] == ["law"]
    assert reply.receipt


def test_a_question_in_the_middle_is_answered_and_the_open_question_asked_again(alice: Person):
    whose = alice(choice="start:request_access")[-1]
    answered, again = alice(QUESTION)
    assert answered.citations[0].id == "privacy.7.2"
    assert again == whose


def test_a_word_in_passing_does_not_end_what_is_under_way(alice: Person):
    whose = alice(choice="start:request_access")[-1]
    assert alice("/help")[-1] == whose
    assert alice("1")[0].citations[0].id == "privacy.5.1"


def test_nonsense_in_the_middle_is_met_with_the_choices_again(alice: Person):
    whose = alice(choice="start:request_access")[-1]
    pick_one, again = alice("9")
    assert "pick" in pick_one.text
    assert again == whose


def test_another_wish_takes_over(alice: Person):
    whose = alice(choice="start:request_access")
    alice(choice="start:request_status")
    assert is_stale(alice.press("My own Kenpai account", whose))


def test_cancel_closes_what_is_open_and_says_when_nothing_is(alice: Person):
    whose = alice(choice="start:request_access")
    assert texts(alice("cancel")) != texts(alice("cancel"))
    assert is_stale(alice.press("My own Kenpai account", whose))


def test_start_begins_anew(alice: Person):
    whose = alice(choice="start:request_access")
    (hello,) = alice("/start")
    assert hello.choices == ()
    assert is_stale(alice.press("My own Kenpai account", whose))


def test_a_button_of_an_earlier_run_is_stale(alice: Person):
    first = alice(choice="start:request_access")
    alice(choice="start:request_access")
    assert is_stale(alice.press("My own Kenpai account", first))


def test_a_button_pressed_twice_counts_once(alice: Person):
    whose = alice(choice="start:request_deletion")
    assert "What" in texts(alice.press("My own Kenpai account", whose))
    assert is_stale(alice.press("My own Kenpai account", whose))


def test_somebody_elses_button_is_stale(alice: Person, bob: Person):
    whose = alice(choice="start:request_access")
    assert is_stale(bob.press("My own Kenpai account", whose))
    bob(choice="start:request_access")
    assert is_stale(bob.press("My own Kenpai account", whose))


def test_a_flow_that_an_update_took_away_is_dropped(alice: Person, database: Database, clock):
    alice(QUESTION)
    with database.work() as work:
        known = work.people.at("memory", "alice")
        kept = work.conversations.state(known)
        gone = State(flow=OpenFlow("no_such_flow", "run", [{"step": "x", "kind": "answer", "outcome": "y"}]))
        work.conversations.save_state(known, gone.to_bytes(), kept.version, clock())
    assert is_stale(alice(choice="flow:run:x:y"))
    assert alice(QUESTION)[0].citations[0].id == "privacy.7.2"


def test_a_number_means_nothing_once_the_dialogue_has_ended(alice: Person):
    alice(choice="start:request_access")
    alice("3")
    assert not is_stale(alice("1"))
    assert "find any words" in texts(alice("1"))


@pytest.mark.parametrize(
    "value",
    ["flow:x:y:z", "flow:", "flow", "ask:privacy.99", "clause:../../etc", "law:pipl.999", "start:_whose", "start:", "x",
     "", "rate:up:AAAA-AAAA", "reason:AAAA-AAAA:wrong_clause", "whole:", "approve:42", "rate::", "menu:'; DROP TABLE"],
)  # fmt: skip
def test_a_button_nobody_was_given_does_nothing(alice: Person, database: Database, value: str):
    alice(QUESTION)
    replies = alice(choice=value)
    assert is_stale(replies) or "can't find" in texts(replies)
    with database.read() as work:
        assert work.quarantine.count() == 0


def test_a_rating_with_its_reason_is_kept_with_the_answer(alice: Person, database: Database):
    shown = alice(QUESTION)
    reasons = alice.press("👎 Not helpful", shown)
    assert [choice.value.rsplit(":", 1)[-1] for choice in reasons[0].choices[:-1]] == list(REASONS)
    alice.press("Hard to understand", reasons)
    asked = alice.turns(database)[-1]
    assert (asked.rating, asked.rating_reason) == (-1, "unclear")


def test_nobody_rates_the_answer_of_another(alice: Person, bob: Person, database: Database):
    shown = alice(QUESTION)
    assert is_stale(bob.press("👎 Not helpful", shown))
    assert alice.turns(database)[0].rating == 0


@pytest.mark.parametrize("how", ["sideways", "", "up:up"])
def test_only_up_and_down_are_ratings(alice: Person, database: Database, how: str):
    (reply,) = alice(QUESTION)
    assert is_stale(alice(choice=f"rate:{how}:{reply.receipt}"))
    assert alice.turns(database)[-1].rating == 0


def test_a_receipt_shows_the_question_only_to_the_one_who_asked(alice: Person, bob: Person):
    bob("Can I block cookies?")
    (reply,) = alice(QUESTION)
    assert f"You asked: {QUESTION}" in texts(alice(f"/receipt {reply.receipt}"))
    shown = texts(bob(f"/receipt {reply.receipt}"))
    assert "Privacy Policy 7.2" in shown
    assert QUESTION not in shown
    assert "You asked" not in shown


def test_a_receipt_of_a_button_shows_no_question(alice: Person):
    (shown,) = alice(choice="clause:privacy.7.2")
    assert "You asked" not in texts(alice(f"/receipt {shown.receipt}"))
    alice(UNSURE)
    (picked,) = alice("1")
    assert "You asked" not in texts(alice(f"/receipt {picked.receipt}"))


def test_a_receipt_of_digits_alone_is_found(alice: Person, database: Database, clock):
    with database.work() as work:
        work.conversations.add_receipt(
            "1234-5678", clock(), "kenpai", "2023-12-15", "0" * 64, ["privacy.1.1"], "en", None
        )
    assert "Privacy Policy 1.1" in texts(alice("/receipt 1234-5678"))
    assert alice.turns(database)[0].text == "/receipt [code]"


def test_letters_that_look_alike_are_read_as_digits():
    assert tidy_code(" oil0-abcd ") == "0110-ABCD"


def test_receipt_without_a_code_asks_for_one(alice: Person):
    assert "Which receipt" in texts(alice("/receipt"))


@pytest.mark.parametrize("media", ["photo", "voice", "document"])
def test_what_is_no_text_is_declined_kindly(alice: Person, media: str):
    assert "only read text" in texts(alice(media=media))


@pytest.mark.parametrize("said", ["", "   ", "🙂", "?!", "42", "\u200b", "\ud800", "...", "\x00"])
def test_a_message_without_words_is_told_so(alice: Person, database: Database, said: str):
    assert "find any words" in texts(alice(said))
    with database.read() as work:
        assert work.quarantine.count() == 0


@pytest.mark.parametrize(
    "said",
    ["'; DROP TABLE person; --", "<script>alert(1)</script>", "{{7*7}} {contact} ${x} %s", "\u202ereversed\u202c text",
     "a" * 100_000, "答" * 100_000, "a b " * 30_000, "?" * 50_000 + "x", "\n" * 9_000 + "hello", "\ud83d x \udc00",
     "/" * 5_000, "flow:x:y:z", "start:forget_me", "<a href='javascript:x'>"],
    ids=range(14),
)  # fmt: skip
def test_hostile_text_gets_an_answer_and_breaks_nothing(alice: Person, database: Database, said: str):
    replies = alice(said)
    assert replies
    assert not any(marker in texts(replies) for marker in ("49 ", "<script>", "went wrong"))
    with database.read() as work:
        assert (work.people.count(), work.quarantine.count()) == (1, 0)
    assert len(alice.turns(database)[0].text) <= 4_000
