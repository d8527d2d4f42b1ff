"""What the bot can do."""

from intents.script import Script, say


def flow() -> Script[None]:
    yield from say("what_i_do")
