"""How long a whole turn takes through `assistant.take`, in the journal mode that the database's gate chose.

Distinct questions, each from one of 50 persons, no cache; a turn ends after its commit. Prints mode and versions.
"""

import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.core.assistant import Assistant
from bot.core.clock import system_clock
from bot.core.message import Address, InboundMessage
from intents.recogniser import Recogniser
from intents.wording import Wording
from knowledge.library import load_policy, phrasings
from storage.crypto import Keyring
from storage.engine import Database

PERSONS = 50
QUESTIONS = 1_500


def run() -> None:
    """Prints p50, p99 and the most of one turn in milliseconds."""
    policy = load_policy("kenpai")
    questions = [text for texts in phrasings(policy, "en").values() for text in texts][::3][:QUESTIONS]
    with tempfile.TemporaryDirectory() as folder, _unpaced():
        database = Database.open(f"sqlite:///{Path(folder) / 'bench.db'}", Keyring.new())
        assistant = Assistant(database, policy, Recogniser.load(policy), Wording.load(), system_clock)
        for number in range(PERSONS * 2):
            assistant.take(_message(number, "hello"))
        took = []
        for number, question in enumerate(questions, PERSONS * 2):
            started = time.perf_counter()
            assistant.take(_message(number, question))
            took.append((time.perf_counter() - started) * 1000)
        facts = database.facts
        database.close()
    cuts = statistics.quantiles(took, n=100)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"whole turn, {len(took)} distinct questions: p50 {cuts[49]:.2f} ms, p99 {cuts[98]:.2f} ms, most {max(took):.1f} ms"
    )
    print(
        f"  {facts.kind} {facts.version}, journal_mode {facts.journal_mode}, synchronous {facts.synchronous}; {memory:.0f} MB at most"
    )


def _message(number: int, text: str) -> InboundMessage:
    return InboundMessage(Address("bench", f"p{number % PERSONS}"), text, str(number), datetime.now(UTC))


class _unpaced:
    """The flood limit would hold back 50 persons at this speed."""

    def __enter__(self) -> None:
        import bot.core.assistant as core

        self._core, self._burst = core, core.BURST
        core.BURST = 1_000_000

    def __exit__(self, *_: object) -> None:
        self._core.BURST = self._burst


if __name__ == "__main__":
    run()
