"""What the bot says, from languages/<language>/said/*.toml, a file a flow and `_shared.toml` for everything else.

[say]             key = "text with {placeholders}"
[choose.STEP]     ask = "the question"  option = "label of the option"
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intents.traditional import traditional
from knowledge.errors import BrokenFile
from knowledge.library import read_toml

LANGUAGES_FOLDER = Path(__file__).parent / "languages"
SHARED = "_shared"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
TRADITIONAL = "zh-Hant"


class Wording:
    """All replies of all languages. `say` never fails for a missing translation: it falls back to English, then the key."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]], names: Mapping[str, str]) -> None:
        self._texts, self._names = texts, names

    @classmethod
    def load(cls, folder: Path = LANGUAGES_FOLDER) -> "Wording":
        """Reads every language's folder. Raises BrokenFile."""
        texts: dict[str, dict[str, str]] = {}
        names: dict[str, str] = {}
        for path in sorted(folder.glob("*/_language.toml")):
            language = path.parent.name
            names[language] = str(read_toml(path).get("name", language))
            texts[language] = {}
            for file in sorted(path.parent.glob("said/*.toml")):
                texts[language].update(_flatten(file))
        if "en" not in texts:
            raise BrokenFile(
                folder / "en" / "_language.toml", "is missing", "English is the language everything falls back to"
            )
        names[TRADITIONAL] = "繁體中文"
        return cls(texts, names)

    @property
    def languages(self) -> dict[str, str]:
        """Language code -> its own name, those that the bot can answer in."""
        return dict(self._names)

    def keys(self, language: str) -> set[str]:
        """Every key that `language` words; an empty text words nothing."""
        return {key for key, text in self._texts.get(language, {}).items() if text}

    def say(self, flow: str, key: str, language: str, /, **values: str) -> str:
        """The text of `key` ("hello", or "choose.whose.ask") of `flow`, with its placeholders filled."""
        base = "zh" if language == TRADITIONAL else language
        name = f"{flow}.{key}"
        text = self._texts.get(base, {}).get(name) or self._texts["en"].get(name) or name
        if language == TRADITIONAL:
            text = traditional(text)  # Only our own words: what fills them may be the person's.
        return PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), text)

    def shared(self, key: str, language: str, /, **values: str) -> str:
        """The text of a key that belongs to no flow."""
        return self.say(SHARED, key, language, **values)

    def placeholders(self, language: str, name: str) -> set[str]:
        """Names in braces that a text holds."""
        return set(PLACEHOLDER.findall(self._texts.get(language, {}).get(name, "")))


def _flatten(path: Path) -> dict[str, str]:
    """ "flow.key" -> text, "flow.choose.step.option" -> label."""
    found: dict[str, str] = {}

    def walk(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for key, value in table.items():
            if isinstance(value, str):
                yield f"{prefix}.{key}", value.strip()
            elif isinstance(value, dict):
                yield from walk(f"{prefix}.{key}", value)
            else:
                raise BrokenFile(path, f"{key!r} must be a text", "Put the text in quotes")

    for table, content in read_toml(path).items():
        if table not in ("say", "choose") or not isinstance(content, dict):
            raise BrokenFile(path, f"[{table}] is not known here", "Use [say] and [choose.STEP]")
        prefix = path.stem if table == "say" else f"{path.stem}.choose"
        found.update(walk(prefix, content))
    return found
