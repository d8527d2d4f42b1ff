"""Seeing or getting a copy of what the company holds (privacy.5.1; PIPL 45 where the policy is silent)."""

from intents.flows._whose import is_about_account
from intents.script import Script, cite, say


def flow() -> Script[None]:
    if not (yield from is_about_account()):
        return
    yield from cite("privacy.5.1")
    yield from say("copy")
    yield from cite("pipl.45")
    yield from say("today")
