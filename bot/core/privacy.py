"""The bot's own privacy: what it holds on a person, shown on demand, all of it.

/mydata says what there is, table by table, with numbers and limits, and the latest messages. From there a button leads
through everything that was said, message by message, with the replies word for word.
"""

import json
from datetime import datetime, timedelta

from bot.core import retention
from bot.core.errors import StaleChoice
from bot.core.message import Choice, Reply
from bot.core.state import State
from bot.core.voice import Voice
from storage.stores.conversations import Spoken
from storage.stores.holdings import Count, Holdings, Told
from storage.stores.people import Known
from storage.work import Work

LATEST = 5
"""Messages that the overview shows."""
PAGE = 5
"""Messages on a page of everything; with their replies about 3,000 characters."""
KIND = "mydata"
"""Of the buttons: "mydata:" is the overview, "mydata:17" the page of what came before the turn 17."""
FROM_THE_NEWEST = 2**31 - 1
"""Larger than any turn's id; the largest number of a column on PostgreSQL."""


def my_data(work: Work, known: Known, voice: Voice) -> Reply:
    """Everything the bot holds on the person: of each kind how much, how, until when; and the latest messages."""
    held = Holdings(work.connection, known)
    counts = held.counts()
    has_talk = any(counts[name].rows for name in ("turn", "delivery", "conversation", "quarantine"))
    lines = [voice.shared("mydata_head" if has_talk else "mydata_nothing"), _person(known, voice)]
    for name, count in counts.items():
        if count.rows and name not in ("person", "person_key"):
            lines.append(_kind(name, count, held, _state(work, known, voice) if name == "conversation" else "", voice))
    lines.append(voice.shared("mydata_end"))
    choices = [Choice(voice.shared("forget_button"), "start:forget_me")]
    turns = work.conversations.turns(known, limit=LATEST)
    if turns:
        codes = held.receipts([turn.id for turn in turns])
        lines.append(voice.shared("mydata_turns"))
        lines += [_line(turn, codes.get(turn.id, []), voice) for turn in turns]
    if counts["turn"].rows or counts["delivery"].rows:
        newest = turns[0].id + 1 if turns else FROM_THE_NEWEST
        choices.insert(0, Choice(voice.shared("mydata_everything"), f"{KIND}:{newest}"))
    return Reply("\n".join(lines), tuple(choices), language=voice.language)


def more_of_my_data(work: Work, known: Known, voice: Voice, before: str) -> Reply:
    """What was said before the turn `before` (its id in digits), newest first, with every reply; "" is the overview.

    Raises StaleChoice for what no button says.
    """
    if not before:
        return my_data(work, known, voice)
    if not (before.isascii() and before.isdigit() and len(before) <= 10) or int(before) > FROM_THE_NEWEST:
        raise StaleChoice
    held = Holdings(work.connection, known)
    turns = work.conversations.turns(known, limit=PAGE + 1, before=int(before))
    shown, has_more = turns[:PAGE], len(turns) > PAGE
    codes = held.receipts([turn.id for turn in shown])
    replies: dict[str, list[Told]] = {}
    for told in held.replies([turn.id for turn in shown]):
        replies.setdefault(told.cause, []).append(told)
    entries = [
        (turn.at, [_line(turn, codes.get(turn.id, []), voice), *_quoted(replies.get(f"turn:{turn.id}", []), voice)])
        for turn in shown
    ]
    unasked = held.unasked(shown[-1].at if has_more else None, held.time_of(int(before)))
    entries += [
        (told.at, [voice.shared("mydata_unasked", at=_at(told.at)), *_quoted([told], voice)]) for told in unasked
    ]
    entries.sort(key=lambda entry: entry[0], reverse=True)
    lines = [voice.shared("mydata_page" if entries else "mydata_page_empty")]
    lines += [line for _, entry in entries for line in entry]
    if not has_more and entries:
        lines.append(voice.shared("mydata_page_last"))
    choices = [Choice(voice.shared("mydata_more"), f"{KIND}:{shown[-1].id}")] if has_more else []
    choices.append(Choice(voice.shared("mydata_overview"), f"{KIND}:"))
    choices.append(Choice(voice.shared("forget_button"), "start:forget_me"))
    return Reply("\n".join(lines), tuple(choices), language=voice.language)


def own_notice(voice: Voice) -> Reply:
    """What this bot keeps and for how long."""
    return Reply(
        voice.shared("own_privacy"),
        (Choice(voice.shared("forget_button"), "start:forget_me"),),
        language=voice.language,
    )


def _person(known: Known, voice: Voice) -> str:
    return voice.shared(
        "mydata_person",
        channel=known.channel,
        since=voice.date(known.first_seen.date()),
        last=voice.date(known.last_seen.date()),
        language=voice.wording.languages.get(known.language, known.language),
        how=voice.shared("mydata_language_chosen" if known.language_chosen else "mydata_language_followed"),
        reach=voice.shared("mydata_reachable" if known.reachable else "mydata_unreachable"),
        days=str(retention.TALK.days),
    )


def _kind(name: str, count: Count, held: Holdings, state: str, voice: Voice) -> str:
    """The line of one table."""
    by_state = held.deliveries_by_state() if name == "delivery" else {}
    return voice.shared(
        f"mydata_{name}",
        count=str(count.rows),
        days=str((retention.QUARANTINED if name == "quarantine" else retention.TALK).days),
        hours=str(retention.MESSAGE_KEYS // timedelta(hours=1)),
        years=str(retention.RECEIPTS.days // 365),
        oldest_until=_until(count.oldest, retention.RECEIPTS if name == "receipt" else retention.TALK, voice),
        newest_until=_until(count.newest, retention.QUARANTINED, voice),
        rated=str(held.rated()) if name == "turn" else "",
        open=str(by_state.get("queued", 0) + by_state.get("claimed", 0)),
        lost=str(by_state.get("unreachable", 0) + by_state.get("failed", 0)),
        state=state,
    )


def _state(work: Work, known: Known, voice: Voice) -> str:
    """What is kept of where the talk stands, in words."""
    state = State.from_bytes(work.conversations.state(known).state)
    parts = [voice.shared("mydata_state_flow")] if state.flow else []
    if topics := [voice.citation(thing).label for thing in voice.things(state.topic)]:
        parts.append(voice.shared("mydata_state_topic", topic=_joined(topics, voice)))
    if state.question:
        parts.append(voice.shared("mydata_state_question", question=state.question))
    return _joined([*parts, voice.shared("mydata_state_rest")], voice)


def _line(turn: Spoken, codes: list[str], voice: Voice) -> str:
    """One message as it is kept, and what came of it."""
    what = [voice.shared(f"mydata_outcome_{turn.outcome}")]
    what += [voice.citation(thing).label for thing in voice.things(turn.clauses)]
    what += [voice.shared("mydata_code", code=code) for code in codes]
    if turn.rating:
        what.append(voice.shared("mydata_rated_up" if turn.rating > 0 else "mydata_rated_down"))
    if turn.rating_reason:
        what.append(voice.shared(f"reason_{turn.rating_reason}"))
    return f"{_at(turn.at)}  {turn.text or voice.shared('mydata_button')} → {_joined(what, voice)}"


def _quoted(replies: list[Told], voice: Voice) -> list[str]:
    """Replies word for word. A page like this one is only named, or pages would quote pages."""
    lines = []
    for told in replies:
        reply = Reply.from_data(json.loads(told.body))
        is_page = any(choice.value.startswith(f"{KIND}:") for choice in reply.choices)
        text = voice.shared("mydata_itself") if is_page else reply.text
        how = {"queued": "open", "claimed": "open", "unreachable": "lost", "failed": "lost"}.get(told.state)
        lines.append(voice.shared("mydata_me", text=text) + (f" {voice.shared(f'mydata_{how}')}" if how else ""))
    return lines


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _until(at: datetime | None, limit: timedelta, voice: Voice) -> str:
    return voice.date((at + limit).date()) if at else ""


def _joined(words: list[str], voice: Voice) -> str:
    return ("; " if voice.language == "en" else "；").join(words)
