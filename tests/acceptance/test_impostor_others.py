"""H18 and H38, links to results, certificates: what belongs to somebody else. See test_impostor for the table."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.certificates import Certificates
from bot.core.numbers import new_number
from bot.core.orders import NotAllowed, staff
from storage.crypto import Keyring
from tests.acceptance.impostor_browser import Browser, field_in
from tests.acceptance.impostor_stage import (
    ADA,
    ADAS_MAIL,
    ADAS_PHONE,
    MALLORY,
    MALLORYS_PHONE,
    SECRETS_OF_ADA,
    Stage,
    stage,
    waiting,
)

OWN = {"Sec-Fetch-Site": "same-origin"}
NUMBER = re.compile(r"KP-[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
async def on(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Stage]:
    """A company with a portal."""
    async with stage(tmp_path / "on", sqlite_template, keyring) as on:
        yield on


# ---- H18, H38: another's order, another's buttons


async def test_h18_an_order_number_of_somebody_else_is_like_one_that_never_was(on: Stage) -> None:
    ada, mallory = await on.browser(), await on.browser()
    await on.connect(ada, ADA)
    adas = await on.order_of(ada, ADAS_PHONE)
    wrong = adas.number[:-1] + ("0" if adas.number[-1] != "0" else "1")
    for sentence in ("{}", "where is my request {}", "withdraw {}", "取消 {}"):
        answers = set()
        for number in (adas.number, new_number(), wrong):
            await mallory.say(sentence.format(number))
            answers.add(NUMBER.sub("KP", mallory.words))
            on.clock.turn(seconds=10)
        assert len(answers) == 1, sentence
    assert on.order(adas.number) == adas


async def test_h18_own_buttons_with_another_number_on_them_do_nothing(on: Stage) -> None:
    """Values of buttons come from the browser: any can be sent."""
    ada, mallory = await on.browser(), await on.browser()
    await on.connect(ada, ADA)
    adas = await on.order_of(ada, ADAS_PHONE)
    own = (await waiting(on, mallory)).number
    await mallory.wants("withdraw_consent", "other")
    await mallory.say("all of it")
    await mallory.press("none")
    for flow in ("request_status", "cancel_request"):
        await mallory.wants(flow)
        [value] = [one for one in mallory.offered if one.endswith(f":{own}")][-1:]
        await mallory.say(choice=value.replace(own, adas.number))
        await mallory.say(adas.number)
        await mallory.press(own)
        run = value.split(":")[1]
        for forged in ("act:withdraw", "sure:yes", "withdraw:yes", "acts:appeal", f"_mine.which:{adas.number}"):
            await mallory.say(choice=f"flow:{run}:{forged}")
        on.clock.turn(minutes=1)
    assert on.order(adas.number) == adas
    mallory.saw_nothing_of(*SECRETS_OF_ADA)


async def test_h38_every_button_that_the_victim_ever_saw_is_dead_in_another_chat(on: Stage) -> None:
    ada, mallory = await on.browser(), await on.browser()
    await on.connect(ada, ADA)
    adas = await on.order_of(ada, ADAS_PHONE)
    await ada.say("/status")
    await ada.press("withdraw")
    stolen = [value for value in ada.offered if value.startswith(("flow:", "mydata:"))]
    assert any(value.endswith(":yes") for value in stolen)
    for value in (*stolen, "mydata:1", "mydata:2147483647"):
        await mallory.say(choice=value)
        on.clock.turn(seconds=4)
    assert on.order(adas.number) == adas
    mallory.saw_nothing_of(*SECRETS_OF_ADA, adas.number)


async def test_h18_a_chat_that_was_disconnected_is_a_stranger_to_the_accounts_orders(on: Stage) -> None:
    """A thief's chat was connected and asked for things; the owner found out, and pressed Disconnect at the portal."""
    mallory = await on.browser()
    own = await waiting(on, mallory)  # Asked before, of nobody's account.
    await on.connect(mallory, ADA)
    adas = await on.order_of(mallory, ADAS_PHONE, "deletion")
    with on.desk() as orders:
        refused = orders.refuse(orders.take(orders.get(adas.number), 1), 1, "other", "not convinced")
    await mallory.say("thank you")  # What was news until now is read.
    stolen = [value for value in mallory.offered if value.startswith("flow:") or value.endswith(f":{adas.number}")]
    assert f"appeal:{adas.number}" in stolen
    [chat] = await on.portal.chats(ADA)
    assert await on.portal.unbind(ADA, chat["id"])
    on.clock.turn(minutes=5)
    for sentence in ("{}", "where is my request {}", "withdraw {}", "取消 {}"):
        answers = set()
        for number in (adas.number, new_number()):
            await mallory.say(sentence.format(number))
            answers.add(NUMBER.sub("KP", mallory.words))
            on.clock.turn(seconds=10)
        assert len(answers) == 1, sentence
    await mallory.say("/status")
    assert own.number in mallory.words
    assert adas.number not in mallory.words
    assert not [value for value in mallory.offered if value.endswith(f":{adas.number}") and value not in stolen]
    for value in stolen:
        await mallory.say(choice=value)
        assert adas.number not in mallory.words
        on.clock.turn(seconds=4)
    with on.desk() as orders, pytest.raises(NotAllowed, match="owner"):
        orders.appeal(orders.get(adas.number), adas.person_id or 0)
    assert on.order(adas.number) == refused
    # Neither does it hear of them any more.
    before = len(mallory.got)
    with on.desk() as orders:
        orders.remark(orders.get(adas.number), staff(1), "we look into it again", internal=False)
    await on.go_on()
    await mallory.ask("GET", "/")
    assert b"we look into it again" not in b"".join(mallory.got[before:])
    # The owner's own chat does, and decides.
    ada = await on.browser()
    await on.connect(ada, ADA)
    await ada.say(f"where is my request {adas.number}")
    await ada.press("appeal")
    await ada.say("It wasn't me who asked.")
    assert on.order(adas.number).appealed_at is not None


async def test_h18_a_chat_connected_again_has_its_orders_again(on: Stage) -> None:
    ada = await on.browser()
    await on.connect(ada, ADA)
    order = await on.order_of(ada, ADAS_PHONE)
    await ada.say("/disconnect")
    await ada.say("/status")
    assert order.number not in ada.words
    on.clock.turn(minutes=5)
    await on.connect(ada, ADA)
    await ada.say("/status")
    assert order.number in ada.words


# ---- links to results


async def customer(on: Stage, account: str, phone: str) -> tuple[Browser, str]:
    """A connected chat with a delivered copy, and the token of its link."""
    chat = await on.browser()
    await on.connect(chat, account)
    return chat, await on.delivered(await on.order_of(chat, phone))


async def test_h01_a_result_link_that_got_about_opens_nothing(on: Stage) -> None:
    """Forwarded, previewed, guessed at; with the impostor's own code, own ticket, and names of codes tried one by one."""
    _, token = await customer(on, ADA, ADAS_PHONE)
    _, own = await customer(on, MALLORY, MALLORYS_PHONE)
    mallory, before = await on.browser(), on.codes()
    for method in ("GET", "HEAD", "GET"):
        await mallory.ask(method, f"/result/{token}")
    assert on.codes() == before, "looking sends no code"
    page = await mallory.ask("POST", f"/result/{own}", OWN, act="send")
    mine = field_in(page, "verification")
    await on.go_on()
    code = on.code(MALLORYS_PHONE)
    await mallory.ask("POST", f"/result/{token}", OWN, act="code", verification=mine, code=code)
    page = await mallory.ask("POST", f"/result/{own}", OWN, act="code", verification=mine, code=code)
    ticket = field_in(page, "ticket")
    assert ticket, "it was neither tried nor used up on the other page"
    await mallory.ask("POST", f"/result/{token}", OWN, act="send")
    await on.go_on()
    assert [_codes_in(on.sent(to)) for to in (ADAS_MAIL,)] == [0], "the code goes to the phone, not beside the link"
    number, until, seal = ticket.split(".")
    forged = (
        ticket,
        f"{int(number) + 1}.{until}.{seal}",
        f"{number}.{int(until) + 9999}.{seal}",
        f"{number}.{until}.{'0' * 64}",
        "",
    )
    for one in forged:
        answer = await mallory.ask("POST", f"/result/{token}", OWN, act="download", ticket=one)
        assert b"PK\x03\x04" not in answer.content
    for guess in range(12):
        for name in (str(int(mine) + 1), mine, str(guess), "-1", "9" * 30):
            await mallory.ask("POST", f"/result/{token}", OWN, act="code", verification=name, code=f"{guess:08}")
    tried = on.rows("SELECT tries FROM verification ORDER BY id DESC LIMIT 1")[0][0]
    assert tried == 5, "the guesses that were counted, and not one more"
    assert on.rows("SELECT downloads FROM result ORDER BY id")[0][0] == 0
    mallory.saw_nothing_of(*SECRETS_OF_ADA)


async def test_h01_of_a_hundred_tabs_three_get_the_package_and_other_links_none(on: Stage) -> None:
    ada, token = await customer(on, ADA, ADAS_PHONE)
    page = await ada.ask("POST", f"/result/{token}", OWN, act="send")
    name = field_in(page, "verification")
    await on.go_on()
    page = await ada.ask("POST", f"/result/{token}", OWN, act="code", verification=name, code=on.code(ADAS_PHONE))
    ticket = field_in(page, "ticket")
    answers = await asyncio.gather(
        *(ada.ask("POST", f"/result/{token}", OWN, act="download", ticket=ticket) for _ in range(40))
    )
    assert sum(answer.content.startswith(b"PK") for answer in answers) == 3
    later = await ada.ask("GET", f"/result/{token}")
    stranger = await on.browser()
    never = await stranger.ask("GET", f"/result/{secrets.token_urlsafe(16)}")
    assert (later.status_code, later.text.replace(token, "")) == (
        404,
        re.sub(r"/result/[\w-]{22}", "/result/", never.text),
    )


def _codes_in(texts: list[str]) -> int:
    return sum(re.search(r"\b[0-9]{4} [0-9]{4}\b", text) is not None for text in texts)


# ---- certificates


async def test_a_certificate_that_says_two_things_is_none_of_ours(on: Stage) -> None:
    """Of a name that stands twice some readers take the first, ours took the last: then the forged one is beside it."""
    ada = await on.browser()
    await on.connect(ada, ADA)
    order = on.decided(await on.order_of(ada, ADAS_PHONE, "deletion"), on.account(ADA))
    await on.days(3.2)
    with on.desk() as orders:
        done = orders.execute(orders.get(order.number), staff(1))
        genuine = Certificates(on.app.database.keyring, on.app.policy.name).make(orders.work, done)
    forger = await on.browser()
    good = await forger.ask("POST", "/certificate", OWN, certificate=genuine)
    assert good.status_code == 200
    forged = [
        genuine.replace("{", '{"order": "KP-0000-0000", ', 1),
        genuine.replace('"decided_by": {', '"decided_by": {"proposed": "admin", ', 1),
        genuine.replace('"order"', '"Order"', 1),
        genuine.replace(order.number, "KP-0000-0000"),
        genuine.rstrip()[:-1] + ', "note": "valid for all accounts"}',
        f"[{genuine}]",
        genuine * 2,
        genuine + " " * 8_000 + "It goes for every account of the holder.",
    ]
    for text in forged:
        answer = await forger.ask("POST", "/certificate", OWN, certificate=text)
        assert (answer.status_code, "genuine" in answer.text) == (422, False), text
