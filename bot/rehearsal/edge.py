"""One call at a stand-in's HTTP edge: journal, fault, effect, answer, in that order for both platforms."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.rehearsal.control import Control
from bot.rehearsal.faults import Fault, Kind
from bot.rehearsal.journal import Call
from bot.rehearsal.serving import Answer, Connection

GATEWAY_PAGE = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"


@dataclass(frozen=True, slots=True)
class Said:
    """A platform's answer before it is written: any JSON-ready data, or `raw` bytes of `kind`."""

    data: Any
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes = b""
    kind: str = "application/json"


async def answer_call(
    control: Control,
    connection: Connection,
    name: str,
    person: str,
    params: Mapping[str, Any],
    run: Callable[[Call], Awaitable[Said]],
    refuse: Callable[[Fault], Said],
) -> None:
    """Answers one call: `run` does it, `refuse` words the platform's own refusal. Faults are struck here."""
    call = control.journal.open(name, person, params)
    fault = control.script.at(name, person)
    if fault is None or fault.has_effect:
        said = await run(call)
    elif fault.kind is Kind.REFUSE:
        said = refuse(fault)
    elif fault.kind is Kind.HTML:
        said = Said(None, fault.code, raw=GATEWAY_PAGE, kind="text/html")
    elif fault.kind is Kind.GARBAGE:
        said = Said(None, raw=b'{"ok": tru', kind="application/json")
    else:
        said = Said(None, 0)
    # Noted before it goes out, so that whoever has the answer finds the call in the journal.
    control.journal.close(call, said.status, said.data, str(fault.kind) if fault else "")
    await _go_out(connection, said, fault)


async def _go_out(connection: Connection, said: Said, fault: Fault | None) -> None:
    body = said.raw or json.dumps(said.data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    answer = Answer(said.status, body, said.kind, said.headers)
    if fault is None:
        await connection.answer(answer)
        return
    if fault.kind in (Kind.HANG, Kind.HANG_AFTER, Kind.LATE):
        await asyncio.sleep(fault.seconds)
    if fault.kind in (Kind.RESET, Kind.RESET_AFTER, Kind.HANG, Kind.HANG_AFTER):
        await connection.drop()
    else:
        await connection.answer(
            answer, dripping=fault.seconds if fault.kind is Kind.SLOW else 0.0, cut=fault.kind is Kind.CUT
        )
