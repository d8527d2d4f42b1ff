"""What a message says, found out before the transaction begins: its language, its command, its questions.

Nothing here touches the database; what depends on the conversation is settled later, in the turn.
"""

import re
from dataclasses import dataclass

from bot.core.commands import Command, parse
from bot.core.masking import mask
from bot.core.message import InboundMessage
from intents.language import detect, is_traditional
from intents.recogniser import Outcome, Recogniser, Recognition
from intents.wording import TRADITIONAL
from knowledge.normal import visible

TEXT_MAX = 4000
"""Characters of a message that are read; Telegram allows 4,096, WeChat about 680."""
QUESTIONS_AT_MOST = 3
_SENTENCE_END = re.compile(r"(?<=[?？!！;；\n])\s*|(?<=[。])\s*|(?<=[a-z0-9][.])\s+(?=[A-Z])")
_FOLLOW_UP = re.compile(
    r"(?:and|but|so|also|then|or|ok(?:ay)? (?:and|but|so))\b.{0,80}|(?:what|how) about\b.{0,80}|.{0,60}\b(?:it|that|this|those|these|them|they)\b.{0,60}"
    r"|(?:why|when|where|who|how|how long|for how long|how much|how many|until when|since when|by whom|which ones?|such as|like what|for example)(?: \w+){0,2}",
    re.IGNORECASE,
)
_FOLLOW_UP_ZH = re.compile(
    r"(?:那|那么|还有|另外|然后|可是|但是|这个|那个|这些|那些|它).{0,30}|.{1,20}呢|(?:为什么|为啥|多久|多长时间|谁|什么时候|在哪|怎么办|怎么弄|比如|例如|具体)[^，。]{0,6}"
)
_LEANS = re.compile(r"\b(?:it|that|this|those|these|them|they)\b", re.IGNORECASE)
_LEANS_ZH = re.compile("[它他她]|这个|那个|这些|那些|這個|那個|這些")
_NO_LANGUAGE = re.compile(r"\S{1,64}@\S{1,254}|\bKP-[0-9A-Za-z]{4}-[0-9A-Za-z]{4}\b")
"""Addresses and order numbers: they are written alike in every language."""
_LETTER = re.compile(r"[a-z]", re.IGNORECASE)
_TWO_WORDS = re.compile(r"[a-z]\W+[a-z]", re.IGNORECASE)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Heard:
    """`text` is masked and cut to TEXT_MAX. `language` is None when the text shows none. `parts` are the questions it holds."""

    text: str
    language: str | None
    command: Command | None = None
    recognition: Recognition | None = None
    parts: tuple[Recognition, ...] = ()
    follows_up: bool = False
    stands_alone: bool = True
    """False for a follow-up that says too little by itself: a pronoun, or a word or two."""
    cut: bool = False


def listen(message: InboundMessage, recogniser: Recogniser) -> Heard:
    """What `message` says."""
    raw = visible(message.text[: TEXT_MAX * 2]).strip()
    text = mask(raw)[:TEXT_MAX].strip()
    language = language_of(text)
    cut = len(message.text) > TEXT_MAX
    if message.choice is not None or message.event is not None or not text:
        return Heard(text, language, cut=cut)
    if command := parse(raw):
        return Heard(text, language, command, cut=cut)
    # What is masked is kept from the store, not from the matcher, which remembers nothing: "the code is wrong" is a question.
    said = raw[:TEXT_MAX]
    if not any(character.isalpha() for character in said):
        return Heard(text, language, cut=cut)
    spoken = "zh" if language and language.startswith("zh") else language
    whole = recogniser.recognise(said, language=spoken)
    return Heard(
        text, language, None, whole, _parts(said, recogniser, spoken), _follows_up(said), _stands_alone(said), cut
    )


def language_of(text: str) -> str | None:
    """en, zh or zh-Hant; None for text without letters (numbers, emoji) and for a lone Latin word, address or command."""
    text = _NO_LANGUAGE.sub("", text)
    if _HAN.search(text):
        return TRADITIONAL if is_traditional(text) else detect(text, default="zh")
    if text.startswith("/") or len(_LETTER.findall(text)) < 4 or not _TWO_WORDS.search(text):
        return None
    return "en"


def _parts(text: str, recogniser: Recogniser, language: str | None) -> tuple[Recognition, ...]:
    """The answers to each question of a message that asks several: sure ones that differ, then one the policy is silent on.

    Empty where that makes only one. A sentence that isn't put as a question may be no question, so its silence isn't told.
    """
    sentences = [s.strip() for s in _SENTENCE_END.split(text) if len(s.strip()) > 3]
    if not 2 <= len(sentences) <= QUESTIONS_AT_MOST * 2:
        return ()
    read = [(s, recogniser.recognise(s, language=language)) for s in sentences]
    sure = [r for _, r in read if r.outcome is Outcome.ANSWERED]
    silent = [r for s, r in read if r.outcome is Outcome.NOT_COVERED and s.endswith(("?", "？"))][:1]
    first = list(dict.fromkeys(r.clauses[0] for r in sure))
    if not first or len(first) + len(silent) < 2:
        return ()
    best = {r.clauses[0]: r for r in reversed(sure)}
    return tuple(best[key] for key in first[: QUESTIONS_AT_MOST - len(silent)]) + tuple(silent)


def _stands_alone(text: str) -> bool:
    """Whether a message that leans on the one before says enough by itself: no pronoun, and more than a word or two."""
    if _HAN.search(text):
        return len(text) >= 8 and not _LEANS_ZH.search(text)
    return len(text.split()) >= 5 and not _LEANS.search(text)


def _follows_up(text: str) -> bool:
    """Whether the message leans on what was said before it."""
    said = text.strip(" ?？!！.。,，")
    if _HAN.search(said):
        return len(said) <= 24 and _FOLLOW_UP_ZH.fullmatch(said) is not None
    return len(said.split()) <= 9 and _FOLLOW_UP.fullmatch(said) is not None
