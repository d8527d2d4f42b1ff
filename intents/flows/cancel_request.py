"""Withdrawing a request that was made elsewhere: this chat opens none and can't see them."""

from intents.script import Script, cite, say


def flow() -> Script[None]:
    yield from say("no_sight")
    yield from cite("privacy.10")
