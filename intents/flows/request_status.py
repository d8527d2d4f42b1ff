"""Where is my request? Its state, its date, and what can be done with it now."""

from enum import StrEnum

from intents.flows._mine import is_open_to, my_order
from intents.script import Script, ask, choose_among, confirm, do, say, show


class Act(StrEnum):
    """What a person can do with an order."""

    NOTHING = "nothing"
    REMARK = "remark"
    APPEAL = "appeal"
    WITHDRAW = "withdraw"


def flow() -> Script[None]:
    number = yield from my_order("all")
    if not number:
        return
    yield from show(number)
    acts = yield from do("acts", "order_acts", number=number)
    if not acts:
        return
    act = yield from choose_among("act", Act, ("nothing", *acts.split()))
    if act is Act.NOTHING:
        yield from say("fine")
        return
    if not (yield from is_open_to(act, number, "picked")):  # The buttons may be days old.
        return
    words = ""
    match act:
        case Act.REMARK:
            words = yield from ask("remark")
        case Act.APPEAL:
            words = yield from ask("appeal")
        case Act.WITHDRAW:
            if not (yield from confirm("sure")):
                yield from say("kept")
                return
    if not (yield from is_open_to(act, number, "settled")):
        return
    match act:
        case Act.REMARK:
            yield from do("add", "add_remark", number=number, words=words)
            yield from say("remarked")
        case Act.APPEAL:
            state = yield from do("again", "appeal_order", number=number, words=words)
            if state == "verifying":
                yield from say("appealed_unproven")
            else:
                yield from say("appealed")
            yield from show(number)
        case Act.WITHDRAW:
            yield from do("withdraw", "withdraw_order", number=number)
            yield from say("withdrawn")
