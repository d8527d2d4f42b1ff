"""What really happened, counted where it can be seen: in the database, at the stand-ins, by the browsers of the day."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from tests.acceptance.day_expected import Figures
from tests.acceptance.day_people import Player
from tests.acceptance.day_stage import STAFF, Company

BY_ACTION = {
    "bound": "chats.connected",
    "link spoilt": "links.spoilt",
    "code queued": "codes.sent",
    "code right": "codes.right",
    "code wrong": "codes.wrong",
    "joined": "joined",
    "appealed": "appeals",
    "extended": "deadline.extended",
    "warned": "holds.warned",
    "hold_over": "holds.over",
    "executed": "carried_out",
    "papers_checked": "papers",
    "result announced": "packages",
    "result fetched": "fetches",
    "certificate made": "certificates",
}
"""Entries of the trail, and the figure of each."""
STAFF_ACTS = frozenset(
    {"taken", "checked", "papers_checked", "proposed", "approved", "attached", "delivered", "executed", "answered",
     "refused", "paused", "resumed", "extended", "remark"}
)  # fmt: skip


def rows(on: Company, table: str) -> Sequence[Any]:
    """All rows of a table, oldest first."""
    found = SQLModel.metadata.tables[table]
    with on.app.database.read() as work:
        return work.connection.execute(select(found).order_by(*found.primary_key.columns)).all()


def counted(on: Company, players: Sequence[Player]) -> Figures:
    """The figures of one company, by the same names as in day_expected."""
    figures: Figures = Counter()
    figures["customers"] = len(players)
    _count_orders(on, figures)
    _count_trail(on, figures)
    channels = {row.id: row.channel for row in rows(on, "person")}
    figures.update(f"said.{channels[turn.person_id]}" for turn in rows(on, "turn"))
    figures["sms"], figures["mails"] = len(on.sms.texts), len(on.mailbox.mails)
    figures.update(f"news.{told['event'].removeprefix('order.')}" for told in on.system.news)
    for player in players:
        pages = player.pages
        figures["impostors.refused"] += player.refused
        figures["staff.barred"] += player.barred
        figures["fetches.refused"] += pages.turned_away
        figures["stops"] += pages.stopped
        figures["papers.refused"] += pages.papers_refused
        figures["certificates.genuine"] += pages.genuine
        figures["certificates.forged_refused"] += pages.forged_refused
    return +figures


def _count_orders(on: Company, figures: Figures) -> None:
    for order in rows(on, "work_order"):
        figures["orders"] += 1
        figures[f"right.{order.right}"] += 1
        figures[f"state.{order.state}"] += 1
        figures["holds"] += order.hold_until is not None
        if order.ended_at is not None and not order.subject.startswith("unverified:"):
            figures["deadline.met" if order.ended_at <= order.told_due_at else "deadline.missed"] += 1


def _count_trail(on: Company, figures: Figures) -> None:
    staff = {f"staff:{row.id}" for row in rows(on, "staff") if row.name in STAFF}
    for entry in rows(on, "trail"):
        if entry.action in BY_ACTION:
            figures[BY_ACTION[entry.action]] += 1
        if entry.action == "reminded":
            figures[f"reminder.{entry.detail.rsplit(' ', 1)[1].removesuffix('%')}"] += 1
        if entry.action in ("refused", "stopped"):
            figures[f"refused.{entry.detail.split()[2]}"] += 1
        if entry.actor in staff and entry.action in STAFF_ACTS:
            figures["staff.acts"] += 1


def seen(on: Company) -> Figures:
    """Figures that nothing was foretold of: what went out, where it was taken; how long the trail is."""
    figures: Figures = Counter()
    figures["messages.telegram"] = sum(
        call["status"] == 200 for call in on.telegram.control.journal.calls(name="sendMessage")
    )
    lines = [line for follower in on.wechat.followers.all.values() for line in follower.lines]
    figures["messages.wechat"] = sum(line["from"] == "bot" for line in lines)
    channels = Counter(row.channel for row in rows(on, "delivery") if row.state == "sent")
    figures["messages.web"] = channels["web"]
    figures["trail"] = len(rows(on, "trail"))
    return figures
