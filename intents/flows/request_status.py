"""Where is my request? This chat can't see the company's work orders."""

from intents.script import Script, cite, say


def flow() -> Script[None]:
    yield from say("no_sight")
    yield from cite("privacy.10")
