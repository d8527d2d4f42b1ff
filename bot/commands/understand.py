"""`clausebot understand`: what the matcher makes of messages, for measuring and for looking why."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bot.core.errors import Misconfigured
from bot.core.hearing import TEXT_MAX
from bot.settings import read
from intents.recogniser import Recogniser, Recognition
from knowledge.errors import BrokenFile
from knowledge.library import load_policy


def run_understand(file: str, *, as_json: bool) -> None:
    """Reads lines from `file` ("-": standard input) and prints a line for each. A broken line is named; the rest goes on."""
    settings = read()
    try:
        recogniser = Recogniser.load(
            load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
        )
    except BrokenFile as bad:
        raise Misconfigured([str(bad)]) from bad
    failed = False
    for number, (key, text) in _lines(file, as_json):
        if text is None:
            failed = True
            print(f'line {number}: write one JSON object a line, {{"id": ..., "text": "..."}}', file=sys.stderr)
            continue
        started = time.perf_counter()
        found = recogniser.recognise(text[:TEXT_MAX])
        milliseconds = (time.perf_counter() - started) * 1000
        print(
            json.dumps(_as_data(key, found, milliseconds), ensure_ascii=False) if as_json else _as_text(text, found),
            flush=True,
        )
    if failed:
        sys.exit(1)


def _lines(file: str, as_json: bool) -> Iterator[tuple[int, tuple[Any, str | None]]]:
    """(number, (id, text)) of every line that isn't empty; id and text are None where a line is broken."""
    if file == "-":
        if sys.stdin.isatty():
            print("One message a line; Ctrl-D ends.", file=sys.stderr)
        yield from _read(sys.stdin.buffer, as_json)
        return
    try:
        with Path(file).open("rb") as lines:
            yield from _read(lines, as_json)
    except OSError as bad:
        raise Misconfigured([f"{file}: {bad.strerror}. Name a file, or - for standard input"]) from bad


def _read(lines: Iterable[bytes], as_json: bool) -> Iterator[tuple[int, tuple[Any, str | None]]]:
    for number, raw in enumerate(lines, 1):
        line = raw.decode("utf-8", errors="replace").strip("\r\n")
        if not line.strip():
            continue
        if not as_json:
            yield number, (number, line)
            continue
        try:
            data = json.loads(line)
            yield number, (data["id"], data["text"]) if isinstance(data["text"], str) else (None, None)
        except (ValueError, KeyError, TypeError, RecursionError):
            yield number, (None, None)


def _as_data(key: Any, found: Recognition, milliseconds: float) -> dict[str, Any]:
    data = {
        "id": key,
        "outcome": found.outcome.value,
        "clauses": list(found.clauses),
        "intent": found.intent,
        "score": round(found.score, 4),
        "ms": round(milliseconds, 3),
    }
    return data | ({"law": list(found.law)} if found.law else {})


def _as_text(text: str, found: Recognition) -> str:
    what = found.intent or " ".join(found.law) or ""
    return f"{found.outcome.value:<12} {found.score:4.2f}  {' '.join(found.clauses[:3]):<48} {what:<20} {text[:60]}"
