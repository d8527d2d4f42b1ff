"""Where one conversation stands between two messages. Kept sealed; holds nothing that isn't needed to go on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bot.core.message import Choice

QUESTION_MAX = 300
"""Characters of the last question that are kept for a follow-up."""


@dataclass(slots=True)
class OpenFlow:
    """A dialogue under way. `run` binds its buttons to this one run; `journal` holds what each step came to; `proving`
    is the code that is waited for, `account` the one that a right code proved: both 0 or "" when there is none. `about`: the
    number of the order that it was begun about, "" where that is for the person to say."""

    name: str
    run: str
    journal: list[dict[str, str]] = field(default_factory=list)
    proving: int = 0
    account: str = ""
    about: str = ""


@dataclass(slots=True)
class State:
    """`offers` are the choices last shown (a typed number means one of them); `topic` the clauses last spoken of;
    `failed` counts answers in a row that did not help; `rested` is when a chat that wrote much is rested again (seconds
    since 1970), `flooded` whether it was told so."""

    flow: OpenFlow | None = None
    offers: list[Choice] = field(default_factory=list)
    topic: list[str] = field(default_factory=list)
    question: str = ""
    failed: int = 0
    rested: float = 0.0
    flooded: bool = False

    def offer(self, shown: Sequence[Choice]) -> None:
        """Notes the choices shown last; without new ones the last stay on offer, except those of a dialogue that has ended."""
        self.offers = list(shown) or [o for o in self.offers if self.flow or not o.value.startswith("flow:")]

    def to_bytes(self) -> bytes:
        """JSON; `from_bytes` reads it back."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        kept["flow"] = self.flow and asdict(self.flow)
        kept["offers"] = [{"label": offer.label, "value": offer.value} for offer in self.offers]
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, data: bytes | None) -> "State":
        """The state in `data`; a fresh one for None or for a form this program no longer knows."""
        if data is None:
            return cls()
        try:
            kept: dict[str, Any] = json.loads(data)
            flow = kept.pop("flow", None)
            offers = [Choice(**offer) for offer in kept.pop("offers", ())]
            return cls(flow=OpenFlow(**flow) if flow else None, offers=offers, **kept)
        except (ValueError, TypeError):
            return cls()
