"""The only entrance to the core: `take(message)` does one turn in one transaction.

In it: the key that keeps a repeated message from counting twice, where the conversation stands, the turn, its receipts,
its audit entry, and every reply as a delivery. Only after the commit may a channel acknowledge the message. What can be
found out without the database (language, command, recognition) is found out before the transaction begins.
"""

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from bot.core.clock import Clock
from bot.core.errors import Declined
from bot.core.hearing import Heard, listen
from bot.core.message import Event, InboundMessage, Reply
from bot.core.receipts import new_code
from bot.core.state import State
from bot.core.turn import Said, Turn
from bot.core.voice import Voice
from intents.recogniser import Recogniser
from intents.wording import TRADITIONAL, Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.errors import AlreadySeen, Conflict
from storage.stores.people import Known
from storage.work import Work

CLAIM_FOR = timedelta(seconds=60)
"""How long the request that took a message may send its replies itself; longer than any call (10 s) takes."""
TRIES = 4
"""Times a turn is tried when another turn of the same person came between."""
PER_MINUTE, BURST = 20, 20
"""Messages one chat may send: promises.md H32. Beyond it the bot says once that it needs a moment."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a message. `deliveries` are the ids of `replies` in the outbox, claimed under `claim` for the
    caller to send; empty when nothing is kept of them (a person who was just erased). `repeated`: it took effect before."""

    replies: tuple[Reply, ...]
    deliveries: tuple[int, ...] = ()
    claim: str = ""
    repeated: bool = False


class Assistant:
    """Answers for one company's policy. Safe to call from several threads."""

    def __init__(
        self,
        database: Database,
        policy: PolicyVersion,
        recogniser: Recogniser,
        wording: Wording,
        clock: Clock,
        *,
        codes: Callable[[], str] = new_code,
    ) -> None:
        self._database, self._policy, self._recogniser, self._wording = database, policy, recogniser, wording
        self._clock, self._codes = clock, codes
        self._voices: Mapping[str, Voice] = {name: Voice(wording, policy, name) for name in wording.languages}

    def take(self, message: InboundMessage) -> Taken:
        """One turn. Raises StorageError when not even a quarantine was possible: the channel must not acknowledge then."""
        heard = Heard("", None)
        try:
            heard = listen(message, self._recogniser)
            for attempt in range(TRIES):
                try:
                    return self._turn(message, heard)
                except (Conflict, AlreadySeen):
                    if attempt == TRIES - 1:
                        raise
            raise AssertionError("unreachable")
        except Exception as failure:
            return self._apologise(message, heard, failure)

    def _turn(self, message: InboundMessage, heard: Heard) -> Taken:
        now, claim = self._clock(), uuid4().hex
        with self._database.work() as work:
            if mark := work.conversations.turn_of(message.key):
                return self._again(work, message, mark.turn_id)
            known = work.people.meet(message.sender.channel, message.sender.user, now, self._first_language(message, heard))
            kept = work.conversations.state(known)
            state = State.from_bytes(kept.state)
            voice = self._voices.get(self._language(known, heard), self._voices["en"])
            turn = Turn(work, known, state, message, heard, voice, self._recogniser, self._codes)
            said = self._paced(work, known, state, turn, now) or self._said(turn)
            if turn.effects.erased:
                work.conversations.mark_seen(message.key, now, None)
                work.trail.add(now, f"person:{known.id}", "erased", f"person:{known.id}")
                return Taken(tuple(said.replies))
            state.offers = [choice for reply in said.replies for choice in reply.choices] or state.offers
            turn_id = self._note(work, known, heard, said, turn.voice.language, now)
            work.conversations.mark_seen(message.key, now, turn_id)
            work.conversations.save_state(known, state.to_bytes(), kept.version, now)
            chosen = True if turn.effects.language else None
            reachable = message.event is not Event.LEFT
            work.people.touch(known.id, now, language=turn.voice.language, language_chosen=chosen, reachable=reachable)
            bodies = [json.dumps(reply.as_data(), ensure_ascii=False).encode("utf-8", "surrogatepass") for reply in said.replies]
            ids = work.deliveries.add(known, f"turn:{turn_id}", bodies, now, claim, now + CLAIM_FOR)
        return Taken(tuple(said.replies), tuple(ids), claim)

    def _said(self, turn: Turn) -> Said:
        try:
            return turn.take()
        except Declined as declined:
            reply = Reply(turn.voice.shared(declined.wording, **declined.values), language=turn.voice.language)
            return Said("choice" if turn.message.choice else "command", [reply])

    def _paced(self, work: Work, known: Known, state: State, turn: Turn, now: datetime) -> Said | None:
        """Holds back a chat that floods: says so once, then keeps silent until it slows down."""
        if work.pace.take(f"chat:{known.id}", PER_MINUTE / 60, BURST, now, ahead=0.0) <= 0.0:
            state.flooded = False
            return None
        first, state.flooded = not state.flooded, True
        return Said("apology", [Reply(turn.voice.shared("too_fast"), language=turn.voice.language)] if first else [])

    def _note(self, work: Work, known: Known, heard: Heard, said: Said, language: str, now: datetime) -> int:
        policy = f"{self._policy.company}/{self._policy.date}"
        turn_id = work.conversations.add_turn(known, now, heard.text, said.outcome, said.intent, said.ids, said.score, policy, language)
        for answer in said.answers:
            work.conversations.add_receipt(
                answer.receipt, now, self._policy.company, str(self._policy.date), self._policy.checksum, answer.ids, language, turn_id
            )
        work.trail.add(now, f"person:{known.id}", said.outcome, f"turn:{turn_id}", " ".join(said.ids))
        return turn_id

    def _again(self, work: Work, message: InboundMessage, turn_id: int | None) -> Taken:
        """The replies that a message had when it took effect; nobody sends them a second time unasked."""
        known = work.people.at(message.sender.channel, message.sender.user)
        if known is None or turn_id is None:
            return Taken((), repeated=True)
        bodies = work.deliveries.of_cause(known, f"turn:{turn_id}")
        return Taken(tuple(Reply.from_data(json.loads(body)) for body in bodies), repeated=True)

    def _apologise(self, message: InboundMessage, heard: Heard, failure: Exception) -> Taken:
        """Keeps the message in quarantine and owns up to the person. Raises when the store can't even do that."""
        last = traceback.extract_tb(failure.__traceback__)[-1]
        where = f"{type(failure).__name__} at {last.name}:{last.lineno}"
        log.error("turn failed", error=where, channel=message.sender.channel)
        now, claim = self._clock(), uuid4().hex
        with self._database.work() as work:
            if mark := work.conversations.turn_of(message.key):
                return self._again(work, message, mark.turn_id)
            work.quarantine.put(message.key, message.sender.channel, message.text.encode("utf-8", "surrogatepass"), where, now)
            known = work.people.meet(message.sender.channel, message.sender.user, now, self._first_language(message, heard))
            voice = self._voices.get(self._language(known, heard), self._voices["en"])
            said = Said("apology", [Reply(voice.shared("went_wrong"), language=voice.language)])
            turn_id = self._note(work, known, Heard("", None), said, voice.language, now)
            work.conversations.mark_seen(message.key, now, turn_id)
            bodies = [json.dumps(reply.as_data(), ensure_ascii=False).encode() for reply in said.replies]
            ids = work.deliveries.add(known, f"turn:{turn_id}", bodies, now, claim, now + CLAIM_FOR)
        return Taken(tuple(said.replies), tuple(ids), claim)

    def _first_language(self, message: InboundMessage, heard: Heard) -> str:
        """The language to begin in: what was written, else what the platform says, else English."""
        if heard.language:
            return heard.language
        hint = (message.language_hint or "").lower()
        if hint.startswith("zh"):
            return TRADITIONAL if any(place in hint for place in ("tw", "hk", "mo", "hant")) else "zh"
        return "en"

    def _language(self, known: Known, heard: Heard) -> str:
        """The language chosen, else the one written in now, else the last one. Traditional stays until Simplified is written at length."""
        if known.language_chosen or heard.language is None:
            return known.language
        if known.language == TRADITIONAL and heard.language == "zh" and len(heard.text) < 8:
            return TRADITIONAL
        return heard.language
