"""What one turn has before it: the message, the person, where the talk stands; and what it comes to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.answering import Answer
from bot.core.hearing import Heard
from bot.core.message import InboundMessage, Reply
from bot.core.requests import Requests
from bot.core.state import State
from bot.core.voice import Voice
from intents.recogniser import Recogniser
from storage.stores.people import Known
from storage.work import Work


@dataclass(slots=True)
class Said:
    """What a turn says and how it is noted down. `answers` each need a receipt."""

    outcome: str
    replies: list[Reply] = field(default_factory=list)
    ids: tuple[str, ...] = ()
    intent: str | None = None
    score: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    is_private: bool = False
    """What the person typed is not written down: an account, a code."""


@dataclass(slots=True)
class Changes:
    """What the effects of a turn changed. `made` names each for the trail; `language` is the one chosen."""

    made: list[str] = field(default_factory=list)
    language: str | None = None

    @property
    def erased(self) -> bool:
        """Whether the person is gone."""
        return "erased" in self.made


@dataclass(slots=True)
class Scene:
    """One turn's surroundings. Reads and writes go through `work`; `state` is changed in place, `voice` by `speak`."""

    work: Work
    known: Known
    state: State
    message: InboundMessage
    heard: Heard
    voice: Voice
    recogniser: Recogniser
    new_code: Callable[[], str]
    requests: Requests
    now: datetime
    changes: Changes = field(default_factory=Changes)

    def plain(self, key: str, **values: str) -> Reply:
        """A text that belongs to no flow, without buttons."""
        return Reply(self.voice.shared(key, **values), language=self.voice.language)

    def speak(self, language: str) -> None:
        """From here on this turn speaks `language`."""
        self.voice = Voice(self.voice.wording, self.voice.policy, language)
