"""H2 once more: a hold that nobody hears of, and contacts that were taken away before. See test_impostor for the table."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.contacts import Kind
from bot.core.orders import NotAllowed, Order
from storage.crypto import Keyring
from storage.stores.accounts import AccountLine, ContactLine
from tests.acceptance.impostor_browser import Browser
from tests.acceptance.impostor_stage import ADA, ADAS_MAIL, ADAS_PHONE, Stage, stage

OPENID = "oEXAMPLE00000000000000000001"


@pytest.fixture
async def on(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Stage]:
    """A company with a portal."""
    async with stage(tmp_path / "on", sqlite_template, keyring) as on:
        yield on


async def thief(on: Stage) -> tuple[Browser, Order]:
    """Somebody with the victim's session at the portal, and her phone in hand for a minute, wants her account's data gone."""
    mallory = await on.browser()
    await on.connect(mallory, ADA)
    return mallory, await on.order_of(mallory, ADAS_PHONE, "deletion")


@pytest.mark.parametrize("kind", [Kind.WECHAT, Kind.TELEGRAM])
async def test_h02_no_hold_begins_that_nobody_can_be_told_of(on: Stage, kind: Kind) -> None:
    """With the stolen session the phone and the address were taken off the account; a linked chat gets no stop link."""
    mallory, order = await thief(on)
    on.put_account(ADA, (kind, OPENID if kind is Kind.WECHAT else "990000000001", 400))
    with pytest.raises(NotAllowed, match="contacts_known"):
        on.decided(order, on.account(ADA))
    with pytest.raises(NotAllowed, match="contacts_known"):
        on.decided(order, None)
    await on.days(4)
    assert (on.order(order.number).approved_by, on.order(order.number).hold_until) == (None, None)
    assert on.links("stop") == []
    await mallory.say("/status")
    assert "on hold" not in mallory.words


async def test_h02_one_contact_that_can_be_told_is_enough_and_gets_its_link(on: Stage) -> None:
    _, order = await thief(on)
    on.put_account(ADA, (Kind.EMAIL, ADAS_MAIL, 400), (Kind.WECHAT, OPENID, 400))
    held = on.decided(order, on.account(ADA))
    await on.go_on()
    assert held.hold_until is not None
    assert len(on.links("stop")) == 1


@pytest.mark.parametrize(("days_ago", "hold"), [(None, 3), (1, 7), (29, 7), (31, 3)])
async def test_h02_a_contact_that_was_taken_away_makes_the_hold_longer(
    on: Stage, days_ago: int | None, hold: int
) -> None:
    """Only the mailbox was taken off the account: who is left on file is old, and so was all that could be seen of it."""
    if days_ago is not None:
        on.put_account(ADA, (Kind.PHONE, ADAS_PHONE, 400))
        on.clock.turn(days=days_ago)
        on.put_account(ADA, (Kind.PHONE, ADAS_PHONE, 500))  # Listed again, with nothing new about it.
    _, order = await thief(on)
    held = on.decided(order, on.account(ADA))
    assert held.hold_until is not None
    assert abs(held.hold_until - on.clock() - timedelta(days=hold)) < timedelta(minutes=1)


async def test_h02_an_account_taken_off_the_list_and_put_on_again_has_no_past(on: Stage) -> None:
    with on.app.database.work() as work:
        assert work.accounts.forget(ADA)
    now = on.clock()
    line = AccountLine(ADA, (ContactLine("phone", ADAS_PHONE, now - timedelta(days=400)),))
    with on.app.database.work() as work:
        work.accounts.apply(work.accounts.plan([line], now), now)
    _, order = await thief(on)
    held = on.decided(order, on.account(ADA))
    assert held.hold_until is not None
    assert held.hold_until - on.clock() > timedelta(days=6.9)
