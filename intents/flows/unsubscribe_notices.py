"""No more alerts: this chat sends none; the mailing list has its own way out (privacy.6.4)."""

from intents.script import Script, cite, say


def flow() -> Script[None]:
    yield from say("none_sent")
    yield from cite("privacy.6.4")
