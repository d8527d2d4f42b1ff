"""Being told of policy updates: where they are published (privacy.9.2, 9.3)."""

from intents.script import Script, cite, say


def flow() -> Script[None]:
    yield from say("not_here")
    yield from cite("privacy.9.2", "privacy.9.3")
