"""A person instead of the bot: the contacts of privacy.10."""

from intents.script import Script, cite, say


def flow() -> Script[None]:
    yield from say("contacts")
    yield from cite("privacy.10")
