"""Withdrawing consent: mail tracking and the mailing list (privacy.6.4), cookies (privacy.6.3), or consent in general (PIPL 15)."""

from enum import StrEnum

from intents.script import Script, choose, cite, say


class What(StrEnum):
    """What should stop."""

    MAIL = "mail"
    COOKIES = "cookies"
    OTHER = "other"


def flow() -> Script[None]:
    what = yield from choose("what", What)
    if what is What.MAIL:
        yield from cite("privacy.6.4")
        yield from say("mail_today")
    elif what is What.COOKIES:
        yield from cite("privacy.6.3")
    else:
        yield from say("silent")
        yield from cite("pipl.15")
        yield from say("today")
