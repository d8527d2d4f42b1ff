"""Plays a flow against its journal.

Every message plays the flow from its first line: steps that are in the journal get their recorded outcome, what was
said before the last of them is not said again, and the first step that isn't there is where the flow stands. An effect
happens once: it and its journal entry are written in the same transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.core.state import OpenFlow
from intents.catalogue import Flow
from intents.script import Ask, Choose, Cite, Do, Prove, Say, Show, Waiting

PROVEN = ("portal", "contact", "none")
"""How far somebody can have shown who they are."""
Effects = Callable[[str, Mapping[str, str]], str]
"""Makes the effect of that name happen with these arguments and returns its outcome."""


@dataclass(slots=True)
class Played:
    """What a play came to: what is to be said now, and the question it waits at (None: the flow has ended)."""

    said: list[Say | Cite | Show] = field(default_factory=list)
    waiting: Waiting | None = None
    restarted: bool = False
    """True when the journal no longer fitted the flow, which then began again."""


def play(flow: Flow, open_flow: OpenFlow, effects: Effects, answer: str | None = None) -> Played:
    """Plays on. `answer` is the outcome of the step the flow waited at, None when it begins or only asks again."""
    try:
        return _play(flow, open_flow, effects, answer)
    except JournalDoesNotFit:
        if any(entry["kind"] == "effect" for entry in open_flow.journal):
            return Played(restarted=True)  # Never repeat an effect: the flow ends here.
        open_flow.journal.clear()
        played = _play(flow, open_flow, effects, None)
        played.restarted = True
        return played


class JournalDoesNotFit(Exception):
    """The flow was changed while this journal was open."""


def _play(flow: Flow, open_flow: OpenFlow, effects: Effects, answer: str | None) -> Played:
    played = Played()
    script = flow()
    known = list(open_flow.journal)
    outcome: str | None = None
    position = 0
    try:
        while True:
            step = script.send(outcome)
            outcome = None
            match step:
                case Say() | Cite() | Show():
                    played.said.append(step)
                case Choose() | Ask() | Prove() | Do():
                    if position < len(known):
                        outcome = _recorded(step, known[position])
                        position += 1
                        played.said.clear()
                    elif isinstance(step, Do):
                        outcome = effects(step.effect, step.arguments)
                        open_flow.journal.append({"step": step.step, "kind": "effect", "outcome": outcome})
                    else:
                        if answer is None or not _fits(step, answer):
                            played.waiting = step
                            return played
                        outcome, answer = answer, None
                        open_flow.journal.append({"step": step.step, "kind": _kind(step), "outcome": outcome})
                        played.said.clear()
    except StopIteration:
        if position < len(known):
            raise JournalDoesNotFit from None
        return played
    finally:
        script.close()


def _fits(step: Waiting, answer: str) -> bool:
    match step:
        case Choose():
            return answer in step.options
        case Prove():
            return answer in PROVEN
    return True


def _kind(step: Waiting | Do) -> str:
    match step:
        case Do():
            return "effect"
        case Ask():
            return "words"
        case Prove():
            return "proof"
    return "answer"


def _recorded(step: Waiting | Do, entry: Mapping[str, str]) -> str:
    fits = isinstance(step, Do) or _fits(step, entry["outcome"])
    if entry["step"] != step.step or entry["kind"] != _kind(step) or not fits:
        raise JournalDoesNotFit
    return entry["outcome"]
