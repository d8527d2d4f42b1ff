"""Typed words about a request that was made before: whether they name one, and what is to be done with it."""

import re

from bot.core.order.actions import number_in
from intents.flows.request_status import Act
from knowledge.normal import normalise

_REQUEST = r"(?:requests?|work orders?|orders?|tickets?|applications?|reports?|complaints?|appeals?|case)"
_REQUEST_ZH = "(?:申请|工单|请求|单子|投诉|举报|报告)"
_NAMES = re.compile(rf"\b{_REQUEST}\b|{_REQUEST_ZH}")
_NOT = r"do ?n[o'’]?t"
_WITHDRAW, _WITHDRAW_ZH = r"(?:withdraw|retract|(?:take|pull)\b.{0,30}\bback)", "(?:撤|收回)"
_END = rf"(?:{_WITHDRAW}|cancel|call off|drop|scrap|void|annul|revoke|undo|stop|{_NOT} want|no longer)"
_END_ZH = f"(?:{_WITHDRAW_ZH}|取消|作废|终止|中止|停止|不要|不想|不用|不办|别办|不申请)"
_TAKEN_BACK = re.compile(rf"\b{_WITHDRAW}\b|{_WITHDRAW_ZH}")
_ENDED = re.compile(rf"\b{_END}\b|{_END_ZH}")
_KEPT = re.compile(
    rf"\b(?:{_NOT}|never|not(?: to)?) {_END}\b|(?:别|不要|不想|不)再?(?:{_WITHDRAW_ZH}|取消|作废|终止|中止)"
)
_IN_FULL = re.compile(
    r"(?:please |i (?:want|would like|wish) to |i'd like to |can you |just )*"
    rf"(?:{_WITHDRAW}|cancel) (?:my|the|this|that) (?:\w+ ){{0,2}}{_REQUEST}(?: please)?"
    rf"|[请我想要帮把]*(?:撤回|撤销|取消|收回)(?:我的|这个|这项|那个|刚才的|我)?\w{{0,4}}{_REQUEST_ZH}[吧了]?"
)
_WISHES = {
    Act.REMARK: re.compile(
        r"\b(?:add|append|leave|write)\b.{0,40}"
        rf"\b(?:remark|note|comment|something|details?|information|to (?:my|the|this) {_REQUEST})\b"
        r"|补充|(?:加|留|写).{0,4}(?:备注|留言|说明|一句|几句)"
    ),
    Act.APPEAL: re.compile(r"\bappeal\b|\bsecond look\b|申诉|复核|复议"),
}
"""In the matching form (knowledge/normal.py): small letters, Simplified Chinese."""


def names_one(text: str) -> bool:
    """Whether the words name a request, by its number or by what it is called."""
    return number_in(text) is not None or _NAMES.search(normalise(text)) is not None


def ends_one(text: str) -> bool:
    """Whether words that call something off name a request: not a bare "cancel", not "don't cancel my request"."""
    said = normalise(text)
    return names_one(text) and _ENDED.search(said) is not None and not keeps_it(text)


def keeps_it(text: str) -> bool:
    """Whether the words say that nothing is to be called off."""
    return _KEPT.search(normalise(text)) is not None


def takes_it_back(text: str) -> bool:
    """Whether the words ask to withdraw something, where only one request can be meant."""
    return _TAKEN_BACK.search(normalise(text)) is not None and not keeps_it(text)


def ends_one_in_full(text: str) -> bool:
    """Whether a message says nothing but that a request is to be taken back: no remark for staff reads like this."""
    return _IN_FULL.fullmatch(normalise(text).strip(" .!。！,，")) is not None


def act_in(text: str) -> Act | None:
    """Which button of a request's dialogue the words ask for: to add something, or to have a refusal looked at anew."""
    said = normalise(text)
    return next((act for act, words in _WISHES.items() if words.search(said)), None)
