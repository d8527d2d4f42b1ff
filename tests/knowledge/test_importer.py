"""From a company's official text to an overlay or a draft."""

import io
import os
import re
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from knowledge.checking import check
from knowledge.errors import BrokenFile
from knowledge.importing.documents import read
from knowledge.importing.importer import Import, prepare, write
from knowledge.library import load_folder, load_policy
from tests.knowledge.example_cloud import BY_WORDING, CHINESE, CLAUSES, ENGLISH, LEADS, write_policy

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def take(
    source: Path, into: Path, *, version: str | None = None, company: str = "example-cloud", **options: bool
) -> Import:
    return prepare(source, company=company, version=version, language=None, into=into, now=NOW, **options)


def save(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- placing -----------------------------------------------------------------


def test_the_text_yields_exactly_the_clauses(tmp_path: Path) -> None:
    write_policy(tmp_path)
    placement = take(ENGLISH, tmp_path).placement
    assert set(placement.nodes) == set(CLAUSES)
    assert {key for key, node in placement.nodes.items() if node.placed == "wording"} == BY_WORDING
    assert all(
        node.likeness is not None and node.likeness >= 60
        for node in placement.nodes.values()
        if node.placed == "wording"
    )
    assert placement.leads == LEADS
    assert (placement.new, placement.missing, placement.unplaced) == ([], [], [])


def test_headings_have_no_id(tmp_path: Path) -> None:
    write_policy(tmp_path)
    by_text = {node.text: node for node in take(ENGLISH, tmp_path).placement.root.walk()}
    for heading in (
        "Privacy Policy",
        "What We Gather",
        "Opening an Account",
        "Passing On",
        "What you hand over:",
        "Who Receives It",
    ):
        assert (by_text[heading].id, by_text[heading].placed) == (None, "heading")


def test_a_lead_is_the_sentence_below_its_heading(tmp_path: Path) -> None:
    write_policy(tmp_path)
    texts = take(ENGLISH, tmp_path).placement.texts
    assert texts["privacy.3.1"] == "Nobody outside the company receives your details, save in these cases:"
    assert texts["privacy.4"].startswith("Choices differ")


def test_a_table_of_contents_stays_with_the_sentence_that_announces_it(tmp_path: Path) -> None:
    write_policy(tmp_path)
    intro = take(ENGLISH, tmp_path).placement.texts["privacy.intro"]
    assert intro.splitlines()[1:3] == ["It has these parts:", "1. Where It Applies"]


def test_what_is_not_alike_enough_is_listed_and_not_placed(tmp_path: Path) -> None:
    write_policy(tmp_path)
    text = ENGLISH.read_text(encoding="utf-8").replace(
        "Carriers that deliver our hardware sign an agreement to keep addresses secret.", "Bees make honey in summer."
    )
    placement = take(save(tmp_path, "other.txt", text), tmp_path).placement
    assert [node.text for node in placement.unplaced] == ["Bees make honey in summer."]
    assert placement.missing == ["privacy.3.1.carriers"]
    assert "privacy.3.1.carriers" not in placement.texts


def test_a_number_twice_is_listed(tmp_path: Path) -> None:
    write_policy(tmp_path)
    text = ENGLISH.read_text(encoding="utf-8").replace("2) A court orders it.", "1) A court orders it.")
    placement = take(save(tmp_path, "twice.txt", text), tmp_path).placement
    assert any("A court orders it" in node.text for node in placement.unplaced)
    assert placement.texts["privacy.3.1.1"] == "You asked us in writing to pass them on."


def test_a_renumbered_paragraph_is_not_attached_to_another_clause(tmp_path: Path) -> None:
    write_policy(tmp_path)
    text = ENGLISH.read_text(encoding="utf-8")
    one = "The word Example Cloud and the blue kite are our trademarks; print them only with a letter from us."
    two = "Source code of the portal belongs to us or to whoever licensed it to us."
    swapped = save(tmp_path, "swapped.txt", text.replace(one, "@").replace(two, one).replace("@", two))
    placement = take(swapped, tmp_path).placement
    assert "legal.1.1" not in placement.texts
    assert "rather legal.1.2" in placement.unplaced[0].note
    assert take(swapped, tmp_path, trust_numbers=True).placement.texts["legal.1.1"] == two


def test_the_chinese_text_is_placed_by_its_numbers(tmp_path: Path) -> None:
    result = take(CHINESE, tmp_path, version="2026-03-01")
    assert result.language == "zh"
    assert {
        "privacy.1.1",
        "privacy.1.2",
        "privacy.2.1.1",
        "privacy.2.1.2",
        "privacy.2.2.1",
        "privacy.3",
        "privacy.3.1",
        "privacy.3.2",
        "privacy.4",
    } == set(result.placement.nodes)
    assert [node.text[:4] for node in result.placement.unplaced] == ["示例云重", "运送设备"]


OFFICIAL = os.environ.get("CLAUSEBOT_OFFICIAL_TEXT", "")


@pytest.mark.skipif(
    not OFFICIAL, reason="CLAUSEBOT_OFFICIAL_TEXT names no file: the company's official text is not part of the project"
)
def test_the_first_companys_text_yields_exactly_its_88_clauses(tmp_path: Path) -> None:
    policy = load_policy("kenpai", "2023-12-15")
    placement = take(Path(OFFICIAL), tmp_path, version="2023-12-15", company="kenpai").placement
    assert len(placement.nodes) == 88
    assert list(placement.nodes) == list(policy.clauses)
    assert {key for key, node in placement.nodes.items() if node.placed == "wording"} == {
        "pre",
        "pre.version",
        "def.website",
        "def.company",
        "def.user-information",
        "def.business-data",
        "legal.3",
        "privacy.intro",
        "privacy.3.1.partners",
        "privacy.5.verify",
        "privacy.10",
    }
    assert placement.leads == {key for key, clause in policy.clauses.items() if clause.is_lead}
    assert (placement.unplaced, placement.new, placement.missing) == ([], [], [])


def test_a_text_without_a_title_is_taken_for_the_privacy_policy(tmp_path: Path) -> None:
    source = save(tmp_path, "bare.txt", "1. It applies to servers.\n2. It ends there:\n1) with a bang;\n2) or without.")
    result = take(source, tmp_path, version="2026-03-01")
    assert list(result.placement.nodes) == ["privacy.1", "privacy.2", "privacy.2.1", "privacy.2.2"]


# --- writing -----------------------------------------------------------------


def test_the_overlay_is_read_back_and_the_version_stays_as_it_was(tmp_path: Path) -> None:
    folder = write_policy(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*.toml")}
    checksum = load_folder(folder).checksum
    result = take(ENGLISH, tmp_path, version="2026-03-01")
    write(result)
    policy = load_policy("example-cloud", "2026-03-01", extra=tmp_path)
    assert policy.clauses["privacy.3.1.1"].official == {"en": "You asked us in writing to pass them on."}
    assert all(clause.official for clause in policy.clauses.values())
    assert policy.checksum == checksum
    assert {path: path.read_bytes() for path in before} == before
    assert result.overlay == tmp_path / "example-cloud/2026-03-01/official/en.toml"


def test_an_overlay_changed_by_hand_is_refused(tmp_path: Path) -> None:
    write_policy(tmp_path)
    result = take(ENGLISH, tmp_path)
    write(result)
    assert result.overlay
    result.overlay.write_text(
        result.overlay.read_text(encoding="utf-8").replace("in writing", "by word"), encoding="utf-8"
    )
    with pytest.raises(BrokenFile, match="checksum"):
        load_policy("example-cloud", extra=tmp_path)


def test_other_wording_does_not_replace_what_was_imported_unasked(tmp_path: Path) -> None:
    write_policy(tmp_path)
    write(take(ENGLISH, tmp_path))
    other = save(
        tmp_path,
        "other.txt",
        ENGLISH.read_text(encoding="utf-8").replace("A court orders it.", "A high court orders it."),
    )
    with pytest.raises(BrokenFile, match="other official wording"):
        take(other, tmp_path)
    write(take(other, tmp_path, replace=True))
    assert (
        load_policy("example-cloud", extra=tmp_path).clauses["privacy.3.1.2"].official["en"]
        == "A high court orders it."
    )


def test_new_ids_make_a_draft_beside_the_overlay(tmp_path: Path) -> None:
    write_policy(tmp_path)
    text = ENGLISH.read_text(encoding="utf-8").replace(
        "2) A court orders it.", "2) A court orders it.\n3) A flood makes it needful."
    )
    result = take(save(tmp_path, "new.txt", text), tmp_path, version="2026-03-01")
    write(result)
    assert result.placement.new == ["privacy.3.1.3"]
    assert "privacy.3.1.3" not in load_policy("example-cloud", extra=tmp_path).clauses
    draft = load_folder(tmp_path / "example-cloud/draft-2026-11-23")
    assert list(draft.clauses) == list(result.placement.nodes)
    data = tomllib.loads((tmp_path / "example-cloud/draft-2026-11-23/policy.toml").read_text(encoding="utf-8"))
    assert [node["clause"] for node in data["node"] if node.get("new")] == ["privacy.3.1.3"]


def test_a_draft_keeps_the_words_of_unchanged_clauses_only(tmp_path: Path) -> None:
    write_policy(tmp_path)
    write(take(ENGLISH, tmp_path))
    text = ENGLISH.read_text(encoding="utf-8").replace("A court orders it.", "A high court orders it.")
    result = take(save(tmp_path, "next.txt", text), tmp_path, version="2027-01-01")
    write(result)
    assert result.overlay is None
    draft = load_folder(tmp_path / "example-cloud/draft-2027-01-01")
    assert draft.clauses["privacy.3.1.1"].plain["en"] == CLAUSES["privacy.3.1.1"][1]
    assert draft.clauses["privacy.3.1.2"].plain == {"en": "", "zh": ""}
    assert [task for task in result.todo if task.startswith("privacy")] == [
        "privacy.3.1.2 (line 43): write the plain words again from the new text, in both languages"
    ]
    problems = [f.problem for f in check(tmp_path / "example-cloud/draft-2027-01-01", extra=tmp_path) if f.is_error]
    assert problems == ["'privacy.3.1.2' has no plain words in 'en'", "'privacy.3.1.2' has no plain words in 'zh'"]


def test_a_published_draft_brings_its_official_wording_along(tmp_path: Path) -> None:
    write(take(ENGLISH, tmp_path, version="2026-03-01"))
    (tmp_path / "example-cloud/draft-2026-03-01").rename(tmp_path / "example-cloud/2026-03-01")
    policy = load_policy("example-cloud", extra=tmp_path)
    assert policy.clauses["privacy.2.1.1"].official["en"].startswith("To open an account")


def test_a_draft_is_never_overwritten(tmp_path: Path) -> None:
    write(take(CHINESE, tmp_path, version="2026-03-01"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BrokenFile, match="other official wording"):
        take(
            save(tmp_path, "x.txt", CHINESE.read_text(encoding="utf-8").replace("姓名", "名称")),
            tmp_path,
            version="2026-03-01",
        )
    assert sorted(p for p in tmp_path.rglob("*") if p.name != "x.txt") == before


# --- formats -----------------------------------------------------------------


def ids(path: Path, into: Path) -> list[str]:
    return list(take(path, into, version="2026-03-01").placement.nodes)


def test_markdown_lists_and_headings(tmp_path: Path) -> None:
    text = (
        "# Privacy Policy\n\n## 1. Scope\n\n1. It **applies** here\n   and there.\n2. It ends.\n\n## 2. Uses\n\n"
        "1. Servers:\n   1. We print it.\n   2. We sell it.\n\n      With care.\n2. Ends.\n"
    )
    result = take(save(tmp_path, "p.md", text), tmp_path, version="2026-03-01")
    assert list(result.placement.nodes) == [
        "privacy.1.1",
        "privacy.1.2",
        "privacy.2.1",
        "privacy.2.1.1",
        "privacy.2.1.2",
        "privacy.2.2",
    ]
    assert result.placement.texts["privacy.1.1"] == "It applies here and there."
    assert result.placement.texts["privacy.2.1.2"] == "We sell it.\nWith care."


def test_html_lists_types_and_starts(tmp_path: Path) -> None:
    text = """<html><head><title>no</title><script>1. no</script></head><body><nav>1. no</nav><h1>Privacy Policy</h1>
    <h2>I. Scope</h2><ol><li>It applies.<li>It <b>ends</b>.</ol><h2>II. Uses</h2>
    <ol type="a"><li>Servers:<ol type="i"><li>We print it.<p>With care.</p></li><li>We sell it.</li></ol></li></ol>
    <p>Now some words between.</p><ol type="a" start="2"><li value="2">Ends.</li></ol></body></html>"""
    result = take(save(tmp_path, "p.html", text), tmp_path, version="2026-03-01")
    assert list(result.placement.nodes) == [
        "privacy.1.1",
        "privacy.1.2",
        "privacy.2.1",
        "privacy.2.1.1",
        "privacy.2.1.2",
        "privacy.2.2",
    ]
    assert result.placement.texts["privacy.2.1.1"] == "We print it.\nWith care."
    assert "no" not in " ".join(node.text for node in result.placement.root.walk()).split()


def word_file(
    path: Path,
    paragraphs: list[tuple[str, int | None]],
    shapes: list[tuple[str, str]],
    *,
    restart_at: int | None = None,
) -> Path:
    """A Word file with automatic numbers: (text, level or None), `shapes` are (numFmt, lvlText) by level."""
    document = docx.Document()
    root = document.part.numbering_part.element
    for child in list(root):
        root.remove(child)

    def element(parent: object, tag: str, **attributes: str) -> object:
        made = OxmlElement(f"w:{tag}")
        for key, value in attributes.items():
            made.set(qn(f"w:{key}"), value)
        parent.append(made)  # type: ignore[attr-defined]
        return made

    abstract = element(root, "abstractNum", abstractNumId="7")
    for level, (form, shape) in enumerate(shapes):
        made = element(abstract, "lvl", ilvl=str(level))
        element(made, "start", val="1")
        element(made, "numFmt", val=form)
        element(made, "lvlText", val=shape)
    for number in ("1", "2"):
        num = element(root, "num", numId=number)
        element(num, "abstractNumId", val="7")
        if number == "2":
            element(element(num, "lvlOverride", ilvl="0"), "startOverride", val="1")
    for index, (text, level) in enumerate(paragraphs):
        paragraph = document.add_paragraph(text)
        if level is not None:
            numbering = element(paragraph._p.get_or_add_pPr(), "numPr")
            element(numbering, "ilvl", val=str(level))
            element(numbering, "numId", val="2" if restart_at is not None and index >= restart_at else "1")
    document.save(str(path))
    return path


def test_word_numbers_are_computed(tmp_path: Path) -> None:
    path = word_file(
        tmp_path / "p.docx",
        [
            ("Legal Statement", None),
            ("Marks", 0),
            ("They are ours.", 1),
            ("Privacy Policy", None),
            ("Scope", 0),
            ("It applies.", 1),
            ("It ends.", 1),
            ("Uses", 0),
            ("We print it.", 1),
        ],
        [("chineseCounting", "第%1条"), ("upperRoman", "%2)")],
        restart_at=4,
    )
    assert [p.text for p in read(path)] == [
        "Legal Statement",
        "第一条 Marks",
        "I) They are ours.",
        "Privacy Policy",
        "第一条 Scope",
        "I) It applies.",
        "II) It ends.",
        "第二条 Uses",
        "I) We print it.",
    ]
    assert ids(path, tmp_path) == ["legal.1.1", "privacy.1.1", "privacy.1.2", "privacy.2.1"]


def test_word_levels_that_hold_the_numbers_above(tmp_path: Path) -> None:
    path = word_file(
        tmp_path / "p.docx",
        [("Privacy Policy", None), ("Scope", 0), ("It applies.", 1), ("Uses", 0), ("It ends.", 1), ("Here.", 2)],
        [("decimal", "%1"), ("decimal", "%1.%2"), ("decimal", "%1.%2.%3")],
    )
    assert [p.text for p in read(path)][1:] == ["1. Scope", "1.1 It applies.", "2. Uses", "2.1 It ends.", "2.1.1 Here."]
    assert ids(path, tmp_path) == ["privacy.1.1", "privacy.2.1", "privacy.2.1.1"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_an_encoding_is_recognised(encoding: str, tmp_path: Path) -> None:
    path = save(tmp_path, "p.txt", CHINESE.read_text(encoding="utf-8").encode(encoding))
    assert read(path) == read(CHINESE)


def test_lines_broken_at_a_fixed_width_are_put_together(tmp_path: Path) -> None:
    text = (
        "Privacy Policy\n1. Scope\n1. The policy applies to the portal and to every\n"
        "server that is rented through it, wherever that\nmay stand.\n2. It ends.\n"
    )
    texts = [p.text for p in read(save(tmp_path, "p.txt", text))]
    assert (
        texts[2]
        == "1. The policy applies to the portal and to every server that is rented through it, wherever that may stand."
    )
    assert len(texts) == 4


# --- bad input ---------------------------------------------------------------


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<w:p>" + b"0" * 40_000_000)
    return packed.getvalue()


def no_word() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "1. hello")
    return packed.getvalue()


def hollow() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("word/document.xml", "<broken")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \n\n\t", "is empty"),
        ("a.txt", b"\xef\xbb\xbf\n", "no text|is empty"),
        ("a.docx", bytes(range(256)) * 40, "no Word document"),
        ("a.docx", b"\xd0\xcf\x11\xe0" + b"x" * 600, "old .doc"),
        ("a.docx", no_word(), "lacks word/document.xml"),
        ("a.docx", hollow(), "no Word document"),
        ("a.docx", bomb(), "unpacks to far more"),
        ("a.docx", b"PK\x03\x04" + b"0" * (20 * 1024 * 1024), "too large"),
        ("a.txt", b"%PDF-1.7 1. hello", "another kind of file"),
        ("a.txt", b"1. caf\xe9 au lait, \xe0 Paris", "line 1 is neither UTF-8 nor GB18030"),
        ("a.txt", bytes(range(256)) * 40, "zero bytes"),
        ("a.txt", b"\xff\xfe1\x00.\x00 ", "utf-16"),
        ("a.txt", "We like privacy.\nAnd cats.", "no numbered paragraph"),
        ("a.txt", "1. It applies.\n" * 700_000, "too large"),
        ("a.txt", "1.\n" * 25_000, "paragraphs"),
        ("a.html", "<html><body></body></html>", "no text"),
        ("a.pdf", b"%PDF", "no kind of text"),
        ("a", b"1. x", "no kind of text"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    name: str, content: bytes | str, message: str, tmp_path: Path
) -> None:
    source = save(tmp_path, name, content)
    with pytest.raises(BrokenFile, match=message) as broken:
        take(source, tmp_path / "into", version="2026-03-01")
    assert re.search(re.escape(str(source)), str(broken.value))
    assert not (tmp_path / "into").exists()


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenFile, match="does not exist"):
        read(tmp_path / "none.txt")
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(BrokenFile, match="folder"):
        read(tmp_path / "folder.txt")


@pytest.mark.parametrize(
    ("company", "version"), [("../up", "2026-03-01"), ("example-cloud", "../../x"), ("example-cloud", "soon")]
)
def test_names_that_lead_elsewhere_are_refused(company: str, version: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenFile):
        take(ENGLISH, tmp_path, version=version, company=company)
    assert list(tmp_path.iterdir()) == []
