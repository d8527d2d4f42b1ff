"""Whose chat hears of an order: one, so that nobody is told the same thing twice."""

from storage.stores.orders import Order
from storage.stores.people import Known
from storage.work import Work


def listener(work: Work, order: Order) -> Known | None:
    """The chat that the order was opened from, while there is one and it wasn't disconnected from the account; then the
    one that is connected now. None where there is neither. Raises Unreadable."""
    kind, _, index = order.subject.partition(":")
    if order.person_id is None:
        return None
    if kind != "account" or not work.bindings.has_left(order.person_id, index, order.opened_at):
        return work.people.of_id(order.person_id)
    account = work.orders.papers.account(order.id)
    bound = work.bindings.of_account(account) if account else []
    return next((work.bindings.chat_of(one) for one in bound), None)
