"""Connecting this chat to an account, as the chat sees it: a link from the portal, two digits shown, two digits typed."""

from bot.core.binding import TOKEN, Refusal, Shown
from bot.core.codes import digits_of
from bot.core.flowing import asked_again
from bot.core.scene import Said, Scene


def is_link(argument: str) -> bool:
    """Whether what a link handed to /start is the portal's token."""
    return TOKEN.fullmatch(argument) is not None


def opened(scene: Scene, token: str) -> Said:
    """The person opened a link of the portal here."""
    shown = scene.requests.verification(scene.work, scene.now).bindings.start(token, scene.known, is_private=True)
    if isinstance(shown, Shown):
        return _said(scene, "connect_shown", digits=shown.digits)
    return _refused(scene, shown)


def finished(scene: Scene) -> Said | None:
    """The two digits that the portal shows, if that is what was typed; None where they can't be meant for a link."""
    typed = scene.message.text.strip().rstrip(".。!！")  # A dictated number ends with a full stop.
    if digits_of(typed, 2) is None:
        return None
    bindings = scene.requests.verification(scene.work, scene.now).bindings
    if not bindings.is_waiting(scene.known):
        # Nothing else asks for two digits: the link they were meant for is over, or was spoilt at the portal.
        return _refused(scene, Refusal.VOID) if scene.requests.has_portal and scene.state.flow is None else None
    before = bindings.of(scene.known)
    bound = bindings.finish(scene.known, typed)
    if isinstance(bound, Refusal):
        return _refused(scene, bound)
    said = _said(scene, "connect_again" if before else "connect_done")
    said.replies += asked_again(scene)
    return said


def ended(scene: Scene) -> Said:
    """The person ends the connection."""
    was = scene.requests.verification(scene.work, scene.now).bindings.unbind(scene.known)
    said = _said(scene, "disconnect_done" if was else "disconnect_none")
    if was and scene.state.flow is not None:
        scene.state.flow.proving = 0  # A code asked for while connected is worth nothing now.
        said.replies += asked_again(scene)
    return said


def _refused(scene: Scene, why: Refusal) -> Said:
    return _said(scene, "connect_other_account" if why is Refusal.OTHER_ACCOUNT else "connect_void")


def _said(scene: Scene, key: str, **values: str) -> Said:
    return Said("command", [scene.plain(key, **values)], is_private=True)
