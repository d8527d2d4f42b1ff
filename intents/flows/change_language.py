"""Another language: the ones there are, as a choice."""

from enum import StrEnum

from intents.script import Script, choose, do, say


class Language(StrEnum):
    """The languages the bot answers in."""

    EN = "en"
    ZH = "zh"
    ZH_HANT = "zh-Hant"


def flow() -> Script[None]:
    asked = yield from do("asked", "language_asked_for")
    if asked == "other":
        yield from say("not_this_one")
    if asked not in list(Language):
        asked = yield from choose("which", Language)
    yield from do("set", "set_language", language=asked)
    yield from say("changed")
