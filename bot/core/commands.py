"""Commands: exact grammar only. Anything else a person types is a question or a wish, never an order to the program."""

import re
from dataclasses import dataclass

from knowledge.normal import normalise

NAMES = (
    "start",
    "help",
    "language",
    "policy",
    "receipt",
    "privacy",
    "mydata",
    "forget",
    "status",
    "disconnect",
    "cancel",
)
_COMMAND = re.compile(r"/([a-z]{2,12})(?:@\w{1,64})?(?:[^\S\n]+(\S{1,64}))?")

WORDS = {
    "menu": ("policy", ""),
    "菜单": ("policy", ""),
    "目录": ("policy", ""),
    "human": ("human", ""),
    "agent": ("human", ""),
    "人工": ("human", ""),
    "转人工": ("human", ""),
    "人工客服": ("human", ""),
    "cancel": ("cancel", ""),
    "stop": ("cancel", ""),
    "never mind": ("cancel", ""),
    "取消": ("cancel", ""),
    "算了": ("cancel", ""),
    "退出": ("cancel", ""),
    "whole clause": ("whole", ""),
    "the whole clause": ("whole", ""),
    "show the whole clause": ("whole", ""),
    "show me the whole clause": ("whole", ""),
    "full clause": ("whole", ""),
    "show the full clause": ("whole", ""),
    "整条": ("whole", ""),
    "整条条款": ("whole", ""),
    "完整条款": ("whole", ""),
    "看整条条款": ("whole", ""),
    "查看整条条款": ("whole", ""),
    "查看完整条款": ("whole", ""),
    "显示整条条款": ("whole", ""),
    "english": ("language", "en"),
    "中文": ("language", "zh"),
    "简体中文": ("language", "zh"),
    "简体": ("language", "zh"),
}
"""Whole messages that mean a command in plain words, in their matching form."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command and its one argument ("" when it has none)."""

    name: str
    argument: str = ""


def parse(text: str) -> Command | None:
    """The command that `text` is, or None. `/START@somebot x` counts, `please /start` doesn't. An unknown command parses too."""
    stripped = text.strip()
    if found := _COMMAND.fullmatch(stripped[:160].replace("／", "/"), 0) or _COMMAND.fullmatch(stripped[:160].lower()):
        return Command(found[1].lower(), found[2] or "")
    if len(stripped) <= 32:
        if stripped in ("繁體中文", "繁體"):
            return Command("language", "zh-Hant")
        if word := WORDS.get(normalise(stripped).strip(" .!。！")):
            return Command(*word)
    return None
