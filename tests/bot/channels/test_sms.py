"""SMS through a gateway on this machine that knows our documented form only from the page about it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.channels import sms as channel
from bot.channels.email import as_it_is
from bot.channels.sms import Sms, SmsSettings
from bot.core.clock import system_clock
from bot.core.errors import DeliveryError, Misconfigured, Refused, TryLater, Unreachable
from bot.core.message import Address, Reply
from bot.rehearsal.faults import Rule
from bot.rehearsal.serving import served
from bot.rehearsal.sms import PATH, SECRET, SmsStandIn

ADA = Address("sms", "+8613800000001")
CODE = Reply("Your code is 1234 5678.", reference="code:17")


@asynccontextmanager
async def gateway(secret: str = SECRET, *rules: str) -> AsyncIterator[tuple[Sms, SmsStandIn]]:
    stand_in = SmsStandIn()
    stand_in.control.script.rules += [Rule.parse(rule) for rule in rules]
    async with served(stand_in.app) as address:
        sms = Sms(SmsSettings(address + PATH, secret), as_it_is, system_clock)
        try:
            yield sms, stand_in
        finally:
            await sms.close()


async def failure(*rules: str) -> DeliveryError:
    async with gateway(SECRET, *rules) as (sms, _):
        with pytest.raises(DeliveryError) as raised:
            await sms.send(ADA, CODE)
    return raised.value


async def test_a_text_arrives_signed():
    async with gateway() as (sms, stand_in):
        receipt = await sms.send(ADA, CODE)
        assert receipt.platform_id == "sms-1"
    [sent] = stand_in.texts
    assert (sent.to, sent.text) == ("+8613800000001", "Your code is 1234 5678.")
    assert re.fullmatch(r"[0-9a-f]{32}", sent.reference)
    assert stand_in.refused == []


async def test_the_same_message_again_is_sent_once_and_another_again():
    async with gateway() as (sms, stand_in):
        for reply in (CODE, CODE, Reply(CODE.text, reference="code:18")):
            await sms.send(ADA, reply)
    assert len(stand_in.texts) == 2


async def test_a_link_goes_behind_the_text():
    async with gateway() as (sms, stand_in):
        await sms.send(ADA, Reply("Ready.", link="https://example.com/r"))
    assert stand_in.texts[0].text == "Ready. https://example.com/r"


async def test_a_wrong_secret_sends_nothing_and_halts_everyone():
    async with gateway("another-secret-0123456789-0123456789") as (sms, stand_in):
        with pytest.raises(TryLater) as raised:
            await sms.send(ADA, CODE)
    assert (raised.value.halts, raised.value.unsure) == ("everyone", False)
    assert (stand_in.texts, stand_in.refused) == ([], ["signature"])


async def test_a_number_that_nobody_has_is_unreachable():
    async with gateway() as (sms, stand_in):
        stand_in.unknown.add(ADA.user)
        with pytest.raises(Unreachable, match="sms_422"):
            await sms.send(ADA, CODE)


@pytest.mark.parametrize("user", ["13800000001", "", "+8613800000001\n", "+86 138 0000 0001", "ada@example.com"])
async def test_what_is_no_number_in_its_one_form_is_never_tried(user: str):
    async with gateway() as (sms, stand_in):
        with pytest.raises(Unreachable):
            await sms.send(Address("sms", user), CODE)
    assert stand_in.control.journal.total == 0


@pytest.mark.parametrize(
    ("rule", "unsure"),
    [
        ("sms refuse:429", False),
        ("sms refuse:503", False),
        ("sms refuse:500", True),
        ("sms html", True),
        ("sms reset-after", True),
        ("sms reset", True),
    ],
)
async def test_what_passes_by_itself_is_tried_later(rule: str, unsure: bool):
    later = await failure(rule)
    assert isinstance(later, TryLater)
    assert (later.unsure, later.halts) == (unsure, "everyone")


async def test_what_the_gateway_will_never_take_is_refused():
    assert isinstance(await failure("sms refuse:400"), Refused)


async def test_a_gateway_that_stalls_is_left_in_time(monkeypatch):
    monkeypatch.setattr(channel, "WITHIN", timedelta(seconds=0.3))
    later = await failure("sms hang seconds=2")
    assert isinstance(later, TryLater)
    assert later.unsure


async def test_no_gateway_at_all_is_tried_later():
    async with gateway() as (sms, _):
        address = sms._settings.url
    sms = Sms(SmsSettings(address, SECRET), as_it_is, system_clock)
    with pytest.raises(TryLater) as raised:
        await sms.send(ADA, CODE)
    assert not raised.value.unsure
    await sms.close()


async def test_garbage_behind_a_success_is_a_success():
    async with gateway(SECRET, "sms garbage") as (sms, _):
        assert (await sms.send(ADA, CODE)).platform_id == ""


@pytest.mark.parametrize(
    ("url", "secret", "names"),
    [
        ("http://sms.example.com/x", SECRET, ["SMS_URL"]),
        ("ftp://sms.example.com", SECRET, ["SMS_URL"]),
        ("https://sms.example.com/x?key=1", SECRET, ["SMS_URL"]),
        ("https://[bad", SECRET, ["SMS_URL"]),
        ("https://sms.example.com/x", "short", ["SMS_SECRET"]),
        ("", "", ["SMS_URL", "SMS_SECRET"]),
    ],
)
def test_settings_say_what_is_wrong(url: str, secret: str, names: list[str]):
    SmsSettings("https://sms.example.com/x", SECRET)
    with pytest.raises(Misconfigured) as raised:
        SmsSettings(url, secret)
    assert [problem.partition(":")[0] for problem in raised.value.problems] == names
    assert SECRET not in repr(SmsSettings("https://sms.example.com/x", SECRET))


def test_the_page_says_what_the_gateway_is_sent():
    page = (Path(__file__).parents[3] / "docs" / "sms-gateway.md").read_text(encoding="utf-8")
    for name in ('"to"', '"text"', '"reference"', "X-Clausebot-Signature", "SMS_URL", "SMS_SECRET", "409", "422"):
        assert name in page


async def test_odd_characters_cost_no_message():
    async with gateway() as (sms, stand_in):
        await sms.send(ADA, Reply("half \ud83d and nul\x00 and \u202elatot"))
    assert not set(stand_in.texts[0].text) & set("\x00\u202e\ud83d")


async def test_a_long_text_is_cut_before_its_link():
    async with gateway() as (sms, stand_in):
        await sms.send(ADA, Reply("长" * 1000, link="https://example.com/r"))
    assert len(stand_in.texts[0].text) == 500
    assert stand_in.texts[0].text.endswith("… https://example.com/r")
