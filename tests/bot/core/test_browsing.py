"""The policy as a menu."""

import pytest

from bot.core.browsing import menu
from bot.core.errors import NothingFound
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion


@pytest.fixture(params=["en", "zh", "zh-Hant"])
def voice(request, wording: Wording, policy: PolicyVersion) -> Voice:
    return Voice(wording, policy, request.param)


def test_every_clause_is_reached_from_the_menu_in_both_directions(voice: Voice):
    found, places, seen = set(), [""], set()
    while places:
        place = places.pop()
        seen.add(place)
        for choice in menu(voice, place).choices:
            kind, _, key = choice.value.partition(":")
            assert choice.label
            if kind == "clause":
                found.add(key)
            elif key not in seen:
                places.append(key)
    assert found == set(voice.policy.clauses)
    assert seen == {"", *voice.policy.sections}


def test_each_part_leads_back_to_where_it_belongs(voice: Voice):
    for section in voice.policy.sections.values():
        back = menu(voice, section.id).choices[-1]
        assert back.label == voice.shared("back")
        assert back.value == (f"menu:{section.parent}" if section.parent else "menu")


@pytest.mark.parametrize("place", ["nowhere", "privacy.99", "PRIVACY", "../.."])
def test_a_place_that_is_none_is_not_found(voice: Voice, place: str):
    with pytest.raises(NothingFound):
        menu(voice, place)
