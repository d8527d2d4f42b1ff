"""One turn: a message has been heard, the conversation is known; what is said and what changes."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.core.actions import Effects
from bot.core.answering import Answer, answer, clause_reply, law_reply
from bot.core.browsing import menu
from bot.core.commands import Command
from bot.core.dialogue import play
from bot.core.errors import NothingFound, StaleChoice
from bot.core.hearing import Heard
from bot.core.masking import mask
from bot.core.message import Choice, Event, InboundMessage, Reply
from bot.core.options import pick
from bot.core.privacy import my_data, own_notice
from bot.core.state import QUESTION_MAX, OpenFlow, State
from bot.core.voice import Voice
from intents.catalogue import flows
from intents.recogniser import Outcome, Recogniser, Recognition
from intents.script import Cite, Say
from knowledge.clause import Clause, LawArticle
from storage.stores.people import Known
from storage.work import Work

CODE = re.compile("[0-9A-Z]{4}-[0-9A-Z]{4}")
"""What a receipt's code looks like; anything else that is typed there may be a number of the person's."""
REASONS = ("wrong_clause", "unclear", "incomplete", "other")
"""Why an answer did not help."""
IN_PASSING = ("greeting", "help", "smalltalk_abuse", "thanks")
"""Flows that only say a word: what is under way goes on after them."""


@dataclass(slots=True)
class Said:
    """What a turn says and how it is noted down. `answers` each need a receipt."""

    outcome: str
    replies: list[Reply] = field(default_factory=list)
    ids: tuple[str, ...] = ()
    intent: str | None = None
    score: float = 0.0
    answers: list[Answer] = field(default_factory=list)


class Turn:
    """Decides one turn. Reads and writes only through `work`; changes `state` in place."""

    def __init__(
        self,
        work: Work,
        known: Known,
        state: State,
        message: InboundMessage,
        heard: Heard,
        voice: Voice,
        recogniser: Recogniser,
        new_code: Callable[[], str],
    ) -> None:
        self.work, self.known, self.state, self.message, self.heard = work, known, state, message, heard
        self.voice, self._recogniser, self._new_code = voice, recogniser, new_code
        self.effects = Effects(work, known, message.sender, heard.text)

    def take(self) -> Said:
        """Joined or left, a button, a command, an answer to an open question, or something new. Raises Declined."""
        message = self.message
        if message.event is not None or (self.state.flow is not None and self.state.flow.name not in flows()):
            self.state.flow = None  # A chat that begins anew, or a flow that an update took away.
        if message.event is not None:
            return Said("event", [] if message.event is Event.LEFT else self._flow("greeting").replies)
        if message.choice is not None:
            return self._press(message.choice)
        if message.media is not None and not self.heard.text:
            return Said("event", [self._plain("media")])
        if not self.heard.text:
            return Said("not_covered", [self._plain("nothing_said")])
        if self.heard.command is not None:
            return self._command(self.heard.command)
        if offer := pick(self.heard.text, self.state.offers):
            return self._press(offer.value)
        if self.state.flow is not None:
            return self._aside(self.state.flow)
        return self._new(self.heard.recognition)

    def _plain(self, key: str, **values: str) -> Reply:
        return Reply(self.voice.shared(key, **values), language=self.voice.language)

    def _press(self, value: str) -> Said:
        """A button, or typed words that mean one. Showing a clause is always possible; a step of a flow only in its run."""
        kind, _, rest = value.partition(":")
        policy = self.voice.policy
        if kind in ("clause", "ask", "whole") and rest in policy.clauses:
            return self._show(policy.clauses[rest], whole=kind == "whole")
        match kind:
            case "law" if rest in policy.law:
                return Said("choice", [law_reply(policy.law[rest], self.voice)], (rest,))
            case "ask" if rest == "none":
                return Said("choice", [self._stuck()])
            case "menu":
                return Said("choice", [menu(self.voice, rest)])
            case "start" if rest in flows():
                return self._flow(rest)
            case "flow":
                return self._step(rest)
            case "rate" | "reason":
                return self._rate(kind, rest)
            case "language":
                return self._command(Command("language", rest))
        raise StaleChoice

    def _show(self, clause: Clause, *, whole: bool = False) -> Said:
        code = self._new_code()
        self.state.topic, self.state.failed = [clause.id], 0
        reply = clause_reply(clause, self.voice, code, whole=whole)
        return Said("choice", [reply], (clause.id,), answers=[Answer(Outcome.ANSWERED, (reply,), (clause.id,), code)])

    def _stuck(self) -> Reply:
        """Two stages: say it differently, then a person."""
        key = "rephrase" if self.state.failed < 2 else "person_offer"
        choices = (
            Choice(self.voice.shared("a_person"), "start:request_human"),
            Choice(self.voice.shared("browse"), "menu"),
        )
        return Reply(self.voice.shared(key), choices, language=self.voice.language)

    def _command(self, command: Command) -> Said:
        match command.name:
            case "start":
                self.state.flow = None
                if command.argument.startswith("clause_") and (
                    clause := self.voice.policy.clauses.get(command.argument[7:])
                ):
                    return self._show(clause)
                return self._flow("greeting")
            case "help":
                return self._flow("help")
            case "human":
                return self._flow("request_human")
            case "policy":
                wanted, clauses = command.argument.lower(), self.voice.policy.clauses
                if clause := clauses.get(wanted) or clauses.get(
                    f"privacy.{wanted}"
                ):  # An answer says "Privacy Policy 7.4".
                    return self._show(clause, whole=True)
                return Said("command", [menu(self.voice, wanted)])
            case "privacy":
                return Said("command", [own_notice(self.voice)])
            case "mydata":
                return Said("command", [my_data(self.work, self.known, self.voice)])
            case "forget":
                return self._flow("forget_me")
            case "receipt":
                return self._receipt(command.argument)
            case "language":
                return self._language(command.argument)
            case "cancel":
                was_open, self.state.flow = self.state.flow is not None, None
                return Said("command", [self._plain("cancelled" if was_open else "nothing_to_cancel")])
        return Said("command", [self._plain("unknown_command")])

    def _language(self, wanted: str) -> Said:
        wanted = {"zh-hans": "zh", "zh-cn": "zh", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant", "zh-hant": "zh-Hant"}.get(
            wanted.lower(), wanted.lower()
        )
        if wanted not in self.voice.wording.languages:
            return self._flow("change_language")
        self.effects("set_language", {"language": wanted})
        self._speak(wanted)
        return Said("command", [Reply(self.voice.flow("change_language", "changed"), language=wanted)])

    def _speak(self, language: str) -> None:
        self.voice = Voice(self.voice.wording, self.voice.policy, language)

    def _receipt(self, code: str) -> Said:
        """What an answer rested on; the question only to the one who asked it."""
        found = self.work.conversations.receipt(tidy_code(code)) if code else None
        if not code:
            return Said("command", [self._plain("receipt_which")])
        if found is None:
            raise NothingFound(name=tidy_code(code) if CODE.fullmatch(tidy_code(code)) else mask(code))
        voice = self.voice
        labels = [voice.citation(thing).label for thing in voice.things(found.clauses)]
        year, month, day = map(int, found.version.split("-"))
        version = voice.date(type(voice.policy.date)(year, month, day))
        cited = (", " if voice.language == "en" else "、").join(labels or found.clauses)
        at = f"{found.at:%Y-%m-%d %H:%M} UTC"
        lines = [
            voice.shared(
                "receipt", code=found.code, at=at, clauses=cited, version=version, checksum=found.checksum[:12]
            )
        ]
        if found.person_id == self.known.id and found.turn_id is not None:
            for turn in self.work.conversations.turns(self.known, limit=1, before=found.turn_id + 1):
                if turn.text and turn.outcome != "choice":
                    lines.append(voice.shared("receipt_question", question=turn.text))
        choices = tuple(voice.choice(thing) for thing in voice.things(found.clauses)[:3])
        return Said("command", [Reply("\n".join(lines), choices, language=voice.language)], tuple(found.clauses))

    def _rate(self, kind: str, rest: str) -> Said:
        how, _, code = rest.partition(":")
        if kind == "reason":
            code, _, how = rest.partition(":")
        found = self.work.conversations.receipt(tidy_code(code))
        if found is None or found.person_id != self.known.id or found.turn_id is None:
            raise StaleChoice
        if kind == "rate" and how not in ("up", "down"):
            raise StaleChoice
        if kind == "reason":
            if how not in REASONS:
                raise StaleChoice
            self.work.conversations.rate(self.known.id, found.turn_id, -1, how)
            return Said("choice", [self._plain("rated_reason")])
        self.work.conversations.rate(self.known.id, found.turn_id, 1 if how == "up" else -1, None)
        if how == "up":
            return Said("choice", [self._plain("rated_up")])
        choices = [Choice(self.voice.shared(f"reason_{reason}"), f"reason:{found.code}:{reason}") for reason in REASONS]
        choices.append(Choice(self.voice.shared("a_person"), "start:request_human"))
        return Said("choice", [Reply(self.voice.shared("rated_down"), tuple(choices), language=self.voice.language)])

    def _flow(self, name: str) -> Said:
        under_way = self.state.flow
        self.state.flow = OpenFlow(name, self._new_code().replace("-", "").lower())
        said = self._play(self.state.flow, None)
        if under_way is not None and name in IN_PASSING:
            self.state.flow = under_way
            said.replies += self._play(under_way, None).replies[-1:]
        return said

    def _step(self, rest: str) -> Said:
        run, _, tail = rest.partition(":")
        step, _, option = tail.rpartition(":")
        flow = self.state.flow
        if flow is None or flow.run != run:
            raise StaleChoice
        waiting = play(flows()[flow.name], flow, self.effects).waiting
        if waiting is None or waiting.step != step or option not in waiting.options:
            raise StaleChoice
        return self._play(flow, option)

    def _play(self, flow: OpenFlow, answered: str | None) -> Said:
        """Plays the flow on and words what it says; a flow that ended is closed."""
        played = play(flows()[flow.name], flow, self.effects, answered)
        if self.effects.language:
            self._speak(self.effects.language)
        replies = [self._plain("flow_changed")] if played.restarted else []
        ids: list[str] = []
        for step in played.said:
            if isinstance(step, Say):
                replies.append(Reply(self.voice.flow(flow.name, step.key, **step.values), language=self.voice.language))
            elif isinstance(step, Cite):
                replies += self._cite(step)
                ids += step.ids
        if played.waiting:
            options = [
                Choice(
                    self.voice.option(flow.name, played.waiting.step, o), f"flow:{flow.run}:{played.waiting.step}:{o}"
                )
                for o in played.waiting.options
            ]
            replies.append(
                Reply(
                    self.voice.option(flow.name, played.waiting.step, "ask"),
                    tuple(options),
                    language=self.voice.language,
                )
            )
        else:
            self.state.flow = None
        if ids:
            self.state.topic = [i for i in ids if i in self.voice.policy.clauses][:3]
        self.state.failed = 0
        return Said("flow", replies, tuple(dict.fromkeys(ids)), flow.name)

    def _cite(self, step: Cite) -> list[Reply]:
        """Clauses of one step in one message, a law in a message of its own."""
        things = self.voice.things(step.ids)
        clauses = [thing for thing in things if isinstance(thing, Clause)]
        replies = [law_reply(thing, self.voice, beside=False) for thing in things if isinstance(thing, LawArticle)]
        if clauses:
            text = "\n\n".join(
                self.voice.plain(c) + (f"\n{self.voice.official(c)}" if c.official else "") for c in clauses
            )
            replies.insert(
                0, Reply(text, (), tuple(self.voice.citation(c) for c in clauses), language=self.voice.language)
            )
        return replies

    def _aside(self, flow: OpenFlow) -> Said:
        """Words typed while a flow waits: a question is answered and the flow asks again; another wish takes over."""
        recognition = self.heard.recognition
        if (
            recognition
            and recognition.outcome is Outcome.INTENT
            and recognition.intent in flows()
            and recognition.intent != flow.name
        ):
            return self._new(recognition)
        if recognition and recognition.outcome is Outcome.ANSWERED:
            aside = self._new(recognition)
            again = self._play(flow, None)
            return Said(aside.outcome, aside.replies + again.replies[-1:], aside.ids, None, aside.score, aside.answers)
        again = self._play(flow, None)
        return Said("flow", [self._plain("please_pick"), *again.replies[-1:]], intent=flow.name)

    def _new(self, recognition: Recognition | None) -> Said:
        """Something said out of the blue: a wish starts its flow, a question is answered."""
        if recognition is None:
            return Said("not_covered", [self._plain("nothing_said")])
        if recognition.outcome is Outcome.INTENT and recognition.intent in flows():
            said = self._flow(recognition.intent)
            return Said("intent", said.replies, said.ids, recognition.intent, recognition.score)
        parts = self.heard.parts or (self._in_context(recognition),)
        answers = [answer(part, self.voice, self._new_code(), self.state.failed) for part in parts]
        first = parts[0]
        if first.outcome is Outcome.INTENT and first.intent in flows():
            return self._flow(first.intent)
        helped = answers[0].outcome is Outcome.ANSWERED
        self.state.failed = 0 if helped else self.state.failed + 1
        if helped:
            self.state.topic = [i for a in answers for i in a.ids][:3]
        self.state.question = self.heard.text[:QUESTION_MAX]
        replies = [reply for a in answers for reply in a.replies]
        if self.heard.cut:
            replies.insert(0, self._plain("cut"))
        ids = tuple(dict.fromkeys(i for a in answers for i in a.ids))
        return Said(answers[0].outcome.value, replies, ids, None, first.score, [a for a in answers if a.receipt])

    def _in_context(self, recognition: Recognition) -> Recognition:
        """A follow-up ("and how long?", "can I change it?") read together with the question before it, unless it is clear on its own."""
        if not self.heard.follows_up or not self.state.question:
            return recognition
        if recognition.outcome is Outcome.ANSWERED and self.heard.stands_alone:
            return recognition
        together = self._recogniser.recognise(
            f"{self.state.question} {self.heard.text}", language="zh" if self.voice.language.startswith("zh") else "en"
        )
        return (
            together
            if together.outcome is Outcome.ANSWERED or recognition.outcome is not Outcome.ANSWERED
            else recognition
        )


def tidy_code(code: str) -> str:
    """A receipt code as it is kept: upper case, no blanks, look-alikes read as Crockford's base 32 reads them."""
    return code.strip().upper().replace("O", "0").replace("I", "1").replace("L", "1")
