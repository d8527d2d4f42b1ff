"""Correction: the basic profile by oneself (privacy.5.1), real-name information by work order or phone (privacy.5.2)."""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.script import Script, choose, cite, say
from knowledge.rights import Right


class What(StrEnum):
    """What is wrong."""

    PROFILE = "profile"
    REAL_NAME = "real_name"


class Ground(StrEnum):
    """What is wrong with it."""

    INACCURATE = "inaccurate"
    INCOMPLETE = "incomplete"


def flow() -> Script[None]:
    what = yield from choose("what", What)
    if what is What.PROFILE:
        yield from cite("privacy.5.1")
        yield from say("profile_today")
        return
    yield from cite("privacy.5.2")
    if not (yield from are_handled(Right.CORRECTION)):
        yield from say("real_name_today")
        return
    ground = yield from choose("ground", Ground)
    yield from say("no_numbers")
    yield from place(Right.CORRECTION, ground=ground)
