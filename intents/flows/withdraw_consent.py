"""Withdrawing consent: mail tracking and the mailing list (privacy.6.4), cookies (privacy.6.3), or consent in general (PIPL 15)."""

from enum import StrEnum

from intents.flows._order import are_handled, place
from intents.script import Script, choose, cite, say
from knowledge.rights import Right


class What(StrEnum):
    """What should stop."""

    MAIL = "mail"
    COOKIES = "cookies"
    OTHER = "other"


def flow() -> Script[None]:
    what = yield from choose("what", What)
    if what is What.COOKIES:
        yield from cite("privacy.6.3")
        return
    if what is What.MAIL:
        yield from cite("privacy.6.4")
    else:
        yield from say("silent")
        yield from cite("pipl.15")
    if not (yield from are_handled(Right.WITHDRAW_CONSENT)):
        if what is What.MAIL:
            yield from say("mail_today")
        else:
            yield from say("today")
    elif what is What.MAIL:
        yield from place(Right.WITHDRAW_CONSENT, ground="marketing", in_words=False)
    else:
        yield from place(Right.WITHDRAW_CONSENT, ground="other")
