"""The pages behind links, as browsers, mail scanners and strangers ask for them."""

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from zipfile import ZipFile

import pytest
from lxml import html
from starlette.testclient import TestClient

from bot.core.orders import Conflict, NotAllowed, Order, Right, staff
from bot.results_pages import routes
from bot.web import make_app
from storage.engine import Database
from tests.bot.scripted import Scripted
from tests.conftest import Clock
from tests.orders import ANN
from tests.results import COMPANY, Handing

OWN = {"Sec-Fetch-Site": "same-origin"}
FOREIGN = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]


class Site:
    """The pages with a browser before them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.handing = Handing(database, clock)
        script = Scripted()
        from bot.policy_pages import PolicyPages

        pages = routes(database, self.handing.requests, clock, COMPANY, public=True)
        app = make_app([script.chat()], script.door, PolicyPages([script.policy]), public=True, more=pages)
        self.browser = TestClient(app, headers={"Accept": "text/html", "Accept-Language": "en"})

    def post(self, path: str, **fields: str):
        return self.browser.post(path, data=fields, headers=OWN)

    def opened(self, token: str) -> str:
        """Goes all the way with the right code; the ticket in the page."""
        sent = html.document_fromstring(self.post(f"/result/{token}", act="send").text)
        verification = sent.xpath("string(//input[@name='verification']/@value)")
        _, digits = self.handing.code()
        typed = f"{digits[:4]} {digits[4:]}"
        shown = self.post(f"/result/{token}", act="code", verification=verification, code=typed)
        assert shown.status_code == 200
        return html.document_fromstring(shown.text).xpath("string(//input[@name='ticket']/@value)")


@pytest.fixture
def site(database: Database, clock: Clock) -> Iterator[Site]:
    made = Site(database, clock)
    with made.browser:
        yield made


def everything(database: Database) -> str:
    """All that could have changed by an act, as text."""
    with database.read() as work:
        tables = ("result", "verification", "enquiry", "delivery", "trail", "work_order", "work_order_stop")
        return repr([work.connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in tables])


def test_the_right_code_leads_to_the_package(site: Site) -> None:
    order, token = site.handing.linked()
    ticket = site.opened(token)
    package = site.post(f"/result/{token}", act="download", ticket=ticket)
    assert package.status_code == 200
    assert package.headers["content-type"] == "application/zip"
    assert package.headers["content-disposition"] == f"attachment; filename={order.number}.zip"
    assert int(package.headers["content-length"]) == len(package.content)
    assert "index.html" in ZipFile(io.BytesIO(package.content)).namelist()


def test_looking_does_nothing_whoever_looks(site: Site) -> None:
    _, token = site.handing.linked()
    ticket = site.opened(token)
    held = site.handing.desk.held()
    stop = site.handing.desk.news.warned[-1][3]
    before = everything(site.handing.database)
    for path in (f"/result/{token}", f"/stop/{stop}"):
        for query in ("", "?act=download", f"?act=download&ticket={ticket}", "?act=send", "?lang=zh"):
            assert site.browser.get(path + query).status_code == 200
            assert site.browser.head(path + query).status_code == 200
    assert everything(site.handing.database) == before
    assert site.handing.desk.now(held).stopped_at is None


def test_another_sites_page_can_press_nothing(site: Site) -> None:
    _, token = site.handing.linked()
    ticket = site.opened(token)
    site.handing.desk.held()
    stop = site.handing.desk.news.warned[-1][3]
    before = everything(site.handing.database)
    for headers in FOREIGN:
        for path, fields in (
            (f"/result/{token}", {"act": "download", "ticket": ticket}),
            (f"/result/{token}", {"act": "send"}),
            (f"/stop/{stop}", {}),
        ):
            assert site.browser.post(path, data=fields, headers=headers).status_code == 403
    assert everything(site.handing.database) == before


def test_a_link_is_neither_indexed_nor_kept_nor_told_to_other_sites(site: Site) -> None:
    _, token = site.handing.linked()
    ticket = site.opened(token)
    site.handing.desk.held()
    stop = site.handing.desk.news.warned[-1][3]
    answers = [site.browser.get(f"/{path}") for path in (f"result/{token}", f"stop/{stop}", "certificate", "result/x")]
    answers.append(site.post(f"/result/{token}", act="download", ticket=ticket))
    for answer in answers:
        assert answer.headers["x-robots-tag"].startswith("noindex, nofollow")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "unsafe" not in answer.headers["content-security-policy"]
    for answer in answers[:-1]:
        page = html.document_fromstring(answer.text)
        assert all(
            a.startswith(("/", "#")) and not a.startswith("//") for a in page.xpath("//a/@href | //form/@action")
        )


def test_every_link_that_leads_nowhere_gives_the_very_same_page(site: Site) -> None:
    order, used = site.handing.linked()
    ticket = site.opened(used)
    for _ in range(3):
        assert site.post(f"/result/{used}", act="download", ticket=ticket).status_code == 200
    site.handing.put_account("K-2", "bob@mail.example.com")
    second, replaced = site.handing.linked(person=site.handing.desk.bob, account_id="K-2")
    with site.handing.desk.orders() as orders:
        site.handing.results(orders).announce(second)
    expired = site.handing.token()
    site.handing.clock.turn(hours=73)
    pages = {}
    for what, token in {
        "used": used, "replaced": replaced, "expired": expired, "never": "A" * 22, "odd": "x", "long": "y" * 500
    }.items():  # fmt: skip
        for answer in (
            site.browser.get(f"/result/{token}"),
            site.post(f"/result/{token}", act="send"),
            site.post(f"/result/{token}", act="code", verification="1", code="12345678"),
            site.post(f"/result/{token}", act="download", ticket=ticket),
            site.browser.get(f"/stop/{token}"),
            site.post(f"/stop/{token}"),
        ):
            assert answer.status_code == 404
            kind, text = ("result", "stop")["/stop/" in str(answer.url)], answer.text
            pages.setdefault(kind, {})[what] = text.replace(f"/{kind}/{token}", "")
            assert order.number not in text
    assert all(len(set(same.values())) == 1 for same in pages.values())


def test_a_wrong_code_says_how_many_tries_are_left_and_opens_nothing(site: Site) -> None:
    _, token = site.handing.linked()
    sent = html.document_fromstring(site.post(f"/result/{token}", act="send").text)
    verification = sent.xpath("string(//input[@name='verification']/@value)")
    _, digits = site.handing.code()
    wrong = f"{(int(digits) + 1) % 10**8:08}"
    said = [site.post(f"/result/{token}", act="code", verification=verification, code=wrong) for _ in range(6)]
    assert [answer.status_code for answer in said] == [422] * 6
    assert "Tries left: 4" in said[0].text
    assert "be used any more" in said[5].text
    assert all("ticket" not in answer.text for answer in said)
    assert "ticket" not in site.post(f"/result/{token}", act="code", verification=verification, code=digits).text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"act": "approve"},
        {"act": "code"},
        {"act": "code", "verification": "-1", "code": "1"},
        {"act": "code", "verification": "9" * 40, "code": "12345678"},
        {"act": "code", "verification": "9" * 18, "code": "12345678"},
        {"act": "code", "verification": "１", "code": "１２３４５６７８"},
        {"act": "code", "verification": "1", "code": "x" * 60_000},
        {"act": "download"},
        {"act": "download", "ticket": "1.2.3"},
        {"act": "download", "ticket": "é" * 200},
    ],
)
def test_odd_posts_get_a_page_and_nothing_else(site: Site, fields: dict[str, str]) -> None:
    _, token = site.handing.linked()
    answer = site.post(f"/result/{token}", **fields)
    assert answer.status_code in (200, 422)
    assert answer.headers["content-type"].startswith("text/html")


def test_a_file_in_a_form_is_refused(site: Site) -> None:
    _, token = site.handing.linked()
    answer = site.browser.post(f"/result/{token}", files={"code": b"x"}, headers=OWN)
    assert answer.status_code == 400


def test_too_many_codes_are_said_with_the_time(site: Site) -> None:
    _, token = site.handing.linked()
    answers = [site.post(f"/result/{token}", act="send") for _ in range(4)]
    assert "The next one is possible after 18:30 (UTC+8)" in answers[3].text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Your result"), ("zh", "您的申请结果"), ("zh-TW", "您的申請結果")]
)
def test_the_page_speaks_the_readers_language(site: Site, language: str, words: str) -> None:
    _, token = site.handing.linked()
    assert words in site.browser.get(f"/result/{token}", headers={"Accept-Language": language}).text
    chosen = site.browser.get(f"/result/{token}?lang=zh", headers={"Accept-Language": "en"})
    assert "您的申请结果" in chosen.text


def test_of_parallel_downloads_exactly_three_get_a_package(site: Site) -> None:
    _, token = site.handing.linked()
    ticket = site.opened(token)

    def fetch(_: int) -> int:
        return site.post(f"/result/{token}", act="download", ticket=ticket).status_code

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(fetch, range(12))) == [200] * 3 + [404] * 9


# ---- stop links


def test_a_stop_link_shows_what_it_stops_without_anything_of_the_person(site: Site) -> None:
    order = site.handing.desk.held()
    token = site.handing.desk.news.warned[0][3]
    text = site.browser.get(f"/stop/{token}").text.replace(token, "")  # In which any three letters may stand.
    assert order.number in text
    assert "On hold until 2026-03-05" in text
    assert not any(secret in text for secret in ("K-1", "ada@", "13800000001", "alice"))


def test_the_button_stops_to_the_last_second_and_twice_is_no_mistake(site: Site) -> None:
    desk = site.handing.desk
    order = desk.held()
    desk.pass_time(hours=71, minutes=59, seconds=59)
    stop = desk.news.warned[0][3]
    for _ in range(2):
        answer = site.post(f"/stop/{stop}")
        assert answer.status_code == 200
        assert "The request is stopped" in answer.text
    assert (desk.now(order).state, desk.now(order).reason) == ("refused", "suspected_fraud")
    desk.pass_time(hours=1)
    with pytest.raises(NotAllowed), desk.orders() as orders:
        orders.execute(desk.now(order), staff(ANN))


def test_after_the_deletion_the_page_says_that_nothing_can_be_stopped(site: Site) -> None:
    desk = site.handing.desk
    order = desk.held()
    desk.pass_time(hours=73)
    with desk.orders() as orders:
        orders.execute(desk.now(order), staff(ANN))
    assert "There is nothing to stop" in site.post(f"/stop/{desk.news.warned[0][3]}").text
    assert desk.now(order).executed_at is not None


def test_a_stop_that_races_with_the_execution_leaves_one_of_the_two(site: Site) -> None:
    desk, database = site.handing.desk, site.handing.database
    outcomes = set()
    for round_ in range(6):
        with database.work() as work:
            work.orders.connection.exec_driver_sql("UPDATE work_order SET subject = subject || '-old'")
        order = desk.held()
        stop = desk.news.warned[-1][3]
        desk.pass_time(hours=73)
        both, before = threading.Barrier(2), desk.now(order)

        def press(stop: str = stop, both: threading.Barrier = both) -> None:
            both.wait()
            site.post(f"/stop/{stop}")

        def execute(order: Order = before, both: threading.Barrier = both) -> None:
            both.wait()
            try:
                with desk.orders() as orders:
                    orders.execute(order, staff(ANN))
            except (NotAllowed, Conflict):
                pass

        threads = [threading.Thread(target=one) for one in ((press, execute) if round_ % 2 else (execute, press))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        after = desk.now(order)
        assert (after.stopped_at is None) != (after.executed_at is None)
        outcomes.add(after.state)
    assert outcomes <= {"refused", "answered"}


# ---- certificates


def test_a_certificate_is_checked_and_a_changed_one_is_not_taken(site: Site) -> None:
    from bot.core.certificates import Certificates

    desk = site.handing.desk
    order = desk.held(Right.DELETION)
    desk.pass_time(hours=73)
    with desk.orders() as orders:
        order = orders.execute(desk.now(order), staff(ANN))
        text = Certificates(orders.work.keyring, COMPANY).make(orders.work, order)
    good = site.post("/certificate", certificate=text)
    assert (good.status_code, "genuine" in good.text, order.number in good.text) == (200, True, True)
    # A browser sends line ends of its own.
    assert site.post("/certificate", certificate=text.replace("\n", "\r\n")).status_code == 200
    bad = site.post(
        "/certificate", certificate=text.replace(order.number, "KP-0000-0000") + "<script>alert(1)</script>"
    )
    assert (bad.status_code, "genuine" in bad.text) == (422, False)
    assert html.document_fromstring(bad.text).xpath("//script[contains(., 'alert')]") == []
    assert site.browser.get("/certificate").status_code == 200
