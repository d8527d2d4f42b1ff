"""Withdrawing consent: the mailing list and the tracking in its mails, each by itself (privacy.6.4), cookies (privacy.6.3),
or consent in general (PIPL 15)."""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.script import Script, choose, cite, say
from knowledge.rights import Right


class What(StrEnum):
    """What should stop."""

    MAIL = "mail"
    TRACKING = "tracking"
    COOKIES = "cookies"
    OTHER = "other"


GROUNDS = {What.MAIL: "marketing", What.TRACKING: "tracking", What.OTHER: "other"}


def flow() -> Script[None]:
    what = yield from choose("what", What)
    if what is What.COOKIES:
        yield from cite("privacy.6.3")
        return
    if what is What.OTHER:
        yield from say("silent")
        yield from cite("pipl.15")
    else:
        yield from cite("privacy.6.4")
    if not (yield from are_handled(Right.WITHDRAW_CONSENT)):
        if what is What.MAIL:
            yield from say("mail_today")
        elif what is What.TRACKING:
            yield from say("tracking_today")
        else:
            yield from say("today")
        return
    yield from place(Right.WITHDRAW_CONSENT, ground=GROUNDS[what], in_words=what is What.OTHER)
