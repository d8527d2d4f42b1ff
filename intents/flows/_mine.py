"""The person's own orders: which one is meant, and what can still be done with it."""

from intents.script import Script, cite, do, pick, say, show


def my_order(which: str) -> Script[str]:
    """The number of the order that is meant; "" when there is none, which the person has then been told.

    `which`: "all" of them, or only "live" ones.
    """
    found = yield from do(f"_mine.{which}", "my_orders", which=which)
    if found == "unknown":
        yield from say("_mine.unknown")
        return ""
    if not found:
        yield from say("_mine.none")
        yield from cite("privacy.10")
        return ""
    labelled = dict(line.split(" ", 1) for line in found.splitlines())
    if len(labelled) <= 1:
        return next(iter(labelled), "")
    return (yield from pick("_mine.which", labelled))


def is_open_to(act: str, number: str, when: str) -> Script[bool]:
    """Whether the person may do `act` with the order by now; if not, they are told so and shown where it stands.

    `when` names the step: it is asked anew before everything that moves an order.
    """
    acts = yield from do(f"_mine.{when}", "order_acts", number=number)
    if act in acts.split():
        return True
    yield from say("_mine.not_now")
    yield from show(number)
    return False


def live_numbers(when: str) -> Script[str]:
    """The numbers of the person's requests under way, as a list in one line; "" when there are none. `when` names the
    step."""
    found = yield from do(f"_mine.{when}", "my_orders", which="live")
    return ", ".join(line.split(" ", 1)[0] for line in found.splitlines() if " " in line)
