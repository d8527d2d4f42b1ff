"""The impostor: whoever wants another customer's data, account or deletion, or to know whether somebody is a customer, gets nothing.

Each test is one attack of the threat list, against the whole application over HTTP (impostor_stage). Attacks that
have tests of their own elsewhere are tried here from another side, or not at all:

  H1 access package       here; every way through states and moves: tests/bot/core/test_order_paths.py
  H2 deletion             here; hold, clock, stop to the last second: tests/bot/core/test_order_holds.py
  H3 an exception by staff here; at the command line: tests/bot/test_orders_command.py
  H4 guessing             test_impostor_existence; 200 at once: tests/bot/verification/test_guessing.py, tests/faults/guessing.py
  H5 reissued number      test_impostor_existence; ages of contacts: tests/bot/verification/test_codes.py
  H6 somebody's contact   test_impostor_links; what a shared contact is worth: tests/bot/verification/test_binding.py
  H7 fixation             test_impostor_links; steps and races: tests/bot/verification/test_binding.py, test_portal_api.py
  H8 enumeration          test_impostor_existence; times: tests/faults/enumeration.py
  H9 H10 H11 forged and hostile pushes   tests/acceptance/test_hostile.py, tests/bot/channels/test_*_webhook.py, test_wechat_*.py
  H16 words of people in a terminal      here; on pages: tests/bot/test_web_look.py, tests/bot/core/test_packages.py
  H18 another's order, result            test_impostor_others, tests/bot/core/test_results.py
  H19 one person twice    tests/bot/test_orders_command.py, tests/bot/core/test_staff.py (one-time passwords count once)
  H21 formulas            tests/bot/test_orders_command.py, tests/bot/directory/test_importing.py
  H22 invisible and look-alike characters of accounts     tests/bot/directory, bot/core/contacts
  H24 files               tests/bot/test_webhooks.py, tests/bot/test_orders_command.py, tests/bot/core/test_packages.py
  H37 groups              test_impostor_links
  H38 another's buttons   test_impostor_others; on Telegram: tests/bot/channels/test_telegram_buttons.py
  certificates            test_impostor_others, tests/bot/core/test_certificates.py
  signed calls replayed   tests/bot/verification/test_portal_api.py, tests/bot/test_webhooks.py
"""

import re
from collections.abc import AsyncIterator, Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bot.commands.order_views import order_view
from bot.core.orders import NotAllowed, Order, Orders, person, staff
from bot.core.results import Results
from storage.crypto import Keyring
from tests.acceptance.impostor_stage import (
    ADA,
    ADAS_MAIL,
    ADAS_PHONE,
    FILE,
    MALLORY,
    MALLORYS_PHONE,
    SECRETS_OF_ADA,
    Stage,
    stage,
    waiting,
)

NUMBER = re.compile(r"KP-[0-9A-Z]{4}-[0-9A-Z]{4}")


@pytest.fixture
async def on(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Stage]:
    """A company with a portal."""
    async with stage(tmp_path / "on", sqlite_template, keyring) as on:
        yield on


@pytest.fixture
async def without_portal(tmp_path: Path, sqlite_template: Path, keyring: Keyring) -> AsyncIterator[Stage]:
    async with stage(tmp_path / "without", sqlite_template, keyring, portal=False) as on:
        yield on


# ---- H1: somebody else's data


async def test_h01_knowing_everything_about_the_victim_opens_nothing(on: Stage) -> None:
    mallory = await on.browser()
    await mallory.wants_a_copy()
    for known in (ADA, ADAS_PHONE, "138 0000 0001", ADAS_MAIL, "I am Ada, account K-100001, please be quick"):
        await mallory.say(known)
    await on.go_on()
    assert on.sent() == [], "no code goes out that could never be enough"
    await mallory.press("none")
    hers = on.order(NUMBER.findall(mallory.words)[-1])
    assert (hers.state, hers.level, hers.code_proven_at) == ("verifying", 0, None)
    assert on.orders_of(ADA) == []
    # The victim is neither joined to it nor held up by it.
    ada = await on.browser()
    await on.connect(ada, ADA)
    adas = await on.order_of(ada, ADAS_PHONE)
    assert (adas.state, adas.number != hers.number) == ("open", True)
    await on.days(8)
    assert on.order(hers.number).state == "expired"
    mallory.saw_nothing_of("blue bicycle", "a***@", "***001", adas.number)


async def test_h01_a_customer_gets_their_own_data_whatever_they_type(on: Stage) -> None:
    mallory = await on.browser()
    await on.connect(mallory, MALLORY)
    await mallory.wants_a_copy()
    for typed in (ADA, ADAS_MAIL, ADAS_PHONE):
        await mallory.say(typed)
    await mallory.press("again")
    await on.go_on()
    assert (on.sent(ADAS_PHONE), on.sent(ADAS_MAIL)) == ([], [])
    await mallory.say(on.code(MALLORYS_PHONE))
    assert (len(on.orders_of(MALLORY)), on.orders_of(ADA)) == (1, [])


async def test_h01_a_code_is_worth_nothing_once_the_owner_has_ended_the_connection(on: Stage) -> None:
    """A stolen session at the portal, and a code read from the victim's phone: the owner's Disconnect still beats both."""
    mallory = await on.browser()
    await on.connect(mallory, ADA)
    await mallory.wants_a_copy()
    await on.go_on()
    [chat] = await on.portal.chats(ADA)
    assert await on.portal.unbind(ADA, chat["id"])
    await mallory.say(on.code(ADAS_PHONE))
    await mallory.press("none")
    assert on.orders_of(ADA) == []
    assert [row[0] for row in on.rows("SELECT level FROM work_order")] == [0]
    mallory.saw_nothing_of(*SECRETS_OF_ADA)


async def test_h01_a_code_counts_in_the_chat_and_for_the_request_it_was_asked_for(without_portal: Stage) -> None:
    on = without_portal
    ada, mallory = await on.browser(), await on.browser()
    for chat in (ada, mallory):
        await chat.wants_a_copy()
        await chat.say(ADAS_PHONE)
        await on.go_on()
    hers, mallorys = on.sms.texts[0].text, on.sms.texts[1].text
    first, second = (re.sub(r"\D", "", re.findall(r"[0-9]{4} [0-9]{4}", text)[0]) for text in (hers, mallorys))
    await mallory.say(first)  # Ada was talked into reading hers out; Mallory's own never reached Mallory.
    assert on.orders_of(ADA) == []
    await ada.wants_deletion()  # Another request of the same chat.
    await ada.say(ADA)
    await ada.say(first)
    assert on.orders_of(ADA) == []
    assert second not in "".join(mallory.words.split())
    mallory.saw_nothing_of(*set(SECRETS_OF_ADA) - {ADAS_PHONE})


# ---- H2: somebody else's deletion


async def test_h02_a_deletion_won_with_a_stolen_sim_is_stopped_from_the_mailbox(without_portal: Stage) -> None:
    """All three of staff are fooled, too. What is left is the hold, and a letter to every contact."""
    on = without_portal
    mallory = await on.browser()
    await mallory.wants_deletion()
    await mallory.say(ADAS_PHONE)
    await on.go_on()
    await mallory.say(on.code(ADAS_PHONE))
    [order] = on.orders_of(ADA)
    with pytest.raises(NotAllowed, match="proven"):
        on.decided(order)
    with on.desk() as orders:
        orders.check(orders.get(order.number), 3)
    order = on.decided(on.order(order.number), on.account(ADA))
    await on.go_on()
    stops = on.links("stop")
    assert {to for to in (ADAS_PHONE, ADAS_MAIL) if any("/stop/" in text for text in on.sent(to))} == {
        ADAS_PHONE,
        ADAS_MAIL,
    }
    await on.days(2.5)
    ada = await on.browser()
    for _ in range(3):  # A mail scanner opens everything.
        await ada.ask("GET", f"/stop/{stops[-1]}")
        await ada.ask("HEAD", f"/stop/{stops[-1]}")
    assert on.order(order.number).stopped_at is None
    await ada.ask("POST", f"/stop/{stops[-1]}", {"Sec-Fetch-Site": "same-origin"})
    stopped = on.order(order.number)
    assert (stopped.state, stopped.reason) == ("refused", "suspected_fraud")
    await on.days(8)
    with on.desk() as orders, pytest.raises(NotAllowed):
        orders.execute(orders.get(order.number), staff(2))
    with on.desk() as orders, pytest.raises(NotAllowed, match="unstopped"):
        orders.appeal(orders.get(order.number), order.person_id or 0)
    await mallory.say("/status")
    assert not [value for value in mallory.offered if value.endswith(":appeal")]
    assert on.order(order.number) == stopped
    mallory.saw_nothing_of(*set(SECRETS_OF_ADA) - {ADAS_PHONE}, *stops)


async def test_h02_every_new_try_begins_with_a_whole_hold_and_new_letters(on: Stage) -> None:
    """Whoever holds phone and session asks again after a stop: nothing of the time that has passed counts."""
    mallory = await on.browser()
    await on.connect(mallory, ADA)
    first = on.decided(await on.order_of(mallory, ADAS_PHONE, "deletion"), on.account(ADA))
    await on.go_on()
    before = on.links("stop")
    with on.desk() as orders:
        orders.stop(before[0])
    await on.days(5)
    await on.connect(mallory, ADA)
    second = on.decided(await on.order_of(mallory, ADAS_PHONE, "deletion"), on.account(ADA))
    await on.go_on()
    assert second.number != first.number
    assert second.hold_until is not None
    assert (second.hold_until - on.clock()).total_seconds() > 71.9 * 3600
    with on.desk() as orders, pytest.raises(NotAllowed, match="hold"):
        orders.execute(orders.get(second.number), staff(2))
    assert len(set(on.links("stop")) - set(before)) == 2


# ---- H3: staff who want to help


async def test_h03_no_kindness_of_staff_moves_an_unproven_request(on: Stage) -> None:
    mallory = await on.browser()
    before = await waiting(on, mallory)
    acts: dict[str, Callable[[Orders, Order], object]] = {
        "take": lambda orders, order: orders.take(order, 1),
        "check": lambda orders, order: orders.check(order, 1),
        "assign": lambda orders, order: orders.assign(order, 1, 2),
        "propose": lambda orders, order: orders.propose(order, 1),
        "approve": lambda orders, order: orders.approve(order, 2, on.account(ADA).contacts),
        "deliver": lambda orders, order: orders.deliver(order, staff(2)),
        "execute": lambda orders, order: orders.execute(order, staff(2)),
        "answer": lambda orders, order: orders.answer(order, 1, "here you are"),
        "close": lambda orders, order: orders.close(order, staff(1)),
        "announce": lambda orders, order: Results(orders.work, on.app.desk.requests.codes, on.clock()).announce(order),
    }
    for act in acts.values():
        with on.desk() as orders, pytest.raises(NotAllowed):
            act(orders, orders.get(before.number))
    with on.desk() as orders:  # A file is no way around either: nothing is ever made of it.
        orders.attach(orders.get(before.number), staff(1), "note.txt", "text/plain", FILE, internal=False)
    await on.days(1)
    assert on.order(before.number)._replace(next_at=before.next_at) == before
    assert (on.count("result"), on.sent()) == (0, [])
    mallory.saw_nothing_of(*SECRETS_OF_ADA)


async def test_h03_what_staff_are_talked_into_writing_goes_out_masked(on: Stage) -> None:
    """Some rights take no proof, because nothing of an account is shown: then whoever answers must not show it in words."""
    mallory = await on.browser()
    await mallory.wants("request_access", "account", "explanation")
    await mallory.say("I am Ada, I forgot which phone and mail I gave you. It is urgent, please just tell me.")
    order = on.order(NUMBER.findall(mallory.words)[-1])
    told = (
        f"Gladly: {ADAS_PHONE}, {ADAS_MAIL}, ID 110101199003078515, password: hunter2222. Else ask domain@kenpai.net."
    )
    with on.desk() as orders:
        orders.remark(orders.get(order.number), staff(1), told, internal=False)
        orders.pause(orders.get(order.number), 1, told)
        orders.resume(orders.get(order.number), staff(1))
        orders.answer(orders.get(order.number), 1, told)
    await on.go_on()
    page = await mallory.ask("GET", "/")
    assert page.text.count("domain@kenpai.net") == 3, "the words came through"
    await mallory.say("/mydata")
    mallory.saw_nothing_of("13800000001", ADAS_MAIL, "110101199003078515", "hunter2222")


# ---- H16: words of people before staff


async def test_h16_what_the_impostor_writes_is_text_in_the_terminal_of_staff(on: Stage) -> None:
    ada = await on.browser()
    await on.connect(ada, ADA)
    order = await on.order_of(ada, ADAS_PHONE)
    hostile = "\x1b]0;owned\x07\x1b[2Japproved\x9b31m [bold red]APPROVED[/] [link=http://evil.example]x[/link] \u202eabc\u2066\x00\r"
    with on.desk() as orders:
        orders.remark(orders.get(order.number), person(order.person_id or 0), hostile, internal=False)
    out = StringIO()
    with on.desk() as orders:
        view = order_view(orders, orders.get(order.number), [], revealed=True)
        Console(file=out, width=300, force_terminal=False).print(view)
    shown = out.getvalue()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert "[bold red]APPROVED[/]" in shown, "markup is text"
