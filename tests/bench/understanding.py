"""How long understanding takes, how it grows, and what it weighs: `python -m tests.bench.understanding`.

Distinct questions, nothing remembered between them, one thread; besides wall time the processor's own time, which a
busy machine doesn't blur. The policies of 100, 1,000 and 10,000 clauses are made of words drawn at random, as frequent
as words are (Zipf).
"""

import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence

from intents.recogniser import Recogniser
from knowledge.library import load_policy, phrasings
from knowledge.ranking import Ranker

QUESTIONS = 2_000
SIZES = (100, 1_000, 10_000)
WORDS_A_CLAUSE = 60


def run() -> None:
    """Prints loading time, p50 and p99 of one recognition a language, memory, and growth of ranking."""
    policy = load_policy("kenpai")
    started = time.perf_counter()
    recogniser = Recogniser.load(policy)
    print(f"load {(time.perf_counter() - started) * 1000:.0f} ms")
    for language in policy.languages:
        texts = list(dict.fromkeys(text for texts in phrasings(policy, language).values() for text in texts))
        sample = random.Random(1).sample(texts, min(QUESTIONS, len(texts)))
        print(f"recognise {language}: {_cuts(recogniser.recognise, sample)}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory {memory:.0f} MB at most, before the large policies")
    questions = [text for texts in phrasings(policy, "en").values() for text in texts][:QUESTIONS]
    vocabulary = sorted({word for text in questions for word in text.lower().split()})
    for size in SIZES:
        started = time.perf_counter()
        ranker = Ranker(_policy(size, vocabulary), "en")
        built = time.perf_counter() - started
        print(f"rank among {size:>6} clauses: {_cuts(ranker.rank, questions)}, built in {built:.1f} s")


def _policy(size: int, vocabulary: Sequence[str]) -> dict[str, str]:
    draw = random.Random(size)
    shares = [1 / rank for rank in range(1, len(vocabulary) + 1)]
    return {str(number): " ".join(draw.choices(vocabulary, shares, k=WORDS_A_CLAUSE)) for number in range(size)}


def _cuts(act: Callable[[str], object], texts: Sequence[str]) -> str:
    wall, busy = [], []
    for text in texts:
        started, worked = time.perf_counter(), time.thread_time()
        act(text)
        busy.append((time.thread_time() - worked) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    spans = [
        f"{name} p50 {_cut(took, 50):.2f} ms, p99 {_cut(took, 99):.2f} ms"
        for name, took in (("wall", wall), ("processor", busy))
    ]
    return f"{'; '.join(spans)} ({len(texts)} distinct questions)"


def _cut(took: Sequence[float], percent: int) -> float:
    return statistics.quantiles(took, n=100)[percent - 1]


if __name__ == "__main__":
    run()
