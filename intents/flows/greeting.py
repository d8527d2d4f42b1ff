"""Hello."""

from intents.script import Script, say


def flow() -> Script[None]:
    yield from say("hello")
