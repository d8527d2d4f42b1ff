"""The bot's own privacy: what it holds on a person, shown on demand."""

from bot.core.message import Choice, Reply
from bot.core.voice import Voice
from storage.stores.people import Known
from storage.work import Work

SHOWN_AT_MOST = 20
"""Turns that /mydata shows; the count of all is always told."""


def my_data(work: Work, known: Known, voice: Voice) -> Reply:
    """Everything the bot holds on the person: settings, dates, and what they wrote, as it is kept (masked)."""
    turns = work.conversations.turns(known, limit=SHOWN_AT_MOST + 1)
    shown = turns[:SHOWN_AT_MOST]
    lines = [
        voice.shared(
            "mydata_head",
            channel=known.channel,
            since=voice.date(known.first_seen.date()),
            language=voice.wording.languages.get(known.language, known.language),
        )
    ]
    if shown:
        lines.append(voice.shared("mydata_turns"))
        lines += [f"{turn.at:%Y-%m-%d %H:%M} UTC  {turn.text or voice.shared('mydata_button')}" for turn in shown]
    if len(turns) > SHOWN_AT_MOST:
        lines.append(voice.shared("mydata_more", count=str(SHOWN_AT_MOST)))
    lines.append(voice.shared("mydata_end"))
    return Reply("\n".join(lines), (Choice(voice.shared("forget_button"), "start:forget_me"),), language=voice.language)


def own_notice(voice: Voice) -> Reply:
    """What this bot keeps and for how long."""
    return Reply(
        voice.shared("own_privacy"),
        (Choice(voice.shared("forget_button"), "start:forget_me"),),
        language=voice.language,
    )
