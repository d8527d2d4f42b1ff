"""Showing who one is inside a dialogue: which account, a code to a contact on file, the code typed back.

What is typed here is never written down: not the account, not the code. The dialogue's journal learns only how far the
person got. The answers are the same whether the account exists or not (bot/core/verification.py).

Where the company's portal is connected, a right that needs it is shown by a chat that was connected from there in the
last minutes and by nothing less. So no code goes out before that: it could never be enough.
"""

import re
import unicodedata
from dataclasses import replace

from bot.core.codes import digits_of
from bot.core.contacts import named
from bot.core.message import Choice, Reply
from bot.core.order.card import at_clock
from bot.core.scene import Scene
from bot.core.state import OpenFlow
from bot.core.verification import Checked
from intents.script import Prove
from knowledge.rights import Level, Right, rights

AGAIN, WITHOUT = "again", "none"
"""The two buttons beside the wait for a code."""
_SPOKEN = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
_CODE = re.compile(r"(?<![0-9])[0-9]{4}[\s-]?[0-9]{4}(?![0-9])")
_SAID_MOST = 64


def begin(scene: Scene, flow: OpenFlow, waiting: Prove) -> Reply:
    """What the person sees when the dialogue comes to this step. A connected chat gets its code at once."""
    if flow.proving > 0:
        return _waiting(scene, flow, waiting, scene.voice.shared("prove_not_a_code"))
    standing = scene.requests.verification(scene.work, scene.now).standing(scene.known)
    if _needs_portal(scene, waiting) and not standing.login_is_fresh:
        text = scene.voice.shared("prove_login_again" if standing.binding else "prove_connect")
        return Reply(text, (_button(scene, flow, waiting, WITHOUT, "prove_no_login"),), language=scene.voice.language)
    if standing.binding is not None:
        return _ask_for_code(scene, flow, waiting, "")
    return _which_account(scene, flow, waiting)


def press(scene: Scene, flow: OpenFlow, waiting: Prove, option: str) -> Reply | None:
    """One of the two buttons; None: go on without."""
    if option == WITHOUT:
        return None
    flow.proving = -abs(flow.proving)  # The code before, which still counts if no other may be had.
    return begin(scene, flow, waiting)


def is_meant(scene: Scene, flow: OpenFlow, waiting: Prove) -> bool:
    """Whether what was typed can be what this step waits for, by its form alone: an account, or a code."""
    if flow.proving > 0:
        return code_in(scene.message.text) is not None
    return _takes_account(scene, waiting) and not named(account_in(scene.message.text)).is_nothing


def typed(scene: Scene, flow: OpenFlow, waiting: Prove) -> Reply | str:
    """What the person typed: an account, then a code. Returns how far it proved them, or what to say next."""
    if flow.proving <= 0:
        return _ask_for_code(scene, flow, waiting, account_in(scene.message.text))
    code = code_in(scene.message.text) or ""
    checked = scene.requests.verification(scene.work, scene.now).check(scene.known, flow.proving, code)
    if checked.proof is not None:
        flow.account = checked.proof.account_id
        return checked.proof.level.name.lower()
    if checked.locked:
        return _waiting(scene, flow, waiting, scene.voice.shared("prove_locked"))
    return _waiting(scene, flow, waiting, _wrong(scene, checked))


def shared(scene: Scene, flow: OpenFlow, waiting: Prove) -> Reply | None:
    """A phone number that was shared: the same as if it had been typed. None where no account is waited for."""
    phone = scene.message.phone
    if not phone or flow.proving > 0 or not _takes_account(scene, waiting):
        return None
    return _ask_for_code(scene, flow, waiting, phone)


def not_meant(scene: Scene, flow: OpenFlow, waiting: Prove) -> Reply:
    """What was typed is neither an account nor a code, no question and no wish: what is waited for, once more."""
    reply = begin(scene, flow, waiting)
    if flow.proving > 0 or _needs_portal(scene, waiting):
        return reply
    return replace(reply, text=f"{scene.voice.shared('prove_not_an_account')} {reply.text}")


def purpose_of(flow: OpenFlow) -> str:
    """What a code of this dialogue is for: this run of it and nothing else."""
    return f"{flow.name}:{flow.run}"


def _needs_portal(scene: Scene, waiting: Prove) -> bool:
    return scene.requests.has_portal and rights()[Right(waiting.right)].level is Level.PORTAL


def _takes_account(scene: Scene, waiting: Prove) -> bool:
    standing = scene.requests.verification(scene.work, scene.now).standing(scene.known)
    return standing.binding is None and not _needs_portal(scene, waiting)


def account_in(text: str) -> str:
    """An account as typed or dictated: without the full stop at its end."""
    return text.strip().rstrip(".。!！,，").rstrip()


def code_in(text: str) -> str | None:
    """The eight digits of a message, also in words around them ("it's 1234 5678.") or as Chinese numerals."""
    plain = unicodedata.normalize("NFKC", text[:_SAID_MOST]).translate(_SPOKEN)
    if found := _CODE.findall(plain):
        return digits_of(found[0]) if len(found) == 1 else None
    return digits_of(plain.strip().rstrip(".。!！,，"))


def _wrong(scene: Scene, checked: Checked) -> str:
    if checked.tries_left:
        return scene.voice.shared("prove_wrong", left=str(checked.tries_left))
    return scene.voice.shared("prove_over")


def _which_account(scene: Scene, flow: OpenFlow, waiting: Prove) -> Reply:
    safest = scene.voice.shared("prove_portal") if scene.requests.has_portal else ""
    text = scene.voice.shared("prove_which", safest=safest).rstrip()
    button = _button(scene, flow, waiting, WITHOUT)
    return Reply(text, (button,), language=scene.voice.language, takes_phone=True)


def _ask_for_code(scene: Scene, flow: OpenFlow, waiting: Prove, hint: str) -> Reply:
    verification = scene.requests.verification(scene.work, scene.now)
    started = verification.begin(scene.known, hint[:256], purpose_of(flow))
    if started.verification_id is None:
        zone = scene.requests.deadlines.rule_sets[0].zone
        at = at_clock(started.again_at, zone, scene.voice.language, "%H:%M") if started.again_at else ""
        flow.proving = abs(flow.proving)
        text = scene.voice.shared("prove_too_many", at=at)
        return Reply(text, (_button(scene, flow, waiting, WITHOUT),), language=scene.voice.language)
    flow.proving = started.verification_id
    is_connected = verification.binding(scene.known) is not None
    return _waiting(scene, flow, waiting, scene.voice.shared("prove_sent_connected" if is_connected else "prove_sent"))


def _waiting(scene: Scene, flow: OpenFlow, waiting: Prove, text: str) -> Reply:
    buttons = tuple(_button(scene, flow, waiting, option) for option in (AGAIN, WITHOUT))
    return Reply(text, buttons, language=scene.voice.language)


def _button(scene: Scene, flow: OpenFlow, waiting: Prove, option: str, key: str = "") -> Choice:
    label = scene.voice.shared(key or ("prove_again" if option == AGAIN else "prove_without"))
    return Choice(label, f"flow:{flow.run}:{waiting.step}:{option}")
