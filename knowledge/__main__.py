"""The policy author's command line: python -m knowledge check | diff | import | new | ask | rank.

Every mistake comes out as one message that names the file and what to do, with exit code 2; `check` ends with 1 when it
found errors.
"""

import io
import json
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from knowledge import changes, checking
from knowledge.errors import BrokenFile
from knowledge.folders import find_clauses, find_folder
from knowledge.importing import drafts, importer
from knowledge.library import LANGUAGES, companies, load_folder, versions
from knowledge.printing import clause_data, difference_data, out, show_clause, show_difference, show_import, summary

app = typer.Typer(
    name="knowledge",
    help="Policies as data: check a version, compare two, import a company's official text, start a new one.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
_INTO_HELP = "The company's own folder of policies (default: $CLAUSEBOT_KNOWLEDGE_DIR, else var/knowledge)"
Into = Annotated[Path | None, typer.Option("--into", help=_INTO_HELP, show_default=False)]
Company = Annotated[
    str | None,
    typer.Option(
        "--company", "-c", help="The company's folder name; needed where there are several.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def check(
    version: Annotated[
        str | None,
        typer.Argument(
            help="A folder, a date or a draft's name; without it all published versions.", show_default=False
        ),
    ] = None,
    company: Company = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """Check a version: ids, both languages, dead references, duplicate phrasings.

    Examples:

      python -m knowledge check

      python -m knowledge check 2023-12-15 --company kenpai

      python -m knowledge check var/knowledge/kenpai/draft-2026-03-01
    """
    extra = _folder(into)
    names = [company] if company else companies(extra=extra)
    folders = (
        [find_folder(version, company=company, extra=extra)]
        if version
        else [find_folder(str(day), company=name, extra=extra) for name in names for day in versions(name, extra=extra)]
    )
    if not folders:
        _stop(
            f"no published version of {company or 'any company'} below {extra}. "
            f"Companies: {', '.join(companies(extra=extra))}"
        )
    found = [finding for folder in folders for finding in checking.check(folder, extra=extra)]
    errors = sum(finding.is_error for finding in found)
    if as_json:
        _json(
            [
                {"path": str(f.path), "line": f.line, "error": f.is_error, "problem": f.problem, "remedy": f.remedy}
                for f in found
            ]
        )
    else:
        for finding in found:
            out.print(Text(str(finding), style="red" if finding.is_error else "yellow"))
        for folder in folders:
            out.print(Text(summary(folder, extra)))
        out.print(Text(f"{errors} errors, {len(found) - errors} warnings"))
    if errors:
        raise typer.Exit(1)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help="The older version: a date, a draft's name or a folder.")],
    new: Annotated[str, typer.Argument(help="The newer version.")],
    company: Company = None,
    language: Annotated[str, typer.Option("--language", "-l", help="en or zh.")] = "en",
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed from one version to another, word by word, and which of the six kinds of significant change
    (privacy.9.4) each change touches. Whether it is significant, you decide.

    Examples:

      python -m knowledge diff 2023-12-15 draft-2026-03-01 --company kenpai

      python -m knowledge diff 2023-12-15 2026-03-01 -c kenpai --language zh --json
    """
    _known_language(language)
    extra = _folder(into)
    a, b = (load_folder(find_folder(where, company=company, extra=extra), extra=extra) for where in (old, new))
    found = changes.difference(a, b, language)
    if as_json:
        _json(difference_data(found))
        return
    show_difference(found, language)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The official text: .txt, .md, .html or .docx.")],
    company: Company = None,
    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            "-v",
            help="The text's own date, or a draft's name; default: the newest version.",
            show_default=False,
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", "-l", help="en or zh; default: told from the letters.", show_default=False),
    ] = None,
    into: Into = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen, write nothing.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of other official wording imported before.")
    ] = False,
    trust_numbers: Annotated[
        bool,
        typer.Option("--trust-numbers", help="Believe the numbers also where the words fit another clause far better."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Attach a company's official wording to its clauses; make a draft version where the text has clauses nobody knows.

    The numbers decide: 1.  1)  (1)  IV.  a)  1.2  第三条  三、  （一）, restarts and mixtures too. Paragraphs without
    a number are compared with the clauses that could stand in their place; what is not alike enough is listed and
    left out.

    Examples:

      python -m knowledge import policy.docx --company kenpai --version 2023-12-15 --dry-run

      python -m knowledge import policy.txt -c kenpai -v 2023-12-15

      python -m knowledge import new-policy.html -c kenpai -v 2026-03-01     (unknown date: makes draft-2026-03-01)

      python -m knowledge import policy.md -c kenpai --json                  (the tree, each node with its "id")
    """
    if language:
        _known_language(language)
    folder = _folder(into)
    result = importer.prepare(
        file,
        company=company or _only_company(folder),
        version=version,
        language=language,
        into=folder,
        now=datetime.now(UTC),
        trust_numbers=trust_numbers,
        replace=replace,
    )
    if not dry_run:
        importer.write(result)
    if as_json:
        _json(result.tree())
    else:
        show_import(result, dry_run)


@app.command()
def new(
    company: Annotated[str, typer.Argument(help="The folder name: small letters, digits, hyphens.")],
    day: Annotated[str, typer.Argument(metavar="DATE", help="The policy's date, YYYY-MM-DD.")],
    into: Into = None,
) -> None:
    """Start a company's first version, or a further one, as an empty draft to write over.

    Example:

      python -m knowledge new example-cloud 2026-03-01
    """
    if not importer.COMPANY.fullmatch(company):
        _stop(f"{company!r} is no folder name. Use small letters, digits and hyphens")
    try:
        when = date.fromisoformat(day)
    except ValueError:
        _stop(f"{day!r} is no date. Write it as YYYY-MM-DD, for example 2026-03-01")
    folder = _folder(into) / company / f"draft-{when}"
    if folder.exists():
        _stop(f"{folder} is there already. Remove or rename it first")
    try:
        written = drafts.scaffold(folder, company, when)
    except OSError as bad:
        _stop(f"{folder} can't be written: {bad.strerror}. Check --into")
    for path in written:
        out.print(Text(str(path)))
    out.print(
        Text(f"Next: write the clauses, run  python -m knowledge check {folder}  and rename the folder to {when}.")
    )


@app.command()
def ask(
    words: Annotated[list[str], typer.Argument(help="A clause's id, or words to look for.")],
    company: Company = None,
    version: Annotated[
        str | None,
        typer.Option("--version", "-v", help="A date or a draft's name; default: the newest.", show_default=False),
    ] = None,
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """Look a clause up by its id or by words; prints it in both languages with its citation.

    Examples:

      python -m knowledge ask privacy.7.4

      python -m knowledge ask how long do you keep my data

      python -m knowledge ask 数据泄露 通知
    """
    extra = _folder(into)
    name = company or _only_company(extra)
    days = versions(name, extra=extra)
    if not version and not days:
        _stop(f"{name!r} has no published version. Companies: {', '.join(companies(extra=extra))}")
    policy = load_folder(find_folder(version or str(days[-1]), company=name, extra=extra), extra=extra)
    question = " ".join(words)
    found = find_clauses(policy, question)
    if not found:
        near = ", ".join(key for key in policy.clauses if key.startswith(question.split(".")[0])) or ", ".join(
            sorted(policy.sections)
        )
        _stop(f"{question!r} is no clause of {policy.company} {policy.date} and shares no word with one. Ids: {near}")
    if as_json:
        _json([clause_data(clause, policy) for clause in found])
        return
    for clause in found:
        show_clause(clause, policy)


@app.command()
def rank(
    clauses: Annotated[Path, typer.Option(help='JSON lines: {"id", "heading", "text"}.')],
    questions: Annotated[Path, typer.Option(help='JSON lines: {"id", "text"}.')],
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where the ranking goes; default: standard output.", show_default=False),
    ] = None,
) -> None:
    """Rank the clauses of a file for every question of another, by words alone: for a policy without phrasings.

    Prints a JSON line for each question: {"id", "clauses": ids best first, up to 10, "score"}.

    Example:

      python -m knowledge rank --clauses clauses.jsonl --questions questions.jsonl --out ranking.jsonl
    """
    from knowledge.ranking import rank_files  # only this command needs it

    if output is None:
        rank_files(clauses, questions, sys.stdout)
        return
    ranking = io.StringIO()
    rank_files(clauses, questions, ranking)
    try:
        output.write_text(ranking.getvalue(), encoding="utf-8")
    except OSError as bad:
        _stop(f"{output} can't be written: {bad.strerror}. Check --out")


def main() -> None:
    """Runs the command line; a mistake in a file is one message and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except BrokenFile as broken:
        _complain(str(broken))
        sys.exit(2)


def _folder(into: Path | None) -> Path:
    return into or Path(os.environ.get("CLAUSEBOT_KNOWLEDGE_DIR") or "var/knowledge")


def _only_company(extra: Path) -> str:
    names = companies(extra=extra)
    if len(names) != 1:
        _stop(f"there are several companies ({', '.join(names)}). Say which with --company")
    return names[0]


def _known_language(language: str) -> None:
    if language not in LANGUAGES:
        _stop(f"{language!r} is no language of the policies. Use one of: {', '.join(LANGUAGES)}")


def _complain(message: str) -> None:
    Console(stderr=True, soft_wrap=True).print(Text(f"error: {message}", style="red"))


def _stop(message: str) -> NoReturn:
    _complain(message)
    raise typer.Exit(2)


def _json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")


if __name__ == "__main__":
    main()
