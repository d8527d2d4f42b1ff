"""Opening a work order: who asks is shown as far as the right needs, then the order is opened and its number told."""

from intents.script import Script, ask, do, prove, say, show
from knowledge.rights import Level, Right, rights


def are_handled(right: Right) -> Script[bool]:
    """Whether the company has people who work such orders, and a way to show who asks. Else nothing is promised."""
    return (yield from do(f"_order.handled_{right}", "are_handled", right=right)) == "yes"


def place(right: Right, *, ground: str = "", in_words: bool = True) -> Script[str]:
    """Opens an order of this right; returns its number, "" where none was opened. `in_words`: the person says in own
    words what it is about."""
    words = ""
    if in_words:
        words = yield from ask("_order.words")
    if rights()[right].level > Level.CHANNEL:
        yield from prove("_order.proof", right)
    outcome = yield from do("_order.open", "open_order", right=right, ground=ground, words=words)
    how, _, number = outcome.partition(" ")
    match how:
        case "opened" if rights()[right].urgent:
            yield from say("_order.opened_urgent")
        case "opened":
            yield from say("_order.opened")
        case "joined":
            yield from say("_order.joined")
        case "waiting":
            yield from say("_order.waiting")
        case "papers":
            yield from say("_order.papers")
        case "papers_elsewhere":
            yield from say("_order.papers_elsewhere")
        case _:
            yield from say("_order.too_many")
            return ""
    yield from show(number)
    return number
