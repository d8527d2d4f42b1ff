"""Flows in a turn: begun, answered by a button, interrupted by a question; what their steps say is worded here."""

import re
from collections.abc import Collection
from dataclasses import replace

from bot.core import proving
from bot.core.about_requests import act_in, ends_one, ends_one_in_full, keeps_it, names_one, takes_it_back
from bot.core.actions import Effects
from bot.core.answering import law_reply
from bot.core.dialogue import play
from bot.core.errors import StaleChoice
from bot.core.message import Choice, Reply
from bot.core.numbers import tidy
from bot.core.order.actions import my_orders, number_in, order_acts, own_order
from bot.core.order.card import order_card
from bot.core.questions import ask
from bot.core.scene import Said, Scene
from bot.core.state import QUESTION_MAX, OpenFlow
from intents.catalogue import flows
from intents.flows.request_status import Act
from intents.recogniser import CALLING_OFF, Outcome, Recognition
from intents.script import Ask, Choose, Cite, Prove, Say, Waiting
from knowledge.clause import Clause, LawArticle

IN_PASSING = ("greeting", "help", "smalltalk_abuse", "thanks")
"""Flows that only say a word: what is under way goes on after them."""
WORDS_MAX = 2_000
"""Characters of an answer in own words that are kept."""
AS_ASKED = "asked"
"""The button that makes a question, which was answered from the policy, the words that a step waits for."""
OFF_TOPIC = "smalltalk_abuse"
BESIDE_A_CODE = frozenset({*IN_PASSING, "request_human", CALLING_OFF})
"""Wishes that are heard while a code is waited for: "I haven't got it yet" is about the code, not about a request."""
SURE_WISH = 0.6
"""Least probability of a wish that ends the dialogue under way; a less sure one was likely an answer in own words."""
NEAR_QUESTION = 0.1
"""Least probability of the nearest clause at which words that are no choice count as a question, put as one or not."""
STATUS = "request_status"
"""The dialogue about one's own requests. Asked for again it begins anew: what it shows may have changed."""
SURE_STEP = "sure"
"""Where the dialogues of one's own requests ask whether one is to be withdrawn."""
OPENED = "_order.open"
"""The step whose outcome names the order that a dialogue has opened: "opened NUMBER"."""
_ASKS = re.compile(r"[?？]\s*$|[吗嗎呢]\s*[。.]?\s*$")


def begin(scene: Scene, name: str, about: str = "") -> Said:
    """Starts a flow, `about` an order where its number is known. One that only says a word leaves the flow under way where
    it was, and repeats its question."""
    under_way = scene.state.flow
    scene.state.flow = OpenFlow(name, scene.new_code().replace("-", "").lower(), about=about)
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
    waiting = play(flows()[flow.name], flow, Effects(scene)).waiting
    if waiting is None or waiting.step != name:
        raise StaleChoice
    if isinstance(waiting, Prove) and option in (proving.AGAIN, proving.WITHOUT):
        reply = proving.press(scene, flow, waiting, option)
        return Said("choice", [reply]) if reply else _play(scene, flow, option)
    if isinstance(waiting, Ask) and option == AS_ASKED and scene.state.question:
        return _play(scene, flow, scene.state.question)
    if not isinstance(waiting, Choose) or option not in waiting.options:
        raise StaleChoice
    return _play(scene, flow, option)


def aside(scene: Scene, flow: OpenFlow) -> Said:
    """Words typed while a flow waits: a question is answered and the flow asks again; another wish takes over."""
    found, waiting = scene.heard.recognition, play(flows()[flow.name], flow, Effects(scene)).waiting
    if isinstance(waiting, Prove) and not (found and found.outcome is Outcome.ANSWERED and _asks(scene)):
        said = _proved(scene, flow, waiting)
        said.is_private = True
        return said
    if isinstance(waiting, Choose) and (number := tidy(scene.message.text)) in waiting.options:
        scene.speak(scene.known.language)
        return _play(scene, flow, number)
    if isinstance(waiting, Ask):
        if ends_one_in_full(scene.message.text) and (ended := _called_off(scene, flow, waiting)):
            return ended
        if found and found.outcome is Outcome.ANSWERED and _asks(scene) and len(scene.heard.text) <= QUESTION_MAX:
            return _asked_at_words(scene, flow, waiting, found)
        return _play(scene, flow, scene.heard.text[:WORDS_MAX])
    if flow.name == STATUS and isinstance(waiting, Choose) and (begun := _act(scene, flow, waiting)):
        return begun
    if wished := _wish(scene, flow, waiting):
        return wished
    is_near = found is not None and found.outcome is Outcome.ASK_BACK and found.score >= NEAR_QUESTION
    if found and (found.outcome is Outcome.ANSWERED or found.law or is_near or _asks(scene)):
        said = ask(scene, found)
        said.replies = _and_again(scene, said.replies)
        return said
    return Said("flow", [scene.plain("please_pick"), *asked_again(scene)], intent=flow.name)


def shared(scene: Scene) -> Said | None:
    """A phone number that was shared where a flow asks for an account; None anywhere else."""
    flow = scene.state.flow
    waiting = play(flows()[flow.name], flow, Effects(scene)).waiting if flow and scene.message.phone else None
    reply = proving.shared(scene, flow, waiting) if flow and isinstance(waiting, Prove) else None
    return Said("flow", [reply], intent=flow.name, is_private=True) if flow and reply else None


def _asked_at_words(scene: Scene, flow: OpenFlow, waiting: Ask, found: Recognition) -> Said:
    """A question where words are waited for: answered; a button makes it those words after all."""
    said = ask(scene, found)
    scene.state.question = scene.heard.text
    again = _question(scene, flow, waiting)
    meant = Choice(scene.voice.shared("write_down"), f"flow:{flow.run}:{waiting.step}:{AS_ASKED}")
    said.replies.append(Reply(again.text, (meant,), language=again.language))
    return said


def _proved(scene: Scene, flow: OpenFlow, waiting: Prove) -> Said:
    """An account or a code goes to the proof; a sure wish in a whole sentence takes over; anything else is asked again."""
    is_meant = proving.is_meant(scene, flow, waiting)
    only = BESIDE_A_CODE if flow.proving > 0 else None
    if not is_meant and (wished := _wish(scene, flow, waiting, only)):
        return wished
    scene.speak(scene.known.language)  # "me@example.com" shows no language.
    proved = (proving.typed if is_meant else proving.not_meant)(scene, flow, waiting)
    return _play(scene, flow, proved) if isinstance(proved, str) else Said("flow", [proved], intent=flow.name)


def about_request(scene: Scene) -> Said | None:
    """Words for something that one can do with an own request, such as adding to it: they lead where its button would.
    None for any others, and where the person has no request that this can be done with."""
    act, found = act_in(scene.message.text), scene.heard.recognition
    if act is None or (act is Act.REMARK and not names_one(scene.message.text)):
        return None
    if found and found.outcome is Outcome.ANSWERED and _asks(scene):
        return None
    numbers = [line.split(" ", 1)[0] for line in my_orders(scene, {"which": "all"}).splitlines()]
    fitting = [n for n in numbers if number_in(n) and act in order_acts(scene, {"number": n}).split()]
    if not fitting:
        return None
    begun = begin(scene, STATUS)
    for answer in (fitting[0], act):  # Which one is asked only where there are several that fit.
        flow = scene.state.flow
        waiting = play(flows()[STATUS], flow, Effects(scene)).waiting if flow else None
        if flow and isinstance(waiting, Choose) and answer in waiting.options and (answer == act or len(fitting) == 1):
            begun.replies[-1:] = _play(scene, flow, answer).replies
    return begun


def _act(scene: Scene, flow: OpenFlow, waiting: Choose) -> Said | None:
    """A button of the open dialogue about a request, in words; None when the words mean none of them."""
    text = scene.message.text
    if number_in(text):
        return None
    act = act_in(text)
    if act in waiting.options:
        return _play(scene, flow, act)
    return about_request(scene)


def _wish(scene: Scene, flow: OpenFlow, waiting: Waiting | None, only: Collection[str] | None = None) -> Said | None:
    """Another sure wish, which ends the dialogue under way; None when the message holds none (of `only`). The number of
    an order is a wish to see it."""
    found, number = scene.heard.recognition, number_in(scene.message.text)
    if not found or not (number or found.score >= SURE_WISH):
        return None
    wished = STATUS if number and found.intent != CALLING_OFF else found.intent
    if wished not in flows() or wished == OFF_TOPIC or (only is not None and wished not in only):
        return None
    if wished == CALLING_OFF:
        return _called_off(scene, flow, waiting)
    if wished == flow.name != STATUS:
        return None
    said = begin(scene, wished)
    return Said("intent", said.replies, said.ids, wished, found.score)


def _called_off(scene: Scene, flow: OpenFlow, waiting: Waiting | None) -> Said | None:
    """What is called off: a request made before, where the words name one and there is one; else the dialogue under way.
    None when it stays as it is: the words say so, or are no answer to whether it is to be withdrawn."""
    text, is_own = scene.message.text, flow.name in (STATUS, CALLING_OFF)
    if keeps_it(text) or (is_own and waiting and waiting.step == SURE_STEP and takes_it_back(text)):
        return None
    is_named = ends_one(text)
    can_be_this_one = isinstance(waiting, Choose) and Act.WITHDRAW in waiting.options and not number_in(text)
    if can_be_this_one and (is_named or takes_it_back(text)):
        return _play(scene, flow, Act.WITHDRAW)
    if is_named and my_orders(scene, {"which": "live"}):
        begun = begin(scene, CALLING_OFF)
        return Said("intent", begun.replies, begun.ids, CALLING_OFF, 1.0)
    return cancel(scene) if flow.name != CALLING_OFF else None


def _asks(scene: Scene) -> bool:
    """Whether the message is put as a question."""
    return _ASKS.search(scene.heard.text) is not None


def cancel(scene: Scene) -> Said:
    """Ends the dialogue under way. An order that it has opened stays, and the person is told so."""
    flow, scene.state.flow = scene.state.flow, None
    if flow is None:
        return Said("command", [scene.plain("nothing_to_cancel")])
    outcomes = (entry["outcome"] for entry in flow.journal if entry["step"] == OPENED)
    number = next((outcome.partition(" ")[2] for outcome in outcomes), "")
    return Said("command", [scene.plain("cancelled_open", number=number) if number else scene.plain("cancelled")])


def asked_again(scene: Scene) -> list[Reply]:
    """The question that the open flow waits at, once more; empty when no flow is open."""
    return _play(scene, scene.state.flow, None).replies[-1:] if scene.state.flow else []


def _and_again(scene: Scene, replies: list[Reply]) -> list[Reply]:
    """The replies, then the open flow's question. Clauses that the last one offers stand before the flow's own choices, in
    one message: only what is offered last can be picked by number."""
    again = asked_again(scene)
    offered = tuple(choice for choice in replies[-1].choices if choice.value.startswith("ask:"))
    clauses = tuple(choice for choice in offered if choice.value != "ask:none")
    if not again or not clauses:
        return replies + again
    says = scene.voice.shared("which_one_or_go_on", count=str(len(clauses)), question=again[0].text)
    return [*replies[:-1], replace(again[0], text=says, choices=(*clauses, *again[0].choices))]


def _play(scene: Scene, flow: OpenFlow, answered: str | None) -> Said:
    """Plays the flow on and words what it says; a flow that ended is closed."""
    played = play(flows()[flow.name], flow, Effects(scene), answered)
    if scene.changes.language:
        scene.speak(scene.changes.language)
    replies = [scene.plain("flow_changed")] if played.restarted else []
    ids: list[str] = []
    for said in played.said:
        if isinstance(said, Say):
            replies.append(Reply(scene.voice.flow(flow.name, said.key, **said.values), language=scene.voice.language))
        elif isinstance(said, Cite):
            replies += _cited(scene, said)
            ids += said.ids
        else:
            replies.append(order_card(scene, own_order(scene, said.number)))
    if played.waiting:
        replies.append(_question(scene, flow, played.waiting))
    else:
        scene.state.flow = None
    if ids:
        scene.state.topic = [i for i in ids if i in scene.voice.policy.clauses][:3]
    scene.state.failed = 0
    return Said("flow", replies, tuple(dict.fromkeys(ids)), flow.name)


def _question(scene: Scene, flow: OpenFlow, waiting: Waiting) -> Reply:
    voice, name = scene.voice, waiting.step
    if isinstance(waiting, Prove):
        return proving.begin(scene, flow, waiting)
    choices: tuple[Choice, ...] = ()
    if isinstance(waiting, Ask):
        scene.state.offers = []  # "yes" or "2" is now the person's own words, not the choice before.
    if isinstance(waiting, Choose):
        labels = waiting.labels or [voice.option(flow.name, name, option) for option in waiting.options]
        values = (f"flow:{flow.run}:{name}:{option}" for option in waiting.options)
        choices = tuple(map(Choice, labels, values))
    return Reply(voice.option(flow.name, name, "ask"), choices, language=voice.language)


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
