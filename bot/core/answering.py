"""A question -> what is said about it. Three outcomes, never a fourth: answered from a clause, asked back, or
"the policy doesn't say". No clause, no answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bot.core.message import Choice, Citation, Reply
from bot.core.voice import Voice
from intents.recogniser import Outcome, Recognition
from knowledge.clause import Clause, LawArticle

ASK_BACK_AT_MOST = 3
RELATED_AT_MOST = 2
LONG_OFFICIAL = 700
"""Characters of official wording up to which it is shown at once; a longer one waits behind "the whole clause"."""
USES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "access": ("request_access",),
        "explanation": ("request_access", "account", "explanation"),
        "correction": ("request_correction",),
        "deletion": ("request_deletion",),
        "relative": ("request_access", "account", "relative"),
        "relative_deletion": ("request_deletion", "account", "relative"),
        "consent": ("withdraw_consent",),
        "own_requests": ("request_status",),
    }
)
"""How a right is used: the dialogue, and what is picked in it at once. A button of each is worded "use_NAME"."""
USED_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pipl.15": ("consent",),
        "pipl.45": ("access",),
        "pipl.46": ("correction",),
        "pipl.47": ("deletion",),
        "pipl.48": ("explanation",),
        "pipl.49": ("relative", "relative_deletion"),
        "pipl.50": ("own_requests",),
    }
)
"""Article of the law -> how its right is used."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one question. `ids`: clauses (and law articles) the reply rests on or offers, best first."""

    outcome: Outcome
    replies: tuple[Reply, ...]
    ids: tuple[str, ...]
    receipt: str = ""


def answer(recognition: Recognition, voice: Voice, receipt: str, failed: int = 0) -> Answer:
    """The answer to a recognised question. `receipt` is the code it will be found by; `failed` how many before it did not help."""
    clauses = [thing for thing in voice.things(recognition.clauses) if isinstance(thing, Clause)]
    if recognition.outcome is Outcome.ANSWERED and clauses:
        return Answer(Outcome.ANSWERED, (clause_reply(clauses[0], voice, receipt),), (clauses[0].id,), receipt)
    if recognition.outcome is Outcome.ASK_BACK and clauses:
        return _ask_back(clauses, voice)
    return _not_covered(clauses, voice.things(recognition.law), voice, receipt, failed)


def clause_reply(clause: Clause, voice: Voice, receipt: str, *, whole: bool = False) -> Reply:
    """A clause in plain words with its citation; the official wording where the company imported it."""
    parts = [voice.plain(clause)]
    cases = [c for c in voice.policy.clauses.values() if c.parent == clause.id]
    if cases and not whole:
        parts.append("\n".join(f"- {voice.heading(c)}" for c in cases))
    citations = [voice.citation(clause)]
    official = voice.official(clause)
    if official and (whole or len(official) <= LONG_OFFICIAL):
        parts.append(official)
    if whole:
        for case in cases:
            parts.append(
                f"{voice.heading(case)}\n{voice.plain(case)}" + (f"\n{voice.official(case)}" if case.official else "")
            )
            citations.append(voice.citation(case))
    choices = [
        Choice(voice.shared("helpful"), f"rate:up:{receipt}"),
        Choice(voice.shared("not_helpful"), f"rate:down:{receipt}"),
    ]
    if not whole and (cases or len(official) > LONG_OFFICIAL):
        choices.append(Choice(voice.shared("whole_clause"), f"whole:{clause.id}"))
    choices += [_law_choice(article, voice) for article in voice.things(clause.law)]
    choices += [voice.choice(thing) for thing in voice.things(clause.related)[:RELATED_AT_MOST]]
    return Reply("\n\n".join(parts), tuple(choices), tuple(citations), receipt, voice.language)


def law_reply(article: LawArticle, voice: Voice, *, beside: bool = True) -> Reply:
    """An article in plain words, said to be law and not the company's promise. `beside`: with buttons that lead to the use
    of its right and to clauses on the same subject."""
    text = voice.shared("law_says", law=voice.citation(article).label) + "\n" + voice.plain(article)
    choices = [*_uses([article], voice), *map(voice.choice, voice.things(article.beside)[:RELATED_AT_MOST])]
    return Reply(text, tuple(choices) if beside else (), (voice.citation(article),), language=voice.language)


def _ask_back(clauses: Sequence[Clause], voice: Voice) -> Answer:
    offered = clauses[:ASK_BACK_AT_MOST]
    choices = [voice.choice(clause, "ask") for clause in offered] + [Choice(voice.shared("none_of_these"), "ask:none")]
    reply = Reply(voice.shared("which_one"), tuple(choices), language=voice.language)
    return Answer(Outcome.ASK_BACK, (reply,), tuple(clause.id for clause in offered))


def _not_covered(
    nearest: Sequence[Clause], law: Sequence[Clause | LawArticle], voice: Voice, receipt: str, failed: int
) -> Answer:
    """Says that the policy is silent; then the law's own answer if there is one, the nearest clauses, and a person."""
    texts = [voice.shared("policy_silent")]
    citations: list[Citation] = []
    ids: list[str] = []
    for article in law:
        if isinstance(article, LawArticle):
            texts.append(law_reply(article, voice).text)
            citations.append(voice.citation(article))
            ids.append(article.id)
    if not law and nearest:
        texts.append(voice.shared("nearest"))
    if failed:
        texts.append(voice.shared("person_offer"))
    elif not law and not nearest:
        texts.append(voice.shared("rephrase"))
    choices = [*_uses(law, voice), *(voice.choice(clause) for clause in nearest[:RELATED_AT_MOST])]
    choices += [Choice(voice.shared("a_person"), "start:request_human"), Choice(voice.shared("browse"), "menu")]
    shown = receipt if law else ""
    reply = Reply("\n\n".join(texts), tuple(choices), tuple(citations), shown, voice.language)
    return Answer(Outcome.NOT_COVERED, (reply,), tuple(ids) or tuple(c.id for c in nearest[:RELATED_AT_MOST]), shown)


def _uses(law: Sequence[Clause | LawArticle], voice: Voice) -> list[Choice]:
    """A button for every way to use a right of these articles."""
    uses = dict.fromkeys(use for article in law for use in USED_BY.get(article.id, ()))
    return [Choice(voice.shared(f"use_{use}"), f"use:{use}") for use in uses]


def _law_choice(article: Clause | LawArticle, voice: Voice) -> Choice:
    return Choice(voice.shared("what_law_says", law=voice.pick(article.citation)), f"law:{article.id}")
