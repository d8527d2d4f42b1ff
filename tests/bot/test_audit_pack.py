"""The audit pack of an order: what is in it, who may have one, and that no change of it goes unseen."""

import hashlib
import io
import json
import random
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from bot.commands.audit import audit
from bot.commands.order_files import run_attach
from bot.commands.order_pack import run_pack
from bot.commands.order_work import REVEALS_BURST, run_approve, run_refuse, run_remark, run_take, run_tick
from bot.core.audit import chain_new
from bot.core.audit_pack import PackSeal, Wish, build, signed_text
from bot.core.audit_pack_check import Checked, check
from bot.core.audit_pack_page import FOLDER, words
from bot.core.order.moves import Event, Reason, State
from bot.core.order.news import News
from bot.core.orders import Orders
from bot.core.roles import BadEntry, NotPermitted
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from knowledge.rights import Level, Right, rights
from storage.chain import entries
from storage.crypto import Keyring
from storage.engine import Database
from tests.bot.test_orders_command import ACCOUNT, DEADLINES, Office
from tests.conftest import Clock
from tests.orders import hire

COMPANY = {"en": "Example Cloud", "zh": "示例云"}
CARD = "6222021234567890128"


@pytest.fixture
def office(database: Database, clock: Clock) -> Office:
    return Office(database, clock)


@pytest.fixture
def number(office: Office, tmp_path: Path) -> str:
    """A deletion that ada took, ticked, proposed and ben approved; with remarks and files; beside it another order."""
    number = office.open(Right.DELETION, ground="breach")
    office.open(Right.EXPLANATION)
    office.clock.turn(hours=1)
    run_take(office.at("ada"), number)
    run_tick(office.at("ada"), number, "same_person", done=True)
    run_remark(office.at("ada"), number, f"card {CARD} <b>seen</b>", for_person=False)
    (tmp_path / "note.txt").write_text("an invented note", encoding="utf-8")
    run_attach(office.at("ada"), number, tmp_path / "note.txt", for_person=False)
    run_approve(office.at("ada"), number)
    run_approve(office.at("ben"), number)
    return number


def pack(office: Office, number: str, to: Path, me: str = "ada", **more: Any) -> Path:
    run_pack(office.at(me), number, to, **more)
    return to


def parts(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def checked(path: Path, **more: Any) -> Checked:
    with path.open("rb") as file:
        return check(file, **more)


def exported(database: Database) -> list[str]:
    from bot.core.audit_pack import line_of

    return [line_of(entry) for entry in entries(database.read)]


# ---- what is in it


def test_the_pack_tells_the_whole_story(office: Office, number: str, tmp_path: Path):
    there = parts(pack(office, number, tmp_path / "p.zip"))
    assert list(there) == ["index.html", "order.json", "audit.jsonl", "manifest.json"]
    told = json.loads(there["order.json"])
    assert (told["order"]["number"], told["order"]["state"], told["order"]["ground"]) == (
        number,
        "in_progress",
        "breach",
    )
    assert told["account"] == "K***01"
    assert told["proof"]["proposed"]["name"] == "ada"
    assert told["proof"]["approved"] == {"by": f"staff:{office.id('ben')}", "name": "ben", "at": "2026-03-02T10:31:00Z"}
    [rule, *_] = told["deadlines"]["rules"]
    assert {"article", "title", "where"} == set(rule["source"])
    assert rule["source"]["article"]
    assert [(m["what"], m["name"]) for m in told["moves"] if m["what"] in ("taken", "proposed", "approved")] == [
        ("taken", "ada"), ("proposed", "ada"), ("approved", "ben")]  # fmt: skip
    assert [item["ticked"] for item in told["checklist"] if item["item"] == "same_person"] == [True]
    [file] = told["files"]
    assert (file["file"], file["sha256"], file["in_pack"]) == (
        "01-note.txt", hashlib.sha256(b"an invented note").hexdigest(), None)  # fmt: skip
    [remark] = told["remarks"]
    assert (remark["among_staff"], remark["name"]) == (True, "ada")


def test_making_one_is_in_the_trail_and_in_the_pack_itself(office: Office, number: str, tmp_path: Path):
    there = parts(pack(office, number, tmp_path / "p.zip"))
    last = json.loads(there["order.json"])["moves"][-1]
    assert (last["what"], last["name"], last["note"]) == ("audit pack made", "ada", "words")
    assert office.trail(number)[-1] == (f"staff:{office.id('ada')}", "audit pack made")


def test_secrets_are_masked_and_no_contact_or_account_is_in_it(office: Office, number: str, tmp_path: Path):
    whole = b"".join(parts(pack(office, number, tmp_path / "p.zip", files=True, chain=True)).values()).decode()
    assert CARD not in whole
    assert "[card ***0128]" in whole
    assert ACCOUNT not in whole
    assert "ada@mail.example.com" not in whole
    assert "13800000001" not in whole


def test_the_page_is_for_people_and_can_do_nothing(office: Office, number: str, tmp_path: Path):
    page = parts(pack(office, number, tmp_path / "p.zip", language="en"))["index.html"].decode()
    assert "<script" not in page
    assert not re.search(r"""(?:src|href|url)\s*[=(]""", page)
    assert "default-src 'none'" in page
    assert "@media print" in page
    assert "&lt;b&gt;seen&lt;/b&gt;" in page
    assert "approved" in page
    assert "ben (staff:2)" in page


@pytest.mark.parametrize(
    ("language", "words"), [("", "经过"), ("zh", "经过"), ("en", "What happened"), ("zh-Hant", "經過")]
)
def test_the_page_speaks_the_language_of_the_order_or_the_one_asked_for(
    office: Office, number: str, tmp_path: Path, language: str, words: str
):
    page = parts(pack(office, number, tmp_path / "p.zip", language=language))["index.html"].decode()
    assert f"<h2>{words}</h2>" in page


def test_the_page_has_words_for_everything_in_both_languages():
    texts = [tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8")) for language in ("en", "zh")]
    assert set(texts[0]) == set(texts[1])
    wanted = {f"event_{event}" for event in Event} | {f"state_{state}" for state in State}
    wanted |= {f"level_{level.name.lower()}" for level in Level}
    wanted |= {f"ground_{ground}" for rule in rights().values() for ground in rule.grounds}
    assert wanted <= set(texts[0])


@pytest.mark.parametrize("language", ["en", "zh", "zh-Hant"])
def test_a_refusal_is_said_in_the_words_that_the_person_read(
    language: str, wording: Wording, database: Database, clock: Clock, policy: PolicyVersion
):
    with database.work() as work:
        known = work.people.meet("memory", "customer", clock(), language)
        (ann,) = hire(work, clock(), "ann")
        news = News(work, clock(), lambda code: Voice(wording, policy, code), frozenset(), "")
        orders = Orders(work, clock(), DEADLINES, news.ports())
        for reason in Reason:
            order = orders.open(known.id, Right.EXPLANATION, language=language, level=Level.CHANNEL)
            orders.refuse(orders.take(order, ann), ann, reason, "Because.")
            first = json.loads(work.deliveries.history(known)[-1].body)["text"].splitlines()[0]
            assert order.number in first
            # What is no reason of the list is told in the words of staff alone.
            assert reason is Reason.OTHER or words(language)[f"reason_{reason}"] in first


def test_files_come_along_when_asked_for_and_papers_never(office: Office, number: str, tmp_path: Path):
    order = office.order(number)
    with office.database.work() as work:
        work.orders.papers.add_file(
            order.id,
            office.clock(),
            f"person:{office.person}",
            "id.png",
            "image/png",
            b"a scan",
            internal=True,
            paper=True,
        )
    there = parts(pack(office, number, tmp_path / "p.zip", files=True))
    assert there["files/01-note.txt"] == b"an invented note"
    assert b"a scan" not in there.values()
    rows = json.loads(there["order.json"])["files"]
    assert [(row["kind"], row["in_pack"]) for row in rows] == [("among_staff", "files/01-note.txt"), ("paper", None)]


def test_without_words_nothing_that_anybody_wrote(office: Office, number: str, tmp_path: Path):
    there = parts(pack(office, number, tmp_path / "p.zip", me="aud", words=False))
    whole = b"".join(there.values()).decode()
    assert "测试员甲" not in whole
    assert "seen" not in whole
    assert "note.txt" not in whole
    told = json.loads(there["order.json"])
    assert [file["sha256"] for file in told["files"]] == [hashlib.sha256(b"an invented note").hexdigest()]
    assert not checked(tmp_path / "p.zip").problems


def test_the_same_state_gives_the_same_bytes(office: Office, number: str):
    chain_new(office.database, office.clock)

    def made() -> bytes:
        out = bytearray()
        wish = Wish("en", files=True, chain=True)
        build(office.database, lambda work, now: Orders(work, now, DEADLINES, office.ports), office.order(number).id,
              COMPANY, wish, lambda _, piece: out.extend(piece))  # fmt: skip
        return bytes(out)

    first = made()
    office.clock.turn(days=3)
    assert made() == first


def test_an_order_whose_words_were_erased_still_gives_a_pack(office: Office, number: str, tmp_path: Path):
    run_refuse(office.at("ada"), number, "no_match", "")
    with office.database.work() as work:
        work.orders.papers.empty([office.order(number).id])
    there = parts(pack(office, number, tmp_path / "p.zip", language="en"))
    told = json.loads(there["order.json"])
    assert (told["erased"], told["asked"], told["remarks"], told["files"], told["account"]) == (
        True,
        None,
        [],
        [],
        None,
    )
    assert b"were erased" in there["index.html"]
    assert not checked(tmp_path / "p.zip").problems


# ---- who may


@pytest.mark.parametrize("me", ["王芳", "pub", "adm", "aud"])
def test_nobody_else_gets_what_people_wrote(office: Office, number: str, tmp_path: Path, me: str):
    with pytest.raises(NotPermitted, match="may not"):
        pack(office, number, tmp_path / "p.zip", me=me)
    assert not (tmp_path / "p.zip").exists()


def test_it_takes_a_code_of_ones_own(office: Office, number: str, tmp_path: Path):
    with pytest.raises(NotPermitted, match="wrong code"):
        run_pack(office.at("ada", ["000000"]), number, tmp_path / "p.zip")
    assert not (tmp_path / "p.zip").exists()
    assert (f"staff:{office.id('ada')}", "audit pack made") not in office.trail(number)


def test_packs_count_as_readings_and_there_is_an_end_to_them(office: Office, number: str, tmp_path: Path):
    with office.database.work() as work:
        key = f"reveal:staff:{office.id('ada')}"
        for _ in range(REVEALS_BURST):
            work.pace.take(key, 60 / 3600, REVEALS_BURST, office.clock(), ahead=0)
    with pytest.raises(NotPermitted, match="has revealed many orders"):
        pack(office, number, tmp_path / "p.zip")
    assert not (tmp_path / "p.zip").exists()


def test_nothing_is_overwritten_and_nothing_half_done_is_left(
    office: Office, number: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mine.zip").write_text("mine")
    with pytest.raises(BadEntry, match="nothing is overwritten"):
        pack(office, number, tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").read_text() == "mine"
    monkeypatch.setattr("bot.core.package.files.PACKAGE_MOST", 100)
    with pytest.raises(NotPermitted, match="the pack would have more than"):
        pack(office, number, tmp_path / "p.zip")
    assert not (tmp_path / "p.zip").exists()


def test_the_file_is_for_its_owner_alone(office: Office, number: str, tmp_path: Path):
    assert pack(office, number, tmp_path / "p.zip").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("more", "says"),
    [({"files": True, "words": False}, "leave --without-words out"), ({"language": "fr"}, "one of en, zh, zh-Hant")],
)
def test_wishes_that_do_not_go_together(office: Office, number: str, tmp_path: Path, more: dict, says: str):
    with pytest.raises(BadEntry, match=says):
        pack(office, number, tmp_path / "p.zip", **more)


# ---- checking one


def test_a_whole_pack_fits_by_itself(office: Office, number: str, tmp_path: Path):
    found = checked(pack(office, number, tmp_path / "p.zip"))
    assert (found.problems, found.number, found.files, found.chained_to) == ([], number, 3, None)
    assert found.public_key == PackSeal(office.database.keyring).public_key
    assert found.entries == len(office.trail(number))


def test_with_its_chain_it_is_followed_to_the_end(office: Office, number: str, tmp_path: Path):
    path = pack(office, number, tmp_path / "p.zip", chain=True)
    last = json.loads(exported(office.database)[-1])
    found = checked(path, head=last["hash"])
    assert (found.problems, found.chained_to, found.head_seen) == ([], (last["seq"], last["hash"]), True)
    assert checked(path, head="00" * 32).problems == [
        "the hash that was given, 0000000000000000..., isn't among those looked at"
    ]


def test_against_an_export_of_the_trail(office: Office, number: str, tmp_path: Path):
    path = pack(office, number, tmp_path / "p.zip")
    office.open(Right.ACCESS)
    chain_new(office.database, office.clock)
    lines = exported(office.database)
    last = json.loads(lines[-1])
    assert checked(path, trail=lines, head=last["hash"]).chained_to == (last["seq"], last["hash"])
    other = [line.replace("approved", "approvee") for line in lines]
    assert "is not what was chained" in checked(path, trail=other).problems[0]
    assert "ends at number 3" in checked(path, trail=lines[:3]).problems[0]


def remade(path: Path, change: Callable[[dict[str, bytes]], None], keyring: Keyring | None = None) -> Path:
    """The pack with a change; with `keyring` also with a list that fits, signed anew by somebody who has these keys."""
    there = parts(path)
    change(there)
    if keyring:
        manifest = json.loads(there["manifest.json"])
        for one in manifest["files"]:
            body = there[one["name"]]
            one |= {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        del manifest["signature"]
        there["manifest.json"] = json.dumps(PackSeal(keyring).signed(manifest)).encode()
    to = path.with_name("changed.zip")
    with ZipFile(to, "w") as archive:
        for name, body in there.items():
            archive.writestr(name, body)
    return to


def put(name: str, old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    def change(there: dict[str, bytes]) -> None:
        assert old.encode() in there[name]
        there[name] = there[name].replace(old.encode(), new.encode(), 1)

    return change


CHANGES = {
    "the page": put("index.html", "ben", "cyr"),
    "the data": put("order.json", '"in_progress"', '"refused"'),
    "a line": put("audit.jsonl", '"proposed"', '"approved"'),
    "the list": put("manifest.json", "text/html", "text/plain"),
    "a file more": lambda there: there.update({"more.txt": b"x"}),
    "a file less": lambda there: there.pop("index.html") and None,
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_found(office: Office, number: str, tmp_path: Path, what: str):
    path = pack(office, number, tmp_path / "p.zip")
    assert checked(remade(path, CHANGES[what])).problems


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("audit.jsonl", '"proposed"', '"approved"'), "is not what was chained"),
        (put("order.json", '"what": "taken"', '"what": "released"'), "are not those of audit.jsonl"),
        (put("order.json", '"to": "in_progress"', '"to": "answered"'), "are not those of audit.jsonl"),
        (put("order.json", '"state": "in_progress"', '"state": "refused"'), "and the trail ends with in_progress"),
        (lambda there: there.update({"audit.jsonl": there["audit.jsonl"].split(b"\n", 1)[1]}), "are not those of"),
    ],
)
def test_even_signed_anew_the_trail_contradicts(
    office: Office, number: str, tmp_path: Path, change: Callable[[dict[str, bytes]], None], says: str
):
    """By somebody who owns the keys of the installation, or who signs with keys of their own."""
    path = pack(office, number, tmp_path / "p.zip")
    found = checked(remade(path, change, Keyring.new()), key=PackSeal(office.database.keyring).public_key)
    assert any("not with the one that was given" in problem for problem in found.problems)
    found = checked(remade(path, change, office.database.keyring))
    assert any(says in problem for problem in found.problems), found.problems


def test_a_line_left_out_shows_against_the_chain(office: Office, number: str, tmp_path: Path):
    """All of the pack made to fit without one line in its middle: only the chain knows better."""
    path = pack(office, number, tmp_path / "p.zip", chain=True)

    def without_a_remark(there: dict[str, bytes]) -> None:
        lines = [line for line in there["audit.jsonl"].splitlines(keepends=True) if b'"remark"' not in line]
        told = json.loads(there["order.json"])
        told["moves"] = [move for move in told["moves"] if move["what"] != "remark"]
        there["audit.jsonl"], there["order.json"] = b"".join(lines), json.dumps(told).encode()

    found = checked(remade(path, without_a_remark, office.database.keyring))
    assert any("is about this order and not in the pack" in problem for problem in found.problems)


def test_no_byte_of_a_pack_can_be_changed_unseen(office: Office, number: str, tmp_path: Path):
    whole = pack(office, number, tmp_path / "p.zip", chain=True).read_bytes()
    same = parts(tmp_path / "p.zip")
    chance = random.Random(7)
    for _ in range(200):
        place = chance.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        found = check(io.BytesIO(bytes(changed)))
        if not found.problems:  # A byte of the archive's own that changes nothing of what is in it: a time, a flag.
            (tmp_path / "c.zip").write_bytes(changed)
            assert parts(tmp_path / "c.zip") == same


JUNK: list[Any] = [None, True, -1, 10**30, 0.5, "", "\ud800", "x" * 70, [], [[]], {}, {"number": []}]


def spoilt(value: Any, chance: random.Random) -> Any:
    """The value with one thing in it, however deep, made another one or taken out."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        if chance.random() < 0.1:
            return {key: one for key, one in value.items() if key != name}
        return {**value, name: spoilt(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], spoilt(value[at], chance), *value[at + 1 :]]
    return chance.choice(JUNK)


def test_whatever_is_in_a_pack_somebody_signed_the_check_ends_in_words(office: Office, number: str, tmp_path: Path):
    path = pack(office, number, tmp_path / "p.zip", chain=True)
    chance, keys = random.Random(11), Keyring.new()
    for _ in range(150):
        name = chance.choice(["order.json", "audit.jsonl", "chain.jsonl", "manifest.json"])

        def spoil(there: dict[str, bytes], name: str = name) -> None:
            lines = there[name].split(b"\n")[:-1] if name.endswith("l") else [there[name]]
            at = chance.randrange(len(lines))
            lines[at] = json.dumps(spoilt(json.loads(lines[at]), chance)).encode()
            there[name] = b"\n".join(lines) + b"\n"

        found = checked(remade(path, spoil, None if name == "manifest.json" else keys))
        # What no line of the trail tells (a remark, a file, a date) is only vouched for by the signature.
        assert found.problems or name == "order.json"


@pytest.mark.parametrize("junk", [b"", b"PK", b"not a zip" * 100])
def test_what_is_no_pack_is_said(junk: bytes):
    assert check(io.BytesIO(junk)).problems


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, '{"order": 1, "public_key": "zz", "files": 7}', "null"])
def test_a_manifest_that_is_none(tmp_path: Path, text: str):
    with ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("manifest.json", text)
    assert checked(tmp_path / "p.zip").problems


def test_what_is_signed_is_all_but_the_signature():
    assert signed_text({"b": 1, "a": "ü", "signature": "x"}) == '{"a":"ü","b":1}'.encode()


# ---- the command


def test_the_command_says_what_was_found(office: Office, number: str, tmp_path: Path):
    path = pack(office, number, tmp_path / "p.zip")
    done = CliRunner().invoke(audit, ["verify-pack", str(path)])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{number}: 3 files are as their signed list says.")
    assert "the pack alone doesn't show" in done.output
    assert f"verify-pack {path}" in office.shown
    (tmp_path / "trail.jsonl").write_text("".join(exported(office.database)), encoding="utf-8")
    done = CliRunner().invoke(audit, ["verify-pack", str(path), "--trail", str(tmp_path / "trail.jsonl"), "--json"])
    assert (done.exit_code, json.loads(done.output)["fits"]) == (0, True)
    changed = remade(path, CHANGES["the page"])
    done = CliRunner().invoke(audit, ["verify-pack", str(changed)])
    assert (done.exit_code, done.output) == (
        1, "WRONG: index.html is not what the list says: it was changed.\n")  # fmt: skip
    done = CliRunner().invoke(audit, ["verify-pack", str(tmp_path / "nowhere.zip")])
    assert (done.exit_code, "can't be read" in done.stderr) == (1, True)
