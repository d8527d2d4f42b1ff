"""A leak or a stolen account in the person's own case: advice at once, then customer service (privacy.4.2.2)."""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.script import Script, choose, cite, confirm, say
from knowledge.rights import Right


class What(StrEnum):
    """What happened."""

    ACCOUNT = "account"
    LEAK = "leak"
    PHISHING = "phishing"


def flow() -> Script[None]:
    yield from say("at_once")
    what = yield from choose("what", What)
    if what is What.ACCOUNT:
        yield from say("account_advice")
    elif what is What.LEAK:
        yield from say("leak_advice")
    else:
        yield from say("phishing_advice")
    yield from cite("privacy.4.2.2", "privacy.7.4")
    if not (yield from are_handled(Right.SECURITY)):
        yield from say("not_reported")
    elif (yield from confirm("report")):
        yield from place(Right.SECURITY, ground="account_taken" if what is What.ACCOUNT else "other")
    else:
        yield from say("left_unreported")
