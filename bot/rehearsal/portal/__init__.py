"""A stand-in of the company's own systems: the accounts that it can be asked for."""

from bot.rehearsal.portal.directory import AccountsStandIn, Lie

__all__ = ["AccountsStandIn", "Lie"]
