"""The only entrance to the core: `take(message)` does one turn in one transaction.

In it: the key that keeps a repeated message from counting twice, where the conversation stands, the turn, its receipts,
its audit entry, and every reply as a delivery. Only after the commit may a channel acknowledge the message. What can be
found out without the database (language, command, recognition) is found out before the transaction begins.
"""

import json
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from bot.core.clock import Clock
from bot.core.codes import Codes
from bot.core.errors import Declined, Unwanted
from bot.core.hearing import TEXT_MAX, Heard, language_of, listen
from bot.core.masking import mask
from bot.core.message import Event, InboundMessage, Reply
from bot.core.receipts import new_code
from bot.core.requests import Requests
from bot.core.scene import Said, Scene
from bot.core.state import State
from bot.core.turn import take
from bot.core.voice import Voice
from intents.recogniser import Recogniser
from intents.wording import TRADITIONAL, Wording
from knowledge.clause import PolicyVersion
from storage.engine import Database
from storage.errors import AlreadySeen, Busy, Conflict
from storage.stores.people import Known
from storage.work import Work

ALWAYS = frozenset({"forget", "mydata", "privacy", "cancel"})
"""Commands that no flood limit holds back: a person's rights over this chat."""
CLAIM_FOR = timedelta(seconds=60)
"""How long the request that took a message may send its replies itself; longer than any call (10 s) takes."""
TRIES = 4
"""Times a turn is tried when another turn of the same person came between."""
SEEN_EVERY = timedelta(hours=1)
"""How exactly it is kept when a person was last heard of; retention counts in days."""
PER_MINUTE, BURST = 20, 20
"""Messages one chat may send: promises.md H32. Beyond it the bot says once that it needs a moment."""

Along = Callable[[Work, datetime], None]
"""What a channel writes in the transaction of a message's turn."""

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
        unpaced: frozenset[str] = frozenset(),
        requests: Requests | None = None,
    ) -> None:
        """`unpaced`: channels whose people may write as fast as they like (a script in a terminal)."""
        self._requests = requests or Requests(Codes.of(database.keyring))
        self._database, self._policy, self._recogniser, self._wording = database, policy, recogniser, wording
        self._clock, self._codes, self._unpaced = clock, codes, unpaced
        self._voices: Mapping[str, Voice] = {name: Voice(wording, policy, name) for name in wording.languages}

    def take(self, message: InboundMessage, along: Along | None = None) -> Taken:
        """One turn. Raises StorageError when not even a quarantine was possible: the channel must not acknowledge then.

        `along` writes in the same transaction what the channel keeps of the message, also of a repeated one. It may
        raise Unwanted, which goes through: nothing is kept then.
        """
        heard = Heard("", language_of(message.text[:TEXT_MAX]))
        try:
            heard = listen(message, self._recogniser)
            for attempt in range(TRIES):
                try:
                    return self._turn(message, heard, along)
                except AlreadySeen:
                    if along is not None:
                        with self._database.work() as work:
                            along(work, self._clock())
                    return self._again(message)
                except Conflict:
                    if attempt == TRIES - 1:
                        raise
            raise AssertionError("unreachable")
        except (Busy, Unwanted):
            raise  # Busy passes: the channel doesn't acknowledge, the message comes again and gets its real answer.
        except Exception as failure:
            return self._apologise(message, heard, failure)

    @property
    def shares_commits(self) -> bool:
        """Whether turns taken together cost one commit."""
        return self._database.shares_commits

    def together(self) -> AbstractContextManager[None]:
        """The turns that this thread takes in the block are committed when it ends. Raises Busy: then none of them was."""
        return self._database.together()

    def _turn(self, message: InboundMessage, heard: Heard, along: Along | None) -> Taken:
        now = self._clock()
        with self._database.work() as work:
            if along is not None:
                along(work, now)
            known = work.people.meet(
                message.sender.channel, message.sender.user, now, self._first_language(message, heard)
            )
            kept = work.conversations.state(known)
            state = State.from_bytes(kept.state)
            voice = self._voices.get(self._language(known, heard), self._voices["en"])
            scene = Scene(work, known, state, message, heard, voice, self._recogniser, self._codes, self._requests, now)
            said = self._paced(scene, now) or _said(scene)
            for effect in scene.changes.made:
                work.trail.add(now, f"person:{known.id}", effect, f"person:{known.id}")
            if scene.changes.erased:
                work.conversations.mark_seen(message.key, now, None)
                return Taken(tuple(said.replies))
            state.offer(next((reply.choices for reply in reversed(said.replies) if reply.choices), ()))
            taken = self._keep(work, known, message, heard, said, scene.voice.language, now)
            work.conversations.save_state(known, state.to_bytes(), kept.version, now)
            reachable = message.event is not Event.LEFT
            if (
                scene.voice.language != known.language
                or scene.changes.language
                or reachable != known.reachable
                or now - known.last_seen > SEEN_EVERY
            ):
                chosen = True if scene.changes.language else None
                work.people.touch(
                    known.id, now, language=scene.voice.language, language_chosen=chosen, reachable=reachable
                )
        return taken

    def _paced(self, scene: Scene, now: datetime) -> Said | None:
        """Holds back a chat that floods: says so once, then keeps silent until it slows down (GCRA, ITU-T I.371)."""
        command, state = scene.heard.command, scene.state
        if scene.known.channel in self._unpaced or (command and command.name in ALWAYS):
            return None
        moment, slot = now.timestamp(), 60 / PER_MINUTE
        rested = max(state.rested, moment)
        if rested - moment <= (BURST - 1) * slot:
            state.rested, state.flooded = rested + slot, False
            return None
        first, state.flooded = not state.flooded, True
        return Said("apology", [Reply(scene.voice.shared("too_fast"), language=scene.voice.language)] if first else [])

    def _keep(
        self, work: Work, known: Known, message: InboundMessage, heard: Heard, said: Said, language: str, now: datetime
    ) -> Taken:
        """Writes down the turn, what its answers rest on, that the message took effect, and the replies to be sent."""
        policy = self._policy
        turn_id = work.conversations.add_turn(
            known,
            now,
            "" if said.is_private else heard.text,
            said.outcome,
            said.intent,
            said.ids,
            said.score,
            f"{policy.company}/{policy.date}",
            language,
        )
        for answer in said.answers:
            work.conversations.add_receipt(
                answer.receipt, now, policy.company, str(policy.date), policy.checksum, answer.ids, language, turn_id
            )
        work.conversations.mark_seen(message.key, now, turn_id)
        claim = uuid4().hex
        bodies = [
            json.dumps(reply.as_data(), ensure_ascii=False).encode("utf-8", "surrogatepass") for reply in said.replies
        ]
        ids = work.deliveries.add(known, f"turn:{turn_id}", bodies, now, claim, now + CLAIM_FOR)
        return Taken(tuple(said.replies), tuple(ids), claim)

    def _again(self, message: InboundMessage) -> Taken:
        """The replies that a message had when it took effect; nobody sends them a second time unasked."""
        with self._database.read() as work:
            mark = work.conversations.turn_of(message.key)
            known = work.people.at(message.sender.channel, message.sender.user)
            if mark is None or mark.turn_id is None or known is None:
                return Taken((), repeated=True)
            bodies = work.deliveries.of_cause(known, f"turn:{mark.turn_id}")
        return Taken(tuple(Reply.from_data(json.loads(body)) for body in bodies), repeated=True)

    def _apologise(self, message: InboundMessage, heard: Heard, failure: Exception) -> Taken:
        """Keeps the message in quarantine and owns up to the person. Raises when the store can't even do that."""
        last = traceback.extract_tb(failure.__traceback__)[-1]
        where = f"{type(failure).__name__} at {last.name}:{last.lineno}"
        log.error("turn failed", channel=message.sender.channel, exc_info=failure)
        now = self._clock()
        try:
            with self._database.work() as work:
                known = work.people.meet(
                    message.sender.channel, message.sender.user, now, self._first_language(message, heard)
                )
                voice = self._voices.get(self._language(known, heard), self._voices["en"])
                said = Said("apology", [Reply(voice.shared("went_wrong"), language=voice.language)])
                taken = self._keep(work, known, message, Heard("", None), said, voice.language, now)
                body = mask(message.text).encode("utf-8", "surrogatepass")
                work.quarantine.put(message.key, message.sender.channel, body, where, now, message.sender.user)
        except AlreadySeen:
            return self._again(message)
        return taken

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


def _said(scene: Scene) -> Said:
    try:
        return take(scene)
    except Declined as declined:
        reply = scene.plain(declined.wording, **declined.values)
        return Said("choice" if scene.message.choice else "command", [reply])
