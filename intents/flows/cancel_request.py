"""Taking a request back, at any time before it is done."""

from intents.flows._mine import is_open_to, my_order
from intents.script import Script, confirm, do, say, show


def flow() -> Script[None]:
    number = yield from my_order("live")
    if not number:
        return
    yield from show(number)
    if not (yield from confirm("sure")):
        yield from say("kept")
        return
    if (yield from is_open_to("withdraw", number, "settled")):
        yield from do("withdraw", "withdraw_order", number=number)
        yield from say("withdrawn")
