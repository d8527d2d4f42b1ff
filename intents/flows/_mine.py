"""The person's own orders: which one is meant."""

from intents.script import Script, cite, do, pick, say


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
