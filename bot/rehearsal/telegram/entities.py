"""Markup of messages: HTML and MarkdownV2 to text and entities, offsets in UTF-16 units as the Bot API counts them."""

import re
from html import unescape
from typing import Any

from bot.rehearsal.telegram.refusal import bad

Entity = dict[str, Any]
_TAGS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_TAG = re.compile(r"<(/?)([a-zA-Z0-9-]+)((?:\s+[a-zA-Z-]+(?:=(?:\"[^\"]*\"|'[^']*'|[^\s>]*))?)*)\s*>")
_HREF = re.compile(r"\s(?:href|class)=(?:\"([^\"]*)\"|'([^']*)'|([^\s>]*))")
_ESCAPE = re.compile(r"&(?:lt|gt|amp|quot|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_MARKS = {
    "*": "bold",
    "_": "italic",
    "__": "underline",
    "~": "strikethrough",
    "||": "spoiler",
    "`": "code",
    "```": "pre",
}
_RESERVED = "_*[]()~`>#+-=|{}.!"
_FOUND = (
    ("bot_command", re.compile(r"(?<![\w/])/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]{3,32})?(?!\w)")),
    ("url", re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}、。，；：！？）」]")),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z]\w{2,31}")),
)
_CALLED = {"bold": "Bold", "italic": "Italic", "underline": "Underline", "strikethrough": "Strikethrough",
           "spoiler": "Spoiler", "code": "Code", "pre": "Pre"}  # fmt: skip


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse(text: str, mode: str) -> tuple[str, list[Entity]]:
    """Text and entities of `text` in parse mode "", "HTML" or "MarkdownV2". Raises Refusal as the Bot API words it."""
    match mode.lower():
        case "":
            found: tuple[str, list[Entity]] = text, []
        case "html":
            found = _html(text)
        case "markdownv2":
            found = _markdown(text)
        case _:
            raise bad("unsupported parse_mode")
    return trimmed(*found)


def trimmed(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Without white space at both ends, as every message is; entities move along, and empty ones go."""
    inner = text.strip()
    start = units(text[: text.index(inner)]) if inner else 0
    end, kept = units(inner), []
    for entity in entities:
        first = max(0, entity["offset"] - start)
        last = min(end, entity["offset"] + entity["length"] - start)
        if last > first:
            kept.append({**entity, "offset": first, "length": last - first})
    return inner, sorted(kept, key=lambda entity: (entity["offset"], -entity["length"]))


def with_found(text: str, entities: list[Entity]) -> list[Entity]:
    """The entities, and those that Telegram finds by itself: commands, addresses, mentions; not inside of code or links."""
    taken = [(e["offset"], e["offset"] + e["length"]) for e in entities if e["type"] in ("code", "pre", "text_link")]
    every = list(entities)
    for kind, pattern in _FOUND:
        for hit in pattern.finditer(text):
            first = units(text[: hit.start()])
            last = first + units(hit[0])
            if all(last <= start or first >= end for start, end in taken):
                every.append({"offset": first, "length": last - first, "type": kind})
                taken.append((first, last))
    return sorted(every, key=lambda entity: (entity["offset"], -entity["length"]))


def _at(source: str, place: int) -> str:
    return f"byte offset {len(source[:place].encode('utf-8', 'replace'))}"


def _html(source: str) -> tuple[str, list[Entity]]:
    text, entities, length = "", [], 0
    open_tags: list[tuple[str, int, Entity]] = []
    place = 0
    while place < len(source):
        if source[place] == "&" and (escape := _ESCAPE.match(source, place)):
            piece, place = unescape(escape[0]), escape.end()
        elif source[place] == "<":
            tag = _TAG.match(source, place)
            if tag is None:
                name = re.match(r"</?([^\s>]*)", source[place:])
                if name and ">" in source[place:]:
                    raise bad(
                        f'can\'t parse entities: Unsupported start tag "{name[1].lower()}" at {_at(source, place)}'
                    )
                raise bad(f"can't parse entities: Unclosed start tag at {_at(source, place)}")
            name_of = tag[2].lower()
            if tag[1]:
                if not open_tags:
                    raise bad(f"can't parse entities: Unexpected end tag at {_at(source, place)}")
                opened, start, entity = open_tags.pop()
                if opened != name_of:
                    raise bad(
                        f'can\'t parse entities: Unmatched end tag at {_at(source, place)}, expected "</{opened}>", '
                        f'found "</{name_of}>"'
                    )
                if length > start:
                    entities.append({"offset": start, "length": length - start, **entity})
            else:
                named = _HREF.search(tag[3])
                value = next(filter(None, named.groups()), "") if named else ""
                if name_of not in _TAGS or (name_of == "span" and value != "tg-spoiler"):
                    raise bad(f'can\'t parse entities: Unsupported start tag "{name_of}" at {_at(source, place)}')
                made: Entity = {"type": _TAGS[name_of]}
                if name_of == "a" and value:
                    made["url"] = unescape(value)
                if name_of == "blockquote" and "expandable" in tag[3]:
                    made["type"] = "expandable_blockquote"
                open_tags.append((name_of, length, made))
            place = tag.end()
            continue
        else:
            piece, place = source[place], place + 1
        text += piece
        length += units(piece)
    if open_tags:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1][0]}\"")
    # A link without an address is text.
    return text, [entity for entity in entities if entity["type"] != "text_link" or "url" in entity]


def _markdown(source: str) -> tuple[str, list[Entity]]:
    text, length, place = "", 0, 0
    entities: list[Entity] = []
    open_marks: list[tuple[str, int, int]] = []
    while place < len(source):
        inside = open_marks[-1][0] if open_marks else ""
        character = source[place]
        if character == "\\" and place + 1 < len(source) and 0 < ord(source[place + 1]) <= 126:
            text, length, place = text + source[place + 1], length + 1, place + 2
            continue
        if inside in ("`", "```"):
            mark = inside if source.startswith(inside, place) else ""
        elif character == "]" and inside == "[":
            _, start, _ = open_marks.pop()
            target = re.match(r"\]\(((?:\\.|[^)\\])*)\)", source[place:])
            if target and length > start:
                url = re.sub(r"\\(.)", r"\1", target[1])
                entities.append({"offset": start, "length": length - start, "type": "text_link", "url": url})
            place += target.end() if target else 1
            continue
        elif character == "[":
            open_marks.append(("[", length, place))
            place += 1
            continue
        else:
            mark = next((m for m in ("```", "__", "||", "*", "_", "~", "`") if source.startswith(m, place)), "")
        if not mark:
            if character in _RESERVED and inside not in ("`", "```"):
                raise bad(
                    f"can't parse entities: Character '{character}' is reserved and must be escaped with the preceding '\\'"
                )
            text, length, place = text + character, length + units(character), place + 1
            continue
        if inside == mark:
            _, start, _ = open_marks.pop()
            if length > start:
                entities.append({"offset": start, "length": length - start, "type": _MARKS[mark]})
        else:
            open_marks.append((mark, length, place))
        place += len(mark)
    if open_marks:
        mark, _, began = open_marks[-1]
        raise bad(
            f"can't parse entities: Can't find end of {_CALLED.get(_MARKS.get(mark, ''), 'TextUrl')} entity at "
            f"{_at(source, began)}"
        )
    return text, entities
