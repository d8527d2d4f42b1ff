"""A wish that is refused in the same breath ("don't delete my data", 不要转人工) is no wish.

What is looked for is a negation that stands close before the very verb of the wish, in the same clause of the sentence:
"I don't want you to keep anything, erase it" is still a wish. Wishes that are negations by nature (withdrawing consent,
cancelling) are not looked at.
"""

import re

_NOT = r"(?:do ?n[o'’]?t|dont|never|not asking(?: you)? to|(?:did ?n[o'’]?t|didnt) (?:say|ask|mean)|no need to|please not|not to)"
_BETWEEN = r"(?:[ ]+(?!keep|hold|store|use|need|have|understand|know|see)[\w'’]+){0,6}[ ]+"
_NOT_ZH = "(?:别|不要|不想|不是要|没有要|没要|没说要|不需要|不用|不必|千万别|勿)"
_BETWEEN_ZH = r"[^\s，。,.；;！!？?用留存保再收]{0,6}"

_VERBS = {
    "request_deletion": ("(?:delet|eras|remov|clos|wip|scrub)", "(?:删|注销|销号|销户|清除|清空|抹)"),
    "request_access": ("(?:send|export|giv|copy|show)", "(?:发|导出|给我|寄)"),
    "request_correction": ("(?:chang|correct|updat|edit|fix|amend)", "(?:改|更正|更新|换)"),
    "request_human": ("(?:transfer|connect|talk|speak|human|person|agent)", "(?:人工|客服|真人|转接)"),
    "subscribe_notices": ("(?:subscrib|sign me|notify)", "订阅"),
    "unsubscribe_notices": ("(?:unsubscrib)", "(?:退订|取消订阅)"),
    "forget_me": ("(?:forget|delet|eras|wip)", "(?:忘|删|清)"),
}
_REFUSALS = {
    intent: (
        re.compile(rf"\b{_NOT}\b(?:{_BETWEEN}|[ ]+){english}", re.IGNORECASE),
        re.compile(_NOT_ZH + _BETWEEN_ZH + chinese),
    )
    for intent, (english, chinese) in _VERBS.items()
}


def refused(said: str) -> frozenset[str]:
    """The intents that `said` (normalised) says are not meant."""
    return frozenset(intent for intent, patterns in _REFUSALS.items() if any(p.search(said) for p in patterns))
