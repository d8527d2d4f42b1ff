"""Work on what the bot hears and says: `python -m intents --help`."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from knowledge.clause import PolicyVersion
from knowledge.errors import BrokenFile
from knowledge.library import load_policy

cli = typer.Typer(
    name="python -m intents",
    help="What the bot hears and says: check the wording, try a message, train the matcher, score a label file, add an intent or a language.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _policy(company: str) -> PolicyVersion:
    return load_policy(company, extra=Path(os.environ.get("CLAUSEBOT_KNOWLEDGE_DIR") or "var/knowledge"))


Company = Annotated[str, typer.Option(help="Whose policy: the name of a folder of policies.")]


@cli.command()
def check(company: Company = "kenpai") -> None:
    """Find wording gaps, intents without examples, examples that two intents share, and a stale matcher. Exit code 1 when there are any."""
    from intents.catalogue import gaps
    from intents.heard import doubts
    from intents.training import is_stale
    from intents.wording import Wording

    found = gaps(Wording.load()) + doubts()
    policy = _policy(company)
    found += [
        f"the {language} matcher of {company} was trained on other wording than there is now: python -m intents train"
        for language in policy.languages
        if is_stale(policy, language)
    ]
    print("\n".join(found) or "Wording, examples and matcher are complete.")
    if found:
        sys.exit(1)


@cli.command()
def gaps() -> None:
    """List only what is missing or differs between languages."""
    from intents.catalogue import gaps as missing
    from intents.wording import Wording

    found = missing(Wording.load())
    print("\n".join(found) or "No gaps.")
    if found:
        sys.exit(1)


@cli.command("try")
def attempt(text: str, company: Company = "kenpai") -> None:
    """Show what the matcher makes of one message. Example: python -m intents try "can I get my data deleted?" """
    from intents.recogniser import Recogniser

    policy = _policy(company)
    found = Recogniser.load(policy).recognise(text)
    print(f"{found.outcome}  score {found.score:.2f}, runner-up {found.runner_up:.2f}")
    if found.intent:
        print(f"intent  {found.intent}")
    for key in (*found.law, *found.clauses):
        thing = policy.clauses.get(key) or policy.law[key]
        print(f"{key:<22} {thing.heading.get('en', '')}")


@cli.command()
def train(company: Company = "kenpai") -> None:
    """Train the matcher from the phrasings and write the trained files. The same data give the same files."""
    from intents.training import train as learn

    if find_spec("sklearn") is None:
        raise BrokenFile("scikit-learn", "is needed to train and isn't installed", "make setup-dev installs it")
    for path in learn(_policy(company)):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


@cli.command("eval")
def evaluate(
    files: list[Path],
    company: Company = "kenpai",
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
    texts: Annotated[
        Path | None, typer.Option(help="Texts of rows that hold labels only: JSON lines, id and text.")
    ] = None,
    traditional: Annotated[bool, typer.Option(help="Ask the Chinese rows in Traditional characters.")] = False,
    misses: Annotated[bool, typer.Option(help="List how often which clause was missed for which.")] = False,
) -> None:
    """Score label files (one JSON object a line: id, lang, text, kind, gold, also_ok, style, intent)."""
    from intents.evaluation import score, table

    report = [score(path, _policy(company), texts=texts, traditional=traditional, misses=misses) for path in files]
    print(
        json.dumps([r.as_data() for r in report], ensure_ascii=False, indent=1)
        if as_json
        else "\n\n".join(table(r) for r in report)
    )


@cli.command()
def new(name: str) -> None:
    """Scaffold an intent: a flow, and in every language its replies and examples. Then fill in what `check` lists."""
    from intents.scaffold import new_intent

    for path in new_intent(name):
        print(f"wrote {path}")
    print("Next: write the examples and replies, then python -m intents check and python -m intents train")


@cli.command("new-language")
def new_language(code: str, name: Annotated[str, typer.Option(help="The language's own name.")] = "") -> None:
    """Scaffold a language: a folder with every reply to translate. What stays empty falls back to English."""
    from intents.scaffold import new_language as scaffold

    for path in scaffold(code, name):
        print(f"wrote {path}")
    print("Next: translate the texts, then python -m intents check")


def main() -> None:
    """Runs the command line; a broken file ends in one message and exit code 2."""
    try:
        cli()
    except BrokenFile as bad:
        print(bad, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
