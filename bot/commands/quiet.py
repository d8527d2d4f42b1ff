"""Quiet for a command that tells the person itself what went wrong, and what to do."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def without_log() -> Iterator[None]:
    """Nothing is logged inside the block: the line would stand above the message and say the same in other words."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
