"""Colours that can be read (computed from the style sheet), complete texts, paragraphs drawn as they were meant."""

import re
import string

import pytest

from bot.look import LANGUAGES, STATIC, TEMPLATES, Block, accepted, prose, texts

PAIRS = [
    # Text on what it stands on: at least 4.5 (WCAG 2.2, 1.4.3).
    *((front, back, 4.5) for front in ("ink", "ink-soft", "accent") for back in ("paper", "surface", "accent-soft")),
    *(("law", back, 4.5) for back in ("law-soft", "paper", "surface")),
    ("ink", "law-soft", 4.5),
    ("ink-soft", "law-soft", 4.5),
    ("ink", "mine", 4.5),
    ("alert", "alert-soft", 4.5),
    ("on-accent", "accent", 4.5),
    ("paper", "ink", 4.5),
    # Edges of what can be pressed or filled in, and the focus ring: at least 3 (1.4.11, 2.4.13).
    *(("edge", back, 3.0) for back in ("paper", "surface")),
    *(("ring", back, 3.0) for back in ("paper", "surface", "accent-soft", "mine")),
]


def palettes() -> dict[str, dict[str, str]]:
    source = (STATIC / "colours.css").read_text(encoding="utf-8")
    blocks = re.findall(r"(:root[^{]*)\{([^}]*)\}", source)
    assert [selector.strip() for selector, _ in blocks] == [
        ":root",
        ':root:not([data-theme="light"])',
        ':root[data-theme="dark"]',
    ]
    light, by_device, by_choice = (dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", body)) for _, body in blocks)
    assert by_device == by_choice
    assert light.keys() == by_choice.keys()
    return {"light": light, "dark": by_choice}


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_guideline_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_every_pair_of_colours_can_be_told_apart(theme: str, front: str, back: str, least: float) -> None:
    palette = palettes()[theme]
    assert contrast(palette[front], palette[back]) >= least


def test_colours_are_named_in_one_file_only() -> None:
    for file in STATIC.glob("*.css"):
        if file.name != "colours.css":
            outside_print = file.read_text(encoding="utf-8").split("@media print")[0]
            assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", outside_print), file.name


def test_all_languages_have_the_same_texts_with_the_same_gaps() -> None:
    def gaps(words: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(words) if name} - {"company"}

    english = texts("en")
    for language in LANGUAGES:
        assert texts(language).keys() == english.keys()
        for key, words in texts(language).items():
            assert words.strip(), key
            assert gaps(words) == gaps(english[key]), key


def test_every_text_is_used_and_every_text_used_exists() -> None:
    sources = [
        file.read_text(encoding="utf-8")
        for folder, kind in ((TEMPLATES, "*.html"), (TEMPLATES.parent, "**/*.py"))
        for file in folder.glob(kind)
    ]
    used = set(
        re.findall(
            r"[\"']((?:site|chat|panel|policy|questions|error|result|stop|certificate|papers)\.[a-z0-9_]+)[\"']",
            "\n".join(sources),
        )
    )
    built = {
        key
        for key in texts("en")
        if key.startswith(
            (
                "error.",
                "questions.",
                "site.",
                "policy.language_",
                "result.said_",
                "stop.step_",
                "papers.bad_",
                "papers.needed_",
            )
        )
    }
    assert set(texts("en")) - used - built == set()
    files = {
        name
        for name in used
        if name.endswith((".css", ".js", ".html"))
        or name.startswith(("policy.language_", "result.said_", "stop.step_", "papers.bad_", "papers.needed_"))
    }
    assert used - files - set(texts("en")) == set()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("*", "en"),
        ("de-DE,de;q=0.9", "en"),
        ("zh", "zh"),
        ("zh-SG", "zh"),
        ("zh-Hant", "zh-Hant"),
        ("en;q=0.1,zh-MO;q=0.9", "zh-Hant"),
        ("en;q=x,zh;q=0.5", "zh"),
        ("," * 100_000, "en"),
    ],
)
def test_the_browsers_wish_for_a_language_is_followed(header: str, language: str) -> None:
    assert accepted(header) == language


@pytest.mark.parametrize(
    ("plain", "blocks"),
    [
        ("", []),
        ("one\ntwo", [("text", ("one", "two"))]),
        ("one\n\ntwo", [("text", ("one",)), ("text", ("two",))]),
        ("it is:\n- a\n- b\nso", [("text", ("it is:",)), ("list", ("a", "b")), ("text", ("so",))]),
        ("- a\n\n- b", [("list", ("a",)), ("list", ("b",))]),
        ("-no bullet", [("text", ("-no bullet",))]),
    ],
)
def test_paragraphs_and_bullets_are_seen(plain: str, blocks: list[Block]) -> None:
    assert prose(plain) == blocks
