"""What the doctor asks the platforms, against their stand-ins."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.channels.telegram import TelegramSettings
from bot.channels.telegram.checks import check as check_telegram
from bot.channels.telegram.setup import set_webhook
from bot.channels.telegram.transport import Transport, make_bot
from bot.channels.wechat import WeChatSettings
from bot.channels.wechat.checks import check as check_wechat
from bot.core.finding import Finding
from bot.rehearsal.faults import Rule
from bot.rehearsal.people import person
from bot.rehearsal.serving import served
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.wechat import WeChatStandIn
from tests.bot.channels.telegram_api import SECRET, TOKEN

SOON = timedelta(seconds=1)
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def stand_in() -> AsyncIterator[TelegramStandIn]:
    stand_in = TelegramStandIn(token=TOKEN)
    yield stand_in
    await stand_in.close()


@pytest.fixture
async def bot(stand_in: TelegramStandIn) -> AsyncIterator[TelegramSettings]:
    async with served(stand_in.app) as url:
        yield TelegramSettings(TOKEN, url, "webhook", SECRET, public_url=NOWHERE)


async def of_telegram(settings: TelegramSettings) -> list[Finding]:
    return await check_telegram(settings, None, within=SOON)  # type: ignore[arg-type]  # nothing is asked of it


async def connect(settings: TelegramSettings) -> None:
    transport = Transport(settings.api_url)
    await set_webhook(make_bot(settings, transport), settings)
    await transport.shutdown()


async def test_a_bot_that_is_well_connected(bot: TelegramSettings) -> None:
    await connect(bot)
    who, webhook = await of_telegram(bot)
    assert (who.state, webhook.state) == ("ok", "ok")
    assert "@" in who.says
    assert webhook.says == "0 updates wait at Telegram"


async def test_a_name_that_is_another_bots_is_wrong(bot: TelegramSettings) -> None:
    await connect(bot)
    who, *_ = await of_telegram(bot)
    name = who.says.partition("@")[2].removesuffix("'s")
    assert len(await of_telegram(replace(bot, name=name.upper()))) == 2
    _, named, _ = await of_telegram(replace(bot, name="somebody_elses_bot"))
    assert (named.state, "lead to another bot" in named.says) == ("wrong", True)


async def test_a_bot_that_polls_needs_no_webhook(bot: TelegramSettings) -> None:
    assert [found.state for found in await of_telegram(replace(bot, mode="polling"))] == ["ok", "ok"]


async def test_a_missing_webhook_is_wrong_and_told_how_to_set(bot: TelegramSettings) -> None:
    _, webhook = await of_telegram(bot)
    assert webhook.state == "wrong"
    assert "clausebot telegram set-webhook" in webhook.says


async def test_a_webhook_elsewhere_is_wrong(bot: TelegramSettings) -> None:
    await connect(bot)
    _, webhook = await of_telegram(replace(bot, public_url="https://bot.example"))
    assert webhook.state == "wrong"
    assert "https://bot.example/telegram" in webhook.says
    assert "@BotFather" in webhook.says


async def test_updates_that_are_not_taken_are_told_with_telegrams_words(
    bot: TelegramSettings, stand_in: TelegramStandIn
) -> None:
    await connect(bot)
    for number in range(1, 53):
        stand_in.hands.say(person(number), "hello")
    async with asyncio.timeout(5):
        while not stand_in.webhook.info().get("last_error_message"):  # noqa: ASYNC110  it is looked at from outside
            await asyncio.sleep(0.01)
    _, waiting, failed = await of_telegram(bot)
    assert (waiting.state, waiting.says.split(":")[0]) == ("warning", "52 updates wait at Telegram")
    assert failed.state == "warning"
    assert "Connection closed" in failed.says


async def test_another_choice_of_updates_is_told(bot: TelegramSettings, stand_in: TelegramStandIn) -> None:
    await connect(bot)
    stand_in.webhook.pending.allow(["message"])
    *_, kinds = await of_telegram(bot)
    assert kinds.state == "warning"
    assert "other kinds of updates" in kinds.says


async def test_a_wrong_token_is_told_and_not_repeated(bot: TelegramSettings) -> None:
    wrong = "4243:" + "x" * 35
    (found,) = await of_telegram(replace(bot, token=wrong))
    assert found.state == "wrong"
    assert "TELEGRAM_TOKEN" in found.says
    assert wrong not in found.says


async def test_telegrams_silence_is_a_warning_and_short(bot: TelegramSettings, stand_in: TelegramStandIn) -> None:
    stand_in.control.script.rules.append(Rule.parse("getMe hang seconds=30"))
    began = time.monotonic()
    (silent,) = await of_telegram(bot)
    (absent,) = await of_telegram(replace(bot, api_url=NOWHERE))
    assert time.monotonic() - began < 4
    for found in (silent, absent):
        assert found.state == "warning"
        assert "TELEGRAM_API_URL" in found.says
        assert TOKEN not in found.says


@pytest.fixture
async def weixin() -> AsyncIterator[WeChatStandIn]:
    stand_in = WeChatStandIn()
    yield stand_in
    await stand_in.close()


@pytest.fixture
async def account(weixin: WeChatStandIn) -> AsyncIterator[WeChatSettings]:
    own = weixin.account
    async with served(weixin.app) as url:
        yield WeChatSettings(own.app_id, own.app_secret, own.token, own.aes_key, api_url=url)


async def of_wechat(settings: WeChatSettings) -> Finding:
    (found,) = await check_wechat(settings, None, within=SOON)  # type: ignore[arg-type]  # nothing is asked of it
    return found


async def test_an_account_that_gets_a_token_and_keeps_the_one_it_has(
    account: WeChatSettings, weixin: WeChatStandIn
) -> None:
    used_by_the_bot, _ = weixin.calls.tokens.stable()
    assert (await of_wechat(account)).state == "ok"
    assert (await of_wechat(account)).says == "WeChat gives a token, good for another 120 min"
    assert [call["params"]["force_refresh"] for call in weixin.control.journal.calls(name="stable_token")] == [
        False
    ] * 2
    weixin.calls.tokens.check(used_by_the_bot)


@pytest.mark.parametrize(
    ("change", "setting"), [({"app_secret": "wrong-canary"}, "WECHAT_APP_SECRET"), ({"app_id": "wx1"}, "WECHAT_APP_ID")]
)
async def test_a_wrong_account_is_told_by_the_settings_name(
    account: WeChatSettings, change: dict[str, str], setting: str
) -> None:
    found = await of_wechat(replace(account, **change))
    assert found.state == "wrong"
    assert setting in found.says
    assert "canary" not in found.says


async def test_an_address_that_is_not_on_the_list_is_told_so(account: WeChatSettings, weixin: WeChatStandIn) -> None:
    weixin.control.script.rules.append(Rule.parse("stable_token refuse:40164"))
    found = await of_wechat(account)
    assert found.state == "wrong"
    assert "address is not on WeChat's list" in found.says


async def test_wechats_silence_is_a_warning_and_short(account: WeChatSettings, weixin: WeChatStandIn) -> None:
    weixin.control.script.rules.append(Rule.parse("stable_token hang seconds=30"))
    began = time.monotonic()
    for found in (await of_wechat(account), await of_wechat(replace(account, api_url=NOWHERE))):
        assert found.state == "warning"
        assert "WECHAT_API_URL" in found.says
    assert time.monotonic() - began < 4
