"""A leak or a stolen account in the person's own case: advice with the first reply, then an urgent report (privacy.4.2.2).

Whoever wants it reported is asked nothing more before staff are alarmed; details come after.
"""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.script import Script, ask, choose, cite, confirm, do, say
from knowledge.rights import Right


class What(StrEnum):
    """What happened."""

    ACCOUNT = "account"
    LOGIN = "login"
    LEAK = "leak"
    PHISHING = "phishing"


class More(StrEnum):
    """Whether there is something to add."""

    ADD = "add"
    DONE = "done"


GROUNDS = {What.ACCOUNT: "account_taken", What.LOGIN: "password_leaked"}


def flow() -> Script[None]:
    yield from say("at_once")
    what = yield from choose("what", What)
    match what:
        case What.ACCOUNT:
            yield from say("account_advice")
        case What.LOGIN:
            yield from say("login_advice")
        case What.LEAK:
            yield from say("leak_advice")
        case What.PHISHING:
            yield from say("phishing_advice")
    yield from cite("privacy.4.2.2", "privacy.7.4")
    if not (yield from are_handled(Right.SECURITY)):
        yield from say("not_reported")
        return
    if not (yield from confirm("report")):
        yield from say("left_unreported")
        return
    number = yield from place(Right.SECURITY, ground=GROUNDS.get(what, "other"), in_words=False)
    if not number:
        return
    if (yield from choose("more", More)) is More.ADD:
        words = yield from ask("details")
        yield from do("add", "add_remark", number=number, words=words)
        yield from say("added")
    else:
        yield from say("fine")
