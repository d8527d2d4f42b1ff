"""Links that news of orders carry: what goes out by SMS, and that no link is sent that leads nowhere."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.core.codes import Codes
from bot.core.order.clock import run_due
from bot.core.order.dates import HOLD
from bot.core.orders import Level, NotAllowed, Order, Orders, Right, State, staff
from bot.core.voice import Voice
from bot.request_desk import ports_of
from bot.settings import Settings
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.work import Work
from tests.conftest import Clock
from tests.orders import ANN, BEN, STEADY, contacts, deadlines, hire

PUBLIC = "https://privacy.example.com"
PHONE = "+8613800000001"


class Site:
    """One installation, whose public address can be given and taken away."""

    def __init__(self, database: Database, clock: Clock, wording: Wording, policy: PolicyVersion) -> None:
        self.database, self.clock, self.public_url = database, clock, PUBLIC
        self._voices = {name: Voice(wording, policy, name) for name in wording.languages}
        with database.work() as work:
            hire(work, clock(), "ann", "ben")

    def orders(self, work: Work) -> Orders:
        mail: dict[str, Any] = {"smtp_host": "mail.example.com", "sms_url": "https://sms.example.com/x"}
        settings = Settings(public_url=self.public_url, **mail)
        ports = ports_of(settings, Codes.of(self.database.keyring), self._voices.__getitem__)(work, self.clock())
        return Orders(work, self.clock(), deadlines(), ports)

    def proposed(self, right: Right, language: str = "zh") -> Order:
        with self.database.work() as work:
            someone = work.people.meet("memory", "alice", self.clock(), language)
            proof: dict[str, Any] = {"level": Level.PORTAL, "account_id": "K-1", "code_proven_at": self.clock()}
            orders = self.orders(work)
            order = orders.open(someone.id, right, language=language, **proof)
            return orders.propose(orders.take(order, ANN), ANN)

    def approve(self, order: Order) -> Order:
        with self.database.work() as work:
            return self.orders(work).approve(order, BEN, contacts(self.clock(), 99, 99), STEADY)

    def deliver(self, order: Order) -> Order:
        with self.database.work() as work:
            return self.orders(work).deliver(order, staff(BEN))

    def tick(self) -> int:
        """Lets the clock of orders run; how many orders were left alone."""
        return run_due(self.database, self.clock(), deadlines(), lambda work: self.orders(work).ports).failed

    def now(self, order: Order) -> Order:
        with self.database.read() as work:
            there = work.orders.of_id(order.id)
        assert there is not None
        return there

    def told(self, channel: str, user: str) -> list[str]:
        with self.database.read() as work:
            known = work.people.at(channel, user)
            return [json.loads(sent.body)["text"] for sent in work.deliveries.history(known)] if known else []


@pytest.fixture
def site(database: Database, clock: Clock, wording: Wording, policy: PolicyVersion) -> Site:
    return Site(database, clock, wording, policy)


def test_a_chinese_sms_begins_with_the_companys_signature_and_is_one_line(site: Site, policy: PolicyVersion) -> None:
    order = site.approve(site.proposed(Right.DELETION))
    site.clock.now += HOLD - timedelta(hours=23)
    assert site.tick() == 0
    texts = site.told("sms", PHONE)
    assert len(texts) == 2
    for text in texts:
        assert text.startswith(f"【{policy.name['zh']}】")
        assert (text.count("\n"), text.count(PUBLIC), order.number in text) == (0, 1, True)


def test_without_a_public_address_no_result_is_released(site: Site) -> None:
    order = site.approve(site.proposed(Right.ACCESS))
    site.public_url = ""
    with pytest.raises(NotAllowed, match="no_address"):
        site.deliver(order)
    assert site.now(order) == order
    assert not any("/result/" in text or "72" in text for text in site.told("memory", "alice"))
    site.public_url = PUBLIC
    assert site.deliver(order).state == State.ANSWERED


def test_without_a_public_address_no_hold_begins_that_nobody_could_stop(site: Site) -> None:
    order = site.proposed(Right.DELETION)
    site.public_url = ""
    with pytest.raises(NotAllowed, match="no_address"):
        site.approve(order)
    assert site.now(order).approved_by is None
    assert site.told("sms", PHONE) == []


def test_an_address_that_went_during_a_hold_keeps_the_deletion_waiting(site: Site) -> None:
    order = site.approve(site.proposed(Right.DELETION))
    site.public_url = ""
    site.clock.now += HOLD - timedelta(hours=23)
    assert site.tick() == 1
    assert site.now(order).warned_at is None
    site.public_url = PUBLIC
    site.clock.now += timedelta(minutes=11)
    assert site.tick() == 0
    assert site.now(order).warned_at is not None


@pytest.mark.parametrize(
    ("right", "said"), [(Right.INFRINGEMENT, "向有关主管部门投诉"), (Right.SECURITY, "履行个人信息保护职责的部门")]
)
def test_who_complains_of_an_infringement_is_not_sent_to_the_privacy_authority(
    site: Site, right: Right, said: str
) -> None:
    with site.database.work() as work:
        someone = work.people.meet("memory", "bob", site.clock(), "zh")
        orders = site.orders(work)
        order = orders.open(someone.id, right, language="zh", level=Level.CHANNEL, body="桥的照片".encode())
        orders.refuse(order, BEN, "no_match", "没有找到。")
    refused = site.told("memory", "bob")[-1]
    others = {"向有关主管部门投诉", "履行个人信息保护职责的部门"} - {said}
    assert said in refused
    assert not any(other in refused for other in others)
