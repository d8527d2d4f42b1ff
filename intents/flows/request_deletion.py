"""Deletion of one's user information (privacy.5.3; PIPL 47), closing the account (the policy is silent), and what a
close relative may ask after a death (PIPL 49)."""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.flows._whose import is_about_account
from intents.script import Script, choose, cite, confirm, say
from knowledge.rights import Right


class What(StrEnum):
    """What should go."""

    INFORMATION = "information"
    ACCOUNT = "account"
    RELATIVE = "relative"


class Ground(StrEnum):
    """Why: the first three are the policy's, the others the law's."""

    AGAINST_LAW = "against_law"
    WITHOUT_CONSENT = "without_consent"
    BREACH = "breach"
    PURPOSE_ACHIEVED = "purpose_achieved"
    SERVICE_ENDED = "service_ended"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OTHER_CASE = "other_case"


def flow() -> Script[None]:
    if not (yield from is_about_account()):
        return
    what = yield from choose("what", What)
    if what is What.ACCOUNT:
        yield from say("closure")
    if what is What.RELATIVE:
        yield from say("relative")
        yield from cite("pipl.49")
    else:
        yield from cite("privacy.5.3", "privacy.5.3.1", "privacy.5.3.2", "privacy.5.3.3")
        yield from say("law")
        yield from cite("pipl.47")
    if not (yield from are_handled(Right.DELETION)):
        yield from cite("privacy.5.verify")
        yield from say("today")
        return
    if what is What.RELATIVE:
        yield from place(Right.NEXT_OF_KIN, ground="deletion")
        return
    ground = ""
    if what is What.INFORMATION:
        ground = yield from choose("ground", Ground)
    yield from say("held")
    if not (yield from confirm("sure")):
        yield from say("kept")
        return
    yield from place(Right.CLOSURE if what is What.ACCOUNT else Right.DELETION, ground=ground, in_words=not ground)
