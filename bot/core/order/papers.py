"""What is put on an order: remarks, files, ticks of the checklist. None of it moves the order."""

from bot.core.order.guards import was_signed
from bot.core.order.moves import BOT, Actor, Event, NotAllowed
from bot.core.order.moving import Moving
from bot.core.paper_links import waits_for_papers
from knowledge.clause import Localized
from storage.stores.order_papers import Attachment, Remark
from storage.stores.orders import Order

FILE_MOST = 20 * 1024 * 1024
"""Bytes of a file from staff; a package of results."""
PAPER_MOST = 5 * 1024 * 1024
"""Bytes of a file from a person; a scan."""
PAPERS_MOST = 10
"""Files a person can put on one order."""
REMARK_MOST = 4_000
"""Characters."""


class Papers(Moving):
    """Remarks, files, the checklist."""

    def may_speak(self, order: Order, by: Actor, account_id: str | None = None) -> bool:
        """Whether somebody may add to the order: staff, and of people those whose chat it was opened from, or whose
        chat is bound to its account, `account_id`."""
        return self._is_owner(order, by, account_id)

    def remark(self, order: Order, by: Actor, text: str, *, internal: bool, account_id: str | None = None) -> None:
        """Notes something on the order. A person's remark is never internal; staff see it and are told. `account_id`: the
        account that the person's chat is bound to."""
        if by.kind == "person" and (internal or not self.may_speak(order, by, account_id)):
            raise NotAllowed("owner")
        number = self._store.papers.add_remark(order.id, self.now, str(by), text[:REMARK_MOST], internal=internal)
        self._trail(order, by, "remark", "internal" if internal else "")
        if by.kind == "person":
            # What they say while it is paused may be what it waits for.
            self.ports.alarm(order, "remark" if order.paused_at is None else "came", {})
        elif not internal:
            values = {**self._values(order), "words": text[:REMARK_MOST], "remark": str(number)}
            self.ports.tell(order, "remark", values)

    def remarks(self, order: Order, *, for_person: bool = False) -> list[Remark]:
        """What was said on the order, oldest first."""
        return self._store.papers.remarks(order.id, for_person=for_person)

    def attach(
        self, order: Order, by: Actor, name: str, media_type: str, body: bytes, *, internal: bool, paper: bool = False
    ) -> Order:
        """Puts a file on the order: of staff internal or for the person, of a person always for staff. `paper`: it came to
        staff by post or mail and shows who asks.

        A file of the person on a request that needs papers is a paper: the request no longer expires, and the file goes
        once it was checked. Raises NotAllowed ("owner", "state", "signed", "by_papers", "too_big", "too_many").
        """
        of_person = by.kind == "person"
        files = self._store.papers.files(order.id)
        if of_person and not self._is_owner(order, by, None):
            raise NotAllowed("owner")
        if not order.is_live:
            raise NotAllowed("state")
        if not (internal or of_person or paper) and was_signed(order):
            raise NotAllowed("signed")
        if not body or len(body) > (PAPER_MOST if of_person else FILE_MOST):
            raise NotAllowed("too_big" if body else "empty")
        if of_person and sum(file.actor == str(by) for file in files) >= PAPERS_MOST:
            raise NotAllowed("too_many")
        if paper and not waits_for_papers(order):
            raise NotAllowed("state" if self._rule(order).papers else "by_papers")
        paper = paper or (of_person and waits_for_papers(order))
        self._store.papers.add_file(
            order.id, self.now, str(by), name, media_type, body, internal=internal or of_person or paper, paper=paper
        )
        kind = "paper" if paper else "internal" if internal or of_person else "for the person"
        self._trail(order, by, "attached", f"{kind} {len(body)} bytes")
        if paper:
            order = self._move(order, Event.PAPERS_CAME, BOT, {"expires_at": None})
            self.ports.alarm(order, "papers", {})
        return order

    def files(self, order: Order, *, for_person: bool = False) -> list[Attachment]:
        """The order's files, oldest first; `for_person`: those that staff or the company's system put there for them."""
        return self._store.papers.files(order.id, for_person=for_person)

    def content(self, order: Order, file_id: int, by: Actor) -> bytes:
        """What is in a file; that it was opened is noted."""
        body = self._store.papers.content(order.id, file_id)
        self._trail(order, by, "file_opened", str(file_id))
        return body

    def checklist(self, order: Order) -> tuple[tuple[str, Localized], ...]:
        """What staff go through for this right: (key, words)."""
        return self._rule(order).checklist

    def ticks(self, order: Order) -> dict[str, int]:
        """What was ticked off, and by whom."""
        return self._store.papers.ticks(order.id)

    def tick(self, order: Order, item: str, staff_id: int, *, done: bool = True) -> bool:
        """Ticks an item of the checklist off, or takes the tick back; False where nothing changed."""
        if item not in dict(self.checklist(order)):
            raise NotAllowed("no_such_item")
        papers = self._store.papers
        changed = papers.tick(order.id, item, staff_id, self.now) if done else papers.untick(order.id, item)
        if changed:
            self._trail(order, Actor("staff", staff_id), "ticked" if done else "unticked", item)
        return changed
