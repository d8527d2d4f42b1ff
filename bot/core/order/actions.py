"""What the steps of a dialogue do with work orders. All of it is the speaker's own: a number proves nothing."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.core.errors import NothingFound
from bot.core.numbers import tidy
from bot.core.order.card import name_of
from bot.core.order.guards import APPEAL_WITHIN
from bot.core.order.moves import State, person
from bot.core.orders import Orders, TooManyRequests
from bot.core.proving import purpose_of
from bot.core.scene import Scene
from bot.core.verification import Proof
from knowledge.rights import Level, Right, rights
from storage.stores.orders import Order

LISTED_AT_MOST = 5
UNKNOWN = "unknown"
"""What `my_orders` comes to when a number was typed that is none of the person's own."""
_NUMBER = re.compile(r"(?<![0-9A-Z])KP(?:[\s-]?[0-9A-Z]){8}(?![0-9A-Z])", re.IGNORECASE)


class NoOwnOrder(NothingFound):
    """None of the person's own orders has that number. The same words whether there is such an order or not."""

    wording = "order_unknown"


def are_handled(scene: Scene, arguments: Mapping[str, str]) -> str:
    return "yes" if scene.requests.are_handled(scene.work, Right(arguments["right"])) else "no"


def open_order(scene: Scene, arguments: Mapping[str, str]) -> str:
    """Opens an order with what this dialogue proved: "opened NUMBER", "joined", "waiting", "papers", or "refused".

    "papers" where a page of ours takes them, "papers_elsewhere" where it can't be reached from outside.
    """
    right = Right(arguments["right"])
    proof = _proof(scene)
    try:
        order = _orders(scene).open(
            scene.known.id,
            right,
            ground=arguments["ground"],
            language=scene.voice.language,
            level=proof.level if proof else Level.CHANNEL,
            account_id=proof.account_id if proof else None,
            code_proven_at=proof.code_proven_at if proof else None,
            vouched_by=proof.vouched_by if proof else None,
            body=arguments["words"].encode("utf-8", "surrogatepass"),
        )
    except TooManyRequests:
        return "refused"
    if order.joined:
        return f"joined {order.number}"
    if order.is_verified:
        return f"opened {order.number}"
    if not rights()[right].papers:
        return f"waiting {order.number}"
    return f"{'papers' if scene.requests.papers_url else 'papers_elsewhere'} {order.number}"


def my_orders(scene: Scene, arguments: Mapping[str, str]) -> str:
    """The person's orders, newest first, a line each: its number, then what it is called.

    With a number in the message, or a dialogue that was begun about an order, it is that one alone, or UNKNOWN.
    """
    orders, flow = _own(scene), scene.state.flow
    if number := (flow.about if flow else "") or number_in(scene.message.text):
        orders = [order for order in orders if order.number == number]
        if not orders:
            return UNKNOWN
    if arguments["which"] == "live":
        orders = [order for order in orders if order.is_live]
    lines = (f"{order.number} {order.number} ({name_of(order.right, scene.voice)})" for order in orders)
    return "\n".join(list(lines)[:LISTED_AT_MOST])


def order_acts(scene: Scene, arguments: Mapping[str, str]) -> str:
    """What the person may do with the order now."""
    order = own_order(scene, arguments["number"])
    if not _orders(scene).may_speak(order, person(scene.known.id), _account(scene)):
        return ""  # The account was proved by a code alone: the order is shown, and moved only from its own chats.
    if order.is_live:
        return "remark withdraw"
    is_open_to_appeal = order.state == State.REFUSED and order.appealed_at is None and order.stopped_at is None
    if is_open_to_appeal and order.ended_at and scene.now <= order.ended_at + APPEAL_WITHIN:
        return "appeal"
    return ""


def withdraw_order(scene: Scene, arguments: Mapping[str, str]) -> str:
    order = own_order(scene, arguments["number"])
    return _orders(scene).withdraw(order, scene.known.id, _account(scene)).state


def add_remark(scene: Scene, arguments: Mapping[str, str]) -> str:
    order = own_order(scene, arguments["number"])
    me, account = person(scene.known.id), _account(scene)
    _orders(scene).remark(order, me, arguments["words"], internal=False, account_id=account)
    return "added"


def appeal_order(scene: Scene, arguments: Mapping[str, str]) -> str:
    order = own_order(scene, arguments["number"])
    return _orders(scene).appeal(order, scene.known.id, arguments["words"], _account(scene)).state


def own_order(scene: Scene, number: str) -> Order:
    """The person's order of that number. Raises NoOwnOrder, in the same words for a stranger's and for none."""
    for order in _own(scene):
        if order.number == number:
            return order
    raise NoOwnOrder(name=number)


def number_in(text: str) -> str | None:
    """The order number that a message holds, with its KP before it; as it was typed where a character is wrong."""
    found = _NUMBER.search(unicodedata.normalize("NFKC", text[:4000]))
    return (tidy(found[0]) or found[0]) if found else None


def _own(scene: Scene) -> list[Order]:
    """Orders from this chat, and those of the account that it is connected to or has just proved."""
    orders, me, bound = _orders(scene), person(scene.known.id), _account(scene)
    # A chat that was disconnected from an account has to prove itself anew, for orders opened there as well.
    found = {order.id: order for order in orders.of_person(me.id or 0) if orders.may_speak(order, me, bound)}
    for account in {bound, _proved_account(scene)} - {None}:
        found |= {order.id: order for order in orders.of_account(account or "")}
    return sorted(found.values(), key=lambda order: order.id, reverse=True)


def _proof(scene: Scene) -> Proof | None:
    """What the dialogue under way has proved."""
    flow = scene.state.flow
    if flow is None or not flow.account:
        return None
    return scene.requests.verification(scene.work, scene.now).proof(scene.known, flow.account, purpose_of(flow))


def _proved_account(scene: Scene) -> str | None:
    proof = _proof(scene)
    return proof.account_id if proof else None


def _account(scene: Scene) -> str | None:
    bound = scene.requests.verification(scene.work, scene.now).binding(scene.known)
    return bound.account if bound else None


def _orders(scene: Scene) -> Orders:
    return scene.requests.orders(scene.work, scene.now, from_chat=scene.known.id)


ORDER_EFFECTS: Mapping[str, Callable[[Scene, Mapping[str, str]], str]] = MappingProxyType(
    {
        one.__name__: one
        for one in (are_handled, open_order, my_orders, order_acts, withdraw_order, add_remark, appeal_order)
    }
)
"""By the name that flows use."""
