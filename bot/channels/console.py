"""The terminal as a channel: draws replies as text and understands the same choices."""

import unicodedata
from collections.abc import Sequence
from math import inf
from typing import Any, TextIO

from bot.core.channel import Door, Lane, Limits, Receipt
from bot.core.message import Address, Reply

NAME = "terminal"


class Console:
    """Prints replies to `out`."""

    name = NAME
    limits = Limits(text_max=100_000, per_second=1e6, per_address=inf, buttons=False)

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def routes(self, door: Door) -> Sequence[Any]:
        return ()

    async def send(self, address: Address, reply: Reply, lane: Lane = "interactive") -> Receipt:
        print(draw(reply), file=self._out, flush=True)
        return Receipt()

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None


def draw(reply: Reply) -> str:
    """A reply as plain text: the words, what they rest on, a link, and numbered choices."""
    lines = [_clean(reply.text)]
    comma = "，" if reply.language.startswith("zh") else ", "
    sources = [
        f"{c.label}{comma}{_version(c.version, reply.language)}" if c.version else c.label for c in reply.citations
    ]
    foot = "; ".join(dict.fromkeys(sources)) + (f"  [{reply.receipt}]" if reply.receipt else "")
    if foot:
        lines.append(f"— {_clean(foot.strip())}")
    if reply.link and reply.link not in reply.text:
        lines.append(_clean(reply.link))
    lines += [f"  {number}. {_clean(choice.label)}" for number, choice in enumerate(reply.choices, 1)]
    return "\n".join(lines)


def _version(version: str, language: str) -> str:
    return f"version {version}" if language == "en" else f"{version}版"


def _clean(text: str) -> str:
    """Without control characters, so that nothing said can steer the terminal, and half characters, which can't be printed."""
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
