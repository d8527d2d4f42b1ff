"""You're welcome."""

from intents.script import Script, say


def flow() -> Script[None]:
    yield from say("welcome")
