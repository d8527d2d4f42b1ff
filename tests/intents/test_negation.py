"""A wish that is refused in the same breath is no wish."""

import pytest

from intents.negation import refused
from intents.recogniser import Outcome, Recogniser
from knowledge.library import load_policy

REFUSED = [
    "please do not delete my data",
    "I don't want my data deleted",
    "please never close my account",
    "don't transfer me to a human",
    "I didn't say I want to talk to a person",
    "Don't unsubscribe me",
    "don't send me a copy",
    "不要删除我的数据",
    "千万不要把我的账号删了",
    "我不想注销账号",
    "不要转人工",
]
MEANT = [
    "i don't use it any more, delete my account",
    "I don't want you to keep anything of mine, get it erased",
    "不想用了帮我注销账号",
    "别留着我的资料 删掉",
    "I never want to see it again, erase my profile",
]


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser.load(load_policy("kenpai"))


@pytest.mark.parametrize("said", REFUSED)
def test_a_refused_wish_starts_nothing_but_calling_off(recogniser: Recogniser, said: str) -> None:
    found = recogniser.recognise(said)
    assert found.outcome is not Outcome.INTENT or found.intent == "cancel_request"


@pytest.mark.parametrize("said", MEANT)
def test_a_wish_with_a_negation_elsewhere_is_still_one(recogniser: Recogniser, said: str) -> None:
    assert recogniser.recognise(said).intent == "request_deletion"


@pytest.mark.parametrize("said", ["don't track me", "别再给我发广告", "stop tracking me"])
def test_wishes_that_are_negations_stay(recogniser: Recogniser, said: str) -> None:
    assert recogniser.recognise(said).intent == "withdraw_consent"


def test_only_the_verb_close_behind_the_negation_counts() -> None:
    assert refused("do not delete my data") == {"request_deletion", "forget_me"}
    assert not refused("i do not know how it works. delete my data")
