"""Correction: the basic profile by oneself (privacy.5.1), real-name information by work order or phone (privacy.5.2)."""

from enum import StrEnum

from intents.script import Script, choose, cite, say


class What(StrEnum):
    """What is wrong."""

    PROFILE = "profile"
    REAL_NAME = "real_name"


def flow() -> Script[None]:
    what = yield from choose("what", What)
    if what is What.PROFILE:
        yield from cite("privacy.5.1")
        yield from say("profile_today")
    else:
        yield from cite("privacy.5.2")
        yield from say("real_name_today")
