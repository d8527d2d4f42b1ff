"""How a delivery changes hands: the statements that claim it, settle it, give it back, and look what is due.

A delivery is QUEUED, then CLAIMED by one sender under a token that ends by itself, then settled as SENT, UNREACHABLE
or FAILED. A claim that ended unsettled comes back flagged: nobody knows whether that try arrived. Only the oldest
unsettled delivery of a person and lane may be claimed, so a person reads everything in order.
"""

from typing import Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from storage.stores.people import PERSON
from storage.tables import Delivery
from storage.tables.common import table

DELIVERY = table(Delivery)
Lane = Literal["interactive", "order", "broadcast"]
"""What a message is for: an answer, news of somebody's own order, or a notice to many."""
LANES: tuple[Lane, ...] = get_args(Lane)
"""In the order in which they go out."""

# Written out, not bound: a partial index is used only where its own condition is read in the query.
UNSETTLED: ColumnElement[bool] = literal_column("delivery.state IN ('queued','claimed')")
SIBLING = DELIVERY.alias("sibling")
SIBLING_UNSETTLED: ColumnElement[bool] = literal_column("sibling.state IN ('queued','claimed')")
# A lookup in ix_delivery_oldest for each row; NOT EXISTS becomes a join, for which PostgreSQL needs good statistics.
OLDEST = (
    select(func.min(SIBLING.c.id))
    .where(SIBLING.c.person_id == DELIVERY.c.person_id, SIBLING.c.lane == DELIVERY.c.lane, SIBLING_UNSETTLED)
    .scalar_subquery()
)

CLAIMABLE = (
    select(DELIVERY.c.id)
    .where(
        DELIVERY.c.channel == bindparam("on"),
        DELIVERY.c.lane == bindparam("in_lane"),
        UNSETTLED,
        DELIVERY.c.due_at <= bindparam("now"),
        or_(DELIVERY.c.state == "queued", DELIVERY.c.claimed_until <= bindparam("now")),
        DELIVERY.c.id == OLDEST,
    )
    .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(of=DELIVERY, skip_locked=True)
    # A table expression of its own: inside IN the planner may run it, and its limit, more than once.
    .cte("claimable")
)
CLAIM = (
    update(DELIVERY)
    .where(DELIVERY.c.id.in_(select(CLAIMABLE.c.id)))
    .values(
        state="claimed",
        claim=bindparam("token"),
        claimed_until=bindparam("until"),
        attempts=DELIVERY.c.attempts + 1,
        maybe_repeat=or_(DELIVERY.c.maybe_repeat, DELIVERY.c.state == "claimed"),
    )
    .returning(
        DELIVERY.c.id,
        DELIVERY.c.person_id,
        DELIVERY.c.cause,
        DELIVERY.c.ordinal,
        DELIVERY.c.lane,
        DELIVERY.c.body,
        DELIVERY.c.due_at,
        DELIVERY.c.attempts,
        DELIVERY.c.maybe_repeat,
    )
)
OURS = and_(
    DELIVERY.c.id == bindparam("delivery"), DELIVERY.c.claim == bindparam("token"), DELIVERY.c.state == "claimed"
)
SETTLE = (
    update(DELIVERY)
    .where(OURS)
    .values(
        state=bindparam("end"), settled_at=bindparam("now"), reason=bindparam("why"), claim=None, claimed_until=None
    )
)
TOO_OLD = DELIVERY.c.created_at <= bindparam("give_up", type_=DELIVERY.c.created_at.type)
RETRY = (
    update(DELIVERY)
    .where(OURS)
    .values(
        state=case((TOO_OLD, "failed"), else_="queued"),
        due_at=bindparam("again_at"),
        settled_at=case((TOO_OLD, bindparam("again_at")), else_=None),
        reason=case((TOO_OLD, "too old"), else_=bindparam("why")),
        maybe_repeat=or_(DELIVERY.c.maybe_repeat, bindparam("unsure")),
        claim=None,
        claimed_until=None,
    )
)
GIVE_BACK = (
    update(DELIVERY)
    .where(OURS)
    .values(
        state="queued", due_at=bindparam("again_at"), attempts=DELIVERY.c.attempts - 1, claim=None, claimed_until=None
    )
)
# The ids find the rows by their key, the pairs then check whose they still are.
SETTLE_SENT = (
    update(DELIVERY)
    .where(
        DELIVERY.c.id.in_(bindparam("ids", expanding=True)),
        tuple_(DELIVERY.c.id, DELIVERY.c.claim).in_(bindparam("ours", expanding=True)),
        DELIVERY.c.state == "claimed",
    )
    .values(state="sent", settled_at=bindparam("now"), reason=bindparam("why"), claim=None, claimed_until=None)
)
IS_LOST = (
    update(PERSON)
    .where(PERSON.c.id == select(DELIVERY.c.person_id).where(DELIVERY.c.id == bindparam("delivery")).scalar_subquery())
    .values(reachable=False)
)
STANDING = select(
    DELIVERY.c.id,
    DELIVERY.c.person_id,
    DELIVERY.c.claim,
    DELIVERY.c.claimed_until,
    (DELIVERY.c.id != OLDEST).label("is_behind"),
).where(DELIVERY.c.id.in_(bindparam("ids", expanding=True)), UNSETTLED)
IN_LANE = (DELIVERY.c.channel == bindparam("on"), DELIVERY.c.lane == bindparam("in_lane"), UNSETTLED)
FREE = or_(DELIVERY.c.state == "queued", DELIVERY.c.claimed_until <= bindparam("now"))
IS_DUE = select(DELIVERY.c.id).where(*IN_LANE, DELIVERY.c.due_at <= bindparam("now"), FREE).limit(1)
NEXT_DUE = (
    select(DELIVERY.c.due_at).where(*IN_LANE, DELIVERY.c.due_at > bindparam("now")).order_by(DELIVERY.c.due_at).limit(1)
)
PASSIVE = "passive"
"""Reason of a delivery that went back in the answer to the push that brought the message."""
