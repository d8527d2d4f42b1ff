"""What tests of papers share: a request that waits for papers, its link, and files of every kind."""

from dataclasses import replace

from starlette.types import ASGIApp

from bot.core.handing_in import HandingIn
from bot.core.orders import Level, Order, Right
from bot.core.paper_links import token_of
from bot.papers_pages import PREFIX, routes
from bot.policy_pages import PolicyPages
from bot.uploads import Uploads
from bot.web import make_app
from storage.engine import Database
from tests.bot.scripted import Scripted
from tests.conftest import Clock
from tests.results import COMPANY, Handing

PDF, PNG, JPEG = b"%PDF-1.7 invented", b"\x89PNG\r\n\x1a\n invented", b"\xff\xd8\xff\xe0 invented"


class Upload:
    """The page on a database, and requests that wait for papers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.handing = Handing(database, clock)
        self.desk = self.handing.desk
        self.requests = replace(self.handing.requests, papers_url=f"https://privacy.example.com{PREFIX}")
        self.papers = HandingIn(database, self.requests, clock)

    def order(self, right: Right = Right.GUARDIAN, person: int | None = None, language: str = "en") -> Order:
        with self.desk.orders() as orders:
            return orders.open(person or self.desk.alice, right, language=language, level=Level.CHANNEL)

    def token(self, order: Order) -> str:
        return token_of(self.database.keyring, order)

    def files(self, order: Order) -> list[tuple[str, str, bytes]]:
        """(name, kind, content) of every paper on the order."""
        with self.desk.orders() as orders:
            return [
                (file.name, file.media_type, orders.work.orders.papers.content(order.id, file.id))
                for file in orders.files(order)
                if file.paper
            ]

    def app(self, *, public: bool = True, uploads: Uploads | None = None) -> ASGIApp:
        """The web with the page in it, as the application puts it together."""
        script = Scripted()
        pages = routes(self.database, self.requests, self.clock, COMPANY, public=public, uploads=uploads)
        return make_app([script.chat()], script.door, PolicyPages([script.policy]), public=public, more=pages)
