"""The families of errors; a class's docstring is its message.

Declined            the person asked for something we can't do now -> a worded reply, never a traceback
    NothingFound    no such clause, receipt, version
    StaleChoice     a button whose time has passed
DeliveryError       a channel couldn't deliver -> the pump decides
    TryLater(after) Unreachable(reason)   Refused(reason)
Unwanted            a channel found, in a turn's own transaction, that the message must not be taken -> it refuses it
Misconfigured       found at start, all at once, each with the setting's name -> exit 2
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal


class Declined(Exception):
    """The person asked for something we can't do now. `wording` names the reply, `values` fill it."""

    wording = "declined"

    def __init__(self, **values: str) -> None:
        super().__init__(self.wording)
        self.values = values


class NothingFound(Declined):
    """There is nothing by that name."""

    wording = "nothing_found"


class StaleChoice(Declined):
    """That button belongs to an earlier step."""

    wording = "stale_choice"


class DeliveryError(Exception):
    """A channel couldn't deliver a message."""


class TryLater(DeliveryError):
    """The platform asks to wait, or can't be reached now. `unsure`: this try may have arrived all the same.

    `halts` says who must wait: "person" this one alone, "everyone" the whole channel. None is for what the platform
    doesn't say (a Telegram 429): the person waits, and everyone once two persons in a row were told to.
    """

    def __init__(
        self, after: timedelta, *, unsure: bool = False, halts: Literal["person", "everyone"] | None = None
    ) -> None:
        super().__init__(f"try again after {after}")
        self.after, self.unsure, self.halts = after, unsure, halts


class Unreachable(DeliveryError):
    """The person can't be reached on this channel; `reason` is the platform's code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(DeliveryError):
    """The platform will never take this message; `reason` is its code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unwanted(Exception):
    """The message must not be taken: what its channel keeps of such messages says so."""


class Misconfigured(Exception):
    """One or more settings or files are wrong; `problems` holds one sentence for each, with what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
