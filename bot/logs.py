"""Logs: structured, ids only, never words, addresses, codes or tokens. Everything else's logs go the same way.

An exception is logged as its type and the places it rose through: its message and the values around it may hold what
somebody wrote, a token in an address, a key.
"""

import logging
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Literal

import structlog
from structlog.typing import EventDict, WrappedLogger

QUIET = (
    "alembic",
    "telegram",
    "httpx",
    "httpcore",
    "uvicorn.access",
    "apscheduler",
    "asyncio",
    "multipart",
    "python_multipart",
)
"""Loggers that would print addresses people ask for (an access log holds query strings), or a line a second."""
PLACES = 6
"""Innermost places of an exception that are logged."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def set_up(form: Literal["text", "json"], level: str) -> None:
    """Sends every log to standard error as text or JSON."""
    rendered = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_words,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=rendered, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )


def without_words(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Puts the type and places of an exception where the exception was."""
    info = event.pop("exc_info", None)
    record = event.get("_record")
    if record is not None and record.exc_info:
        info, record.exc_info, record.exc_text = record.exc_info, None, None
    if info is True:
        info = sys.exc_info()
    elif isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if isinstance(info, tuple) and info[1] is not None:
        event["error"] = type(info[1]).__name__
        event["at"] = places(info[1])
    return event


def places(failure: BaseException) -> str:
    """ "turn.py:88 take < assistant.py:101 _turn": the places an exception rose through, innermost first."""
    frames = traceback.extract_tb(failure.__traceback__)[-PLACES:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
