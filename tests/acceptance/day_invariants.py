"""What must be true of every order and every message when the days are over, read off the database and the chats.

Each function gives a sentence for everything that is wrong; none means that all is well.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from lxml import html

from bot.core.audit import check_and_note
from knowledge.rights import Level, Right, rights
from tests.acceptance.day_counted import rows
from tests.acceptance.day_pages import CODE, LINK
from tests.acceptance.day_people import NUMBER, Player
from tests.acceptance.day_stage import Company

AN_EXAMPLE = "1234 5678"
"""Stands in the words that say what a code looks like."""
_SAID_BY_DIALOGUE = ("withdrawn",)
"""Ends that the person brought about in the chat, where the dialogue itself says so."""


async def problems(on: Company, players: Sequence[Player]) -> list[str]:
    """Everything that is not as it must be."""
    chats = {player.who.number: await chat_of(player) for player in players}
    orders = rows(on, "work_order")
    return [
        *unproven(on, orders),
        *told_too_much(on, players, chats),
        *_news(on, players),
        *_packages(players),
        *_left_without_an_end(on, orders, players, chats),
        *_of_impostors(on, players),
        *_not_sent(on),
        *await _audit(on),
    ]


async def chat_of(player: Player) -> str:
    """Everything that the bot showed the person in their chat, as the platform has it."""
    on, who = player.on, player.who
    if who.channel == "telegram":
        calls = on.telegram.control.journal.calls(person=str(player.person.telegram))
        return "\n".join(json.dumps(call["params"], ensure_ascii=False) for call in calls if call["direction"] == "in")
    if who.channel == "wechat":
        lines = on.wechat.seen_by(who.number)["messages"]
        return "\n".join(line["text"] for line in lines if line["from"] != "person")
    async with player.session.get(f"{on.url}/") as page:
        shown = html.document_fromstring(await page.text()).iter("article")
        return "\n".join(
            "".join(map(str, one.itertext())) for one in shown if "theirs" in (one.get("class") or "").split()
        )


def unproven(on: Company, orders: Sequence[Any]) -> Iterator[str]:
    """done => (PORTAL and code, or CONTACT and a check) and two staff; a hold was waited for; the level its right needs."""
    for order in orders:
        rule, number = rights()[Right(order.right)], order.number
        is_done = order.delivered_at is not None or order.executed_at is not None
        two = {order.proposed_by, order.approved_by}
        if is_done and (None in two or len(two) != 2):
            yield f"{number}: done without two staff"
        by_portal = order.level == Level.PORTAL and order.code_proven_at is not None
        by_check = order.level == Level.CONTACT and order.checked_by is not None and order.checked_by not in two
        if is_done and not (by_portal if on.has_portal else by_check):
            yield f"{number}: done at level {order.level}, checked by {order.checked_by}"
        if is_done and not rule.two_staff:
            yield f"{number}: {order.right} neither discloses nor changes anything"
        if order.state in ("answered", "closed") and rule.two_staff and not is_done:
            yield f"{number}: answered without being done"
        if order.state in ("answered", "closed") and not rule.papers and order.level < min(rule.level, Level.CONTACT):
            yield f"{number}: answered at level {order.level}"
        if rule.destroys and order.executed_at is not None and not _waited(order):
            yield f"{number}: carried out before the end of the hold"


def _waited(order: Any) -> bool:
    return bool(order.warned_at and order.hold_over_at and order.executed_at >= order.hold_until > order.approved_at)


def told_too_much(on: Company, players: Sequence[Player], chats: dict[int, str]) -> Iterator[str]:
    """Neither what is in packages, nor a code, nor a link stands in any chat."""
    letters = [text.text for text in on.sms.texts] + [mail.text for mail in on.mailbox.mails]
    codes = {code for letter in letters for code in CODE.findall(letter)} - {AN_EXAMPLE}
    tokens = {found[2] for letter in letters for found in LINK.finditer(letter)}
    canaries = {player.who.canary for player in players}
    if not codes or not tokens:
        yield "no code or no link was ever sent, so nothing is shown by their absence"
    for player in players:
        replies = chats[player.who.number]
        if player.has_chatted and not replies.strip():
            yield f"customer {player.who.number}: the chat can't be read"
        for kind, found in (("a canary", canaries), ("a code", codes), ("a link", tokens)):
            if any(one in replies for one in found):
                yield f"customer {player.who.number} ({player.who.channel}): {kind} in the chat"


def _news(on: Company, players: Sequence[Player]) -> Iterator[str]:
    """What the company's system is told holds nothing that a person wrote or gets."""
    told = json.dumps(on.system.news, ensure_ascii=False)
    for player in players:
        if any(words in told for words in (player.who.canary, player.who.phone, player.who.mail)):
            yield f"customer {player.who.number}: personal data in the news to the company's system"


def _packages(players: Sequence[Player]) -> Iterator[str]:
    """Whoever fetched a package got their own file, and nobody else's."""
    canaries = {player.who.canary for player in players}
    for player in players:
        for text in player.pages.texts():
            found = {one for one in canaries if one in text}
            if found != {player.who.canary}:
                yield f"customer {player.who.number}: the package holds {sorted(found)}"


def _left_without_an_end(
    on: Company, orders: Sequence[Any], players: Sequence[Player], chats: dict[int, str]
) -> Iterator[str]:
    """Every order is at its end, and its person was told so."""
    told = _final_words(on)
    by_number: dict[str, Player] = {player.order: player for player in players if player.order}
    for player in players:
        if not NUMBER.search(chats[player.who.number]) and player.order:
            yield f"customer {player.who.number}: no number in the chat"
    for order in orders:
        if order.ended_at is None:
            yield f"{order.number}: {order.state}, without an end"
            continue
        if order.number not in by_number:
            yield f"{order.number}: nobody of the day knows it"
            continue
        player = by_number[order.number]
        if order.state in _SAID_BY_DIALOGUE:
            is_told = _flat(player.worded("cancel_request.say.withdrawn")) in _flat(chats[player.who.number])
        else:
            is_told = order.number in chats[player.who.number] and order.id in told
        if not is_told:
            yield f"{order.number}: {order.state}, and customer {player.who.number} wasn't told"


_LAST = ("answered", "executed", "ready", "expired", "stopped", "refused.")


def _final_words(on: Company) -> set[int]:
    """Orders whose last news went out: by the outbox, which names each piece of news by its cause."""
    found = set()
    for row in rows(on, "delivery"):
        kind, _, rest = row.cause.partition(":")
        if kind == "order" and row.state == "sent":
            number, _, key = rest.split(":", 2)
            found |= {int(number)} if key.startswith(_LAST) else set()
    return found


def _of_impostors(on: Company, players: Sequence[Player]) -> Iterator[str]:
    """An impostor has got no account, no verified order, no package and no connection."""
    for player in players:
        if not player.who.is_impostor:
            continue
        mine = [order for order in rows(on, "work_order") if order.number == player.order]
        if any(order.level != Level.CHANNEL or order.state != "expired" for order in mine):
            yield f"impostor {player.who.number}: has a verified order"
        if player.pages.fetched:
            yield f"impostor {player.who.number}: has a package"


def _not_sent(on: Company) -> Iterator[str]:
    """Everything went out, and nothing was turned away by a stand-in or put into quarantine."""
    for row in rows(on, "delivery"):
        if row.state != "sent":
            yield f"{row.channel}: {row.cause} is {row.state} ({row.reason})"
    arrived = {"email": len(on.mailbox.mails), "sms": len(on.sms.texts)}
    for channel, count in arrived.items():
        sent = sum(row.channel == channel for row in rows(on, "delivery"))
        if sent != count:
            yield f"{channel}: {sent} in the outbox, {count} arrived"
    ends = {"SMS gateway": on.sms.refused, "directory": on.directory.refused, "system": on.system.refused}
    for name, refused in ends.items():
        if refused:
            yield f"{name}: turned away {len(refused)} calls ({refused[0]})"
    if rows(on, "quarantine"):
        yield f"{len(rows(on, 'quarantine'))} messages in quarantine"


async def _audit(on: Company) -> list[str]:
    verdict = await asyncio.to_thread(check_and_note, on.app.database, on.clock, on.anchors)
    entries, found = len(rows(on, "trail")), list[str]()
    if verdict.broken:
        found.append(f"the audit trail is broken: {verdict.broken.says}")
    if verdict.head.seq != entries or verdict.waiting:
        found.append(f"{entries} entries of the trail, {verdict.head.seq} proven, {verdict.waiting} waiting")
    if not verdict.anchored:
        found.append("no anchor of the trail was kept outside")
    return found


def _flat(text: str) -> str:
    return re.sub(r"\s+", "", text)
