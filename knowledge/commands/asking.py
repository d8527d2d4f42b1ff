"""How the commands are told things, and how they stop: shared options, the folder of policies, one message and exit code 2."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from knowledge.library import LANGUAGES, companies

_INTO_HELP = "The company's own folder of policies (default: $CLAUSEBOT_KNOWLEDGE_DIR, else var/knowledge)"
Into = Annotated[Path | None, typer.Option("--into", help=_INTO_HELP, show_default=False)]
Company = Annotated[
    str | None,
    typer.Option(
        "--company", "-c", help="The company's folder name; needed where there are several.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def policies_folder(into: Path | None) -> Path:
    """The company's own folder of policies."""
    return into or Path(os.environ.get("CLAUSEBOT_KNOWLEDGE_DIR") or "var/knowledge")


def only_company(extra: Path) -> str:
    """The company, where there is just one; else stops."""
    names = companies(extra=extra)
    if len(names) != 1:
        stop(f"there are several companies ({', '.join(names)}). Say which with --company")
    return names[0]


def known_language(language: str) -> None:
    """Stops unless policies are worded in the language."""
    if language not in LANGUAGES:
        stop(f"{language!r} is no language of the policies. Use one of: {', '.join(LANGUAGES)}")


def complain(message: str) -> None:
    """Prints what is wrong to standard error, on one line."""
    Console(stderr=True, soft_wrap=True).print(Text(f"error: {message}", style="red"))


def stop(message: str) -> NoReturn:
    """Ends with what is wrong and exit code 2."""
    complain(message)
    raise typer.Exit(2)


def print_json(data: Any) -> None:
    """Prints `data` for other programs."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
