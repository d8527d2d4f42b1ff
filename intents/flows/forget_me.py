"""Erases what the bot itself holds on the person. Not the company's records: that is request_deletion."""

from intents.script import Script, confirm, do, say


def flow() -> Script[None]:
    yield from say("what_goes")
    if not (yield from confirm("sure")):
        yield from say("kept")
        return
    yield from do("erase", "forget_person")
    yield from say("gone")
