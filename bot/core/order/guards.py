"""The conditions of moves, by name. Each looks at one thing; together they are what an impostor has to get past.

delivered or executed => (PORTAL and code, or CONTACT and staff check) and two staff
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from bot.core.order.moves import Act, Reason
from knowledge.rights import Level, RightRule
from storage.stores.orders import Order

WARN_BEFORE = timedelta(hours=24)
"""The contacts are told again so long before a hold ends (promises of deletion)."""
APPEAL_WITHIN = timedelta(days=30)
"""How long after a refusal a second look can be asked for."""


def is_proven(order: Order) -> bool:
    """What every disclosure, deletion and change needs: PORTAL and code, or CONTACT and a staff check (product rule B2)."""
    by_portal = order.level == Level.PORTAL and order.code_proven_at is not None
    return by_portal or (order.level == Level.CONTACT and order.checked_by is not None)


def proof_columns(level: Level, code_proven_at: datetime | None, vouched_by: int | None) -> dict[str, Any]:
    """What an order keeps of the proof that opens it. Whoever vouched for the contact that the code went to has checked
    who asks, and takes no other part."""
    proof: dict[str, Any] = {"level": int(level), "code_proven_at": code_proven_at}
    return proof if vouched_by is None else proof | {"checked_by": vouched_by}


def vouch_note(vouched_by: int | None) -> str:
    """How the trail says that a proof rests on a contact that somebody vouched for."""
    return "" if vouched_by is None else f"vouched for by staff:{vouched_by}"


def is_apart(order: Order, vouched_by: int | None) -> bool:
    """Whether a proof comes without the two who signed: neither of them vouched for the contact that it rests on."""
    return vouched_by is None or vouched_by not in (order.proposed_by, order.approved_by)


def is_enough_to_open(
    rule: RightRule, level: Level, code_proven_at: datetime | None, has_account: bool, has_portal: bool
) -> bool:
    """Whether a request leaves the pool of unverified ones. A check by staff may still be to come."""
    if rule.papers:
        return False
    if rule.level is Level.CHANNEL:
        return True
    if not has_account:
        return False
    if rule.level is Level.CONTACT:
        return level >= Level.CONTACT
    if level is Level.PORTAL:
        return code_proven_at is not None
    return level is Level.CONTACT and rule.staff_check and not has_portal


def was_verified(order: Order) -> bool:
    """Whether the order had left the pool of unverified ones before it ended."""
    return not order.subject.startswith("unverified:")


def was_signed(order: Order) -> bool:
    """Whether one of two people has put their name to what the person gets: nothing may come to it behind their backs."""
    return order.proposed_by is not None


def _is_own(act: Act) -> bool:
    return act.actor.kind == "staff" and act.is_own_account()


def _hold_by_wall(act: Act) -> bool:
    return not act.rule.destroys or (act.order.hold_until is not None and act.now >= act.order.hold_until)


def _hold_by_steady(act: Act) -> bool:
    until = act.order.hold_seen_until
    # Half a second for adding up fractions; the wall clock has none.
    return not act.rule.destroys or (until is not None and act.seen() >= until - 0.5)


def _fresh_eyes(act: Act) -> bool:
    return act.order.appealed_at is None or act.actor.id != act.order.refused_by


def _in_time(act: Act) -> bool:
    ended = act.order.ended_at
    return ended is not None and act.now <= ended + APPEAL_WITHIN


def _check_counts(act: Act) -> bool:
    # Where a portal is connected nothing stands in for it (product rule B2).
    return act.rule.staff_check and act.order.level == Level.CONTACT and not act.has_portal


GUARDS: Mapping[str, Callable[[Act], bool]] = MappingProxyType(
    {
        "owner": lambda act: act.is_owner,
        "enough": lambda act: act.offered is not None and is_enough_to_open(act.rule, *act.offered, act.has_portal),
        "papers_there": lambda act: act.has_papers(),
        "not_own_account": lambda act: not _is_own(act),
        "check_counts": _check_counts,
        "unchecked": lambda act: act.order.checked_by is None,
        "two_staff_right": lambda act: act.rule.two_staff,
        "proven": lambda act: is_proven(act.order),
        "unproposed": lambda act: act.order.proposed_by is None,
        "proposed": lambda act: act.order.proposed_by is not None,
        "unapproved": lambda act: act.order.approved_by is None,
        "approved": lambda act: act.order.approved_by is not None,
        "second_person": lambda act: act.actor.id != act.order.proposed_by,
        "not_checker": lambda act: act.actor.id != act.order.checked_by,
        "fresh_eyes": _fresh_eyes,
        "contacts_known": lambda act: not act.rule.destroys or act.contacts > 0,
        "on_hold": lambda act: act.order.hold_until is not None and act.order.hold_over_at is None,
        "unwarned": lambda act: act.order.warned_at is None,
        "hold_by_wall": _hold_by_wall,
        "hold_by_steady": _hold_by_steady,
        "hold_warned": lambda act: not act.rule.destroys or act.order.warned_at is not None,
        "discloses": lambda act: act.rule.discloses,
        "alters": lambda act: act.rule.destroys or act.rule.changes,
        "words_suffice": lambda act: not act.rule.two_staff,
        "known_reason": lambda act: act.reason in set(Reason),
        "expiry_come": lambda act: act.order.expires_at is not None and act.now >= act.order.expires_at,
        "running": lambda act: act.order.paused_at is None,
        "paused": lambda act: act.order.paused_at is not None,
        "unstopped": lambda act: act.order.stopped_at is None,
        "first_appeal": lambda act: act.order.appealed_at is None,
        "in_time": _in_time,
    }
)
