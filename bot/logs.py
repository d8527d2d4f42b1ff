"""Logs: structured, ids only, never words, addresses, codes or tokens. Everything else's logs go the same way."""

import logging
import sys
from typing import Literal

import structlog

QUIET = ("httpx", "httpcore", "uvicorn.access", "apscheduler", "asyncio")
"""Loggers that would print addresses people ask for (an access log holds query strings), or a line a second."""


def set_up(form: Literal["text", "json"], level: str) -> None:
    """Sends every log to standard error as text or JSON."""
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
