"""Replies as WeChat shows them: plain text with numbered choices, in parts that WeChat takes."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from wechatpy.replies import TextReply

from bot.core.message import Choice, Citation, Reply

TEXT_MAX_BYTES = 2000
"""WeChat cuts or refuses texts beyond 2,048 bytes of UTF-8 (measured by others; no page of WeChat says so)."""
PARTS_MOST = 4
"""Parts of one reply: as many as a person may be sent after one message, the last of five kept."""
_LINK_TAG = re.compile(r"<(?=\s*/?\s*a\b)", re.IGNORECASE)
_NOT_IN_XML = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKS = ("\n\n", "\n", "。", "；", ". ", "，", " ")


def draw(replies: Sequence[Reply]) -> str:
    """One or more replies as one text. Only the choices shown last can be picked by number, so only they are numbered."""
    last = max((place for place, reply in enumerate(replies) if reply.choices), default=-1)
    return "\n\n".join(_draw(reply, reply.choices if place == last else ()) for place, reply in enumerate(replies))


def how_many_fit(replies: Sequence[Reply]) -> int:
    """How many of the first replies go into one text; at least one."""
    count = 1
    while count < len(replies) and _size(draw(replies[: count + 1])) <= TEXT_MAX_BYTES:
        count += 1
    return count


def parts(replies: Sequence[Reply]) -> list[str]:
    """The text of the replies, in pieces that WeChat takes. Beyond PARTS_MOST the rest is left out, and said so."""
    pieces = split(draw(replies))
    if len(pieces) > PARTS_MOST:
        cut = _words(replies[-1].language)["cut"]
        pieces = pieces[:PARTS_MOST]
        pieces[-1] = _first(pieces[-1], TEXT_MAX_BYTES - _size(cut) - 1).rstrip() + "\n" + cut
    return pieces


def split(text: str, most: int = TEXT_MAX_BYTES) -> list[str]:
    """`text` in pieces of at most `most` bytes of UTF-8, cut at an end of line or sentence where one is near."""
    pieces = []
    while _size(text) > most:
        piece = _first(text, most)
        for mark in _BREAKS:
            end = piece.rfind(mark)
            if end >= len(piece) // 2:
                piece = piece[: end + len(mark)]
                break
        pieces.append(piece.rstrip())
        text = text[len(piece) :].lstrip("\n ")
    if text or not pieces:
        pieces.append(text)
    return pieces


def passive_xml(text: str, *, user: str, account: str, at: int) -> str:
    """The text as the answer to a push, `at` in seconds since 1970. No text can end its own element."""
    inert = text.replace("]]>", "]]]]><![CDATA[>")
    return str(TextReply(source=account, target=user, time=at, content=inert).render())


def _draw(reply: Reply, choices: Sequence[Choice]) -> str:
    words = _words(reply.language)
    blocks = [_clean(reply.text)]
    foot = []
    if sources := list(dict.fromkeys(_source(citation, words) for citation in reply.citations)):
        foot.append(words["sources"].format(sources=words["between"].join(sources)))
    if reply.receipt:
        foot.append(words["receipt"].format(receipt=reply.receipt))
    if reply.link:
        foot.append(reply.link)
    blocks += ["\n".join(foot)] if foot else []
    if choices:
        numbered = (f"{number}. {_clean(choice.label)}" for number, choice in enumerate(choices, 1))
        blocks.append("\n".join((words["choices"], *numbered)))
    return "\n\n".join(block for block in blocks if block)


def _source(citation: Citation, words: Mapping[str, str]) -> str:
    label = _clean(citation.label)
    return words["version"].format(label=label, version=citation.version) if citation.version else label


def _clean(text: str) -> str:
    """Without what XML can't hold, and without links that somebody wrote into a text: WeChat would make them tappable."""
    return _LINK_TAG.sub("＜", _NOT_IN_XML.sub("", text)).strip()


def _first(text: str, most: int) -> str:
    """The longest beginning of at most `most` bytes; an accent or a joined emoji stays with what it belongs to."""
    end = len(text.encode()[:most].decode(errors="ignore"))
    whole = end
    while 0 < whole < len(text) and _belongs(text, whole):
        whole -= 1
    return text[: whole or end]


def _belongs(text: str, place: int) -> bool:
    """Whether the character at `place` goes with the one before it."""
    here, before = text[place], text[place - 1]
    return (
        bool(unicodedata.combining(here)) or here in "\u200d\ufe0f\u20e3" or before == "\u200d" or "🏻" <= here <= "🏿"
    )


def _size(text: str) -> int:
    return len(text.encode())


def _words(language: str) -> Mapping[str, str]:
    every = _all_words()
    return every.get(language, every["en"])


@cache
def _all_words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))
