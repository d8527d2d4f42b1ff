"""What one turn has before it: the message, the person, where the talk stands; and what it comes to."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.core.actions import Effects
from bot.core.answering import Answer
from bot.core.hearing import Heard
from bot.core.message import InboundMessage, Reply
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
    effects: Effects = field(init=False)

    def __post_init__(self) -> None:
        self.effects = Effects(self.work, self.known, self.message.sender, self.heard.text)

    def plain(self, key: str, **values: str) -> Reply:
        """A text that belongs to no flow, without buttons."""
        return Reply(self.voice.shared(key, **values), language=self.voice.language)

    def speak(self, language: str) -> None:
        """From here on this turn speaks `language`."""
        self.voice = Voice(self.voice.wording, self.voice.policy, language)
