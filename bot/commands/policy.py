"""`clausebot policy`: the policy in the terminal."""

import sys

from rich.console import Console
from rich.panel import Panel
from rich.tree import Tree

from bot.core.errors import Misconfigured
from bot.core.voice import Voice
from bot.settings import read
from intents.wording import Wording
from knowledge.clause import Clause
from knowledge.errors import BrokenFile
from knowledge.library import load_policy


def run_policy(name: str, language: str) -> None:
    """Prints the contents, or one clause or article. Exit code 1 when there is none by that name."""
    settings = read()
    try:
        policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
        wording = Wording.load()
    except BrokenFile as bad:
        raise Misconfigured([str(bad)]) from bad
    if language not in wording.languages:
        raise Misconfigured([f"--language {language}: pick one of {', '.join(wording.languages)}"])
    voice, console = Voice(wording, policy, language), Console()
    if not name:
        tree = Tree(f"[bold]{voice.pick(policy.title)}[/bold], {voice.date(policy.date)}")
        branches = {"": tree}
        for section in policy.sections.values():
            branch = branches[section.parent or ""].add(f"[bold]{voice.pick(section.title)}[/bold]")
            branches[section.id] = branch
            for key in section.clauses:
                branch.add(f"[cyan]{key}[/cyan]  {voice.heading(policy.clauses[key])}")
        console.print(tree)
        return
    found = voice.things([name.lower()])
    if not found:
        console.print(
            f"There is no {name!r}. `clausebot policy` lists every clause; laws: {', '.join(policy.law) or 'none'}"
        )
        sys.exit(1)
    thing = found[0]
    citation = voice.citation(thing)
    text = voice.plain(thing) + (f"\n\n{voice.official(thing)}" if isinstance(thing, Clause) and thing.official else "")
    foot = (
        f"{citation.label}, {citation.version}"
        if citation.version
        else voice.shared("law_says", law=citation.label).rstrip(":：")
    )
    console.print(Panel(text, title=voice.heading(thing), subtitle=foot, title_align="left", subtitle_align="right"))
