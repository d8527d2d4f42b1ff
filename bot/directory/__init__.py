"""Where the company's accounts come from: a CSV file into our own table, or the company's own system over HTTP."""

from bot.directory.client import HttpDirectory
from bot.directory.settings import AccountsSettings

__all__ = ["AccountsSettings", "HttpDirectory"]
