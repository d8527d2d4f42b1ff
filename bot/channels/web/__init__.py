"""The web chat: a page of our own that works without any account anywhere."""

from bot.channels.web.chat import WebChat
from bot.channels.web.entry import Entry, History

__all__ = ["Entry", "History", "WebChat"]
