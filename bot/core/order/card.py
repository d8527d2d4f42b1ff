"""A work order as the person sees it: number, right, state, date with its legal basis, what comes next."""

from datetime import datetime, tzinfo

from bot.core.message import Reply
from bot.core.order.dates import look_by
from bot.core.paper_links import waits_for_papers
from bot.core.scene import Scene
from bot.core.voice import Voice
from knowledge.deadlines import Due
from knowledge.rights import Right, rights
from storage.stores.orders import Order

AT = "%Y-%m-%d %H:%M"
"""Date and time of day, as `at_clock` writes them."""


def clock_of(moment: str, language: str) -> str:
    """A moment written by ISO 8601, as `at_clock` words it in the zone it is written in; "" for ""."""
    at = datetime.fromisoformat(moment) if moment else None
    return at_clock(at, at.tzinfo, language) if at and at.tzinfo else ""


def at_clock(moment: datetime, zone: tzinfo, language: str, form: str = AT) -> str:
    """A moment in a zone, with the zone's distance from UTC: "2026-03-05 17:30 (UTC+8)". In Chinese, Beijing time goes
    without saying."""
    local = moment.astimezone(zone)
    offset = f"{local:%z}"
    if language.startswith("zh") and offset == "+0800":
        return f"{local:{form}}"
    minutes = "" if offset[3:5] == "00" else f":{offset[3:5]}"
    return f"{local:{form}} (UTC{offset[0]}{int(offset[1:3])}{minutes})"


def name_of(right: str, voice: Voice) -> str:
    """What a right is called in this language."""
    return voice.pick(rights()[Right(right)].name)


def elsewhere(right: str, voice: Voice) -> str:
    """Where else a person can turn. Who watches over personal information doesn't deal with infringements."""
    return voice.shared("order_elsewhere_infringement" if right == Right.INFRINGEMENT else "order_elsewhere")


def order_card(scene: Scene, order: Order) -> Reply:
    """Where the order stands now."""
    voice = scene.voice
    due = scene.requests.orders(scene.work, scene.now).due_of(order)
    text = voice.shared(
        "order_card",
        number=order.number,
        right=name_of(order.right, voice),
        state=voice.shared(f"order_state_{_state(scene, order)}"),
        due=_dates(scene, order, due),
    )
    link = _papers_link(scene, order)
    return Reply(text.strip(), language=voice.language, link=link or None)


def _state(scene: Scene, order: Order) -> str:
    """The state, told apart by what matters to the person."""
    if order.stopped_at:
        return "stopped"
    return "checking" if waits_for_papers(order) and _papers_come(scene, order) else order.state


def _papers_come(scene: Scene, order: Order) -> int:
    """How many papers there are."""
    return sum(file.paper for file in scene.work.orders.papers.files(order.id))


def _papers_link(scene: Scene, order: Order) -> str:
    """Where the papers can be handed in, for the chat that the request came from alone."""
    return scene.requests.papers_link(scene.work, order) if order.person_id == scene.known.id else ""


def _papers(scene: Scene, order: Order) -> list[str]:
    """That papers have come, and where they can be handed in."""
    voice = scene.voice
    came = _papers_come(scene, order)
    lines = [voice.shared("order_papers_came", count=str(came))] if came else []
    if link := _papers_link(scene, order):
        lines.append(voice.shared("order_papers_more" if came else "order_papers_link", link=link))
    return lines


def _dates(scene: Scene, order: Order, due: Due) -> str:
    """The date that counts now: of the proof, of the answer, of the end of a hold; nothing once it has ended."""
    voice = scene.voice
    if not order.is_live:
        return ""
    if waits_for_papers(order):
        lines = _papers(scene, order)
        if order.expires_at is not None:
            lines.append(voice.shared("order_waits", until=at_clock(order.expires_at, due.zone, voice.language)))
        return "\n".join(lines)
    if order.expires_at is not None:
        return voice.shared("order_waits", until=at_clock(order.expires_at, due.zone, voice.language))
    if not order.is_verified:
        return ""
    lines = _look(scene, order, due)
    key = "order_due" if scene.now <= order.told_due_at else "order_due_over"
    basis = voice.pick(due.legal_basis[0].label)
    lines += [voice.shared(key, due=voice.date(due.due_on), basis=basis, elsewhere=elsewhere(order.right, voice))]
    if order.paused_at is not None:
        lines.append(voice.shared("order_paused"))
    if order.hold_until is not None and order.executed_at is None:
        lines.append(voice.shared("order_held", until=at_clock(order.hold_until, due.zone, voice.language)))
    return "\n".join(lines)


def _look(scene: Scene, order: Order, due: Due) -> list[str]:
    """By when somebody has a first look, or that it should have been by now; the hotline is named beside it."""
    by, aim = look_by(order), rights()[Right(order.right)].first_look
    if by is None or aim is None:
        return []
    key = "order_look" if scene.now <= by else "order_look_over"
    at = at_clock(by, due.zone, scene.voice.language)
    return [scene.voice.shared(key, at=at, basis=scene.voice.pick(aim.label))]
