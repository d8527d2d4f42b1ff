"""Whose data is it? The company answers for its own customers' information; data on a website that a customer hosts is
that customer's business data (privacy.1.3, 4.1.1), and what was said in this chat is the bot's own."""

from enum import StrEnum

from intents.script import Script, choose, cite, say


class Whose(StrEnum):
    """The three sets of data people mean."""

    ACCOUNT = "account"
    HOSTED = "hosted"
    CHAT = "chat"


def is_about_account() -> Script[bool]:
    """True when the person means their own account; otherwise they were told where to turn, and the flow can end."""
    whose = yield from choose("_whose.whose", Whose)
    if whose is Whose.HOSTED:
        yield from say("_whose.hosted")
        yield from cite("privacy.4.1.1", "privacy.1.3")
    elif whose is Whose.CHAT:
        yield from say("_whose.chat")
    return whose is Whose.ACCOUNT
