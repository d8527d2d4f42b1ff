"""The words a flow is written in."""

from enum import StrEnum

import pytest

from intents.script import Choose, Cite, Do, Say, Script, choose, cite, confirm, do, say


class Fruit(StrEnum):
    APPLE = "apple"
    PEAR = "pear"


def outcome_of(script: Script, *given):
    """The steps a script yields when it is given these outcomes, and what it returns (None while it still waits)."""
    steps = [next(script)]
    try:
        for outcome in given:
            steps.append(script.send(outcome))
    except StopIteration as end:
        return steps, end.value
    return steps, None


def test_say_says_its_wording_with_its_values():
    assert outcome_of(say("hello", name="Kenpai"), None) == ([Say("hello", {"name": "Kenpai"})], None)


def test_cite_shows_its_clauses_together():
    assert outcome_of(cite("privacy.5.1", "pipl.45"), None) == ([Cite(("privacy.5.1", "pipl.45"))], None)


def test_choose_offers_the_options_and_returns_the_picked_one():
    steps, picked = outcome_of(choose("fruit", Fruit), "pear")
    assert steps == [Choose("fruit", ("apple", "pear"))]
    assert picked is Fruit.PEAR


def test_choose_takes_nothing_but_its_options():
    script = choose("fruit", Fruit)
    next(script)
    with pytest.raises(ValueError, match="plum"):
        script.send("plum")


@pytest.mark.parametrize(("answer", "sure"), [("yes", True), ("no", False)])
def test_confirm_is_true_for_yes_alone(answer: str, sure: bool):
    steps, confirmed = outcome_of(confirm("sure"), answer)
    assert steps == [Choose("sure", ("yes", "no"))]
    assert confirmed is sure


def test_do_returns_what_the_effect_reports():
    steps, report = outcome_of(do("set", "set_language", language="en"), "en")
    assert steps == [Do("set", "set_language", {"language": "en"})]
    assert report == "en"
