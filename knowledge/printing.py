"""What the policy author's commands print: tables for people, plain data for --json."""

import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from knowledge import changes
from knowledge.clause import Clause, LawArticle, PolicyVersion, localized
from knowledge.errors import BrokenFile
from knowledge.folders import is_published
from knowledge.importing.importer import Import
from knowledge.library import LANGUAGES, load_folder

out = Console(soft_wrap=True)


def summary(folder: Path, extra: Path) -> str:
    try:
        policy = load_folder(folder, extra=extra)
    except BrokenFile:
        return f"{folder}: can't be read"
    official = {
        language: sum(language in clause.official for clause in policy.clauses.values()) for language in LANGUAGES
    }
    imported = ", ".join(f"{count} {language}" for language, count in official.items() if count) or "none"
    state = "published" if is_published(folder) else "draft"
    counts = f"{len(policy.clauses)} clauses, {len(policy.law)} articles of law, official wording: {imported}"
    return f"{policy.company} {policy.date} ({state}): {counts}"


def show_difference(found: changes.Difference, language: str) -> None:
    """One block a change: what, the words, the kinds of significant change it touches; then the counts."""
    for change in found.changes:
        renamed = f"{change.old.id} -> " if change.what == "renumbered" and change.old else ""
        remark = "  editorial" if change.is_editorial else ""
        out.print(Text.assemble((f"{change.what:<10} {renamed}{change.id}", "bold"), f"  [{change.basis}]{remark}"))
        if not (change.what == "renumbered" and change.is_editorial):
            out.print(Text("  ").append_text(_words(change)))
        for touched in change.touches:
            kind, because = touched.kind, ", ".join(touched.because)
            out.print(Text(f"  may be significant: {kind.clause} {kind.name[language]} ({because})", style="magenta"))
    counts = ", ".join(f"{len(found.of(what))} {what}" for what in ("added", "removed", "changed", "renumbered"))
    out.print(Text(f"{found.new.company} {found.old.date} -> {found.new.date}: {counts}"))
    for kind in found.kinds:
        out.print(Text(f"touches {kind.clause}: {kind.name[language]}"))


def _words(change: changes.Change) -> Text:
    text = Text()
    for piece in change.pieces:
        if piece.kind == "same":
            shown = piece.text if len(piece.text) <= 120 else f"{piece.text[:50]} ... {piece.text[-50:]}"
            text.append(shown)
        else:
            left, right, style = ("[-", "-]", "red strike") if piece.kind == "removed" else ("{+", "+}", "green")
            text.append(f"{left}{piece.text}{right}", style=style)
    return text


def difference_data(found: changes.Difference) -> dict[str, Any]:
    return {
        "company": found.new.company,
        "old": str(found.old.date),
        "new": str(found.new.date),
        "language": found.language,
        "changes": [
            {
                "id": change.id,
                "what": change.what,
                "old_id": change.old.id if change.old else None,
                "basis": change.basis,
                "editorial": change.is_editorial,
                "words": [{"kind": piece.kind, "text": piece.text} for piece in change.pieces],
                "touches": [
                    {"kind": t.kind.clause, "name": t.kind.name[found.language], "because": list(t.because)}
                    for t in change.touches
                ],
            }
            for change in found.changes
        ],
        "kinds": [kind.clause for kind in found.kinds],
    }


def show_import(result: Import, dry_run: bool) -> None:
    placement = result.placement
    table = Table(
        title=f"{result.source.name} -> {result.company} {result.version} ({result.language})", title_justify="left"
    )
    table.add_column("what")
    table.add_column("n", justify="right")
    table.add_column("which")
    worded = [(key, node) for key, node in placement.nodes.items() if node.placed == "wording"]
    table.add_row("placed by numbering", str(placement.count("numbering")), "")
    table.add_row(
        "placed by wording", str(len(worded)), ", ".join(f"{key} ({node.likeness or 0:.0f} %)" for key, node in worded)
    )
    table.add_row("headings", str(sum(node.placed == "heading" for node in placement.root.walk())), "no id")
    table.add_row("new", str(len(placement.new)), ", ".join(placement.new))
    table.add_row("missing from the text", str(len(placement.missing)), ", ".join(placement.missing))
    table.add_row(
        "not placed", str(len(placement.unplaced)), ", ".join(f"line {node.line}" for node in placement.unplaced)
    )
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for node in placement.unplaced:
        out.print(
            Text(
                f"line {node.line}: {node.text[:80]}{'...' if len(node.text) > 80 else ''}"
                + (f"  ({node.note})" if node.note else ""),
                style="yellow",
            )
        )
    if result.todo:
        out.print(Text("To do:", style="bold"))
        for task in result.todo:
            out.print(Text(f"  {task}"))
    for path in (result.overlay, result.draft):
        if path:
            out.print(Text(f"{'would write' if dry_run else 'wrote'} {path}"))


def clause_data(clause: Clause | LawArticle, policy: PolicyVersion) -> dict[str, Any]:
    return {
        "id": clause.id,
        "version": str(policy.date),
        "citation": dict(clause.citation),
        "heading": dict(clause.heading),
        "plain": dict(clause.plain),
        "official": dict(clause.official) if isinstance(clause, Clause) else {},
        "is_law": isinstance(clause, LawArticle),
    }


def show_clause(clause: Clause | LawArticle, policy: PolicyVersion) -> None:
    for language in LANGUAGES:
        version = f"version {policy.date}" if language == "en" else f"{policy.date} 版"
        label = (
            ""
            if isinstance(clause, Clause)
            else " (law, not the company's promise)"
            if language == "en"
            else "（法律规定，非公司承诺）"
        )
        out.print(
            Text(
                f"{localized(clause.citation, language)}, {version}{label}: "
                f"{localized(clause.heading, language)}  [{clause.id}]",
                style="bold",
            )
        )
        out.print(Text(clause.plain.get(language) or "(not worded yet)"))
        if isinstance(clause, Clause) and clause.official.get(language):
            out.print(
                Text(
                    ("Official wording: " if language == "en" else "官方原文：") + clause.official[language],
                    style="italic",
                )
            )
    out.print()
