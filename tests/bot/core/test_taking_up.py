"""Buttons that go straight to a place in a dialogue, below the law and below news; and that they open nobody else's."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from bot.core.answering import USED_BY, USES
from bot.core.dialogue import play
from bot.core.order.guards import APPEAL_WITHIN
from bot.core.orders import Level, Order, Orders, Right
from bot.core.state import OpenFlow
from intents.catalogue import flows
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.rights import rights
from storage.engine import Database
from tests.bot.conftest import Person
from tests.conftest import Clock
from tests.orders import ANN, deadlines, hire


def explained(alice: Person, database: Database, clock: Clock) -> Order:
    """A request of alice's that staff work on."""
    alice("hello")
    with database.work() as work:
        hire(work, clock(), "ann", "ben")
        known = work.people.at(alice.address.channel, alice.address.user)
        assert known is not None
        orders = Orders(work, clock(), deadlines())
        return orders.take(orders.open(known.id, Right.EXPLANATION, language="en", level=Level.CHANNEL), ANN)


def remarks(database: Database, clock: Clock, order: Order) -> list[str]:
    with database.read() as work:
        return [one.text for one in Orders(work, clock(), deadlines()).remarks(order)]


def test_the_answer_to_staff_is_a_remark_on_that_very_order(alice: Person, database: Database, clock: Clock):
    order = explained(alice, database, clock)
    card, asked = alice(choice=f"answer:{order.number}")
    assert order.number in card.text
    assert "What should staff know?" in asked.text
    alice("Two servers.")
    assert remarks(database, clock, order) == ["Two servers."]


def test_a_refusal_is_appealed_by_its_button_while_there_is_time(alice: Person, database: Database, clock: Clock):
    order = explained(alice, database, clock)
    with database.work() as work:
        Orders(work, clock(), deadlines()).refuse(order, ANN, "no_match")
    asked = alice(choice=f"appeal:{order.number}")[-1]
    assert "Why do you think the refusal was wrong?" in asked.text
    clock.now += APPEAL_WITHIN + timedelta(days=1)
    (card,) = alice(choice=f"appeal:{order.number}")
    assert "State: refused" in card.text
    assert card.choices == ()


def test_a_button_with_somebody_elses_number_opens_nothing(
    alice: Person, bob: Person, database: Database, clock: Clock
):
    order = explained(alice, database, clock)
    theirs = bob(choice=f"answer:{order.number}")
    nobodys = bob(choice="answer:KP-0000-0000")
    assert [reply.text for reply in theirs] == [reply.text for reply in nobodys]
    assert order.number not in theirs[0].text
    bob("Two servers.")
    assert remarks(database, clock, order) == []


@pytest.mark.parametrize("value", ["answer:x", "answer:KP-1", "answer:KP-0000-0000:more"])
def test_what_is_no_number_is_nobodys_order(alice: Person, value: str):
    (said,) = alice(choice=value)
    assert "can't see a request with that number" in said.text


@pytest.mark.parametrize("value", ["answer:", "use:", "use:nothing", "use:request_deletion", "use:access:account:copy"])
def test_only_what_there_is_can_be_pressed(alice: Person, value: str):
    (said,) = alice(choice=value)
    assert "earlier step" in said.text


def test_every_use_is_a_way_through_its_dialogue():
    """Where the company handles such requests each option that is picked is open when its turn comes."""
    assert {use for uses in USED_BY.values() for use in uses} == set(USES)
    for name, *picks in USES.values():
        flow = OpenFlow(name, "run")
        for pick in picks:
            assert play(flows()[name], flow, lambda *_: "yes").waiting is not None
            play(flows()[name], flow, lambda *_: "yes", pick)
        assert [entry["outcome"] for entry in flow.journal if entry["kind"] == "answer"] == picks


def test_every_article_that_gives_a_right_has_a_button(policy: PolicyVersion, wording: Wording):
    assert USED_BY.keys() <= policy.law.keys()
    of_rights = {article for rule in rights().values() for article in rule.law}
    assert of_rights - USED_BY.keys() == {"pipl.57"}  # A leak is reported, not asked for.


@pytest.mark.parametrize(
    ("what", "ground"), [("mail", "marketing"), ("tracking", "tracking"), ("other", "other"), ("cookies", None)]
)
def test_consent_is_withdrawn_for_what_was_named_alone(what: str, ground: str | None):
    opened: list[str] = []

    def effects(effect: str, arguments: Mapping[str, str]) -> str:
        opened.extend([arguments["ground"]] if effect == "open_order" else [])
        return "opened KP-0000-0000" if effect == "open_order" else "yes"

    flow = OpenFlow("withdraw_consent", "run")
    for answer in (None, what, *(["in own words"] if what == "other" else []), "contact"):
        play(flows()["withdraw_consent"], flow, effects, answer)
    assert opened == ([ground] if ground else [])
    assert ground is None or ground in rights()[Right.WITHDRAW_CONSENT].grounds
