"""Flows in a turn: begun, answered by a button, interrupted by a question; what their steps say is worded here."""

import re

from bot.core.answering import law_reply
from bot.core.dialogue import play
from bot.core.errors import StaleChoice
from bot.core.message import Choice, Reply
from bot.core.questions import ask
from bot.core.scene import Said, Scene
from bot.core.state import OpenFlow
from intents.catalogue import flows
from intents.recogniser import CALLING_OFF, Outcome
from intents.script import Choose, Cite, Say
from knowledge.clause import Clause, LawArticle

IN_PASSING = ("greeting", "help", "smalltalk_abuse", "thanks")
"""Flows that only say a word: what is under way goes on after them."""
OFF_TOPIC = "smalltalk_abuse"
SURE_WISH = 0.6
"""Least probability of a wish that ends the dialogue under way; a less sure one was likely an answer in own words."""
_ASKS = re.compile(r"[?？]\s*$|[吗嗎呢]\s*[。.]?\s*$")


def begin(scene: Scene, name: str) -> Said:
    """Starts a flow. One that only says a word leaves the flow under way where it was, and repeats its question."""
    under_way = scene.state.flow
    scene.state.flow = OpenFlow(name, scene.new_code().replace("-", "").lower())
    said = _play(scene, scene.state.flow, None)
    if under_way is not None and name in IN_PASSING:
        scene.state.flow = under_way
        said.replies += asked_again(scene)
    elif scene.state.flow is None:
        scene.state.question = ""  # What was asked before the flow has been left behind.
    return said


def step(scene: Scene, rest: str) -> Said:
    """A button of a flow, "RUN:STEP:OPTION". Raises StaleChoice unless that very step is open."""
    run, _, tail = rest.partition(":")
    name, _, option = tail.rpartition(":")
    flow = scene.state.flow
    if flow is None or flow.run != run:
        raise StaleChoice
    waiting = play(flows()[flow.name], flow, scene.effects).waiting
    if waiting is None or waiting.step != name or option not in waiting.options:
        raise StaleChoice
    return _play(scene, flow, option)


def aside(scene: Scene, flow: OpenFlow) -> Said:
    """Words typed while a flow waits: a question is answered and the flow asks again; another wish takes over."""
    found = scene.heard.recognition
    if found and found.intent in flows() and found.intent not in (flow.name, OFF_TOPIC) and found.score >= SURE_WISH:
        if found.intent == CALLING_OFF:
            return cancel(scene)
        said = begin(scene, found.intent)
        return Said("intent", said.replies, said.ids, found.intent, found.score)
    if found and (found.outcome is Outcome.ANSWERED or found.law or _ASKS.search(scene.heard.text)):
        said = ask(scene, found)
        if found.outcome is Outcome.ASK_BACK:  # Its numbers must not be taken for those of the flow.
            last = said.replies[-1]
            go_on = Choice(scene.voice.shared("go_on"), "resume")
            said.replies[-1] = Reply(last.text, (*last.choices, go_on), language=last.language)
        else:
            said.replies += asked_again(scene)
        return said
    return Said("flow", [scene.plain("please_pick"), *asked_again(scene)], intent=flow.name)


def cancel(scene: Scene) -> Said:
    """Ends the dialogue under way."""
    was_open, scene.state.flow = scene.state.flow is not None, None
    return Said("command", [scene.plain("cancelled" if was_open else "nothing_to_cancel")])


def asked_again(scene: Scene) -> list[Reply]:
    """The question that the open flow waits at, once more; empty when no flow is open."""
    return _play(scene, scene.state.flow, None).replies[-1:] if scene.state.flow else []


def _play(scene: Scene, flow: OpenFlow, answered: str | None) -> Said:
    """Plays the flow on and words what it says; a flow that ended is closed."""
    played = play(flows()[flow.name], flow, scene.effects, answered)
    if scene.effects.language:
        scene.speak(scene.effects.language)
    replies = [scene.plain("flow_changed")] if played.restarted else []
    ids: list[str] = []
    for said in played.said:
        if isinstance(said, Say):
            replies.append(Reply(scene.voice.flow(flow.name, said.key, **said.values), language=scene.voice.language))
        elif isinstance(said, Cite):
            replies += _cited(scene, said)
            ids += said.ids
    if played.waiting:
        replies.append(_question(scene, flow, played.waiting))
    else:
        scene.state.flow = None
    if ids:
        scene.state.topic = [i for i in ids if i in scene.voice.policy.clauses][:3]
    scene.state.failed = 0
    return Said("flow", replies, tuple(dict.fromkeys(ids)), flow.name)


def _question(scene: Scene, flow: OpenFlow, waiting: Choose) -> Reply:
    voice, name = scene.voice, waiting.step
    choices = (Choice(voice.option(flow.name, name, o), f"flow:{flow.run}:{name}:{o}") for o in waiting.options)
    return Reply(voice.option(flow.name, name, "ask"), tuple(choices), language=voice.language)


def _cited(scene: Scene, step: Cite) -> list[Reply]:
    """Clauses of one step in one message, a law in a message of its own."""
    voice = scene.voice
    things = voice.things(step.ids)
    clauses = [thing for thing in things if isinstance(thing, Clause)]
    laws = [law_reply(thing, voice, beside=False) for thing in things if isinstance(thing, LawArticle)]
    if not clauses:
        return laws
    texts = (voice.plain(c) + (f"\n{voice.official(c)}" if c.official else "") for c in clauses)
    citations = tuple(voice.citation(c) for c in clauses)
    return [Reply("\n\n".join(texts), (), citations, language=voice.language), *laws]
