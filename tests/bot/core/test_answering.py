"""Three outcomes, never a fourth; no clause, no answer."""

from dataclasses import replace

import pytest

from bot.core.answering import ASK_BACK_AT_MOST, LONG_OFFICIAL, RELATED_AT_MOST, answer, clause_reply, law_reply
from bot.core.voice import Voice
from intents.recogniser import Outcome, Recognition
from intents.wording import Wording
from knowledge.clause import PolicyVersion


@pytest.fixture(params=["en", "zh", "zh-Hant"])
def voice(request, wording: Wording, policy: PolicyVersion) -> Voice:
    return Voice(wording, policy, request.param)


@pytest.fixture
def english(wording: Wording, policy: PolicyVersion) -> Voice:
    return Voice(wording, policy, "en")


def test_an_answer_rests_on_the_first_clause_alone(voice: Voice):
    found = answer(Recognition(Outcome.ANSWERED, ("privacy.7.2", "privacy.7.4")), voice, "CODE")
    assert found.outcome is Outcome.ANSWERED
    assert found.ids == ("privacy.7.2",)
    (reply,) = found.replies
    assert reply.text == voice.plain(voice.policy.clauses["privacy.7.2"])
    assert [citation.id for citation in reply.citations] == ["privacy.7.2"]
    assert reply.receipt == found.receipt == "CODE"


@pytest.mark.parametrize("clauses", [(), ("privacy.99",)])
def test_without_a_clause_there_is_no_answer(voice: Voice, clauses: tuple[str, ...]):
    for outcome in (Outcome.ANSWERED, Outcome.ASK_BACK):
        found = answer(Recognition(outcome, clauses), voice, "CODE")
        assert found.outcome is Outcome.NOT_COVERED
        assert found.receipt == found.replies[0].receipt == ""
        assert found.replies[0].citations == ()


def test_asking_back_offers_a_few_clauses_and_none_of_them(voice: Voice):
    ids = ("privacy.7.1", "privacy.7.2", "privacy.7.3", "privacy.7.4", "privacy.7.5")
    (reply,) = answer(Recognition(Outcome.ASK_BACK, ids), voice, "CODE").replies
    assert [choice.value for choice in reply.choices] == [f"ask:{i}" for i in ids[:ASK_BACK_AT_MOST]] + ["ask:none"]
    assert reply.citations == ()
    assert reply.receipt == ""


def test_what_is_not_covered_offers_the_nearest_clauses_and_a_person(voice: Voice):
    found = answer(Recognition(Outcome.NOT_COVERED, ("privacy.7.1", "privacy.7.2", "privacy.7.3")), voice, "CODE")
    values = [choice.value for choice in found.replies[0].choices]
    assert values == ["clause:privacy.7.1", "clause:privacy.7.2", "start:request_human", "menu"]
    assert len(found.ids) == RELATED_AT_MOST
    assert found.receipt == ""


def test_the_law_answers_where_the_policy_is_silent_and_is_called_law(voice: Voice):
    found = answer(Recognition(Outcome.NOT_COVERED, (), law=("pipl.45",)), voice, "CODE")
    (reply,) = found.replies
    article = voice.policy.law["pipl.45"]
    silent = voice.shared("policy_silent")
    assert reply.text.startswith(silent)
    assert reply.text.index(silent) < reply.text.index(voice.shared("law_says", law=voice.pick(article.citation)))
    assert voice.plain(article) in reply.text
    assert [(c.id, c.source, c.version) for c in reply.citations] == [("pipl.45", "law", "")]
    assert found.receipt == "CODE"


def test_below_the_law_stands_the_way_to_use_it(voice: Voice):
    """Pressed for or answered with; where a dialogue cites the article, its use is under way."""
    found = answer(Recognition(Outcome.NOT_COVERED, (), law=("pipl.49", "pipl.45", "pipl.44")), voice, "CODE")
    choices = {choice.value: choice.label for choice in found.replies[0].choices}
    assert list(choices)[:3] == ["use:relative", "use:relative_deletion", "use:access"]
    assert "use_" not in "".join(choices.values())
    article = voice.policy.law["pipl.47"]
    assert law_reply(article, voice).choices[0].value == "use:deletion"
    assert law_reply(article, voice, beside=False).choices == ()


def test_a_second_failure_names_a_person(voice: Voice):
    first, second = (answer(Recognition(Outcome.NOT_COVERED), voice, "CODE", failed).replies[0] for failed in (0, 1))
    assert voice.shared("rephrase") in first.text
    assert voice.shared("person_offer") not in first.text
    assert voice.shared("person_offer") in second.text


def test_every_clause_can_be_answered_with_in_every_language(voice: Voice):
    for clause in voice.policy.clauses.values():
        for whole in (False, True):
            reply = clause_reply(clause, voice, "CODE", whole=whole)
            assert reply.text
            assert reply.citations[0].id == clause.id
            assert all(citation.label and citation.version for citation in reply.citations)
            assert len({choice.label for choice in reply.choices}) == len(reply.choices), clause.id


def test_every_article_is_cited_as_law(voice: Voice):
    for article in voice.policy.law.values():
        reply = law_reply(article, voice)
        assert reply.text.startswith(voice.shared("law_says", law=voice.pick(article.citation)))
        assert [citation.source for citation in reply.citations] == ["law"]


def test_no_answer_holds_an_unfilled_placeholder(voice: Voice):
    for clause in voice.policy.clauses.values():
        assert "{" not in clause_reply(clause, voice, "CODE", whole=True).text


def test_a_lead_clause_names_its_cases_and_the_whole_of_it_tells_them(english: Voice):
    clause = english.policy.clauses["privacy.3.1"]
    short, whole = clause_reply(clause, english, "CODE"), clause_reply(clause, english, "CODE", whole=True)
    case = english.policy.clauses["privacy.3.1.2"]
    assert f"- {english.heading(case)}" in short.text
    assert english.plain(case) not in short.text
    assert english.plain(case) in whole.text
    assert "privacy.3.1.2" in {citation.id for citation in whole.citations}
    assert "whole:privacy.3.1" in {choice.value for choice in short.choices}
    assert "whole:privacy.3.1" not in {choice.value for choice in whole.choices}


@pytest.mark.parametrize(("length", "at_once"), [(LONG_OFFICIAL, True), (LONG_OFFICIAL * 2, False)])
def test_imported_official_wording_is_shown_with_its_label(english: Voice, length: int, at_once: bool):
    official = ("o" * (length - len(english.shared("official")) - 1))[:length]
    clause = replace(english.policy.clauses["privacy.7.5"], official={"en": official})
    short, whole = clause_reply(clause, english, "CODE"), clause_reply(clause, english, "CODE", whole=True)
    assert (official in short.text) is at_once
    assert f"{english.shared('official')}\n{official}" in whole.text
    assert ("whole:privacy.7.5" in {choice.value for choice in short.choices}) is not at_once
