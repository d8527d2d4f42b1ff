"""A parent or guardian acts for a child (privacy.8)."""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.script import Script, choose, cite, say
from knowledge.rights import Right


class What(StrEnum):
    """What the guardian wants done."""

    WITHOUT_CONSENT = "without_guardian_consent"
    ACCESS = "access"
    CORRECTION = "correction"
    DELETION = "deletion"
    NOTHING = "nothing"


def flow() -> Script[None]:
    yield from cite("privacy.8.1", "privacy.8.2")
    if not (yield from are_handled(Right.GUARDIAN)):
        yield from say("today")
        return
    what = yield from choose("what", What)
    if what is What.NOTHING:
        yield from say("nothing")
    else:
        yield from place(Right.GUARDIAN, ground=what)
