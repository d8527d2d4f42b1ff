"""New intents and new languages as files to fill in. What is still empty is listed by `python -m intents check`."""

import json
import keyword
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intents import heard
from intents.catalogue import FLOWS_FOLDER
from intents.wording import LANGUAGES_FOLDER, TRADITIONAL
from knowledge.errors import BrokenFile
from knowledge.library import read_toml

INTENT_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-[A-Z]{2})?")
"""The part of BCP 47 that chat platforms use: language, script, region."""
NAME_MAX = 40

FLOW = '''"""What the person wants, in one line; name the clause it rests on (privacy.5.1)."""

from intents.script import Script, say


def flow() -> Script[None]:
    yield from say("answer")
'''
SAID = '[say]\nanswer = ""\n'
HEARD = "[heard]\nexamples = [\n]\n"


def new_intent(name: str, flows: Path = FLOWS_FOLDER, languages: Path = LANGUAGES_FOLDER) -> list[Path]:
    """Writes a flow, and in every language its replies and examples, all to be filled in; the files written.

    Raises BrokenFile, and then has written nothing, when the name can't be used or one of the files exists.
    """
    if not INTENT_NAME.fullmatch(name) or len(name) > NAME_MAX or keyword.iskeyword(name):
        remedy = f"Use up to {NAME_MAX} lower-case letters, digits and underscores, like ask_for_a_copy"
        raise BrokenFile(name, "is no name for an intent", remedy)
    files = {flows / f"{name}.py": FLOW}
    for language in heard.languages(languages):
        files[languages / language / "said" / f"{name}.toml"] = SAID
        files[heard.file_of(name, language, languages)] = HEARD
    return _write(files)


def new_language(code: str, name: str = "", languages: Path = LANGUAGES_FOLDER) -> list[Path]:
    """Writes a folder with every reply to translate, the English beside it; the files written. `name`: its own name.

    Raises BrokenFile, and then has written nothing, when the code can't be used or the language exists.
    """
    if not LANGUAGE_CODE.fullmatch(code):
        raise BrokenFile(code, "is no code for a language", "Use one like fr, pt-BR or sr-Latn")
    if code == TRADITIONAL:
        raise BrokenFile(code, "needs no files", "Traditional Chinese is made from the Simplified wording, zh")
    files = {languages / code / "_language.toml": f"name = {json.dumps(name or code, ensure_ascii=False)}\n"}
    for path in sorted((languages / "en" / "said").glob("*.toml")):
        files[languages / code / "said" / path.name] = "\n".join(_to_translate(read_toml(path))) + "\n"
    for path in sorted(heard.folder_of("en", languages).glob("[!_]*.toml")):
        files[heard.file_of(path.stem, code, languages)] = HEARD
    return _write(files)


def _to_translate(tables: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The lines of a wording file: each text empty, its English in a comment above."""
    texts = {key: value for key, value in tables.items() if isinstance(value, str)}
    if texts:
        yield f"[{prefix}]"
    for key, text in texts.items():
        yield from (f"# {line}".rstrip() for line in text.strip().splitlines())
        yield f'{key} = ""'
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _to_translate(value, f"{prefix}.{key}" if prefix else key)


def _write(files: Mapping[Path, str]) -> list[Path]:
    """Writes new files only. Raises BrokenFile before the first is written."""
    for path in files:
        if path.exists():
            raise BrokenFile(path, "exists already", "Choose another name, or edit that file")
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as bad:
            raise BrokenFile(path, f"can't be written: {bad.strerror}", "Check that you may write there") from bad
    return list(files)
