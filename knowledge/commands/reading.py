"""Reading versions: diff, ask, rank."""

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from knowledge import changes
from knowledge.commands.asking import (
    AsJson,
    Company,
    Into,
    known_language,
    only_company,
    policies_folder,
    print_json,
    stop,
)
from knowledge.folders import find_clauses, find_folder
from knowledge.library import companies, load_folder, versions
from knowledge.printing import clause_data, difference_data, show_clause, show_difference


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
    known_language(language)
    extra = policies_folder(into)
    a, b = (load_folder(find_folder(where, company=company, extra=extra), extra=extra) for where in (old, new))
    found = changes.difference(a, b, language)
    if as_json:
        print_json(difference_data(found))
        return
    show_difference(found, language)


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
    extra = policies_folder(into)
    name = company or only_company(extra)
    days = versions(name, extra=extra)
    if not version and not days:
        stop(f"{name!r} has no published version. Companies: {', '.join(companies(extra=extra))}")
    policy = load_folder(find_folder(version or str(days[-1]), company=name, extra=extra), extra=extra)
    question = " ".join(words)
    found = find_clauses(policy, question)
    if not found:
        near = ", ".join(key for key in policy.clauses if key.startswith(question.split(".")[0])) or ", ".join(
            sorted(policy.sections)
        )
        stop(f"{question!r} is no clause of {policy.company} {policy.date} and shares no word with one. Ids: {near}")
    if as_json:
        print_json([clause_data(clause, policy) for clause in found])
        return
    for clause in found:
        show_clause(clause, policy)


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
        stop(f"{output} can't be written: {bad.strerror}. Check --out")
