"""One turn: a message has been heard, the conversation is known; which of its meanings it has."""

from dataclasses import replace

from bot.core import connecting, flowing
from bot.core.actions import Effects
from bot.core.answering import USES, law_reply
from bot.core.browsing import menu
from bot.core.commands import Command
from bot.core.errors import StaleChoice
from bot.core.message import Event, Reply
from bot.core.options import bare_word, is_number, pick
from bot.core.order.actions import number_in
from bot.core.privacy import more_of_my_data, my_data, own_notice
from bot.core.questions import ask, in_context, show, stuck
from bot.core.receipts import rate, receipt
from bot.core.scene import Said, Scene
from bot.core.taking_up import go_to
from intents.catalogue import flows
from intents.recogniser import CALLING_OFF, Outcome

SPELLINGS = {"zh-hans": "zh", "zh-cn": "zh", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-hant": "zh-Hant"}
"""Other names of languages -> ours."""


def take(scene: Scene) -> Said:
    """What the turn comes to; changes `scene.state` in place. Raises Declined."""
    said = _meaning(scene)
    if scene.heard.cut:
        said.replies.insert(0, scene.plain("cut"))
    return said


def _meaning(scene: Scene) -> Said:
    """Joined or left, a button, a command, an answer to an open question, or something new."""
    message, heard, state = scene.message, scene.heard, scene.state
    if message.event is not None or (state.flow is not None and state.flow.name not in flows()):
        state.flow = None  # A chat that begins anew, or a flow that an update took away.
    if message.event is not None:
        return Said("event", [] if message.event is Event.LEFT else flowing.begin(scene, "greeting").replies)
    if message.choice is not None:
        return _press(scene, message.choice)
    if message.media is not None and not heard.text:
        if said := flowing.shared(scene):
            return said
        return Said("event", [scene.plain("media"), *flowing.asked_again(scene)])
    if not heard.text:
        return Said("not_covered", [scene.plain("nothing_said")])
    if heard.command is not None:
        return _command(scene, heard.command)
    if said := connecting.finished(scene):
        return said
    if offer := pick(heard.text, state.offers):
        return _press(scene, offer.value)
    if state.flow is not None:
        return flowing.aside(scene, state.flow)
    if state.offers and is_number(heard.text):
        return Said(
            "choice", [replace(scene.plain("beyond", count=str(len(state.offers))), choices=tuple(state.offers))]
        )
    if said := flowing.about_request(scene):
        return said
    is_calling_off = heard.recognition is not None and heard.recognition.intent == CALLING_OFF
    if number_in(message.text) and not is_calling_off:
        return flowing.begin(scene, "request_status")
    if heard.recognition is None:
        return Said("not_covered", [scene.plain("nothing_said")])
    if word := bare_word(heard.text):
        return flowing.begin(scene, "thanks") if word == "heard" else Said("flow", [scene.plain("nothing_asked")])
    if heard.recognition.intent in flowing.IN_PASSING and heard.follows_up and state.topic:
        found = in_context(scene, heard.recognition)
        if found is None or found.outcome is Outcome.ANSWERED:  # "Who tells me?" after an answer is no small talk.
            return ask(scene, heard.recognition)
    if heard.recognition.outcome is Outcome.INTENT and heard.recognition.intent in flows():
        begun = flowing.begin(scene, heard.recognition.intent)
        return Said("intent", begun.replies, begun.ids, heard.recognition.intent, heard.recognition.score)
    return ask(scene, heard.recognition)


def _press(scene: Scene, value: str) -> Said:
    """A button, or typed words that mean one. Showing is always possible; a step of a flow only in its run."""
    kind, _, rest = value.partition(":")
    policy, voice = scene.voice.policy, scene.voice
    said: Said
    match kind:
        case "clause" | "ask" | "whole" if rest in policy.clauses:
            said = show(scene, policy.clauses[rest], whole=kind == "whole")
        case "law" if rest in policy.law:
            said = Said("choice", [law_reply(policy.law[rest], voice)], (rest,))
        case "ask" if rest == "none":
            said = Said("choice", [stuck(scene)])
        case "menu":
            return Said("choice", [menu(voice, rest)])
        case "mydata":
            return Said("choice", [more_of_my_data(scene.work, scene.known, voice, rest)])
        case "start" if rest in flows():
            return flowing.begin(scene, rest)
        case "answer" if rest:
            return go_to(scene, "request_status", "remark", about=rest)
        case "appeal" if rest:
            return go_to(scene, "request_status", "appeal", about=rest)
        case "use" if rest in USES:
            return go_to(scene, *USES[rest])
        case "flow":
            return flowing.step(scene, rest)
        case "rate" | "reason":
            return rate(scene, kind, rest)
        case "language":
            return _command(scene, Command("language", rest))
        case _:
            raise StaleChoice
    said.replies += flowing.asked_again(scene)
    return said


def _command(scene: Scene, command: Command) -> Said:
    voice = scene.voice
    match command.name:
        case "start":
            if connecting.is_link(command.argument):
                return connecting.opened(scene, command.argument)
            scene.state.flow = None
            clause = voice.policy.clauses.get(command.argument.removeprefix("clause_"))
            if clause and command.argument.startswith("clause_"):
                return show(scene, clause)
            return flowing.begin(scene, "greeting")
        case "help":
            return flowing.begin(scene, "help")
        case "human":
            return flowing.begin(scene, "request_human")
        case "policy":
            return _policy(scene, command.argument.lower())
        case "whole":
            if not scene.state.topic:
                return Said("command", [menu(voice)])
            return show(scene, voice.policy.clauses[scene.state.topic[0]], whole=True)
        case "privacy":
            return Said("command", [own_notice(voice)])
        case "mydata":
            return Said("command", [my_data(scene.work, scene.known, voice)])
        case "forget":
            return flowing.begin(scene, "forget_me")
        case "status":
            return flowing.begin(scene, "request_status")
        case "disconnect":
            return connecting.ended(scene)
        case "receipt":
            return receipt(scene, command.argument)
        case "language":
            return _language(scene, command.argument)
        case "cancel":
            return flowing.cancel(scene)
    return Said("command", [scene.plain("unknown_command")])


def _policy(scene: Scene, wanted: str) -> Said:
    """A clause by its id or by the number of its citation ("Privacy Policy 7.4"), else the menu."""
    clauses = scene.voice.policy.clauses
    if clause := clauses.get(wanted) or clauses.get(f"privacy.{wanted}"):
        return show(scene, clause, whole=True)
    return Said("command", [menu(scene.voice, wanted)])


def _language(scene: Scene, wanted: str) -> Said:
    wanted = SPELLINGS.get(wanted.lower(), wanted.lower())
    if wanted not in scene.voice.wording.languages:
        return flowing.begin(scene, "change_language")
    Effects(scene)("set_language", {"language": wanted})
    scene.speak(wanted)
    return Said("command", [Reply(scene.voice.flow("change_language", "changed"), language=wanted)])
