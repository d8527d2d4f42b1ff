"""A copy of what the company holds, its transfer elsewhere, an explanation (privacy.5.1; PIPL 45, 48), also of a relative
who has died (PIPL 49)."""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.flows._whose import is_about_account
from intents.script import Script, choose, cite, say
from knowledge.rights import Right


class What(StrEnum):
    """What is wanted."""

    COPY = "copy"
    TRANSFER = "transfer"
    EXPLANATION = "explanation"
    RELATIVE = "relative"


def flow() -> Script[None]:
    if not (yield from is_about_account()):
        return
    if not (yield from are_handled(Right.ACCESS)):
        yield from cite("privacy.5.1")
        yield from say("copy")
        yield from cite("pipl.45")
        yield from say("today")
        return
    match (yield from choose("what", What)):
        case What.COPY:
            yield from cite("privacy.5.1")
            yield from say("copy")
            yield from cite("pipl.45")
            yield from place(Right.ACCESS, in_words=False)
        case What.TRANSFER:
            yield from say("transfer")
            yield from cite("pipl.45")
            yield from place(Right.PORTABILITY)
        case What.EXPLANATION:
            yield from say("explanation")
            yield from cite("pipl.48")
            yield from place(Right.EXPLANATION)
        case What.RELATIVE:
            yield from say("relative")
            yield from cite("pipl.49")
            yield from place(Right.NEXT_OF_KIN, ground="access")
