"""Scripts of faults: which call they strike, and that the same seed strikes the same calls."""

import pytest

from bot.rehearsal.faults import BadScript, Kind, Rule, Script


def struck(script: Script, calls: int, name: str = "sendMessage") -> list[int]:
    return [number for number in range(1, calls + 1) if script.at(name)]


def test_a_fault_happens_at_the_calls_that_are_named() -> None:
    assert struck(Script([Rule.parse("sendMessage reset at=3,7")]), 10) == [3, 7]


def test_by_chance_the_same_seed_strikes_the_same_calls_and_about_as_many_as_it_should() -> None:
    rule = "sendMessage refuse:429 chance=0.05"
    first = struck(Script([Rule.parse(rule)], seed=7), 2000)
    assert first == struck(Script([Rule.parse(rule)], seed=7), 2000)
    assert first != struck(Script([Rule.parse(rule)], seed=8), 2000)
    assert 70 <= len(first) <= 130


def test_what_other_calls_there_are_changes_nothing() -> None:
    alone, mixed = (Script([Rule.parse("sendMessage html chance=0.2")], seed=3) for _ in range(2))
    among = []
    for number in range(1, 201):
        mixed.at("getMe")
        if mixed.at("sendMessage"):
            among.append(number)
    assert struck(alone, 200) == among


def test_a_rule_can_end_and_can_mean_one_person() -> None:
    script = Script([Rule.parse("* refuse:403 times=2 person=5")])
    assert [bool(script.at("sendMessage", who)) for who in ("5", "6", "5", "5")] == [True, False, True, False]


def test_the_first_rule_that_strikes_decides() -> None:
    script = Script([Rule.parse("sendMessage slow at=2"), Rule.parse("* html:503")])
    faults = [script.at("sendMessage"), script.at("sendMessage")]
    assert [(fault.kind, fault.code) for fault in faults if fault] == [(Kind.HTML, 503), (Kind.SLOW, 0)]


def test_a_script_reads_back_what_it_says_of_itself() -> None:
    rules = ["sendMessage refuse:429 seconds=2 at=3,7", "update duplicate seconds=0 chance=0.1 times=4 person=9"]
    script = Script.from_data({"seed": 5, "rules": rules})
    assert Script.from_data({key: script.as_data()[key] for key in ("seed", "rules")}).rules == script.rules
    assert script.as_data()["rules"] == rules


@pytest.mark.parametrize(
    "words",
    [
        "sendMessage",
        "sendMessage explode",
        "sendMessage refuse",
        "sendMessage refuse:many",
        "sendMessage reset at=one",
        "sendMessage reset chance=2",
        "sendMessage slow seconds=-1",
        "sendMessage slow for=3",
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_a_reason(words: str) -> None:
    with pytest.raises(BadScript, match=r"\w"):
        Rule.parse(words)


@pytest.mark.parametrize("data", [{"rules": "all"}, {"rules": [1]}, {"seed": "one"}])
def test_so_is_a_script(data: dict[str, object]) -> None:
    with pytest.raises(BadScript):
        Script.from_data(data)


def test_faults_of_the_answer_leave_the_effect() -> None:
    after = {kind for kind in Kind if Rule.parse(f"x {kind}:1").fault.has_effect}
    assert after >= {Kind.RESET_AFTER, Kind.HANG_AFTER, Kind.CUT, Kind.SLOW}
    assert not after & {Kind.REFUSE, Kind.HTML, Kind.GARBAGE, Kind.RESET, Kind.HANG}
