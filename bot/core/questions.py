"""Questions of a turn: answered in the context of what was said before them."""

from dataclasses import replace

from bot.core.answering import Answer, answer, clause_reply
from bot.core.message import Choice, Reply
from bot.core.scene import Said, Scene
from bot.core.state import QUESTION_MAX
from intents.follow_ups import in_full
from intents.recogniser import Outcome, Recognition
from knowledge.clause import Clause


def ask(scene: Scene, recognition: Recognition) -> Said:
    """Answers one question, or each of several. A recognised wish is not for here."""
    state, voice = scene.state, scene.voice
    found: Recognition | None = recognition
    if scene.heard.parts:
        answers = [answer(part, voice, scene.new_code(), state.failed) for part in scene.heard.parts]
    elif found := in_context(scene, recognition):
        answers = [answer(found, voice, scene.new_code(), state.failed)]
    else:
        answers = [_no_more(scene, voice.policy.clauses[state.topic[0]])]
    helped = answers[0].outcome is Outcome.ANSWERED
    state.failed = 0 if helped else state.failed + 1
    if helped:
        state.topic = [i for a in answers for i in a.ids][:3]
    if found is recognition:
        state.question = scene.heard.text[:QUESTION_MAX]
    elif helped:  # What a follow-up led to is what the next one leans on.
        state.question = voice.heading(voice.policy.clauses[state.topic[0]])
    replies = [_other(scene, reply, a is not answers[0] and a.outcome) for a in answers for reply in a.replies]
    ids = tuple(dict.fromkeys(i for a in answers for i in a.ids))
    score = (found or recognition).score
    return Said(answers[0].outcome.value, replies, ids, None, score, [a for a in answers if a.receipt])


def _other(scene: Scene, reply: Reply, outcome: Outcome | bool) -> Reply:
    """Says of the policy's silence that it is about the other of two questions."""
    if outcome is not Outcome.NOT_COVERED:
        return reply
    return replace(reply, text=f"{scene.voice.shared('other_question')}\n{reply.text}")


def show(scene: Scene, clause: Clause, *, whole: bool = False) -> Said:
    """The clause that was picked; a follow-up then leans on it."""
    code = scene.new_code()
    scene.state.topic, scene.state.failed, scene.state.question = [clause.id], 0, scene.voice.heading(clause)
    reply = clause_reply(clause, scene.voice, code, whole=whole)
    return Said("choice", [reply], (clause.id,), answers=[Answer(Outcome.ANSWERED, (reply,), (clause.id,), code)])


def stuck(scene: Scene) -> Reply:
    """Two stages: say it differently, then a person."""
    voice = scene.voice
    key = "rephrase" if scene.state.failed < 2 else "person_offer"
    choices = (Choice(voice.shared("a_person"), "start:request_human"), Choice(voice.shared("browse"), "menu"))
    return Reply(voice.shared(key), choices, language=voice.language)


def in_context(scene: Scene, recognition: Recognition) -> Recognition | None:
    """A follow-up ("and how long?", "can I change it?") read together with what it leans on, unless it is clear alone.

    Read with the question before it, with the heading of the clause that answered, and as the full question it stands
    for. None when every sure reading leads back to the clause just shown.
    """
    heard, state = scene.heard, scene.state
    if not heard.follows_up or not (state.question or state.topic):
        return recognition
    if recognition.outcome is Outcome.ANSWERED and heard.stands_alone:
        return recognition
    language = "zh" if scene.voice.language.startswith("zh") else "en"
    last = state.topic[0] if state.topic and state.topic[0] in scene.voice.policy.clauses else ""
    heading = scene.voice.heading(scene.voice.policy.clauses[last]) if last else ""
    texts = [f"{before} {heard.text}" for before in (state.question, heading) if before]
    if full := in_full(heard.text, language):
        texts.insert(1, full)
    readings = [scene.recogniser.recognise(text, language=language) for text in dict.fromkeys(texts)]
    sure = [reading for reading in (*readings, recognition) if reading.outcome is Outcome.ANSWERED]
    return next((reading for reading in sure if reading.clauses[0] != last), None if sure and last else recognition)


def _no_more(scene: Scene, clause: Clause) -> Answer:
    """The clause of the last answer once more, at full length, said to be the nearest there is."""
    code = scene.new_code()
    reply = clause_reply(clause, scene.voice, code, whole=True)
    reply = replace(reply, text=f"{scene.voice.shared('no_more')}\n\n{reply.text}")
    return Answer(Outcome.ANSWERED, (reply,), (clause.id,), code)
