"""The page where guardians and relatives hand in papers, as they, mail scanners and strangers ask for it."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import html
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Message

from bot.core.file_kinds import NAME_MOST
from bot.core.handing_in import SENDINGS_AT_ONCE
from bot.core.order.papers import PAPER_MOST, PAPERS_MOST
from bot.core.orders import NotAllowed, Right, person, staff
from bot.core.paper_links import token_of
from bot.look import LANGUAGES, text
from bot.papers_pages import PREFIX, STATUS
from bot.uploads import SENDING_MOST, Refused, Uploads
from knowledge.rights import rights
from storage.crypto import Keyring
from storage.engine import Database
from tests.conftest import Clock
from tests.orders import ANN
from tests.papers import JPEG, PDF, PNG, Upload

OWN = {"Sec-Fetch-Site": "same-origin"}
EXE = b"MZ\x90\x00\x03 invented"


class Site(Upload):
    """The page with a browser before it."""

    def __init__(self, database: Database, clock: Clock, uploads: Uploads | None = None) -> None:
        super().__init__(database, clock)
        self.browser = TestClient(self.app(uploads=uploads), headers={"Accept": "text/html", "Accept-Language": "en"})

    def send(self, token: str, *files: tuple[str, bytes], **more):
        sent = [("paper", (name, body, "application/octet-stream")) for name, body in files]
        return self.browser.post(f"{PREFIX}{token}", files=sent or [("paper", ("", b""))], headers=OWN, **more)

    def everything(self) -> str:
        with self.database.read() as work:
            tables = ("work_order", "work_order_attachment", "work_order_remark", "trail", "bucket", "delivery")
            return repr([work.connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables])


@pytest.fixture
def site(database: Database, clock: Clock) -> Iterator[Site]:
    made = Site(database, clock)
    with made.browser:
        yield made


# ---- what comes in


@pytest.mark.parametrize("right", [right for right, rule in rights().items() if rule.papers])
def test_papers_come_in_and_can_be_checked(site: Site, right: Right) -> None:
    order = site.order(right)
    page = site.send(site.token(order), ("passport.pdf", PDF), ("register.JPG", JPEG), ("cert", PNG))
    assert page.status_code == 200
    assert all(name in page.text for name in ("passport.pdf", "register.JPG", "cert.png"))
    assert site.files(order) == [
        ("passport.pdf", "application/pdf", PDF),
        ("register.JPG", "image/jpeg", JPEG),
        ("cert.png", "image/png", PNG),
    ]
    assert site.desk.now(order).expires_at is None
    with site.desk.orders() as orders:
        assert orders.check(site.desk.now(order), ANN).state == "open"
    assert ("bot", "papers_came") in {(actor, action) for actor, action, _ in site.desk.trail(order)}
    assert (f"person:{site.desk.alice}", "attached", f"paper {len(PDF)} bytes") in site.desk.trail(order)


def test_more_can_be_added_and_earlier_names_are_not_shown_again(site: Site) -> None:
    order = site.order()
    site.send(site.token(order), ("of my daughter.pdf", PDF))
    later = site.send(site.token(order), ("mine.png", PNG))
    assert later.status_code == 200
    for page in (later.text, site.browser.get(f"{PREFIX}{site.token(order)}").text):
        assert "of my daughter" not in page
        assert "PDF, 1 KB" in page
    assert "You can add 8 more" in later.text
    assert len(site.files(order)) == 2


def test_the_same_file_again_counts_once(site: Site) -> None:
    order = site.order()
    for _ in range(3):
        assert site.send(site.token(order), ("a.pdf", PDF), ("b.pdf", PDF)).status_code == 200
    assert len(site.files(order)) == 1


@pytest.mark.parametrize(
    ("files", "status", "says"),
    [
        ([], 422, "No file was chosen"),
        ([("a.pdf", b"")], 422, "This file is empty"),
        ([("a.pdf", PDF + b"x" * (PAPER_MOST - len(PDF) + 1))], 413, "larger than 5 MB"),
        ([("a.pdf", EXE)], 415, "no PDF, JPEG or PNG"),
        ([("a.zip", b"PK\x03\x04 invented")], 415, "no PDF, JPEG or PNG"),
        ([("a.svg", b"<svg onload=alert(1)>")], 415, "no PDF, JPEG or PNG"),
        ([("a.txt", b"just words")], 415, "no PDF, JPEG or PNG"),
        ([(f"{n}.pdf", PDF + bytes([n])) for n in range(PAPERS_MOST + 1)], 409, "At most 10 files"),
        ([(f"{n}.pdf", PDF + b"x" * 5_000_000) for n in range(5)], 413, "more than 20 MB in one go"),
    ],
)
def test_what_cant_be_taken_is_said_and_nothing_of_the_sending_is_kept(
    site: Site, files: list[tuple[str, bytes]], status: int, says: str
) -> None:
    order = site.order()
    page = site.send(site.token(order), *files)
    assert page.status_code == status
    assert says in html.document_fromstring(page.text).xpath("string(//*[@role='alert'])")
    assert site.files(order) == []
    assert site.desk.now(order).expires_at is not None


def test_one_bad_file_among_good_ones_and_none_is_taken(site: Site) -> None:
    order = site.order()
    page = site.send(site.token(order), ("good.pdf", PDF), ("bad.pdf", EXE))
    assert page.status_code == 415
    assert html.document_fromstring(page.text).xpath("string(//*[@role='alert']//bdi)") == "bad.pdf"
    assert site.files(order) == []


def test_a_file_of_the_limit_itself_is_taken(site: Site) -> None:
    order = site.order()
    assert site.send(site.token(order), ("a.pdf", PDF + b"x" * (PAPER_MOST - len(PDF)))).status_code == 200
    assert len(site.files(order)[0][2]) == PAPER_MOST


def test_the_eleventh_paper_is_refused_and_the_form_is_gone(site: Site) -> None:
    order = site.order()
    for part in (range(6), range(6, 10)):
        files = [(f"{n}.pdf", PDF + bytes([n])) for n in part]
        page = site.send(site.token(order), *files)
        assert page.status_code == 200
    assert "all 10 that can be handed in" in page.text
    assert "<form" not in page.text.split("<main")[1]
    assert site.send(site.token(order), ("more.pdf", PDF + b"more")).status_code == 409
    assert len(site.files(order)) == PAPERS_MOST


def test_two_sendings_at_the_limit_leave_ten_papers(site: Site) -> None:
    order = site.order()
    site.send(site.token(order), *[(f"{n}.pdf", PDF + bytes([n])) for n in range(8)])
    both = threading.Barrier(2)

    def send(who: int) -> int:
        both.wait(20)
        return site.send(
            site.token(order), *[(f"{who}{n}.pdf", PDF + bytes([50 + who, n])) for n in range(2)]
        ).status_code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(send, range(2))) == [200, 409]
    assert len(site.files(order)) == PAPERS_MOST


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\temp\\a.exe", "a.exe.pdf"),
        ("a\r\nX-Injected: 1.pdf", "a X-Injected: 1.pdf"),
        ('a"; filename="b.pdf', None),
        ("<img src=x onerror=alert(1)>.pdf", "<img src=x onerror=alert(1)>.pdf"),
        ("a\u202efdp.exe", "afdp.exe.pdf"),
        ("a\x00\x1b[31m.pdf", "a[31m.pdf"),
        ("名" * 500 + ".pdf", "名" * (NAME_MOST - 4) + ".pdf"),
    ],
)
def test_a_hostile_name_stays_a_name(site: Site, typed: str, name: str | None) -> None:
    order = site.order()
    border = "xxBORDERxx"
    head = f'--{border}\r\nContent-Disposition: form-data; name="paper"; filename="{typed.replace(chr(13) + chr(10), "%0D%0A")}"'
    body = head.encode() + b"\r\n\r\n" + PDF + f"\r\n--{border}--\r\n".encode()
    kind = f"multipart/form-data; boundary={border}"
    page = site.browser.post(f"{PREFIX}{site.token(order)}", content=body, headers=OWN | {"Content-Type": kind})
    stored = site.files(order)[0][0] if site.files(order) else ""
    assert not any(character in stored for character in "\r\n\x00\x1b\u202e/\\")
    assert len(stored) <= NAME_MOST
    if page.status_code == 200:
        assert stored.endswith(".pdf")
        assert html.document_fromstring(page.text).xpath("//main//img | //script[contains(., 'alert')]") == []
        if name is not None and "\r" not in typed:
            assert stored == name
    else:
        assert (page.status_code, stored) == (400, "")


# ---- who gets in


def test_every_link_that_leads_nowhere_gives_the_very_same_answer(site: Site) -> None:
    waiting, other = site.order(), site.order(Right.NEXT_OF_KIN)
    right = site.token(waiting)
    plain, given_up = site.desk.open(Right.ACCESS), site.order(person=site.desk.bob)
    with site.desk.orders() as orders:
        withdrawn = orders.withdraw(given_up, site.desk.bob)
    site.send(site.token(other), ("a.pdf", PDF))
    with site.desk.orders() as orders:
        checked = orders.check(site.desk.now(other), ANN)
    tokens = {
        "withdrawn": site.token(withdrawn), "checked": site.token(checked), "no papers": site.token(plain),
        "another's": right[:8] + site.token(plain)[8:], "one character": right[:-1] + ("A" if right[-1] != "A" else "B"),
        "no such number": "00000000" + right[8:], "odd": "x", "long": "y" * 500, "zero": "A" * 30,
    }  # fmt: skip
    before, pages = site.everything(), {}
    for what, token in tokens.items():
        for answer in (site.browser.get(f"{PREFIX}{token}"), site.send(token, ("a.pdf", PDF))):
            assert answer.status_code == 410
            headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
            pages[what, answer.request.method] = f"{headers} {answer.text.replace(PREFIX + token, '')}"
    assert len(set(pages.values())) == 1
    assert site.everything() == before
    assert site.browser.get(f"{PREFIX}{right}").status_code == 200


@pytest.mark.parametrize("after", [{"days": 7}, {"days": 31}])
def test_a_link_ends_with_the_request_and_after_thirty_days_whatever_comes(site: Site, after: dict[str, int]) -> None:
    order = site.order()
    if after["days"] > 7:
        assert site.send(site.token(order), ("a.pdf", PDF)).status_code == 200
    site.clock.turn(**after)  # The job that lets requests lapse hasn't run yet.
    assert site.browser.get(f"{PREFIX}{site.token(order)}").status_code == 410
    assert site.send(site.token(order), ("b.pdf", PDF + b"b")).status_code == 410
    assert len(site.files(order)) == (after["days"] > 7)


def test_an_appeal_has_a_link_of_its_own(site: Site) -> None:
    order = site.order()
    before = site.token(order)
    with site.desk.orders() as orders:
        refused = orders.refuse(order, ANN, "insufficient_verification")
    site.clock.turn(hours=1)
    with site.desk.orders() as orders:
        again = orders.appeal(refused, site.desk.alice)
    assert site.send(before, ("a.pdf", PDF)).status_code == 410
    assert site.send(site.token(again), ("a.pdf", PDF)).status_code == 200


def test_another_installations_key_makes_another_link(site: Site) -> None:
    order = site.order()
    foreign = token_of(replace(site.database.keyring, signing=b"another installation's key, 32 b"), order)
    assert foreign[:8] == site.token(order)[:8]
    assert site.browser.get(f"{PREFIX}{foreign}").status_code == 410


def test_looking_changes_nothing_whoever_looks(site: Site) -> None:
    order = site.order()
    site.send(site.token(order), ("a.pdf", PDF))
    before = site.everything()
    for query in ("", "?lang=zh", "?theme=dark", "?paper=x"):
        assert site.browser.get(f"{PREFIX}{site.token(order)}{query}").status_code == 200
        assert site.browser.head(f"{PREFIX}{site.token(order)}{query}").status_code == 200
    assert site.everything() == before


def test_another_sites_page_can_send_nothing(site: Site) -> None:
    order = site.order()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        files = {"paper": ("a.pdf", PDF)}
        assert site.browser.post(f"{PREFIX}{site.token(order)}", files=files, headers=headers).status_code == 403
    assert site.files(order) == []


def test_a_link_is_neither_indexed_nor_kept_nor_told_to_other_sites(site: Site) -> None:
    order = site.order()
    token = site.token(order)
    answers = [site.browser.get(f"{PREFIX}{token}"), site.send(token, ("a.pdf", PDF)), site.browser.get(f"{PREFIX}x")]
    for answer in answers:
        assert answer.headers["x-robots-tag"].startswith("noindex, nofollow")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        page = html.document_fromstring(answer.text)
        assert all(
            a.startswith(("/", "#")) and not a.startswith("//") for a in page.xpath("//a/@href | //form/@action")
        )


def test_nothing_of_a_person_or_an_account_is_on_the_page(site: Site) -> None:
    order = site.order()
    with site.desk.orders() as orders:
        orders.remark(order, person(site.desk.alice), "my daughter Mia", internal=False)
    token = site.token(order)
    shown = site.browser.get(f"{PREFIX}{token}").text.replace(token, "")  # In which any three letters may stand.
    assert order.number in shown
    assert not any(secret in shown for secret in ("Mia", "alice", "K-1", "ada@"))


# ---- how much


def test_a_link_takes_so_many_sendings_in_a_while(site: Site) -> None:
    order, other = site.order(), site.order(Right.NEXT_OF_KIN)
    told = [site.send(site.token(order), ("a.pdf", EXE)).status_code for _ in range(SENDINGS_AT_ONCE + 1)]
    assert told == [415] * SENDINGS_AT_ONCE + [429]
    assert site.send(site.token(other), ("a.pdf", PDF)).status_code == 200
    site.clock.turn(minutes=2)
    assert site.send(site.token(order), ("a.pdf", PDF)).status_code == 200


def test_a_body_is_counted_while_it_comes_in(site: Site) -> None:
    order = site.order()

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="paper"; filename="a.pdf"\r\n\r\n' + PDF
        for _ in range(400):
            yield b"x" * 1024 * 1024

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = site.browser.post(f"{PREFIX}{site.token(order)}", content=endless(), headers=OWN | kind)
    assert answer.status_code == 413
    declared = site.browser.post(
        f"{PREFIX}{site.token(order)}", content=b"x", headers=OWN | kind | {"Content-Length": str(10**12)}
    )
    assert declared.status_code == 413
    assert site.files(order) == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"paper=x"),
        ("multipart/form-data", b"no border"),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="paper"\r\n\r\n' + b"x" * 9999,
        ),
        ("multipart/form-data; boundary=b", b"--b\r\nX: " + b"y" * 10_000_000),
        ("", b""),
    ],
)
def test_odd_forms_get_a_page_and_nothing_else(site: Site, kind: str, body: bytes) -> None:
    order = site.order()
    answer = site.browser.post(f"{PREFIX}{site.token(order)}", content=body, headers=OWN | {"Content-Type": kind})
    assert answer.status_code in (400, 422)
    assert "<form" in answer.text
    assert site.files(order) == []


def test_papers_of_everybody_together_have_a_limit_and_it_is_given_back(database: Database, clock: Clock) -> None:
    site = Site(database, clock, Uploads(together=100_000))
    with site.browser:
        order = site.order()
        big = site.send(site.token(order), ("a.pdf", PDF + b"x" * 200_000))
        assert big.status_code == 503
        for n in range(5):
            assert site.send(site.token(order), ("a.pdf", PDF + b"x" * 50_000 + bytes([n]))).status_code == 200


async def test_a_sending_that_never_ends_is_given_up() -> None:
    uploads = Uploads(within=timedelta(seconds=0.05))

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"--b\r\n"[:1], "more_body": True}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    scope = {"type": "http", "method": "POST", "path": "/papers/x", "query_string": b"", "headers": headers}
    with pytest.raises(Refused, match="slow"):
        await uploads.files(Request(scope, receive), "paper")
    await uploads.pass_over(Request(scope, receive))  # Comes back as well.


def test_nothing_is_written_to_a_disk_unsealed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from tempfile import SpooledTemporaryFile

    monkeypatch.setattr(SpooledTemporaryFile, "rollover", lambda self: pytest.fail("a paper went to a disk"))
    order = site.order()
    files = [(f"{n}.pdf", PDF + bytes([n]) + b"x" * (PAPER_MOST - 100)) for n in range(SENDING_MOST // PAPER_MOST)]
    assert site.send(site.token(order), *files).status_code == 200


# ---- words


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Hand in papers"), ("zh", "提交证明材料"), ("zh-Hant", "提交證明材料")]
)
def test_the_page_speaks_the_language_of_the_request_and_can_be_switched(site: Site, language: str, words: str) -> None:
    order = site.order(language="zh" if language.startswith("zh") else "en")
    elsewhere = {"Accept-Language": "en" if language != "en" else "zh-CN"}
    if language != "zh-Hant":
        assert words in site.browser.get(f"{PREFIX}{site.token(order)}", headers=elsewhere).text
    assert words in site.browser.get(f"{PREFIX}{site.token(order)}?lang={language}", headers=elsewhere).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_right_and_every_refusal_has_its_words(language: str) -> None:
    values = {"files": 10, "size": 5, "together": 20}
    assert all(text(f"papers.bad_{why}", language, **values) for why in STATUS)
    assert all(
        len(text(f"papers.needed_{right}", language).split("\n")) == 3
        for right, rule in rights().items()
        if rule.papers
    )


# ---- after the check


@pytest.mark.parametrize("how", ["checked", "refused", "withdrawn"])
def test_after_the_check_or_the_end_nothing_of_a_paper_is_left_on_the_disk(
    sqlite_template: Path, tmp_path: Path, keyring: Keyring, clock: Clock, how: str
) -> None:
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template.read_bytes())
    with Database.open(f"sqlite:///{path}", keyring) as database:
        site = Site(database, clock)
        with site.browser:
            order = site.order()
            site.send(site.token(order), ("passport.pdf", PDF + b"x" * 100_000))
            with database.read() as work:
                name, body = work.connection.exec_driver_sql("SELECT name, body FROM work_order_attachment").one()
            marks = [bytes(name)[-16:], bytes(body)[200:216], bytes(body)[50_000:50_016]]

            def on_disk() -> int:
                whole = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.name.startswith("one.db"))
                return sum(mark in whole for mark in marks)

            assert on_disk() == len(marks)
            with site.desk.orders() as orders:
                waiting = site.desk.now(order)
                if how == "checked":
                    orders.check(waiting, ANN)
                elif how == "refused":
                    orders.refuse(waiting, ANN, "insufficient_verification")
                else:
                    orders.withdraw(waiting, site.desk.alice)
            assert site.files(order) == []
            assert on_disk() == 0
            trail = site.desk.trail(order)
            assert (f"person:{site.desk.alice}", "attached", f"paper {len(PDF) + 100_000} bytes") in trail
            assert ("1",) in {(detail,) for _, action, detail in trail if action == "papers_deleted"}


def test_staff_can_put_a_paper_on_by_hand_where_papers_count_and_nowhere_else(site: Site) -> None:
    order, access = site.order(), site.desk.open(Right.ACCESS)
    with site.desk.orders() as orders:
        orders.attach(order, staff(ANN), "note.txt", "text/plain", b"a note", internal=True)
        with pytest.raises(NotAllowed, match="papers_there"):
            orders.check(site.desk.now(order), ANN)
        with_paper = orders.attach(order, staff(ANN), "scan.pdf", "application/pdf", PDF, internal=False, paper=True)
        with pytest.raises(NotAllowed, match="by_papers"):
            orders.attach(access, staff(ANN), "scan.pdf", "application/pdf", PDF, internal=True, paper=True)
        assert orders.files(order, for_person=True) == []
        opened = orders.check(with_paper, ANN)
        assert [file.name for file in orders.files(opened)] == ["note.txt"]
        with pytest.raises(NotAllowed, match="state"):
            orders.attach(opened, staff(ANN), "scan.pdf", "application/pdf", PDF, internal=True, paper=True)
