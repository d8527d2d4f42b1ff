"""Says things in one language: wording, clauses, citations, dates."""

from collections.abc import Sequence
from datetime import date

from bot.core.message import Choice, Citation
from intents.catalogue import resolve
from intents.traditional import in_traditional_characters, traditional
from intents.wording import TRADITIONAL, Wording
from knowledge.clause import Clause, LawArticle, Localized, PolicyVersion, localized

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


class Voice:
    """The bot's voice in one language, for one version of a policy."""

    def __init__(self, wording: Wording, policy: PolicyVersion, language: str) -> None:
        self.wording, self.policy, self.language = wording, policy, language
        self._usual = {"company": self.pick(policy.name), "contact": self.pick(policy.contact)}

    def pick(self, texts: Localized) -> str:
        """The text in this voice's language."""
        text = localized(texts, "zh" if self.language == TRADITIONAL else self.language)
        return traditional(text) if self.language == TRADITIONAL else text

    def shared(self, key: str, **values: str) -> str:
        """A text that belongs to no flow."""
        return self.wording.shared(key, self.language, **self._usual, **values)

    def flow(self, flow: str, key: str, **values: str) -> str:
        """A text of a flow, or of the part that flows share."""
        place, rest = resolve(flow, key)
        return self.wording.say(place, rest, self.language, **self._usual, **values)

    def option(self, flow: str, step: str, option: str) -> str:
        """The label of an option, or with "ask" the question itself."""
        place, rest = resolve(flow, step)
        return self.wording.say(place, f"choose.{rest}.{option}", self.language, **self._usual)

    def date(self, day: date) -> str:
        """ "15 December 2023" or "2023年12月15日"."""
        if self.language == "en":
            return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
        return f"{day.year}年{day.month}月{day.day}日"

    def citation(self, thing: Clause | LawArticle) -> Citation:
        """How `thing` is cited; a law is always marked as law."""
        label = self.pick(thing.citation)
        if isinstance(thing, LawArticle):
            return Citation(thing.id, label, "law")
        return Citation(thing.id, label, "policy", self.date(self.policy.date))

    def heading(self, thing: Clause | LawArticle) -> str:
        return self.pick(thing.heading)

    def plain(self, thing: Clause | LawArticle) -> str:
        return self.pick(thing.plain)

    def official(self, clause: Clause) -> str:
        """The imported official wording with its label, "" where none was imported."""
        if not clause.official:
            return ""
        text = localized(clause.official, "zh" if self.language == TRADITIONAL else self.language)
        return (
            self.shared("official") + "\n" + (in_traditional_characters(text) if self.language == TRADITIONAL else text)
        )

    def things(self, ids: Sequence[str]) -> list[Clause | LawArticle]:
        """The clauses and articles by those names, unknown ones left out."""
        found = (self.policy.clauses.get(i) or self.policy.law.get(i) for i in ids)
        return [thing for thing in found if thing is not None]

    def choice(self, thing: Clause | LawArticle, verb: str = "clause") -> Choice:
        """A button that shows `thing`."""
        return Choice(self.heading(thing), f"{'law' if isinstance(thing, LawArticle) else verb}:{thing.id}")
