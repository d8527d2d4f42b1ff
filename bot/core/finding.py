"""What the doctor found out about one thing."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `says` names what to do where something is to be done."""

    what: str
    state: Literal["ok", "warning", "wrong"]
    says: str
