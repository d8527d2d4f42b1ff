"""Finds the flows (flows/<intent>.py, each with a `flow`) and what wording they need."""

import ast
import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import intents.flows
from intents.script import Script
from intents.wording import SHARED, Wording

Flow = Callable[[], Script[None]]

FLOWS_FOLDER = Path(__file__).parent / "flows"


@cache
def flows() -> dict[str, Flow]:
    """Intent name -> its flow. A file whose name starts with an underscore is shared by flows and is none itself."""
    found: dict[str, Flow] = {}
    for module in pkgutil.iter_modules(intents.flows.__path__):
        if not module.name.startswith("_"):
            found[module.name] = importlib.import_module(f"intents.flows.{module.name}").flow
    return found


def resolve(flow: str, key: str) -> tuple[str, str]:
    """Where a key is worded: "_whose.hosted" in the shared _whose, anything else in the flow's own file."""
    if key.startswith("_"):
        part, _, rest = key.partition(".")
        return part, rest
    return flow, key


def needed_wording(flow: str) -> set[str]:
    """Keys that a flow's source asks for: say("x") needs "x", choose("s", Options) needs its question and options."""
    needed: set[str] = set()
    module = importlib.import_module(f"intents.flows.{flow}")
    for node in ast.walk(ast.parse((FLOWS_FOLDER / f"{flow}.py").read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        if not isinstance(node.args[0], ast.Constant):
            continue
        place, key = resolve(flow, str(node.args[0].value))
        if node.func.id == "say":
            needed.add(f"{place}.{key}")
        elif node.func.id in ("ask", "pick"):
            needed.add(f"{place}.choose.{key}.ask")
        elif node.func.id == "confirm":
            needed |= {f"{place}.choose.{key}.{word}" for word in ("ask", "yes", "no")}
        elif node.func.id in ("choose", "choose_among") and isinstance(node.args[1], ast.Name):
            options = [option.value for option in getattr(module, node.args[1].id)]
            needed |= {f"{place}.choose.{key}.{word}" for word in ("ask", *options)}
    return needed


def gaps(wording: Wording) -> list[str]:
    """What is missing or differs between languages, one line each; empty when all is well."""
    found: list[str] = []
    languages = [language for language in wording.languages if language != "zh-Hant"]
    english = wording.keys("en")
    parts = [module.name for module in pkgutil.iter_modules(intents.flows.__path__)]
    used = set().union(*(needed_wording(name) for name in parts))
    found += [f"said/{key.split('.')[0]}.toml (en) lacks {key}" for key in sorted(used - english)]
    for language in languages:
        for key in sorted(english - wording.keys(language)):
            found.append(f"said/{key.split('.')[0]}.toml ({language}) lacks {key}")
        for key in sorted(wording.keys(language) - english):
            found.append(f"said/{key.split('.')[0]}.toml ({language}) words {key}, which English doesn't have")
        for key in sorted(english & wording.keys(language)):
            if wording.placeholders(language, key) != wording.placeholders("en", key):
                found.append(f"said/{key.split('.')[0]}.toml ({language}) {key}: its placeholders differ from English")
    unused = {key for key in english - used if not key.startswith(f"{SHARED}.")}
    return found + [f"said/{key.split('.')[0]}.toml words {key}, which no flow says" for key in sorted(unused)]
