"""The policy as a menu, from its parts down to every clause."""

from bot.core.errors import NothingFound
from bot.core.masking import mask
from bot.core.message import Choice, Reply
from bot.core.voice import Voice


def menu(voice: Voice, place: str = "") -> Reply:
    """The headings below `place` ("" = the parts of the policy) and the clauses under it. Raises NothingFound."""
    policy = voice.policy
    if place and place not in policy.sections:
        raise NothingFound(name=mask(place))
    below = [section for section in policy.sections.values() if section.parent == (place or None)]
    clauses = [policy.clauses[key] for key in (policy.sections[place].clauses if place else ())]
    choices = [voice.choice(clause) for clause in clauses]
    choices += [Choice(voice.pick(section.title), f"menu:{section.id}") for section in below]
    if place:
        choices.append(Choice(voice.shared("back"), f"menu:{policy.sections[place].parent or ''}".rstrip(":")))
        return Reply(
            voice.shared("menu_in", place=voice.pick(policy.sections[place].title)),
            tuple(choices),
            language=voice.language,
        )
    title = voice.shared("menu", title=voice.pick(policy.title), date=voice.date(policy.date))
    return Reply(title, tuple(choices), language=voice.language)
