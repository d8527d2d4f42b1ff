"""Erases what the bot itself holds on the person. Not the company's records: that is request_deletion.

Requests under way are with staff and stay there; the person is told so before and after.
"""

from intents.flows._mine import live_numbers
from intents.script import Script, confirm, do, say


def flow() -> Script[None]:
    yield from say("what_goes")
    numbers = yield from live_numbers("before")
    if numbers:
        yield from say("requests_stay", numbers=numbers)
    if not (yield from confirm("sure")):
        yield from say("kept")
        return
    numbers = yield from live_numbers("left")
    yield from do("erase", "forget_person")
    yield from say("gone")
    if numbers:
        yield from say("requests_left", numbers=numbers)
