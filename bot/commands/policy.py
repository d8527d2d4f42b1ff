"""`clausebot policy`: the policy in the terminal."""

import re
import sys

from rapidfuzz import fuzz, process
from rich.console import Console
from rich.panel import Panel
from rich.text import Text
from rich.tree import Tree

from bot.core.errors import Misconfigured
from bot.core.voice import Voice
from bot.settings import read
from intents.wording import Wording
from knowledge.clause import Clause, LawArticle
from knowledge.errors import BrokenFile
from knowledge.folders import find_clauses
from knowledge.library import load_policy

PART = "privacy."
"""The part whose clauses people cite by number alone: "7.4"."""
NEAR_AT_MOST = 3


def run_policy(name: str, language: str) -> None:
    """Prints the contents, those of one section, or one clause or article. Exit code 1 when there is none by that name.

    `name` is an id ("privacy.7.4", "pipl.45"), a number ("7.4"), or a citation ("Privacy Policy 7.4").
    """
    settings = read()
    try:
        policy = load_policy(settings.company, settings.policy_version or None, extra=settings.knowledge_dir)
        wording = Wording.load()
    except BrokenFile as bad:
        raise Misconfigured([str(bad)]) from bad
    if language not in wording.languages:
        raise Misconfigured([f"--language {language}: pick one of {', '.join(wording.languages)}"])
    voice, console = Voice(wording, policy, language), Console()
    wanted = " ".join(name.lower().split())
    thing = _named(voice, wanted)
    if thing is not None:
        console.print(_panel(voice, thing))
    elif (section := next((s for s in (wanted, PART + wanted) if s in policy.sections), "")) or not wanted:
        console.print(_contents(voice, section))
    else:
        listed = "`clausebot policy` lists every clause"
        near = _near(voice, wanted)
        console.print(Text(f"There is no {name!r}; {listed}." + (" Near it:" if near else "")))
        for other in near:
            console.print(Text.assemble("  ", (other.id, "cyan"), f"  {voice.heading(other)}"))
        sys.exit(1)


def _named(voice: Voice, wanted: str) -> Clause | LawArticle | None:
    """The clause or article of that id, number or citation."""
    things: dict[str, Clause | LawArticle] = {**voice.policy.clauses, **voice.policy.law}
    if found := things.get(wanted) or things.get(PART + wanted):
        return found
    return next((thing for thing in things.values() if wanted in map(str.lower, thing.citation.values())), None)


def _near(voice: Voice, wanted: str) -> list[Clause | LawArticle]:
    """What may have been meant: the nearest ids for a number, else the clauses that share words."""
    things: dict[str, Clause | LawArticle] = {**voice.policy.clauses, **voice.policy.law}
    if re.search(r"\d", wanted):
        form = wanted if wanted[0].isalpha() else PART + wanted
        return [things[key] for key, *_ in process.extract(form, list(things), scorer=fuzz.ratio, limit=NEAR_AT_MOST)]
    return find_clauses(voice.policy, wanted)


def _contents(voice: Voice, top: str) -> Tree:
    """Headings and clauses, of the section `top` or of all."""
    policy = voice.policy
    title = voice.pick(policy.sections[top].title) if top else voice.pick(policy.title)
    tree = Tree(Text.assemble((title, "bold"), f", {voice.date(policy.date)}"))
    branches = {top: tree}
    for section in policy.sections.values():
        if section.id != top:
            above = branches.get(section.parent or "")
            if above is None:
                continue
            branches[section.id] = above.add(Text(voice.pick(section.title), style="bold"))
        for key in section.clauses:
            branches[section.id].add(Text.assemble((key, "cyan"), f"  {voice.heading(policy.clauses[key])}"))
    return tree


def _panel(voice: Voice, thing: Clause | LawArticle) -> Panel:
    citation = voice.citation(thing)
    text = voice.plain(thing) + (f"\n\n{voice.official(thing)}" if isinstance(thing, Clause) and thing.official else "")
    foot = (
        f"{citation.label}, {citation.version}"
        if citation.version
        else voice.shared("law_says", law=citation.label).rstrip(":：")
    )
    # As text, so that [brackets] in a policy are no markup.
    title, subtitle = Text(voice.heading(thing)), Text(foot)
    return Panel(Text(text), title=title, subtitle=subtitle, title_align="left", subtitle_align="right")
