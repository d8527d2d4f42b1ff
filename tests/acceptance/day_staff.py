"""Staff at their desk: the functions behind `clausebot orders`, each signed with a one-time password where it takes one."""

import asyncio
import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import aiohttp

from bot.commands.order_certificate import run_certificate
from bot.commands.order_desk import OrderDesk
from bot.commands.order_files import run_attach
from bot.commands.order_work import (
    run_answer,
    run_approve,
    run_check,
    run_extend,
    run_pause,
    run_refuse,
    run_remark,
    run_resume,
    run_take,
    run_tick,
)
from bot.core.codes import Codes
from bot.core.roles import NotPermitted
from bot.core.voice import Voice
from bot.request_desk import ports_of
from knowledge.rights import Right, rights
from tests.acceptance.day_cast import Customer
from tests.acceptance.day_script import Staff
from tests.acceptance.day_stage import Company

FILE = "account data.csv"


def desk_of(on: Company, name: str) -> OrderDesk:
    """The desk of a member, as at_order_desk puts it together, with the turned clock."""

    @cache
    def voice(language: str) -> Voice:
        return Voice(on.app.wording, on.app.policy, language)

    ports = ports_of(on.app.settings, Codes.of(on.app.database.keyring), voice)
    return OrderDesk(on.team.desk(name), on.app.desk.requests.deadlines, ports, on.app.desk.directory)


async def work_order(on: Company, number: str, act: Staff, who: Customer) -> bool:
    """One command; whether the program barred it, as it must where the act says so. Raises NotPermitted elsewhere."""
    assert number, "there is no order to work on"
    on.seconds_pass()
    desk = desk_of(on, act.who)
    does: dict[str, Callable[[], Any]] = {
        "take": partial(run_take, desk, number),
        "check": partial(run_check, desk, number),
        "attach": partial(_attach, desk, number, _file(on, who)),
        "approve": partial(run_approve, desk, number),
        "answer": partial(run_answer, desk, number, act.words),
        "refuse": partial(run_refuse, desk, number, act.reason, act.words),
        "pause": partial(run_pause, desk, number, act.words),
        "resume": partial(run_resume, desk, number),
        "extend": partial(run_extend, desk, number, act.words),
        "remark": partial(run_remark, desk, number, act.words, for_person=True),
    }
    if not act.barred:
        await asyncio.to_thread(does[act.what])
        return False
    try:
        await asyncio.to_thread(does[act.what])
    except NotPermitted:
        return True
    raise AssertionError(f"{act.who} could {act.what}")


def _attach(desk: OrderDesk, number: str, file: Path) -> None:
    """A file for the person, which somebody has looked through."""
    run_attach(desk, number, file, for_person=True)
    if "secrets_masked" in dict(rights()[Right(desk.look(number).right)].checklist):
        run_tick(desk, number, "secrets_masked", done=True)


async def make_certificate(on: Company, number: str) -> str:
    """The certificate of a deletion, as `clausebot orders certificate --to FILE` writes it."""
    to = on.folder / f"certificate-{number}.json"
    await asyncio.to_thread(run_certificate, desk_of(on, "ann"), number, to)
    text = to.read_text(encoding="utf-8")
    assert json.loads(text)["order"] == number
    return text


async def system_sends(on: Company, number: str, who: Customer) -> None:
    """The company's system sends in what it holds, as docs/webhooks.md says; twice, as after an answer that was lost."""
    body = _file(on, who).read_bytes()
    for _ in range(2):
        path, headers = on.system.result(number, FILE, body, key=f"rehearsal-{who.number:06}-result")
        async with (
            aiohttp.ClientSession() as session,
            session.post(on.url + path, data=body, headers=headers) as answer,
        ):
            assert answer.status == 201, await answer.text()


def _file(on: Company, who: Customer) -> Path:
    """What the company's systems hold on the person, invented. The canary tells where it came out."""
    folder = on.folder / str(who.number)
    folder.mkdir(exist_ok=True)
    file = folder / FILE
    file.write_text(f"account,note\n{who.account},{who.canary}\n", encoding="utf-8")
    return file
