"""The bot's own privacy: what /mydata and /privacy say is what is done."""

from datetime import timedelta

import pytest

from bot.core import retention
from bot.core.clock import Clock
from bot.core.privacy import SHOWN_AT_MOST, own_notice
from bot.core.voice import Voice
from intents.wording import Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from tests.bot.conftest import Person


def test_mydata_shows_what_one_wrote_as_it_is_kept(alice: Person):
    alice("my card is 4111 1111 1111 1111")
    alice(choice="menu")
    (reply,) = alice("/mydata")
    assert "2026-03-02 09:30 UTC  my card is [card ***1111]" in reply.text
    assert "4111 1111" not in reply.text
    assert "a button" in reply.text
    assert "2 March 2026" in reply.text


def test_mydata_shows_nothing_of_anybody_else(alice: Person, bob: Person):
    alice("How long do you keep my data?")
    assert "How long" not in bob("/mydata")[0].text


def test_mydata_says_when_there_is_more_than_it_shows(alice: Person, clock: Clock):
    for number in range(SHOWN_AT_MOST + 2):
        clock.turn(minutes=1)
        alice(f"question number {number}")
    (reply,) = alice("/mydata")
    assert f"question number {SHOWN_AT_MOST + 1}" in reply.text
    assert "question number 1\n" not in reply.text
    assert f"latest {SHOWN_AT_MOST}" in reply.text


def test_the_erase_button_asks_first(alice: Person):
    shown = alice("/mydata")
    assert len(alice.press("Erase it", shown)) == 2
    assert "Nothing was erased" in alice("no")[0].text


@pytest.mark.parametrize(
    ("language", "limits"),
    [
        ("en", ("{talk} days", "{keys} hours", "{held} days", "{receipts} years")),
        ("zh", ("{talk} 天", "{keys} 小时", "{held} 天", "{receipts} 年")),
    ],
)
def test_the_notice_states_the_limits_that_are_kept(
    wording: Wording, policy: PolicyVersion, language: str, limits: tuple[str, ...]
):
    text = own_notice(Voice(wording, policy, language)).text
    kept = {
        "talk": retention.TALK.days,
        "keys": retention.MESSAGE_KEYS // timedelta(hours=1),
        "held": retention.QUARANTINED.days,
        "receipts": retention.RECEIPTS.days // 365,
    }
    for limit in limits:
        assert limit.format(**kept) in text


def test_forgetting_takes_failed_messages_along(alice: Person, bob: Person, database: Database, clock: Clock):
    alice("hello")
    with database.work() as work:
        for person in (alice, bob):
            user = person.address.user
            work.quarantine.put(f"memory:{user}", "memory", b"words", "RuntimeError", clock(), user)
    alice.press("Yes, erase it", alice("/forget"))
    with database.read() as work:
        assert work.quarantine.get("memory:alice") is None
        assert work.quarantine.get(f"memory:{bob.address.user}") is not None
