"""The policy author's command line: python -m knowledge check | new | import | publish | diff | ask | rank.

Every mistake comes out as one message that names the file and what to do, with exit code 2; `check` ends with 1 when it
found errors.
"""

import sys
import traceback

import typer

from knowledge.commands import reading, versions
from knowledge.commands.asking import complain
from knowledge.deadlines.command import deadline
from knowledge.errors import BrokenFile

app = typer.Typer(
    name="knowledge",
    help="Policies as data: check a version, compare two, import a company's official text, start and publish one.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("check")(versions.check)
app.command("new")(versions.new)
app.command("import")(versions.import_)
app.command("publish")(versions.publish)
app.command("diff")(reading.diff)
app.command("ask")(reading.ask)
app.command("rank")(reading.rank)
app.command("deadline")(deadline)


def main() -> None:
    """Runs the command line; a mistake, also one that nobody foresaw, is one message and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except BrokenFile as broken:
        complain(str(broken))
    except BrokenPipeError:
        sys.exit(0)
    except OSError as bad:
        complain(f"{bad.filename or 'a file'}: {bad.strerror or bad}. Check its place and who may read and write it")
    except Exception as bad:
        at = traceback.extract_tb(bad.__traceback__)[-1]
        what = " ".join(f"{type(bad).__name__} {bad}".split())
        complain(
            f"stopped by a mistake in the program: {what} ({at.filename}:{at.lineno}). "
            "Run `python -m knowledge check` first; if it finds no errors, please report this line"
        )
    sys.exit(2)


if __name__ == "__main__":
    main()
