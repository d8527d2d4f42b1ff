"""Deletion of one's user information (privacy.5.3) and closing the account (the policy is silent)."""

from enum import StrEnum

from intents.flows._whose import is_about_account
from intents.script import Script, choose, cite, say


class What(StrEnum):
    """What should go."""

    INFORMATION = "information"
    ACCOUNT = "account"


def flow() -> Script[None]:
    if not (yield from is_about_account()):
        return
    what = yield from choose("what", What)
    if what is What.ACCOUNT:
        yield from say("closure")
    yield from cite("privacy.5.3", "privacy.5.3.1", "privacy.5.3.2", "privacy.5.3.3")
    yield from say("law")
    yield from cite("pipl.47")
    yield from cite("privacy.5.verify")
    yield from say("today")
