"""Making versions: check, new, import, publish."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from knowledge import checking
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
from knowledge.errors import BrokenFile
from knowledge.findings import Finding
from knowledge.folders import find_folder
from knowledge.importing import drafts, importer
from knowledge.library import companies, versions
from knowledge.printing import out, show_import, summary
from knowledge.publishing import LOCK, changed_files, lock
from knowledge.tables import read_toml


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
    """Check a version: ids, both languages, dead references, duplicate phrasings, and changes after it was published.

    Examples:

      python -m knowledge check

      python -m knowledge check 2023-12-15 --company kenpai

      python -m knowledge check var/knowledge/kenpai/draft-2026-03-01
    """
    extra = policies_folder(into)
    names = [company] if company else companies(extra=extra)
    folders = (
        [find_folder(version, company=company, extra=extra)]
        if version
        else [find_folder(str(day), company=name, extra=extra) for name in names for day in versions(name, extra=extra)]
    )
    if not folders:
        stop(
            f"no published version of {company or 'any company'} below {extra}. "
            f"Companies: {', '.join(companies(extra=extra))}"
        )
    found = [finding for folder in folders for finding in checking.check(folder, extra=extra)]
    errors = sum(finding.is_error for finding in found)
    if as_json:
        print_json([_finding_data(finding) for finding in found])
    else:
        _show(found)
        for folder in folders:
            out.print(Text(_summary(folder, extra)))
        out.print(Text(f"{errors} errors, {len(found) - errors} warnings"))
    if errors:
        raise typer.Exit(1)


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
        stop(f"{company!r} is no folder name. Use small letters, digits and hyphens")
    try:
        when = date.fromisoformat(day)
    except ValueError:
        stop(f"{day!r} is no date. Write it as YYYY-MM-DD, for example 2026-03-01")
    folder = policies_folder(into) / company / f"draft-{when}"
    if folder.exists():
        stop(f"{folder} is there already. Remove or rename it first")
    try:
        written = drafts.scaffold(folder, company, when)
    except OSError as bad:
        stop(f"{folder} can't be written: {bad.strerror}. Check --into")
    for path in written:
        out.print(Text(str(path)))
    out.print(
        Text(
            f"Next: write the clauses, then  python -m knowledge check {folder}  and  python -m knowledge publish {company}/{when}"
        )
    )


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
        known_language(language)
    folder = policies_folder(into)
    result = importer.prepare(
        file,
        company=company or only_company(folder),
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
        print_json(result.tree())
    else:
        show_import(result, dry_run)


def publish(
    version: Annotated[str, typer.Argument(metavar="COMPANY/DATE", help="The version, or the day its draft is for.")],
    again: Annotated[
        str,
        typer.Option(
            "--again",
            metavar="REASON",
            help="Publish a version that was changed once more, before anybody relies on it; the reason is kept.",
            show_default=False,
        ),
    ] = "",
    into: Into = None,
) -> None:
    """Publish a version: check it, rename its draft to the date, and note down what it says (published.sha256).

    From then on structure and wording never change, and `check` notices when they do. Phrasings and what is trained
    from them may go on growing. A correction is a new version.

    Examples:

      python -m knowledge publish example-cloud/2026-03-01

      python -m knowledge publish example-cloud/2026-03-01 --again "a condition was missing in 7.4; not announced yet"
    """
    extra = policies_folder(into)
    company, slash, day = version.strip("/").partition("/")
    if not slash or "/" in day:
        stop(f"{version!r} is no version. Write COMPANY/DATE, for example example-cloud/2026-03-01")
    day = day.removeprefix("draft-")
    try:
        folder = find_folder(day, company=company, extra=extra)
        is_draft = False
    except BrokenFile:
        folder = find_folder(f"draft-{day}", company=company, extra=extra)
        is_draft = True
    changed = changed_files(folder) if (folder / LOCK).exists() else None
    if changed == {}:
        out.print(Text(f"{company}/{day} is published already and unchanged"))
        return
    if changed and not again:
        first, how = next(iter(changed.items()))
        stop(
            f"{first} {how} after {company}/{day} was published ({len(changed)} files in all). Put it back and make a new "
            'version; or, while nobody relies on this one yet, publish it with --again "REASON"'
        )
    found = checking.check(folder, extra=extra, as_draft=True)
    marked = read_toml(folder / "policy.toml")["node"] if not any(finding.is_error for finding in found) else []
    found += [
        Finding(folder / "policy.toml", 0, f"{node['clause']!r} is marked as new", "Read it, take new = true away")
        for node in marked
        if node.get("new")
    ]
    _show(found)
    if errors := sum(finding.is_error for finding in found):
        out.print(Text(f"{errors} errors: {company}/{day} was not published"))
        raise typer.Exit(1)
    if is_draft:
        folder = folder.rename(folder.parent / day)
    path = lock(folder, datetime.now(UTC).date(), again if changed else "")
    out.print(Text(f"Published {company}/{day}; {path} keeps what it says"))


def _show(found: list[Finding]) -> None:
    for finding in found:
        out.print(Text(str(finding), style="red" if finding.is_error else "yellow"))


def _finding_data(finding: Finding) -> dict[str, object]:
    return {
        "path": str(finding.path),
        "line": finding.line or None,
        "error": finding.is_error,
        "problem": finding.problem,
        "remedy": finding.remedy,
    }


def _summary(folder: Path, extra: Path) -> str:
    try:
        return summary(folder, extra)
    except Exception:  # Why is among the findings.
        return f"{folder}: can't be read"
