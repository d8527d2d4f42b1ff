"""Answers, parameters and updates of the Bot API against aiogram's models; imported only where aiogram is."""

import importlib
from collections.abc import Iterator
from typing import Any


def problems(calls: list[tuple[str, dict[str, Any], Any]], updates: list[dict[str, Any]]) -> list[str]:
    """One line for each field that aiogram doesn't know, and for each object that it can't read."""
    methods, types = importlib.import_module("aiogram.methods"), importlib.import_module("aiogram.types")
    adapter = importlib.import_module("pydantic").TypeAdapter
    found = []
    for name, given, result in calls:
        method = getattr(methods, f"{name[0].upper()}{name[1:]}")
        found += [f"{name} has no parameter {field}" for field in given if field not in method.model_fields]
        found += _read(name, adapter(method.__returning__), result)
    for update in updates:
        found += _read("update", adapter(types.Update), update)
    return found


def _read(name: str, adapter: Any, data: Any) -> Iterator[str]:
    try:
        read = adapter.validate_python(data)
    except ValueError as bad:
        yield f"{name}: {bad}"
        return
    yield from (f"{name}{path}" for path in _extra(read, ""))


def _extra(found: Any, path: str) -> Iterator[str]:
    if isinstance(found, list):
        for each in found:
            yield from _extra(each, path)
    elif hasattr(found, "model_fields_set"):
        yield from (f"{path}.{name}" for name in found.model_extra or {})
        for name in found.model_fields_set:
            yield from _extra(getattr(found, name), f"{path}.{name}")
