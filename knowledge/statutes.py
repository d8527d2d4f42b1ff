"""Reads a statute from its folder: law.toml, <language>.toml; how people ask for it lies in phrasings/<language>.toml."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from knowledge.clause import LawArticle
from knowledge.errors import BrokenFile
from knowledge.shapes import check_law, check_wording
from knowledge.tables import read_toml


def law_folder(named_in: Path, name: str, roots: Sequence[Path]) -> Path:
    """The folder of the law of that name in the first of `roots` that has one. Raises BrokenFile."""
    for root in roots:
        if (root / "law" / name / "law.toml").exists():
            return root / "law" / name
    raise BrokenFile(
        named_in, f"enables the law {name!r}, which has no folder below law/", "Correct the name in laws = [...]"
    )


def articles(folder: Path, languages: Sequence[str]) -> Iterator[LawArticle]:
    """The law's articles in order, worded in those of `languages` that have a file. Raises BrokenFile."""
    path = folder / "law.toml"
    data = read_toml(path)
    check_law(path, data)
    words = {}
    for language in languages:
        file = folder / f"{language}.toml"
        if file.exists():
            words[language] = read_toml(file)
            check_wording(file, words[language])
    for article in data["article"]:
        key, number = article["id"], article["number"]
        texts = {language: table[key] for language, table in words.items() if key in table}
        yield LawArticle(
            id=key,
            citation={
                "en": f"{data['short'].get('en', '')} Article {number}",
                "zh": f"{data['short'].get('zh', '')}第{number}条",
            },
            heading={language: t["heading"] for language, t in texts.items()},
            plain={language: t["plain"].strip() for language, t in texts.items()},
            jurisdiction=data["jurisdiction"],
            source=data["source"],
            tags=tuple(article.get("tags", ())),
            beside=tuple(article.get("beside", ())),
        )
