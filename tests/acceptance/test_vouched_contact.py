"""Where no contact is left that proves anything: the whole way, from the chat that gets no code to the delivered order."""

import asyncio
import re
from pathlib import Path
from typing import cast

import pytest

from bot.commands.vouching import run_take_back, run_vouch
from bot.core.contacts import Kind
from bot.core.orders import NotAllowed
from bot.core.roles import Role
from storage.crypto import Keyring
from tests.acceptance.impostor_browser import Browser
from tests.acceptance.impostor_stage import ADA, Stage, stage
from tests.bot.staff_desk import Team
from tests.conftest import Clock

NEW_PHONE, NEW_MAIL = "+8613700000007", "ada.new@mail.example.com"


async def asked(on: Stage, chat: Browser, hint: str = "") -> int:
    """Asks for a copy of the data, up to where a code is typed; how many codes have gone out by then."""
    await chat.wants_a_copy()
    if hint:
        await chat.say(hint)
    await on.go_on()
    return on.codes()


@pytest.mark.parametrize("portal", [True, False], ids=["portal", "no portal"])
async def test_an_officer_vouches_and_two_others_decide(
    tmp_path: Path, sqlite_template: Path, keyring: Keyring, portal: bool
) -> None:
    async with stage(tmp_path / "on", sqlite_template, keyring, portal=portal) as on:
        on.put_account(ADA, (Kind.PHONE, NEW_PHONE, 2), (Kind.EMAIL, NEW_MAIL, 2))
        chat, stranger = await on.browser(), await on.browser()
        if portal:
            await on.connect(chat, ADA)
        hint = "" if portal else ADA
        assert await asked(on, chat, hint) == 0
        without = chat.words
        if not portal:
            await asked(on, stranger, "K-999999")
            assert stranger.words == without

        team = Team(on.app.database, cast(Clock, on.clock))
        vic = await asyncio.to_thread(team.add, "vic", Role.OFFICER)
        for kind in ("phone", "email"):
            run_vouch(team.desk("vic"), on.app.desk.directory, ADA, kind, "ID card, at the counter")
        on.clock.turn(minutes=2)
        await chat.say("/cancel")
        assert await asked(on, chat, hint) == 1
        assert chat.words == without, "the chat isn't told whether there is somebody to write to"
        await chat.say(on.code(NEW_PHONE))
        [number] = set(re.findall(r"KP-[0-9A-Z]{4}-[0-9A-Z]{4}", chat.words))
        order = on.order(number)
        assert (order.state, order.checked_by) == ("open", vic.id)
        for first, second in ((vic.id, 1), (1, vic.id)):
            with pytest.raises(NotAllowed, match="not_checker"):
                on.decided(order, first=first, second=second)
        token = await on.delivered(order)
        assert on.order(number).delivered_at is not None
        page = await chat.ask("GET", f"/result/{token}")
        assert page.status_code == 200
        assert any(f"/result/{token}" in text for text in on.sent(NEW_MAIL))

        run_take_back(team.desk("vic"), ADA, "phone")
        run_take_back(team.desk("vic"), ADA, "email")
        codes = on.codes()
        await chat.say("/cancel")
        assert await asked(on, chat, hint) == codes
