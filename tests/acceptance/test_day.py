"""The day of the rights, as small as covers every right; and that what it looks for would be found.

The full one: python -m tests.acceptance.day
"""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.acceptance.day import Report, main, run
from tests.acceptance.day_cast import CHANNELS, LASTS, RIGHTS, START, cast, right_of
from tests.acceptance.day_expected import expected
from tests.acceptance.day_invariants import told_too_much, unproven

DONE = {
    "right": "deletion", "number": "KP-7M2D-Q4XK", "state": "closed", "level": 2, "code_proven_at": START,
    "checked_by": None, "proposed_by": 1, "approved_by": 2, "approved_at": START, "warned_at": START + timedelta(hours=48),
    "hold_until": START + timedelta(hours=72), "hold_over_at": START + timedelta(hours=72),
    "executed_at": START + timedelta(hours=80), "delivered_at": None,
}  # fmt: skip
"""A deletion as it must be where a portal is connected."""


async def test_every_right_comes_to_what_the_script_says() -> None:
    report = await run(cast(small=True))
    assert report.differences == []
    assert report.problems == []
    assert report.figures["trail"] > report.figures["orders"] > 0
    assert all(report.figures[f"messages.{channel}"] > 0 for channel in CHANNELS)


def test_fifty_use_every_right_everywhere_and_a_dozen_every_right() -> None:
    full, few = cast(), cast(small=True)
    assert len(full) == 50
    assert {right_of(who.acts) for who in few} - {""} == RIGHTS
    assert {(right_of(who.acts), who.channel) for who in full} >= {(right, on) for right in RIGHTS for on in CHANNELS}
    assert {(right_of(who.acts), who.language) for who in full} >= {
        (right, it) for right in RIGHTS for it in ("en", "zh")
    }
    assert not any(who.is_impostor for who in full[:-5])


def test_what_is_expected_comes_from_the_script() -> None:
    customers = cast()
    whole = expected(customers)
    assert whole == sum((expected([who]) for who in customers), Counter())
    assert whole["orders"] == sum(count for name, count in whole.items() if name.startswith("state."))
    assert whole["orders"] == sum(count for name, count in whole.items() if name.startswith("right."))
    without = expected([who for who in customers if who.story != "infringement, too late"])
    assert (whole["deadline.missed"], without["deadline.missed"]) == (1, 0)


def test_a_difference_is_told() -> None:
    report = Report(1, 1, START, START + LASTS, Counter(orders=1, sms=2, trail=9), Counter(orders=1, sms=3, mails=1))
    assert report.differences == ["mails: 0, and by the script 1", "sms: 2, and by the script 3"]
    assert not report.holds
    assert not Report(1, 1, START, START + LASTS, problems=["something"]).holds


@pytest.mark.parametrize(
    "wrong",
    [
        {"approved_by": 1},
        {"approved_by": None},
        {"level": 1},
        {"level": 1, "checked_by": 3},
        {"code_proven_at": None},
        {"executed_at": START + timedelta(hours=71)},
        {"warned_at": None},
        {"executed_at": None},
    ],
)
def test_an_order_that_was_done_without_its_proof_is_told(wrong: dict[str, Any]) -> None:
    on: Any = SimpleNamespace(has_portal=True)
    assert list(unproven(on, [SimpleNamespace(**DONE)])) == []
    assert list(unproven(on, [SimpleNamespace(**DONE | wrong)]))


@pytest.mark.parametrize("checked_by", [None, 1])
def test_without_a_portal_a_third_person_must_have_checked(checked_by: int | None) -> None:
    on: Any = SimpleNamespace(has_portal=False)
    assert list(unproven(on, [SimpleNamespace(**DONE | {"level": 1, "checked_by": 3})])) == []
    assert list(unproven(on, [SimpleNamespace(**DONE | {"level": 1, "checked_by": checked_by})]))


@pytest.mark.parametrize("leaked", ["1111 2222", "http://privacy.example.com/result/" + "B" * 22, "CANARY-001-07919"])
def test_what_must_not_stand_in_a_chat_is_found_there(leaked: str) -> None:
    letters = [SimpleNamespace(text="1111 2222"), SimpleNamespace(text="http://privacy.example.com/result/" + "B" * 22)]
    on: Any = SimpleNamespace(sms=SimpleNamespace(texts=letters), mailbox=SimpleNamespace(mails=[]))
    player: Any = SimpleNamespace(who=cast()[0], has_chatted=True)
    assert list(told_too_much(on, [player], {1: "Your request is open. For example 1234 5678."})) == []
    assert list(told_too_much(on, [player], {1: f"Here it is: {leaked}"}))
    assert list(told_too_much(on, [player], {1: ""}))


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as over:
        main(["--help"])
    told = capsys.readouterr().out
    assert over.value.code == 0
    assert all(word in told for word in ("--report", "--small", "--seed", "Exit code", "clausebot orders"))
