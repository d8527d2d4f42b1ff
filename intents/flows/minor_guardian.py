"""A parent or guardian acts for a child (privacy.8)."""

from intents.script import Script, cite, say


def flow() -> Script[None]:
    yield from cite("privacy.8.1", "privacy.8.2")
    yield from say("today")
