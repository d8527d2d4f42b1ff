"""What a package holds, how it is named and hashed, and how little memory it takes."""

import hashlib
import io
import json
import random
import tracemalloc
from pathlib import PurePosixPath
from zipfile import ZipFile

import pytest
from lxml import html

from bot.core.message import Address, InboundMessage
from bot.core.orders import Actor, State, person, staff
from bot.core.package.files import PACKAGE_MOST, PART_BYTES, PackageTooBig, Parts, safe_name
from bot.core.package.held import DATES, masked
from bot.core.package.page import words
from bot.core.packages import build
from storage.engine import Database
from storage.stores.holdings import SHOWN
from tests.bot.conftest import Assistant
from tests.conftest import Clock
from tests.orders import ANN
from tests.results import COMPANY, Handing

IDENTITY = "11010519491231002X"
"""Published as an example of the number's form; nobody's."""


@pytest.fixture
def handing(database: Database, clock: Clock) -> Handing:
    return Handing(database, clock)


def opened(handing: Handing, token: str) -> ZipFile:
    return ZipFile(io.BytesIO(handing.package(handing.fetch(token, handing.ticket(token)))))


def test_what_the_bot_holds_is_in_it_by_itself(handing: Handing, assistant: Assistant, clock: Clock) -> None:
    said = InboundMessage(Address("memory", "alice"), "How long do you keep my data?", "m-1", clock())
    answer = assistant.take(said)
    clock.turn(minutes=1)
    order = handing.ready(body=b"please send everything")
    with handing.desk.orders() as orders:
        orders.remark(order, person(handing.desk.alice), "my own remark", internal=False)
        orders.remark(order, staff(ANN), "among ourselves", internal=True)
    handing.deliver(order)
    archive = opened(handing, handing.token())
    data = json.loads(archive.read("data.json"))
    assert [row["you"] for row in data["talk"]] == ["How long do you keep my data?"]
    assert data["talk"][0]["receipts"] == [answer.replies[0].receipt]
    assert data["talk"][0]["replies"] == [answer.replies[0].text]
    [request] = data["requests"]
    assert (request["number"], request["asked"]) == (order.number, "please send everything")
    assert [remark["text"] for remark in request["remarks"]] == ["my own remark"]
    assert data["account"]["id"] == "K-1"
    assert {"person", "turn", "delivery", "receipt", "work_order"} <= data["kept"].keys()
    text = archive.read("index.html").decode()
    for shown in ("How long do you keep my data?", "my own remark", order.number, data["talk"][0]["receipts"][0]):
        assert shown in text
    assert "among ourselves" not in text + json.dumps(data)


def test_every_page_of_a_long_talk_is_in_it_once(handing: Handing, assistant: Assistant, clock: Clock) -> None:
    for number in range(230):
        assistant.take(
            InboundMessage(Address("memory", "alice"), f"word{number}", f"m-{number}", clock.turn(seconds=9))
        )
    handing.deliver(handing.ready())
    clock.turn(seconds=1)
    assistant.take(InboundMessage(Address("memory", "alice"), "after it was made", "m-x", clock()))
    talk = json.loads(opened(handing, handing.token()).read("data.json"))["talk"]
    assert [row["you"] for row in talk if row["you"]] == [f"word{number}" for number in reversed(range(230))]
    assert [row["at"] for row in talk] == sorted((row["at"] for row in talk), reverse=True)


def test_the_manifest_gives_the_hash_of_every_file(handing: Handing) -> None:
    order = handing.ready()
    handing.attach(order, "orders.csv", b"a,b\n1,2\n")
    handing.attach(order, "from the system.json", b"{}", Actor("company"), "application/json")
    handing.deliver(order)
    archive = opened(handing, handing.token())
    manifest = json.loads(archive.read("manifest.json"))
    assert manifest["order"] == order.number
    listed = {entry["name"]: entry for entry in manifest["files"]}
    assert listed.keys() | {"manifest.json"} == set(archive.namelist())
    assert list(listed)[2:] == ["files/01-orders.csv", "files/02-from the system.json"]
    for name, entry in listed.items():
        body = archive.read(name)
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(body).hexdigest(), len(body))
    assert archive.testzip() is None


def test_files_of_the_person_and_internal_ones_stay_out(handing: Handing) -> None:
    order = handing.ready()
    with handing.desk.orders() as orders:
        orders.attach(order, staff(ANN), "note.txt", "text/plain", b"internal", internal=True)
        orders.attach(order, person(handing.desk.alice), "scan.png", "image/png", b"a scan", internal=False)
    handing.deliver(order)
    assert opened(handing, handing.token()).namelist() == ["index.html", "data.json", "manifest.json"]


def test_numbers_of_documents_cards_and_credentials_are_masked(handing: Handing) -> None:
    order = handing.ready(body=f"my id is {IDENTITY}".encode())
    with handing.desk.orders() as orders:
        said = f"{IDENTITY}, card number 6222 0212 3456 7890 128, password: tulip-9182"
        orders.remark(order, staff(ANN), said, internal=False)
    handing.attach(order, f"scan {IDENTITY}.txt", b"x")
    handing.deliver(order)
    archive = opened(handing, handing.token())
    names = " ".join(archive.namelist())
    for text in (names, *(archive.read(name).decode() for name in ("index.html", "data.json", "manifest.json"))):
        for secret in (IDENTITY, "6222 0212 3456 7890", "tulip-9182"):
            assert secret not in text


def test_a_long_text_is_masked_whole() -> None:
    text = "\n".join([*("filler " * 200 for _ in range(20)), f"id {IDENTITY}", "the end"])
    assert IDENTITY not in masked(text)
    assert masked(text).startswith("filler")
    assert masked(text).endswith("the end")
    assert len(masked("x" * 50_000)) > 3_000


def test_what_people_write_is_no_markup(handing: Handing) -> None:
    order = handing.ready(body=b"<script>alert(1)</script><img src=x onerror=alert(2)>")
    handing.attach(order, "<b onmouseover=alert(3)>.txt", b"x")
    handing.deliver(order)
    page = html.document_fromstring(opened(handing, handing.token()).read("index.html"))
    assert page.xpath("//script | //img | //b[@onmouseover] | //iframe | //link") == []
    assert "default-src 'none'" in page.xpath("string(//meta[@http-equiv]/@content)")
    assert all(address.startswith("files/") for address in page.xpath("//a/@href"))


HOSTILE = ["../../etc/passwd", "..\\..\\boot.ini", "/etc/shadow", "C:\\x.exe", "a/../../b.txt", "CON", "nul.txt", "aux.tar.gz", "",
           ".", "..", "...", " ", "\0", "a\0b.txt", "photo\u202egpj.exe", "x" * 5_000, "." * 300, "名" * 300 + ".pdf", "a\nb.txt",
           "~/.ssh/id", "file:///etc/passwd", "%2e%2e%2fpasswd", "-rf", "COM1", "index.html", "manifest.json", "a:b?c*d|e<f>g\"h"]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_in_its_folder(name: str) -> None:
    safe = safe_name(1, name)
    path = PurePosixPath(safe)
    assert path.parts[0] == "files"
    assert len(path.parts) == 2
    assert path.name.startswith("01-")
    assert len(path.name) <= 90
    assert not set(safe) & set('\\:*?"<>|\0\n\u202e')
    assert ".." not in path.parts
    assert safe == safe_name(1, name)


def test_hostile_names_in_a_package_unpack_into_one_folder(handing: Handing, tmp_path) -> None:
    order = handing.ready()
    for name in HOSTILE:
        handing.attach(order, name, b"x")
    handing.deliver(order)
    archive = opened(handing, handing.token())
    assert len(set(archive.namelist())) == len(HOSTILE) + 3
    before = set(tmp_path.rglob("*"))
    archive.extractall(tmp_path / "out")
    found = [path.relative_to(tmp_path).parts for path in {*tmp_path.rglob("*")} - before if path.is_file()]
    assert len(found) == len(archive.namelist())
    assert {parts[:2] for parts in found} == {
        ("out", name) for name in ("files", "index.html", "data.json", "manifest.json")
    }


def test_the_same_content_gives_the_same_bytes(handing: Handing) -> None:
    order = handing.ready()
    handing.attach(order, "a.txt", b"x" * 70_000)
    made_at = handing.clock()
    twice = []
    for _ in range(2):
        parts = list[bytes]()
        built = build(handing.database, order.id, made_at, COMPANY, lambda _, piece, parts=parts: parts.append(piece))
        twice.append((built, b"".join(parts)))
    assert twice[0] == twice[1]
    assert twice[0][0].sha256 == hashlib.sha256(twice[0][1]).hexdigest()


def test_a_large_package_takes_little_memory(sqlite_database: Database, clock: Clock) -> None:
    handing, rng = Handing(sqlite_database, clock), random.Random(7)
    order = handing.ready()
    for number in range(12):
        handing.attach(order, f"{number}.png", rng.randbytes(4 * 1024 * 1024), kind="image/png")
    handing.deliver(order)
    tracemalloc.start()
    token = handing.token()
    made = handing.fetch(token, handing.ticket(token))
    size = 0
    for ordinal in range(made.parts):
        with handing.database.read() as work:
            size += len(work.results.part(made, ordinal))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == made.size > 48 * 1024 * 1024
    # One file sealed and unsealed, and a few pieces.
    assert peak < 20 * 1024 * 1024


def test_pieces_have_one_size_and_a_package_an_end() -> None:
    kept = list[bytes]()
    out = Parts(lambda _, piece: kept.append(piece))
    out.write(b"x" * (PART_BYTES * 2 + 5))
    digest = out.end()
    assert [len(piece) for piece in kept] == [PART_BYTES, PART_BYTES, 5]
    assert digest == hashlib.sha256(b"".join(kept)).hexdigest()
    endless = Parts(lambda *_: None)
    for _ in range(PACKAGE_MOST // PART_BYTES):
        endless.write(b"x" * PART_BYTES)
    with pytest.raises(PackageTooBig):
        endless.write(b"x")


def test_a_package_that_is_too_big_is_parked_visibly(handing: Handing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.core.package.files.PACKAGE_MOST", 1_000)
    order = handing.deliver(handing.ready())
    assert handing.announcing.run_due() == 1
    assert ("bot", "alarm result", "result can't be made: too_big") in handing.desk.trail(order)
    assert handing.links() == []


def test_both_languages_word_the_page_alike() -> None:
    needed = {f"kind_{name}" for name in SHOWN} | {f"date_{name}" for name in DATES} | {f"state_{one}" for one in State}
    assert needed <= words("en").keys()
    assert words("en").keys() == words("zh").keys() == words("zh-Hant").keys()
    for key, text in words("en").items():
        assert text.count("{") == words("zh")[key].count("{"), key
