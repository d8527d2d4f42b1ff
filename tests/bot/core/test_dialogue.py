"""How a flow is played against its journal."""

from collections.abc import Mapping
from enum import StrEnum

import pytest

from bot.core.dialogue import play
from bot.core.state import OpenFlow
from intents.script import Choose, Cite, Say, Script, choose, cite, confirm, do, say


class Fruit(StrEnum):
    APPLE = "apple"
    PEAR = "pear"


class Effects:
    """Counts what was made to happen; each outcome tells how often it has been."""

    def __init__(self) -> None:
        self.made: list[tuple[str, dict[str, str]]] = []

    def __call__(self, effect: str, arguments: Mapping[str, str]) -> str:
        self.made.append((effect, dict(arguments)))
        return f"{effect}-{len(self.made)}"


def orchard() -> Script[None]:
    yield from say("hello")
    fruit = yield from choose("fruit", Fruit)
    picked = yield from do("pick", "pick", fruit=fruit)
    yield from say("picked", what=picked)
    if (yield from confirm("more")):
        yield from cite("privacy.1.1")
    yield from say("bye")


@pytest.fixture
def effects() -> Effects:
    return Effects()


@pytest.fixture
def open_flow() -> OpenFlow:
    return OpenFlow("orchard", "run")


def said(played) -> list[str]:
    return [step.key if isinstance(step, Say) else " ".join(step.ids) for step in played.said]


def test_a_flow_waits_at_its_first_question(effects: Effects, open_flow: OpenFlow):
    played = play(orchard, open_flow, effects)
    assert said(played) == ["hello"]
    assert played.waiting == Choose("fruit", ("apple", "pear"))
    assert open_flow.journal == []


def test_an_answer_goes_on_and_what_was_said_before_is_not_said_again(effects: Effects, open_flow: OpenFlow):
    play(orchard, open_flow, effects)
    played = play(orchard, open_flow, effects, "pear")
    assert said(played) == ["picked"]
    assert played.said[0].values == {"what": "pick-1"}
    assert played.waiting.step == "more"
    assert effects.made == [("pick", {"fruit": "pear"})]


def test_an_effect_happens_once_however_often_the_flow_is_played(effects: Effects, open_flow: OpenFlow):
    play(orchard, open_flow, effects, "pear")
    for _ in range(3):
        assert said(play(orchard, open_flow, effects)) == ["picked"]
    play(orchard, open_flow, effects, "no")
    assert len(effects.made) == 1


def test_a_flow_that_has_ended_waits_for_nothing(effects: Effects, open_flow: OpenFlow):
    play(orchard, open_flow, effects, "pear")
    played = play(orchard, open_flow, effects, "yes")
    assert said(played) == ["privacy.1.1", "bye"]
    assert isinstance(played.said[0], Cite)
    assert played.waiting is None


@pytest.mark.parametrize("answer", ["plum", "", "Apple", "yes"])
def test_an_answer_that_is_no_option_is_asked_again(effects: Effects, open_flow: OpenFlow, answer: str):
    played = play(orchard, open_flow, effects, answer)
    assert played.waiting.step == "fruit"
    assert open_flow.journal == []


def test_one_answer_never_answers_two_questions(effects: Effects):
    def twice() -> Script[None]:
        yield from confirm("first")
        yield from confirm("second")

    played = play(twice, OpenFlow("twice", "run"), effects, "yes")
    assert played.waiting.step == "second"


def changed() -> Script[None]:
    yield from confirm("really")
    yield from choose("fruit", Fruit)


def fewer() -> Script[None]:
    yield from say("nothing to ask")


def renamed_option() -> Script[None]:
    class Other(StrEnum):
        PLUM = "plum"

    yield from choose("fruit", Other)


@pytest.mark.parametrize("flow", [changed, renamed_option])
def test_a_journal_that_no_longer_fits_starts_again(effects: Effects, flow):
    open_flow = OpenFlow("orchard", "run", [{"step": "fruit", "kind": "answer", "outcome": "pear"}])
    played = play(flow, open_flow, effects, "yes")
    assert played.restarted
    assert played.waiting == next(flow())
    assert open_flow.journal == []


def test_a_journal_longer_than_the_flow_starts_again(effects: Effects):
    open_flow = OpenFlow("orchard", "run", [{"step": "fruit", "kind": "answer", "outcome": "pear"}])
    played = play(fewer, open_flow, effects)
    assert played.restarted
    assert said(played) == ["nothing to ask"]


def test_a_journal_that_no_longer_fits_never_repeats_its_effect(effects: Effects, open_flow: OpenFlow):
    play(orchard, open_flow, effects, "pear")
    played = play(changed, open_flow, effects, "yes")
    assert played.restarted
    assert played.waiting is None
    assert len(effects.made) == 1


def test_a_flow_closes_what_it_opened(effects: Effects):
    closed = []

    def careful() -> Script[None]:
        try:
            yield from confirm("sure")
        finally:
            closed.append(True)

    play(careful, OpenFlow("careful", "run"), effects)
    assert closed == [True]
