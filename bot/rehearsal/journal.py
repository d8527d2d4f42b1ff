"""What happened at a stand-in: every call with its answer, and what each person got, counted outside of the bot."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from time import monotonic
from typing import Any

_SECRET = ("secret", "access_token", "secret_token", "appsecret")


class Clock:
    """The machine's clock, which can be put forward: clock() is now, aware, UTC."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, by: timedelta) -> None:
        self.ahead += by

    def unix(self) -> int:
        return int(self().timestamp())


@dataclass(slots=True)
class Call:
    """One call: what the bot asked of the platform, or what the platform pushed to the bot."""

    number: int
    at: str
    name: str
    person: str
    params: Mapping[str, Any]
    direction: str = "in"
    """ "in" from the bot, "out" to it, "answer" for a call inside of its answer to an update."""
    status: int = 0
    answer: Any = None
    fault: str = ""
    effect: bool = False
    ms: float = 0.0


@dataclass(slots=True)
class Effects:
    """What one person got. `repeats` counts messages whose words the person had got before."""

    messages: int = 0
    repeats: int = 0
    words: Counter[bytes] = field(default_factory=Counter)


class Journal:
    """The last `keep` calls, and counts over all of them."""

    def __init__(self, clock: Callable[[], datetime], keep: int = 100_000) -> None:
        self._clock = clock
        self._calls: deque[Call] = deque(maxlen=keep)
        self._began: dict[int, float] = {}
        self._listeners: list[Callable[[], None]] = []
        self.clear()

    def clear(self) -> None:
        self._calls.clear()
        self._began.clear()
        self.total = 0
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._effects: dict[str, Effects] = {}
        self._recent: deque[float] = deque()
        self.busiest = 0
        """The most effects in any 1,000 ms."""

    def on_change(self, told: Callable[[], None]) -> None:
        self._listeners.append(told)

    def open(self, name: str, person: str, params: Mapping[str, Any], direction: str = "in") -> Call:
        """A call that has begun. Secrets are not kept."""
        self.total += 1
        kept = {key: "***" if key in _SECRET and value else value for key, value in params.items()}
        call = Call(self.total, self._clock().isoformat(timespec="milliseconds"), name, person, kept, direction)
        self._calls.append(call)
        self._began[call.number] = monotonic()
        self.counts[name] += 1
        return call

    def close(self, call: Call, status: int, answer: Any, fault: str = "") -> None:
        call.status, call.answer, call.fault = status, answer, fault
        call.ms = round(1000 * (monotonic() - self._began.pop(call.number, monotonic())), 2)
        if fault:
            self.faults[f"{call.name} {fault}"] += 1
        self.changed()

    def effect(self, person: str, words: str, call: Call | None = None) -> None:
        """A message that the person has now got."""
        if call:
            call.effect = True
        effects = self._effects.setdefault(person, Effects())
        mark = blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        effects.messages += 1
        effects.repeats += effects.words[mark] > 0
        effects.words[mark] += 1
        now = monotonic()
        self._recent.append(now)
        while self._recent[0] <= now - 1:
            self._recent.popleft()
        self.busiest = max(self.busiest, len(self._recent))

    def changed(self) -> None:
        """Tells whoever watches that there is something new to see."""
        for told in self._listeners:
            told()

    def calls(self, *, name: str = "", person: str = "", after: int = 0, last: int = 0) -> list[dict[str, Any]]:
        """Calls as data, oldest first."""
        found = [asdict(call) for call in self._matching(name, person, after)]
        return found[-last:] if last else found

    def _matching(self, name: str, person: str, after: int) -> Iterator[Call]:
        for call in self._calls:
            if call.number > after and name in ("", call.name) and person in ("", call.person):
                yield call

    def effects(self) -> dict[str, Any]:
        """{"messages", "repeats", "busiest_second", "people": {person: {"messages", "repeats"}}}."""
        people = {
            name: {"messages": got.messages, "repeats": got.repeats} for name, got in sorted(self._effects.items())
        }
        return {
            "messages": sum(got["messages"] for got in people.values()),
            "repeats": sum(got["repeats"] for got in people.values()),
            "busiest_second": self.busiest,
            "people": people,
        }
