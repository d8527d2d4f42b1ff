"""Work orders: opened, joined, proved, worked, ended; every move in the trail."""

from datetime import timedelta

import pytest

from bot.core.errors import NothingFound
from bot.core.order.keeping import forget_of, forget_old, kept_for_case
from bot.core.orders import TOLD, Level, NotAllowed, Order, Right, State, TooManyRequests, Wanted, person, staff
from storage.engine import Database
from storage.errors import Conflict, Unreadable
from tests.conftest import Clock
from tests.orders import ANN, BEN, CLEO, DORA, STEADY, Desk, contacts
from tests.storage.threads import race


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    return Desk(database, clock)


# ---- opening


def test_a_verified_request_is_open_at_once_with_a_number_and_a_date(desk: Desk) -> None:
    order = desk.open()
    assert (order.state, order.is_verified, order.version) == ("open", True, 1)
    assert order.told_due_at > desk.clock() + timedelta(days=14)
    assert desk.news.keys == ["opened"]
    assert desk.trail(order) == [(f"person:{desk.alice}", "opened", "received>open v1 access PORTAL")]
    with desk.orders() as orders:
        assert orders.get(order.number.lower().replace("-", " ")) == order
        with pytest.raises(NothingFound):
            orders.get("KP-0000-0001")


def test_the_trail_and_the_rows_hold_no_account_and_no_words(desk: Desk) -> None:
    order = desk.open(body=b"everything about Ada", account_id="K-secret-1")
    with desk.orders() as orders:
        orders.remark(order, person(desk.alice), "my words", internal=False)
        assert orders.account(order) == "K-secret-1"
        assert orders.body(order) == b"everything about Ada"
        everything = ""
        for name in ("work_order", "work_order_remark", "trail"):
            everything += str(orders.work.connection.exec_driver_sql(f"SELECT * FROM {name}").all())
    assert not any(word in everything for word in ("K-secret-1", "everything about", "my words"))


def test_a_second_request_joins_the_first_and_what_is_new_becomes_a_remark(desk: Desk) -> None:
    first = desk.open(Right.DELETION, ground="breach")
    again = desk.open(Right.DELETION, ground="without_consent", body=b"please", person=desk.bob)
    assert (again.number, again.joined, first.joined) == (first.number, True, False)
    with desk.orders() as orders:
        assert [remark.text for remark in orders.remarks(again)] == ["without_consent\nplease"]
        assert len(orders.of_account("K-1")) == 1


def test_of_two_chats_that_ask_for_one_account_at_once_one_opens_and_the_others_join(desk: Desk) -> None:
    chats = [desk.alice, desk.bob] * 3
    opened = race(*[lambda chat=chat: desk.open(Right.ACCESS, chat, body=b"all of it") for chat in chats])
    assert not [one for one in opened if isinstance(one, Exception)]
    assert len({one.number for one in opened}) == 1
    assert sorted(one.joined for one in opened) == [False] + [True] * 5
    with desk.orders() as orders:
        assert len(orders.of_account("K-1")) == 1
        assert len(orders.remarks(desk.now(opened[0]))) == 5  # What the others said is kept.


def test_of_two_chats_that_withdraw_at_once_one_does_and_the_other_is_told(desk: Desk) -> None:
    order = desk.open()

    def withdraw(chat: int) -> Order:
        with desk.orders() as orders:
            return orders.withdraw(orders.get(order.number), chat, "K-1")

    ended = race(*[lambda chat=chat: withdraw(chat) for chat in (desk.alice, desk.bob)])
    (refused,) = [one for one in ended if isinstance(one, Exception)]
    assert isinstance(refused, NotAllowed | Conflict)
    assert desk.now(order).state == State.WITHDRAWN
    assert [action for _, action, _ in desk.trail(order)].count("withdrawn") == 1


def test_another_right_another_account_and_an_ended_order_do_not_join(desk: Desk) -> None:
    first = desk.open()
    assert not desk.open(Right.DELETION).joined
    assert not desk.open(account_id="K-2").joined
    with desk.orders() as orders:
        orders.withdraw(first, desk.alice)
    assert not desk.open().joined


def test_an_unknown_ground_is_a_mistake_of_the_caller(desk: Desk) -> None:
    with pytest.raises(ValueError, match="grounds"):
        desk.open(Right.DELETION, ground="because")


# ---- the pool of unverified requests


def test_an_unverified_request_never_meets_the_verified_one_of_the_account(desk: Desk) -> None:
    mine = desk.open(Right.ACCESS)
    strangers = desk.open(Right.ACCESS, person=desk.bob, level=Level.CHANNEL, code_proven_at=None)
    assert (strangers.state, strangers.joined) == ("verifying", False)
    with desk.orders() as orders:
        assert [order.number for order in orders.of_account("K-1")] == [mine.number]


def test_a_stranger_cannot_block_the_owner(desk: Desk) -> None:
    desk.open(Right.DELETION, person=desk.bob, level=Level.CHANNEL, code_proven_at=None)
    mine = desk.open(Right.DELETION)
    assert (mine.state, mine.joined) == ("open", False)


def test_a_waiting_request_of_the_same_chat_is_proved_and_its_clock_goes_on(desk: Desk) -> None:
    waiting = desk.open(level=Level.CHANNEL, code_proven_at=None, account_id=None)
    desk.clock.turn(days=2)
    proved = desk.open()
    assert (proved.number, proved.state, proved.joined) == (waiting.number, "open", False)
    assert (proved.told_due_at, proved.expires_at) == (waiting.told_due_at, None)
    with desk.orders() as orders:
        assert orders.account(proved) == "K-1"


def test_a_waiting_request_about_another_account_is_left_to_expire(desk: Desk) -> None:
    waiting = desk.open(level=Level.CHANNEL, code_proven_at=None, account_id="K-9")
    assert desk.open().number != waiting.number
    assert desk.now(waiting).state == "verifying"


@pytest.mark.parametrize(
    ("level", "code", "portal", "state"),
    [
        (Level.PORTAL, True, True, "open"),
        (Level.PORTAL, False, True, "verifying"),
        (Level.PORTAL, False, False, "verifying"),
        (Level.CONTACT, True, False, "open"),
        (Level.CONTACT, True, True, "verifying"),
        (Level.CHANNEL, True, False, "verifying"),
    ],
)
def test_what_proof_opens_an_access_request(
    database: Database, clock: Clock, level: Level, code: bool, portal: bool, state: str
) -> None:
    desk = Desk(database, clock, has_portal=portal)
    assert desk.open(level=level, code_proven_at=clock() if code else None).state == state


def test_unverified_requests_expire_after_a_week_and_are_few(desk: Desk) -> None:
    nothing = {"level": Level.CHANNEL, "code_proven_at": None, "account_id": None}
    waiting = [desk.open(right, **nothing) for right in (Right.ACCESS, Right.DELETION, Right.CLOSURE)]
    with pytest.raises(TooManyRequests):
        desk.open(Right.CORRECTION, **nothing)
    desk.turn(days=7, minutes=-1)
    assert {desk.now(order).state for order in waiting} == {"verifying"}
    desk.clock.turn(minutes=1)
    assert desk.tick().expired == 3
    assert {desk.now(order).state for order in waiting} == {"expired"}
    assert desk.news.keys.count("expired") == 3
    assert not desk.open(Right.CORRECTION, **nothing).is_verified


# ---- papers


def test_a_guardians_papers_are_checked_and_go(desk: Desk) -> None:
    order = desk.open(Right.GUARDIAN, level=Level.CHANNEL, code_proven_at=None, account_id=None)
    assert order.state == "verifying"
    with desk.orders() as orders, pytest.raises(NotAllowed, match="papers_there"):
        orders.check(order, ANN)
    with desk.orders() as orders:
        order = orders.attach(order, person(desk.alice), "scan.jpg", "image/jpeg", b"invented", internal=False)
        assert order.expires_at is None
    desk.turn(days=8)
    order = desk.now(order)
    assert order.state == "verifying"
    with desk.orders() as orders:
        order = orders.check(order, ANN)
        assert (order.state, orders.files(order)) == ("open", [])
        order = orders.answer(orders.take(order, BEN), BEN, "in writing")
    assert order.state == "answered"


# ---- two staff


def test_access_is_delivered_after_two_staff_and_only_then(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        order = orders.take(order, ANN)
        with pytest.raises(NotAllowed, match="approved"):
            orders.deliver(order, staff(ANN))
        order = orders.propose(order, ANN)
        for one in (ANN,):
            with pytest.raises(NotAllowed, match="second_person"):
                orders.approve(order, one)
        order = orders.deliver(orders.approve(order, BEN), staff(BEN))
    assert (order.state, order.executed_at) == ("answered", None)
    assert desk.news.keys == ["opened", "taken", "ready"]


def test_an_access_request_never_turns_into_a_deletion(desk: Desk) -> None:
    order = desk.held(Right.ACCESS)
    with desk.orders() as orders, pytest.raises(NotAllowed, match="alters"):
        orders.execute(order, staff(BEN))


def test_without_a_portal_a_third_person_checks(desk: Desk) -> None:
    order = desk.open(level=Level.CONTACT)
    with desk.orders() as orders:
        order = orders.take(order, ANN)
        with pytest.raises(NotAllowed, match="proven"):
            orders.propose(order, ANN)
        order = orders.check(order, CLEO)
        with pytest.raises(NotAllowed, match="not_checker"):
            orders.propose(order, CLEO)
        order = orders.propose(order, ANN)
        with pytest.raises(NotAllowed, match="not_checker"):
            orders.approve(order, CLEO)
        assert orders.deliver(orders.approve(order, BEN), staff(BEN)).state == "answered"


def test_where_a_portal_is_connected_nothing_stands_in_for_it(database: Database, clock: Clock) -> None:
    desk = Desk(database, clock)
    order = desk.open(level=Level.CONTACT)
    with_portal = Desk.__new__(Desk)
    with_portal.__dict__ |= desk.__dict__
    with_portal.news = type(desk.news)(has_portal=True)
    with with_portal.orders() as orders, pytest.raises(NotAllowed, match="check_counts"):
        orders.check(orders.take(order, ANN), CLEO)


def test_nobody_decides_about_their_own_account(desk: Desk) -> None:
    order = desk.open()
    with desk.database.work() as work:
        work.staff.set_own_account(ANN, "K-1")
    with desk.orders() as orders:
        with pytest.raises(NotAllowed, match="not_own_account"):
            orders.take(order, ANN)
        order = orders.propose(orders.take(order, BEN), BEN)
        with pytest.raises(NotAllowed, match="not_own_account"):
            orders.approve(order, ANN)


def test_a_proposal_can_be_sent_back(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        order = orders.send_back(orders.propose(orders.take(order, ANN), ANN), BEN, "wrong account?")
        assert order.proposed_by is None
        assert orders.propose(order, BEN).proposed_by == BEN
        assert orders.remarks(order, for_person=True) == []


# ---- versions


def test_a_move_on_what_was_read_earlier_is_a_conflict(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        orders.take(order, ANN)
    with desk.orders() as orders, pytest.raises(Conflict):
        orders.take(order, BEN)
    assert desk.now(order).assignee == ANN
    assert [action for _, action, _ in desk.trail(order)] == ["opened", "taken"]


def test_a_replayed_approval_does_nothing(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        proposed = orders.propose(orders.take(order, ANN), ANN)
        orders.approve(proposed, BEN)
    with desk.orders() as orders, pytest.raises(Conflict):
        orders.approve(proposed, CLEO)
    approved = desk.now(order)
    with desk.orders() as orders, pytest.raises(NotAllowed, match="unapproved"):
        orders.approve(approved, CLEO)


# ---- ends


def test_a_request_is_withdrawn_by_its_owner_until_it_is_done(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        with pytest.raises(NotAllowed, match="owner"):
            orders.withdraw(order, desk.bob)
        with pytest.raises(NotAllowed, match="owner"):
            orders.withdraw(order, desk.bob, account_id="K-2")
        assert orders.withdraw(order, desk.bob, account_id="K-1").state == "withdrawn"
    done = desk.held(Right.ACCESS)
    with desk.orders() as orders:
        done = orders.deliver(done, staff(BEN))
        with pytest.raises(NotAllowed, match="state"):
            orders.withdraw(done, desk.alice)


def test_a_refusal_has_a_reason_and_one_appeal_to_somebody_else(desk: Desk) -> None:
    order = desk.open(Right.DELETION)
    with desk.orders() as orders:
        order = orders.take(order, ANN)
        with pytest.raises(NotAllowed, match="known_reason"):
            orders.refuse(order, ANN, "just so")
        order = orders.refuse(order, ANN, "not_covered", "No ground of the policy or the law holds.")
    assert desk.news.told[-1][0] == "refused.not_covered"
    assert desk.news.told[-1][1]["words"].startswith("No ground")
    desk.clock.turn(days=30)
    with desk.orders() as orders:
        with pytest.raises(NotAllowed, match="owner"):
            orders.appeal(order, desk.bob)
        order = orders.appeal(order, desk.alice, "I think it does")
        assert (order.state, order.reason, order.received_at) == ("open", None, desk.clock())
        order = orders.take(order, ANN)
        for act in (lambda: orders.refuse(order, ANN, "other"), lambda: orders.propose(order, ANN)):
            with pytest.raises(NotAllowed, match="fresh_eyes"):
                act()
        order = orders.refuse(order, BEN, "not_covered")
        with pytest.raises(NotAllowed, match="first_appeal"):
            orders.appeal(order, desk.alice)


def test_an_appeal_after_thirty_days_is_too_late(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        order = orders.refuse(order, ANN, "no_match")
    desk.clock.turn(days=30, seconds=1)
    with desk.orders() as orders, pytest.raises(NotAllowed, match="in_time"):
        orders.appeal(order, desk.alice)


def test_an_appeal_proves_nothing(desk: Desk) -> None:
    """A refused request that was never verified goes back to the pool, not among the verified ones."""
    order = desk.open(level=Level.CHANNEL, code_proven_at=None)
    with desk.orders() as orders:
        order = orders.refuse(order, ANN, "insufficient_verification")
        order = orders.appeal(order, desk.alice)
    assert order.state == "verifying"
    assert order.expires_at == desk.clock() + timedelta(days=7)


def test_answered_in_words_where_nothing_personal_is_disclosed(desk: Desk) -> None:
    order = desk.open(Right.EXPLANATION, level=Level.CHANNEL, account_id=None, code_proven_at=None)
    with desk.orders() as orders:
        order = orders.answer(order, ANN, "Clause 2.3 means ...")
    assert desk.news.told[-1] == ("answered", {**desk.news.told[0][1], "words": "Clause 2.3 means ..."})
    desk.turn(days=14)
    assert desk.now(order).state == "closed"


def test_words_are_no_way_around_two_staff(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders, pytest.raises(NotAllowed, match="state"):
        orders.answer(order, ANN, "Here is everything: ...")


def test_a_security_report_is_urgent_and_staff_are_alarmed_at_once(desk: Desk) -> None:
    order = desk.open(Right.SECURITY, level=Level.CHANNEL, account_id=None, code_proven_at=None)
    assert order.urgent
    assert desk.news.alarms == [("urgent", {"by": "2026-03-03T17:30+08:00"})]
    with desk.orders() as orders:
        assert orders.search(Wanted(urgent=True)) == [order]


def test_a_connected_chat_speaks_for_the_order_as_the_first_one_does(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        for account in (None, "K-2"):
            assert not orders.may_speak(order, person(desk.bob), account)
            with pytest.raises(NotAllowed, match="owner"):
                orders.remark(order, person(desk.bob), "I am the owner", internal=False, account_id=account)
        assert orders.remarks(order) == []
        assert orders.may_speak(order, person(desk.bob), "K-1")
        orders.remark(order, person(desk.bob), "from my other phone", internal=False, account_id="K-1")
        assert [one.actor for one in orders.remarks(order, for_person=True)] == [f"person:{desk.bob}"]
        with pytest.raises(NotAllowed, match="owner"):
            orders.remark(order, person(desk.bob), "hidden", internal=True, account_id="K-1")


# ---- dates


def test_an_extension_needs_a_reason_and_is_told(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        with pytest.raises(NotAllowed, match="no_reason"):
            orders.extend(order, ANN, " ")
        later = orders.extend(order, ANN, "Two systems answer late.")
        assert later.told_due_at > order.told_due_at
        with pytest.raises(NotAllowed):
            orders.extend(later, ANN, "Once more.")
    assert desk.news.told[-1][0] == "due_moved"
    deletion = desk.open(Right.DELETION)
    with desk.orders() as orders, pytest.raises(NotAllowed, match="not_provided_for"):
        orders.extend(deletion, ANN, "We would like to.")


def test_a_pause_moves_our_promise_and_never_the_law(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        order = orders.pause(order, ANN, "Which years?")
    desk.turn(days=3)
    paused = desk.now(order)
    with desk.orders() as orders:
        after = orders.resume(paused, person(desk.alice))
    assert after.told_due_at - order.told_due_at == timedelta(days=3)
    assert after.told_due_at <= order.hard_stop_at
    with desk.orders() as orders:
        after = orders.pause(after, ANN, "And which account?")
    desk.turn(days=40)
    assert ("escalation", {"percent": "100"}) in desk.news.alarms
    after, deletion = desk.now(after), desk.open(Right.DELETION)
    with desk.orders() as orders:
        assert orders.resume(after, staff(ANN)).told_due_at == order.hard_stop_at
        with pytest.raises(NotAllowed, match="not_provided_for"):
            orders.pause(deletion, ANN, "Which account?")


# ---- papers, remarks, the checklist


def test_remarks_and_files_are_for_those_they_are_for(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        orders.remark(order, staff(ANN), "looks odd", internal=True)
        orders.remark(order, staff(ANN), "We are on it.", internal=False)
        orders.remark(order, person(desk.alice), "thank you", internal=False)
        with pytest.raises(NotAllowed, match="owner"):
            orders.remark(order, person(desk.bob), "mine!", internal=False)
        orders.attach(order, staff(ANN), "notes.txt", "text/plain", b"internal", internal=True)
        orders.attach(order, staff(ANN), "answer.txt", "text/plain", b"for Ada", internal=False)
        orders.attach(order, person(desk.alice), "mine.txt", "text/plain", b"from Ada", internal=False)
        assert [one.text for one in orders.remarks(order, for_person=True)] == ["We are on it.", "thank you"]
        (file,) = orders.files(order, for_person=True)
        assert (file.name, file.size, orders.content(order, file.id, staff(ANN))) == ("answer.txt", 7, b"for Ada")
        with pytest.raises(Unreadable):
            orders.work.orders.papers.content(order.id + 1, file.id)
    assert ("remark", {}) in desk.news.alarms


def test_a_file_may_not_be_empty_or_too_big_or_one_of_too_many(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        for body, why in ((b"", "empty"), (b"x" * (5 * 1024 * 1024 + 1), "too_big")):
            with pytest.raises(NotAllowed, match=why):
                orders.attach(order, person(desk.alice), "x", "image/png", body, internal=False)
        for _ in range(10):
            orders.attach(order, person(desk.alice), "x", "image/png", b"x", internal=False)
        with pytest.raises(NotAllowed, match="too_many"):
            orders.attach(order, person(desk.alice), "x", "image/png", b"x", internal=False)


def test_the_checklist_is_ticked_off_and_what_is_open_is_noted(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        assert orders.tick(order, "same_person", ANN)
        assert not orders.tick(order, "same_person", BEN)
        with pytest.raises(NotAllowed, match="no_such_item"):
            orders.tick(order, "everything", ANN)
        assert orders.ticks(order) == {"same_person": ANN}
        orders.propose(orders.take(order, ANN), ANN)
        assert orders.tick(order, "same_person", BEN, done=False)
    assert any("checklist open: 3" in detail for _, _, detail in desk.trail(order))


# ---- lists


def test_lists_filter_and_page(desk: Desk) -> None:
    rights = [Right.ACCESS, Right.DELETION, Right.CORRECTION, Right.CLOSURE, Right.PORTABILITY]
    opened = []
    for right in rights:
        opened.append(desk.open(right))
        desk.clock.turn(days=1)
    with desk.orders() as orders:
        taken = orders.take(opened[0], ANN)
        proposed = orders.propose(orders.take(opened[1], ANN), ANN)
        page = orders.search(Wanted(), limit=3)
        assert [order.number for order in page + orders.search(Wanted(after=page[-1]))] == [
            one.number for one in opened
        ]
        assert orders.search(Wanted(assignee=ANN)) == [taken, proposed]
        assert [order.right for order in orders.search(Wanted(unassigned=True))] == rights[2:]
        assert orders.search(Wanted(proposed=True)) == [proposed]
        assert orders.search(Wanted(right="closure")) == [opened[3]]
        assert orders.search(Wanted(number=opened[4].number[:7], right="portability")) == [opened[4]]
        assert orders.search(Wanted(states=("in_progress",))) == [taken, proposed]
        assert len(orders.search(Wanted(account_id="K-1"))) == 5
        assert orders.search(Wanted(person_id=desk.bob)) == []
        assert orders.due(opened[1].due_at) == [taken, proposed]
        approved = orders.approve(proposed, BEN, contacts(desk.clock(), 99), STEADY)
        assert orders.search(Wanted(held=True)) == [approved]
        assert orders.search(Wanted(states=("refused",))) == []


def test_assigning_and_releasing(desk: Desk) -> None:
    order = desk.open()
    with desk.orders() as orders:
        order = orders.assign(orders.take(order, ANN), ANN, DORA)
        assert (order.assignee, order.state) == (DORA, "in_progress")
        order = orders.release(order, DORA)
        assert (order.assignee, order.state) == (None, "open")


# ---- forgetting


def test_an_open_case_keeps_what_it_needs_and_says_so(desk: Desk) -> None:
    order, ended = desk.open(body=b"words"), desk.open(Right.DELETION, body=b"words")
    with desk.orders() as orders:
        orders.withdraw(ended, desk.alice)
        assert kept_for_case(orders.work, desk.alice) == (order.number,)
        assert forget_of(orders.work, desk.alice) == 1
        assert orders.body(order) == b"words"
        assert kept_for_case(orders.work, desk.bob) == ()
    with desk.orders() as orders, pytest.raises(Unreadable):
        orders.work.orders.papers.key(ended.id)


def test_erasing_a_person_leaves_number_dates_and_decision_and_soon_nothing_sealed(desk: Desk) -> None:
    order = desk.open(body=b"words")
    with desk.orders() as orders:
        orders.refuse(order, ANN, "no_match")
    with desk.database.work() as work:
        work.people.forget(desk.alice)
    assert forget_old(desk.database, desk.clock()) == (1, 0)
    left = desk.now(order)
    assert (left.number, left.person_id, left.reason) == (order.number, None, "no_match")
    with desk.database.read() as work:
        (row,) = work.connection.exec_driver_sql("SELECT account, body FROM work_order").all()
        assert tuple(row) == (None, None)


def test_what_is_sealed_goes_after_ninety_days_and_the_rest_after_three_years(desk: Desk) -> None:
    order, live = desk.open(body=b"words"), desk.open(Right.CLOSURE)
    with desk.orders() as orders:
        orders.withdraw(order, desk.alice)
    desk.clock.turn(days=90)
    assert forget_old(desk.database, desk.clock()) == (0, 0)
    desk.clock.turn(seconds=1)
    assert forget_old(desk.database, desk.clock()) == (1, 0)
    desk.clock.turn(days=3 * 366 - 90)
    assert forget_old(desk.database, desk.clock()) == (0, 1)
    with desk.database.read() as work:
        assert work.orders.get(order.number) is None
        assert work.orders.get(live.number) is not None


def test_every_key_that_is_told_is_known(desk: Desk) -> None:
    desk.open(Right.SECURITY, level=Level.CHANNEL, account_id=None, code_proven_at=None)
    order = desk.held()
    with desk.orders() as orders:
        orders.stop(desk.news.warned[0][3])
    assert set(desk.news.keys) <= TOLD
    assert desk.now(order).state == State.REFUSED
