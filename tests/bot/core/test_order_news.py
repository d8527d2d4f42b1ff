"""What is said about orders outside of the dialogue: to the person's chat, and to every contact that can be written to."""

import json
import re
from datetime import timedelta

import pytest

from bot.core.order_moves import State
from bot.core.order_news import News
from bot.core.orders import Level, Order, Orders, Right
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.work import Work
from tests.conftest import Clock
from tests.orders import ANN, BEN, contacts, deadlines, hire

STOP = "https://privacy.example.com/stop/"


class Telling:
    """Orders whose news really go to the outbox."""

    def __init__(self, database: Database, clock: Clock, wording: Wording, policy: PolicyVersion) -> None:
        self.database, self.clock = database, clock
        self._voices = {name: Voice(wording, policy, name) for name in wording.languages}
        with database.work() as work:
            hire(work, clock(), "ann", "ben")

    def orders(self, work: Work) -> Orders:
        news = News(work, self.clock(), self._voices.__getitem__, frozenset({"email", "sms"}), STOP)
        return Orders(work, self.clock(), deadlines(), news.ports())

    def approved(self, language: str, right: Right = Right.DELETION) -> Order:
        """An order on hold, whose account has an e-mail address, a phone and a linked Telegram."""
        with self.database.work() as work:
            person = work.people.meet("memory", "alice", self.clock(), language)
            orders = self.orders(work)
            order = orders.open(
                person.id,
                right,
                language=language,
                level=Level.PORTAL,
                account_id="K-1",
                code_proven_at=self.clock(),
            )
            order = orders.propose(orders.take(order, ANN), ANN)
            return orders.approve(order, BEN, contacts(self.clock(), 99, 99, 99))

    def told(self, channel: str, user: str) -> list[str]:
        """What was queued for somebody, oldest first."""
        with self.database.read() as work:
            known = work.people.at(channel, user)
            return [json.loads(sent.body)["text"] for sent in work.deliveries.history(known)] if known else []


@pytest.fixture
def telling(database: Database, clock: Clock, wording: Wording, policy: PolicyVersion) -> Telling:
    return Telling(database, clock, wording, policy)


@pytest.mark.parametrize("language", ["en", "zh", "zh-Hant"])
@pytest.mark.parametrize("right", [Right.DELETION, Right.CLOSURE])
def test_every_contact_is_told_with_a_stop_link_of_its_own(telling: Telling, language: str, right: Right):
    order = telling.approved(language, right)
    (mail,), (sms,) = telling.told("email", "ada@mail.example.com"), telling.told("sms", "+8613800000001")
    links = [re.findall(rf"{STOP}(\S+)", text) for text in (mail, sms)]
    assert [len(found) for found in links] == [1, 1]
    assert links[0] != links[1]
    for text in (mail, sms):
        assert order.number in text.splitlines()[0]  # Of a mail the subject.
        assert "{" not in text
        assert "K-1" not in text
    with telling.database.work() as work:
        assert telling.orders(work).stop(links[0][0]).state == State.REFUSED


def test_a_contact_that_cannot_be_written_to_is_noted(telling: Telling):
    order = telling.approved("en")
    with telling.database.read() as work:
        assert [e.detail for e in work.trail.of_thing(order.thing) if e.action == "contact not reached"] == ["telegram"]


def test_the_chat_is_told_in_the_language_that_the_person_speaks_now(telling: Telling):
    order = telling.approved("en")
    with telling.database.work() as work:
        known = work.people.at("memory", "alice")
        assert known is not None
        work.people.touch(known.id, telling.clock(), language="zh")
        telling.orders(work).refuse(order, BEN, "not_covered", "合同还在履行。")
    *before, last = telling.told("memory", "alice")
    assert all(order.number in text for text in (*before, last))
    assert last.startswith(f"申请 {order.number} 不予办理")
    assert "合同还在履行。" in last.splitlines()


def test_who_is_gone_is_told_nothing_and_the_order_goes_on(telling: Telling):
    order = telling.approved("en")
    with telling.database.work() as work:
        known = work.people.at("memory", "alice")
        assert known is not None
        work.people.forget(known.id)
    telling.clock.now += timedelta(hours=1)
    with telling.database.work() as work:
        left = work.orders.of_id(order.id)
        assert left is not None
        refused = telling.orders(work).refuse(left, BEN, "other", "reason")
    assert refused.state == State.REFUSED
    assert telling.told("memory", "alice") == []
