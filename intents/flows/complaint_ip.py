"""Somebody's copyright or trademark is infringed on the company's pages: a written notice to the mailbox of legal.3."""

from intents.flows._order import are_handled, place
from intents.script import Script, cite, confirm, say
from knowledge.rights import Right


def flow() -> Script[None]:
    yield from cite("legal.3")
    yield from say("notice")
    if not (yield from are_handled(Right.INFRINGEMENT)):
        return
    if (yield from confirm("follow")):
        yield from place(Right.INFRINGEMENT)
    else:
        yield from say("not_followed")
