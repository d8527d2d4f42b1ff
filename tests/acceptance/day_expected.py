"""What must come of the script, counted from the script alone: no line here asks the program anything.

The rules are those of docs/verification.md, docs/deadlines.md and product rule B, put as plainly as can be: a
sum over what each act leads to. What the program really did is counted in day_counted, and both must be the same.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.acceptance.day_cast import LASTS, START, Customer
from tests.acceptance.day_script import (
    AskForOrder,
    Certify,
    Connect,
    Ends,
    Fetch,
    HandInPapers,
    Later,
    NameAccount,
    Pick,
    PressStop,
    Say,
    Staff,
    TryPages,
    TypeCode,
    UseForeignLink,
)

Figures = Counter[str]
CONTACTS = ("sms", "mails")
"""Every account has a phone number and an e-mail address on file."""
DISCLOSE, DESTROY, CHANGE = {"access", "portability"}, {"deletion", "closure"}, {"correction"}
HOLD, HOLD_LONG, WARNED_BEFORE = timedelta(hours=72), timedelta(days=7), timedelta(hours=24)
UNVERIFIED, CLOSES = timedelta(days=7), timedelta(days=14)
FIFTEEN_WORKING_DAYS = timedelta(days=21)
"""From a day in a week without holidays, to the same day of the week. See day_cast.START."""
OUTER_LIMIT = timedelta(days=30)
SHANGHAI = ZoneInfo("Asia/Shanghai")
TIGHT = timedelta(hours=2)
"""Nothing may be decided by less: a conversation takes some minutes."""
FORGED = 5
"""What TryPages tries, and is refused."""


@dataclass
class _Request:
    """One order as the script tells its life."""

    right: str
    opened_at: datetime
    is_verified: bool
    due_at: datetime
    received_at: datetime
    held_at: datetime | None = None
    ended_at: datetime | None = None
    state: str = "live"
    paused_at: datetime | None = None
    is_extended: bool = False
    approvals: int = 0


@dataclass
class _Life:
    """One customer's days."""

    who: Customer
    at: datetime
    figures: Figures = field(default_factory=Counter)
    requests: list[_Request] = field(default_factory=list)
    is_connected: bool = False


def expected(customers: Iterable[Customer]) -> Figures:
    """Every figure of the report that can be known before."""
    total: Figures = Counter()
    for who in customers:
        total += _of(who)
    return total


def _of(who: Customer) -> Figures:
    life = _Life(who, who.begins)
    life.figures["customers"] += 1
    for act in who.acts:
        _count(life, act)
    for request in life.requests:
        _finish(life, request)
    return +life.figures


def _count(life: _Life, act: object) -> None:
    figures, spoken = life.figures, f"said.{life.who.channel}"
    match act:
        case Later(hours):
            life.at += timedelta(hours=hours)
        case Say() | Pick() | NameAccount() | TypeCode():
            figures[spoken] += 1
            _count_proof(life, act)
        case Connect(wrong, asks_code):
            figures[spoken] += 1 if wrong == "portal" else 2
            if wrong:
                figures["links.spoilt"] += 1
                return
            if not life.is_connected:
                figures["chats.connected"] += 1
                figures.update(CONTACTS)
            life.is_connected = True
            if asks_code:
                _send_code(life, with_login=True)
        case Ends(how, right):
            _end_of_dialogue(life, how, right)
        case HandInPapers():
            figures["papers"] += 1
            figures["papers.refused"] += 2  # A program, and a look after the check.
        case Staff():
            _count_staff(life, act)
        case Fetch(times, wrong, over):
            _count_fetch(life, times, wrong, over)
        case PressStop():
            figures["stops"] += 1
            _finish_request(life, "refused")
        case Certify():
            figures.update(("certificates", "certificates.genuine", "certificates.forged_refused"))
        case AskForOrder():
            figures[spoken] += 1
            figures["impostors.refused"] += 1
        case UseForeignLink():
            figures[spoken] += 2
            figures["impostors.refused"] += 2
            figures["links.spoilt"] += 1
        case TryPages():
            figures["impostors.refused"] += FORGED


def _count_proof(life: _Life, act: Say | Pick | NameAccount | TypeCode) -> None:
    figures = life.figures
    match act:
        case NameAccount(whose) if whose != "none":
            _send_code(life, with_login=False)
        case TypeCode("right"):
            figures["codes.right"] += 1
        case TypeCode():
            figures["codes.wrong"] += 1
            figures["impostors.refused"] += life.who.is_impostor
        case Say("in_writing"):
            figures["appeals"] += 1
            request = life.requests[-1]
            request.state, request.ended_at, request.approvals, request.held_at = "live", None, 0, None
            request.received_at, request.due_at = life.at, _due(life.at)
            _tell_system(life, "opened")
        case Pick("cancel_request.sure.yes"):
            _finish_request(life, "withdrawn")
        case _:
            pass


def _send_code(life: _Life, *, with_login: bool) -> None:
    """To the phone; where that is too new, to the e-mail address, beside a login at the portal."""
    life.figures["codes.sent"] += 1
    life.figures["mails" if life.who.phone_is_new and with_login else "sms"] += 1


def _end_of_dialogue(life: _Life, how: str, right: str) -> None:
    if how == "joined":
        life.figures["joined"] += 1
        return
    life.figures["orders"] += 1
    life.figures[f"right.{right}"] += 1
    life.requests.append(_Request(right, life.at, how == "opened", _due(life.at), life.at))
    if how == "opened":
        _tell_system(life, "opened")
        if right == "security":
            _tell_system(life, "urgent")


def _tell_system(life: _Life, event: str) -> None:
    """The company with a portal has a system that is told of verified orders (docs/webhooks.md)."""
    life.figures[f"news.{event}"] += life.who.has_portal


def _count_staff(life: _Life, act: Staff) -> None:
    figures, request = life.figures, life.requests[-1]
    figures["staff.barred" if act.barred else "staff.acts"] += 1
    if act.barred:
        return
    match act.what:
        case "approve":
            request.approvals += 1
            if request.approvals == 2:
                _tell_system(life, "approved")
            if request.approvals == 2 and request.right in DESTROY:
                figures["holds"] += 1
                figures.update(CONTACTS)
                request.held_at = life.at
        case "check":
            if not request.is_verified:
                _tell_system(life, "opened")
            request.is_verified = True
        case "pause":
            request.paused_at = life.at
        case "resume":
            assert request.paused_at is not None
            request.due_at += timedelta(days=(life.at - request.paused_at).days)
        case "extend":
            figures["deadline.extended"] += 1
            request.due_at = _end_of_day(request.received_at + OUTER_LIMIT)
            request.is_extended = True
        case "refuse":
            figures[f"refused.{act.reason}"] += 1
            _finish_request(life, "refused")
        case "answer":
            if request.right in DISCLOSE:
                figures["packages"] += 1
                figures["mails"] += 1
            if request.right in DESTROY | CHANGE:
                figures["carried_out"] += 1
            _finish_request(life, "answered")


def _count_fetch(life: _Life, times: int, wrong: int, over: bool) -> None:
    figures = life.figures
    if over:
        figures["fetches.refused"] += 1
        return
    _send_code(life, with_login=False)
    figures["codes.right"] += 1
    figures["codes.wrong"] += wrong
    figures["fetches"] += times
    figures["fetches.refused"] += times == 3


def _finish_request(life: _Life, state: str) -> None:
    request = life.requests[-1]
    hold = HOLD_LONG if life.who.phone_is_new else HOLD
    if request.held_at is not None and state != "answered" and life.at < request.held_at + hold - WARNED_BEFORE:
        pass
    elif request.held_at is not None:
        _clear(life.at, request.held_at + hold - WARNED_BEFORE)
        life.figures["holds.warned"] += 1
        life.figures.update(CONTACTS)
    if request.held_at is not None and life.at > request.held_at + hold:
        life.figures["holds.over"] += 1
        _tell_system(life, "hold_over")
    if state == "refused" and request.held_at is not None:
        life.figures["refused.suspected_fraud"] += 1
    done = "delivered" if request.right in DISCLOSE else "executed" if request.right in DESTROY | CHANGE else "answered"
    _tell_system(life, done if state == "answered" else state)
    request.state, request.ended_at = state, life.at


def _finish(life: _Life, request: _Request) -> None:
    """What time does to a request, and how it stands when the days are over."""
    figures, end = life.figures, START + LASTS
    if not request.is_verified:
        request.state, request.ended_at = "expired", request.opened_at + UNVERIFIED
        _clear(end, request.ended_at)
    assert request.ended_at is not None, f"{life.who.story}: a request is left without an end"
    for percent in (50, 80, 100):
        reached = request.due_at - (request.due_at - request.received_at) * (100 - percent) / 100
        _clear(request.ended_at, reached)
        figures[f"reminder.{percent}"] += reached < request.ended_at
    if request.is_verified:
        figures["deadline.met" if request.ended_at <= request.due_at else "deadline.missed"] += 1
    if request.state == "answered":
        _clear(end, request.ended_at + CLOSES)
        request.state = "closed" if request.ended_at + CLOSES < end else "answered"
    figures[f"state.{request.state}"] += 1


def _due(received_at: datetime) -> datetime:
    local = received_at.astimezone(SHANGHAI)
    assert local.weekday() < 5, "the script stays with working days, so that three weeks are fifteen of them"
    return _end_of_day(received_at + FIFTEEN_WORKING_DAYS)


def _end_of_day(at: datetime) -> datetime:
    return at.astimezone(SHANGHAI).replace(hour=23, minute=59, second=59, microsecond=0)


def _clear(one: datetime, other: datetime) -> None:
    assert abs(one - other) > TIGHT, f"the script is too tight: {one} and {other}"
