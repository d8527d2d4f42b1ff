"""Small talk, or anger at the bot: friendly, short, and back to what it can do."""

from intents.script import Script, say


def flow() -> Script[None]:
    yield from say("back_to_topic")
