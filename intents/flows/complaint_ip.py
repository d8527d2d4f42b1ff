"""Somebody's copyright or trademark is infringed on the company's pages: a written notice to the mailbox of legal.3."""

from intents.script import Script, cite, say


def flow() -> Script[None]:
    yield from cite("legal.3")
    yield from say("notice")
