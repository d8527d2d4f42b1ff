"""What is said about orders outside of the dialogue: to the person's chat, and to every contact that can be written to."""

import json
import re
from datetime import timedelta

import pytest

from bot.core.codes import Codes
from bot.core.order.moves import State, person
from bot.core.order.news import MAILED, NOBODY_TOLD, News
from bot.core.orders import Level, Order, Orders, Right, staff
from bot.core.requests import Requests
from bot.core.state import State as Talk
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.errors import Conflict
from storage.work import Work
from tests.conftest import Clock
from tests.orders import ANN, BEN, STEADY, contacts, deadlines, hire

STOP = "https://privacy.example.com/stop/"
STAFF_MAIL = "desk@example.com"


class Telling:
    """Orders whose news really go to the outbox."""

    def __init__(self, database: Database, clock: Clock, wording: Wording, policy: PolicyVersion) -> None:
        self.database, self.clock = database, clock
        self.reach, self.staff_mail = frozenset({"email", "sms"}), STAFF_MAIL
        self._voices = {name: Voice(wording, policy, name) for name in wording.languages}
        with database.work() as work:
            hire(work, clock(), "ann", "ben")

    def orders(self, work: Work) -> Orders:
        news = News(work, self.clock(), self._voices.__getitem__, self.reach, STOP, self.staff_mail)
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
            return orders.approve(order, BEN, contacts(self.clock(), 99, 99, 99), STEADY)

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


def test_a_second_remark_and_a_second_hold_are_told_too(telling: Telling):
    """Between the two remarks the order doesn't move, and the second hold warns the same contacts."""
    order = telling.approved("en")
    with telling.database.work() as work:
        orders = telling.orders(work)
        for words in ("First.", "Second."):
            orders.remark(order, staff(ANN), words, internal=False)
        order = orders.refuse(order, BEN, "other", "reason")
        assert order.person_id is not None
        order = orders.propose(orders.take(orders.appeal(order, order.person_id), ANN), ANN)
        orders.approve(order, BEN, contacts(telling.clock(), 99, 99, 99), STEADY)
    told = telling.told("memory", "alice")
    assert [sum(word in text for text in told) for word in ("First.", "Second.")] == [1, 1]
    mails = telling.told("email", "ada@mail.example.com")
    assert len({link for text in mails for link in re.findall(rf"{STOP}(\S+)", text)}) == len(mails) == 2


def reported(telling: Telling, language: str = "zh", words: str = "") -> Order:
    with telling.database.work() as work:
        person = work.people.meet("memory", "alice", telling.clock(), language)
        return telling.orders(work).open(
            person.id, Right.SECURITY, language=language, level=Level.CHANNEL, body=words.encode()
        )


def test_a_security_report_is_in_the_mailbox_of_staff_with_its_first_words(telling: Telling):
    order = reported(telling, words="my password is out")
    (mail,) = telling.told("email", STAFF_MAIL)
    subject, _, text = mail.partition("\n")
    assert subject == f"Urgent: security report, {order.number} · 紧急：安全问题报告，{order.number}"
    assert "2026-03-03 17:30 (UTC+8)" in text
    assert "2026-03-03 17:30 前开始查看" in text
    assert f"clausebot orders take {order.number}" in text
    assert "password is out" not in mail  # Nothing that the person wrote.
    assert "{" not in mail
    with telling.database.read() as work:
        known = work.people.at("email", STAFF_MAIL)
        assert known is not None
        rows = work.connection.exec_driver_sql("SELECT lane FROM delivery WHERE channel = 'email'").scalars().all()
        assert list(rows) == ["interactive"]  # It doesn't wait behind notices that are put off.


@pytest.mark.parametrize("key", sorted(MAILED))
def test_every_alarm_that_is_mailed_is_whole(telling: Telling, key: str):
    order = reported(telling)
    with telling.database.work() as work:
        values = {"percent": "50", "by": "2026-03-03T17:30+08:00"}
        telling.orders(work).ports.alarm(order._replace(version=9), key, values)
    mail = telling.told("email", STAFF_MAIL)[-1]
    assert mail.count(order.number) == 4  # Subject and command, in both languages.
    assert "{" not in mail


def explained(telling: Telling, language: str = "en") -> Order:
    """A request that can be paused, and a member of staff on it."""
    with telling.database.work() as work:
        person = work.people.meet("memory", "alice", telling.clock(), language)
        order = telling.orders(work).open(person.id, Right.EXPLANATION, language=language, level=Level.CHANNEL)
        return telling.orders(work).take(order, ANN)


def choices(telling: Telling) -> list[list[str]]:
    """The values of the choices below what alice was told, oldest first."""
    with telling.database.read() as work:
        known = work.people.at("memory", "alice")
        assert known is not None
        sent = work.deliveries.history(known)
    return [[choice["value"] for choice in json.loads(one.body)["choices"]] for one in sent]


def test_what_staff_ask_carries_a_button_and_is_what_a_number_means_next(telling: Telling):
    order = explained(telling)
    with telling.database.work() as work:
        order = telling.orders(work).pause(order, ANN, "Which service?")
        telling.orders(work).remark(order, staff(ANN), "And since when?", internal=False)
        telling.orders(work).remark(order, staff(ANN), "For us alone.", internal=True)
    answers = [f"answer:{order.number}"]
    assert choices(telling) == [[], [], answers, answers]
    with telling.database.read() as work:
        known = work.people.at("memory", "alice")
        assert known is not None
        state = Talk.from_bytes(work.conversations.state(known).state)
    assert [offer.value for offer in state.offers] == answers


def test_a_remark_on_what_has_ended_asks_for_no_answer(telling: Telling):
    order = explained(telling)
    with telling.database.work() as work:
        order = telling.orders(work).answer(order, ANN, "It is kept for a year.")
        telling.orders(work).remark(order, staff(ANN), "Our new leaflet says more.", internal=False)
    assert choices(telling)[-1] == []
    assert telling.told("memory", "alice")[-1] == f"Request {order.number}, from staff: Our new leaflet says more."


def test_a_first_refusal_can_be_appealed_by_its_button_and_a_second_one_cannot(telling: Telling):
    order = explained(telling)
    with telling.database.work() as work:
        orders = telling.orders(work)
        order = orders.refuse(order, ANN, "no_match", "")
        order = orders.take(orders.appeal(order, order.person_id or 0), BEN)
        orders.refuse(order, BEN, "no_match", "")
    assert [one for one in choices(telling) if one] == [[f"appeal:{order.number}"]]


def test_news_wait_for_nobody_who_writes_at_the_same_moment(telling: Telling, monkeypatch: pytest.MonkeyPatch):
    order = explained(telling)

    def outrun(*_: object) -> int:
        raise Conflict("another turn came between")

    with telling.database.work() as work:
        monkeypatch.setattr(work.conversations, "save_state", outrun)
        telling.orders(work).pause(order, ANN, "Which service?")
    assert choices(telling)[-1] == [f"answer:{order.number}"]


def test_staff_are_mailed_once_in_a_pause_that_the_person_answered(telling: Telling):
    order = explained(telling)
    with telling.database.work() as work:
        orders, me = telling.orders(work), person(order.person_id or 0)
        orders.remark(order, me, "Before it is paused.", internal=False)
        order = orders.pause(order, ANN, "Which service?")
        orders.remark(order, me, "The servers.", internal=False)
        orders.remark(order, me, "Two of them.", internal=False)
        order = orders.pause(orders.resume(order, staff(ANN)), ANN, "Since when?")
        orders.remark(order, me, "Since May.", internal=False)
    subjects = [mail.splitlines()[0] for mail in telling.told("email", STAFF_MAIL)]
    assert len(subjects) == 2
    assert all(one.startswith("The person has answered, still paused: ") for one in subjects)


def test_without_a_mailbox_or_without_mail_it_is_noted_all_the_same(telling: Telling):
    telling.staff_mail = ""
    order = reported(telling)
    telling.staff_mail, telling.reach = STAFF_MAIL, frozenset({"sms"})
    with telling.database.work() as work:
        telling.orders(work).ports.alarm(order, "escalation", {"percent": "100"})
        noted = [entry.action for entry in work.trail.of_thing(order.thing)]
    assert telling.told("email", STAFF_MAIL) == []
    assert noted == ["opened", "alarm urgent", "alarm escalation"]


def report_again(telling: Telling, chat: str = "alice") -> None:
    """A report, taken back at once so that the next one is a new one."""
    with telling.database.work() as work:
        person = work.people.meet("memory", chat, telling.clock(), "en")
        orders = telling.orders(work)
        orders.withdraw(orders.open(person.id, Right.SECURITY, language="en", level=Level.CHANNEL), person.id)


def subjects(telling: Telling) -> list[str]:
    return [text.split(":")[0].split(",")[0] for text in telling.told("email", STAFF_MAIL)]


def test_who_withdraws_and_reports_again_fills_no_mailbox(telling: Telling):
    for _ in range(12):
        report_again(telling)
        telling.clock.now += timedelta(minutes=1)
    assert subjects(telling) == ["Urgent"] * 3 + ["More urgent reports"]
    last = telling.told("email", STAFF_MAIL)[-1]
    assert "3 of one person, 20 in all" in last
    assert "clausebot orders list --right security" in last
    assert "KP-" not in last
    report_again(telling, "bob")
    assert subjects(telling)[-1] == "Urgent", "another person's is mailed"
    with telling.database.read() as work:
        noted = [row for (row,) in work.connection.exec_driver_sql("SELECT action FROM trail")]
    assert noted.count("alarm urgent") == 13, "all of them are noted"
    telling.clock.now += timedelta(hours=1)
    report_again(telling)
    assert subjects(telling)[-1] == "Urgent", "an hour later it begins anew"


def test_of_many_people_no_more_than_twenty_reports_an_hour_are_mailed(telling: Telling):
    for number in range(30):
        report_again(telling, f"chat {number}")
    assert subjects(telling) == ["Urgent"] * 20 + ["More urgent reports"]
    telling.clock.now += timedelta(hours=1)
    for number in range(30, 60):
        report_again(telling, f"chat {number}")
    assert subjects(telling)[21:] == ["Urgent"] * 20 + ["More urgent reports"]


def test_a_remark_is_no_mail(telling: Telling):
    order = reported(telling)
    with telling.database.work() as work:
        orders = telling.orders(work)
        orders.remark(order, person(order.person_id or 0), "one more thing", internal=False)
    assert len(telling.told("email", STAFF_MAIL)) == 1


def test_what_one_chat_does_is_told_in_the_chat_that_the_order_was_opened_from(telling: Telling):
    order = reported(telling, "en")
    requests = Requests(
        Codes.of(telling.database.keyring), deadlines(), ports=lambda work, now: telling.orders(work).ports
    )
    with telling.database.work() as work:
        other = work.people.meet("memory", "bob", telling.clock(), "en")
        assert order.person_id is not None
        for chat, told in ((order.person_id, 1), (other.id, 2)):  # The first is that it was opened.
            requests.orders(work, telling.clock(), from_chat=chat).ports.tell(order, "withdrawn", {"number": "KP"})
            known = work.people.of_id(order.person_id)
            assert known is not None
            assert len(work.deliveries.history(known)) == told


def with_papers(telling: Telling, user: str, files: int) -> Order:
    """A guardian's request, and files that its person hands in."""
    with telling.database.work() as work:
        known = work.people.meet("memory", user, telling.clock(), "zh")
        orders = telling.orders(work)
        order = orders.open(known.id, Right.GUARDIAN, ground="access", language="zh", level=Level.CHANNEL)
        return attached(orders, order, files)


def attached(orders: Orders, order: Order, files: int) -> Order:
    for number in range(files):
        by, name = person(order.person_id or 0), f"invented-name-{number}.png"
        order = orders.attach(order, by, name, "image/png", b"scan%d" % number, internal=True)
    return order


def test_staff_get_one_mail_of_papers_however_many_files_come_within_the_hour(telling: Telling):
    order = with_papers(telling, "alice", 3)
    (mail,) = telling.told("email", STAFF_MAIL)
    assert mail.splitlines()[0].startswith(f"Papers came in: request of a guardian, {order.number} · 收到证明材料：")
    assert mail.count(f"clausebot orders show {order.number}") == 2
    assert "invented-name" not in mail
    telling.clock.now += timedelta(hours=1, minutes=1)
    with telling.database.work() as work:
        attached(telling.orders(work), order, 2)
    assert len(telling.told("email", STAFF_MAIL)) == 2


def test_a_flood_of_papers_is_one_mail_more(telling: Telling, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bot.core.order.news.PAPERS_ALL", 2)
    for number in range(5):
        with_papers(telling, f"user{number}", 2)
    mails = telling.told("email", STAFF_MAIL)
    assert [mail.startswith("More papers came in") for mail in mails] == [False, False, True]
    assert "（2 件）" in mails[-1]
    reported(telling)  # What is urgent has caps of its own.
    assert telling.told("email", STAFF_MAIL)[-1].startswith("Urgent")


def test_that_there_was_nobody_to_tell_is_noted(telling: Telling):
    order = telling.approved("en")
    with telling.database.work() as work:
        known = work.people.at("memory", "alice")
        assert known is not None
        work.people.forget(known.id)
    with telling.database.work() as work:
        left = work.orders.of_id(order.id)
        assert left is not None
        telling.orders(work).refuse(left, BEN, "other", "reason")
        noted = [entry.detail for entry in work.trail.of_thing(order.thing) if entry.action == NOBODY_TOLD]
    assert noted == ["refused.other"]
