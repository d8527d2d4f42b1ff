"""Papers that somebody hands in through a link: looked at first, then all of them put on the order, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.file_kinds import JPEG, NAME_MOST, PDF, PNG, FileKind, kind_of, tidy_file_name
from bot.core.order.moves import NotAllowed, person
from bot.core.order.papers import PAPER_MOST, PAPERS_MOST
from bot.core.paper_links import waiting_for
from bot.core.requests import Requests
from knowledge.normal import visible
from storage.engine import Database
from storage.errors import Conflict
from storage.stores.order_papers import Attachment
from storage.stores.orders import Order
from storage.work import Work

KINDS = (PDF, JPEG, PNG)
"""What a paper may be: nothing that unpacks, nothing that a browser runs."""
SENDINGS_AN_HOUR, SENDINGS_AT_ONCE = 60, 20
"""Of one link, whatever comes of them."""
TRIES = 5
"""Two sendings that meet: the later one looks again."""


class NotTaken(Exception):
    """Nothing of a sending was taken. `why` is the key of its words, `name` the file that it is about."""

    def __init__(self, why: str, name: str = "") -> None:
        super().__init__(why)
        self.why, self.name = why, visible(name).replace("\n", " ")[:NAME_MOST]


class LeadsNowhere(Exception):
    """The link is wrong, or over."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that may be put on an order, under a tidy name."""

    kind: FileKind
    name: str = field(repr=False)
    body: bytes = field(repr=False)


def paper_of(name: str, body: bytes) -> Paper:
    """The paper that a file is. Raises NotTaken ("empty", "too_big", "kind")."""
    if not body:
        raise NotTaken("empty", name)
    if len(body) > PAPER_MOST:
        raise NotTaken("too_big", name)
    kind = kind_of(body)
    if kind not in KINDS:
        raise NotTaken("kind", name)
    return Paper(kind, tidy_file_name(name, kind), body)


class HandingIn:
    """The ways of a link, each in a transaction of its own. All raise LeadsNowhere."""

    def __init__(self, database: Database, requests: Requests, clock: Callable[[], datetime]) -> None:
        self._database, self._requests, self._clock = database, requests, clock

    def look(self, token: str) -> tuple[Order, list[Attachment]]:
        """The order and the papers that came from its person. Changes nothing."""
        with self._database.read() as work:
            order = self._order(work, token)
            return order, papers_of(work, order)

    def begin(self, token: str) -> None:
        """Counts a sending before a byte of it is read. Raises NotTaken ("often")."""
        now = self._clock()
        with self._database.work() as work:
            order = self._order(work, token)
            rate = SENDINGS_AN_HOUR / 3600
            wait = work.pace.take(f"papers:{order.id}", rate, SENDINGS_AT_ONCE, now, ahead=0)
        if wait:
            raise NotTaken("often")

    def take(self, token: str, papers: Sequence[Paper]) -> None:
        """Puts all on the order, but what is there already. Raises NotTaken ("too_many", "meanwhile")."""
        for _ in range(TRIES):
            try:
                with self._database.work() as work:
                    return self._put(work, self._order(work, token), papers)
            except Conflict:
                continue
            except NotAllowed as refused:
                raise (LeadsNowhere() if refused.why in ("state", "owner") else NotTaken(refused.why)) from refused
        raise NotTaken("meanwhile")

    def _put(self, work: Work, order: Order, papers: Sequence[Paper]) -> None:
        by, orders = person(order.person_id or 0), self._requests.orders(work, self._clock())
        there = {(file.size, file.id) for file in papers_of(work, order)}
        for paper in papers:
            same = (id for size, id in there if size == len(paper.body))
            if any(work.orders.papers.content(order.id, id) == paper.body for id in same):
                continue  # A page that was loaded again, or a phone that sent twice.
            order = orders.attach(order, by, paper.name, paper.kind.media_type, paper.body, internal=True)
            there = {(file.size, file.id) for file in papers_of(work, order)}

    def _order(self, work: Work, token: str) -> Order:
        order = waiting_for(work, token, self._clock())
        if order is None:
            raise LeadsNowhere
        return order


def papers_of(work: Work, order: Order) -> list[Attachment]:
    """What the order's person has handed in, oldest first."""
    return [file for file in work.orders.papers.files(order.id) if file.actor == str(person(order.person_id or 0))]


def room_for(papers: Sequence[Attachment]) -> int:
    """How many more may come."""
    return max(PAPERS_MOST - len(papers), 0)
