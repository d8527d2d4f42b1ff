"""One dialogue through every channel, recorded where each platform would see it, says the same everywhere.

DIALOGUE is played first to the inbox alone: what the assistant replies there is what every channel must bring across.
Then Telegram (webhook in, sendMessage out), WeChat (safe-mode push in, passive answer and customer-service message
out), the web page (HTTP) and `clausebot chat` (a pipe) play it with the application of `bot.app.build`. A transcript
holds words, what they rest on, whether there was a receipt, and what may be picked; how a channel decorates these, the
times, and the channel's own name are taken off.
"""

import asyncio
import difflib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest
from lxml import html
from pydantic import SecretStr

from bot.app import App, build
from bot.channels.memory import MemoryChannel
from bot.core.message import Address, Choice, InboundMessage, Reply
from bot.rehearsal.people import Person, person
from bot.rehearsal.serving import served
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.wechat import WeChatStandIn
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
TOKEN, SECRET = "990000000:REHEARSAL", "invented-webhook-secret"
DIALOGUE = {
    "en": (
        "Where is my data stored?",
        "and for how long?",
        "[What the law says: PIPL Article 47]",
        "How many employees do you have?",
        "Do you share my information with other companies?",
        "[Show the whole clause]",
        "delete my data",
        "[My own Kenpai account]",
        "[My information]",
        "How long do you keep my data? Can I block cookies?",
        "/mydata",
        "/forget",
        "[Yes, erase it]",
    ),
    "zh": (
        "我的信息存在哪里？",
        "那保存多久呢？",
        "[法律怎么规定：《个人信息保护法》第47条]",
        "你们有多少员工",
        "你们会把我的信息给别的公司吗？",
        "[查看完整条款]",
        "删除我的信息",
        "[我自己的垦派账号]",
        "[我的信息]",
        "你们会保存我的信息多久？可以关闭 cookie 吗？",
        "/mydata",
        "/forget",
        "[是，全部清除]",
    ),
}
"""What the person writes; in brackets the label of a choice that the person picks, as each channel has it picked."""
PEOPLE = {"en": person(14), "zh": person(15)}
PATIENCE = 60.0
"""Seconds in which a step must have come across."""
AFTER_A_DIFFERENCE = 2.0
"""Seconds that each later step gets once one has differed. Telegram has one message a second to a chat."""
_DATE = r"\d{1,2} [A-Z][a-z]+ \d{4}|\d{4}年\d{1,2}月\d{1,2}日"
_VERSION = re.compile(rf"(?:, version |，|, |（| \(version )(?P<date>{_DATE})(?:版）|版|\))?$")
_CHANNEL = re.compile(r"([(（])(?:memory|telegram|wechat|web|terminal)([)）])")
_OF_THE_CHANNEL = re.compile("[-•]? ?(?:How many messages WeChat|How fast messages|微信还允许|给您发消息的快慢)")
"""Lines of /mydata that say how one channel is kept."""
_WAITING = re.compile(r"(waiting to go out |等待发出 ?)[0-9]+")
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC  (?P<what>.*)")
_CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
_SENTENCE = re.compile(r"(?<=[.!?;:]) |(?<=[。！？；：]) ?")
_BESIDE_CHINESE = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) | (?=[\u3000-\u9fff\uff00-\uffef])")


# ---- what is compared


@dataclass(slots=True)
class Heard:
    """What came across of one reply, its parts in the order they came."""

    lines: list[str] = field(default_factory=list)
    """Words; a source as "— label"; "[receipt]"."""
    choices: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def cite(self, sources: Sequence[str]) -> None:
        """Each source once, as "label @ date of the version"."""
        for source in dict.fromkeys(sources):
            self.lines.append("— " + _VERSION.sub(r" @ \g<date>", source.strip()))

    def receipt(self, code: str) -> None:
        assert _CODE.fullmatch(code), f"no receipt: {code!r}"
        self.lines.append("[receipt]")


def transcript(replies: Sequence[Heard], said: Sequence[str]) -> list[str]:
    """The lines that must be the same everywhere. Words are cut at sentences, because a channel may cut them anywhere.

    Only the choices shown last count: where there are no buttons the others can't be picked.
    """
    lines: list[str] = []
    words: list[str] = []
    for line in [line for reply in replies for line in reply.lines] + ["[end]"]:
        if line.startswith(("— ", "[")):
            lines += _sentences(words, said)
            words = []
            lines.append(line)
        elif line.strip():
            words.append(line.strip())
    return [*lines[:-1], *(f"({label.strip()})" for label in _last_choices(replies))]


def _last_choices(replies: Sequence[Heard]) -> list[str]:
    return next((reply.choices for reply in reversed(replies) if reply.choices), [])


def _sentences(lines: Sequence[str], said: Sequence[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if _OF_THE_CHANNEL.match(line):
            continue
        if written := _WRITTEN.fullmatch(line):
            # What was picked is kept as the channel brought it: a number, a label, or nothing but the value.
            found.append("(time) " + (written["what"] if _plain(written["what"]) in said else "(picked)"))
        else:
            found.append(re.sub(r"^[-•] ", "", line))
    text = " ".join(_CHANNEL.sub(r"\1(channel)\2", line) for line in found)
    text = _WAITING.sub(r"\1(number)", text)
    text = _BESIDE_CHINESE.sub("", _CODE.sub("(code)", re.sub(r"\s+", " ", text)))
    return [sentence.strip() for sentence in _SENTENCE.split(text) if sentence.strip()]


def _plain(text: str) -> str:
    return text.translate(str.maketrans("？！，", "?!,"))


def heard_of(reply: Reply) -> Heard:
    """What must come across of a reply of the assistant's."""
    heard = Heard(reply.text.splitlines(), [choice.label for choice in reply.choices])
    heard.cite([f"{c.label}, version {c.version}" if c.version else c.label for c in reply.citations])
    if reply.receipt:
        heard.receipt(reply.receipt)
    return heard


# ---- the channels


class Phone(Protocol):
    """One person on one channel: does a step, and shows what has come across since."""

    async def do(self, step: str, shown: list[str]) -> None: ...

    def heard(self) -> Sequence[Heard]: ...


@dataclass
class TelegramPhone:
    """Reads the parameters of sendMessage at the stand-in; presses the button that stands on the message."""

    stand_in: TelegramStandIn
    who: Person
    before: int = 0

    def _sent(self) -> list[dict[str, Any]]:
        return [
            call
            for call in self.stand_in.control.journal.calls(name="sendMessage", person=str(self.who.telegram))
            if call["status"] == 200
        ]

    async def do(self, step: str, shown: list[str]) -> None:
        sent = self._sent()
        self.before = len(sent)
        if (label := _label(step)) is None:
            self.stand_in.hands.say(self.who, step)
            return
        for call in reversed(sent):
            for button in _buttons(call):
                if button["text"] == label:
                    self.stand_in.hands.press(self.who, call["answer"]["result"]["message_id"], button["callback_data"])
                    return
        raise AssertionError(f"no button {label!r}")

    def heard(self) -> list[Heard]:
        return [self._read(call) for call in self._sent()[self.before :]]

    def _read(self, call: dict[str, Any]) -> Heard:
        heard = Heard(choices=[button["text"] for button in _buttons(call)])
        for line in call["params"]["text"].splitlines():
            _foot_or_words(line, heard)
        return heard


def _buttons(call: dict[str, Any]) -> list[dict[str, str]]:
    markup = call["params"].get("reply_markup") or "{}"
    read = json.loads(markup) if isinstance(markup, str) else markup
    return [button for row in read.get("inline_keyboard", []) for button in row]


def _foot_or_words(line: str, heard: Heard) -> None:
    """A line of what Telegram or the terminal shows: "— source; source  [receipt]", or words."""
    if not line.startswith("— "):
        heard.say(line)
        return
    foot, _, code = line.removeprefix("— ").partition("  [")
    heard.cite(foot.split("; "))
    if code:
        heard.receipt(code.removesuffix("]"))


@dataclass
class WeChatPhone:
    """Reads what the stand-in decrypted out of passive answers and took by custom/send; picks by number."""

    stand_in: WeChatStandIn
    who: Person
    before: int = 0
    ways: set[str] = field(default_factory=set)

    def _shown(self) -> list[dict[str, Any]]:
        lines = self.stand_in.seen_by(self.who.number)["messages"]
        return [line for line in lines if line["from"] != "person"]

    async def do(self, step: str, shown: list[str]) -> None:
        self.before = len(self._shown())
        label = _label(step)
        push = self.stand_in.hands.say(self.who, step if label is None else str(shown.index(label) + 1))
        await push.done.wait()
        assert len(push.tries) == 1, f"pushed again: {push.tries}"

    def heard(self) -> list[Heard]:
        heard, heads = Heard(), ("Reply with a number:", "回复数字选择：")
        lines = self._shown()[self.before :]
        self.ways |= {line.get("via", line["from"]) for line in lines}
        for line in "\n".join(one["text"] for one in lines).splitlines():
            if found := re.fullmatch(r"(?:Based on: |依据：)(.*)", line):
                heard.cite(re.split("; |；", found[1]))
            elif found := re.fullmatch(r"(?:Receipt: |回执：)(.*)", line):
                heard.receipt(found[1])
            elif line in heads:
                heard.choices = []
            elif found := re.fullmatch(r"(\d+)\. (.*)", line):
                heard.choices.append(found[2])
                assert int(found[1]) == len(heard.choices)
            else:
                heard.say(line)
        return [heard]


@dataclass
class WebPhone:
    """Posts as the page's script does and reads the pieces of the page that come back; presses by the button's value."""

    session: aiohttp.ClientSession
    url: str
    language: str
    after: str = "0"
    bubbles: list[html.HtmlElement] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)

    async def do(self, step: str, shown: list[str]) -> None:
        label = _label(step)
        form = {"text": step} if label is None else {"choice": self.values[label]}
        headers = {"HX-Request": "true", "Accept-Language": self.language, "Origin": self.url}
        async with self.session.post(
            f"{self.url}/chat/messages", data=form | {"after": self.after}, headers=headers
        ) as answer:
            assert answer.status == 200
            piece = html.fragment_fromstring(await answer.text(), "div")
        self.after = next(iter(piece.xpath("./article[last()]/@data-id")), self.after)
        self.bubbles = piece.xpath("./article[contains(@class, 'theirs')]")
        self.values |= {_button_label(b): b.get("value") for b in piece.xpath(".//button[@name='choice']")}

    def heard(self) -> list[Heard]:
        return [self._read(bubble) for bubble in self.bubbles]

    def _read(self, bubble: html.HtmlElement) -> Heard:
        heard = Heard(choices=[_button_label(button) for button in bubble.xpath(".//button[@name='choice']")])
        for block in bubble.xpath(".//div[@class='words']//p | .//div[@class='words']//li"):
            for line in block.itertext():
                heard.say(line)
        heard.cite([self._source(link) for link in bubble.xpath(".//a[contains(@class, 'source')]")])
        for code in bubble.xpath(".//span[@class='receipt']/code/text()"):
            heard.receipt(code)
        return heard

    def _source(self, link: html.HtmlElement) -> str:
        label, small = link.xpath(".//b")[0].text_content(), link.xpath(".//small")[0].text_content().strip()
        version = re.search(_DATE, small)
        is_law = "law" in link.get("class").split()
        assert bool(version) is not is_law, f"{label}: {small!r}"
        return f"{label}, version {version[0]}" if version else label


def _button_label(button: html.HtmlElement) -> str:
    return str(button.get("aria-label") or button.text_content()).strip()


@dataclass
class TerminalPhone:
    """`clausebot chat` behind a pipe. Reads as many lines as the replies must have; picks by number."""

    process: asyncio.subprocess.Process
    expected: list[list[Reply]]
    lines: list[str] = field(default_factory=list)
    step: int = -1

    async def do(self, step: str, shown: list[str]) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.step += 1
        label = _label(step)
        self.process.stdin.write((step if label is None else str(shown.index(label) + 1)).encode() + b"\n")
        await self.process.stdin.drain()
        count = 1 + sum(
            len(reply.text.split("\n")) + bool(reply.citations) + len(reply.choices)
            for reply in self.expected[self.step]
        )
        self.lines = []
        for _ in range(count):
            async with asyncio.timeout(PATIENCE):
                self.lines.append((await self.process.stdout.readline()).decode().rstrip("\n"))

    def heard(self) -> list[Heard]:
        replies = [Heard()]
        for line in self.lines:
            if found := re.fullmatch(r"  (\d+)\. (.*)", line):
                replies[-1].choices.append(found[2])
                assert int(found[1]) == len(replies[-1].choices)
                continue
            if replies[-1].choices:
                replies.append(Heard())
            _foot_or_words(line, replies[-1])
        return replies


def _label(step: str) -> str | None:
    return step[1:-1] if step.startswith("[") else None


# ---- the stage


@dataclass
class Stage:
    """The real application with both stand-ins around it."""

    app: App
    url: str
    telegram: TelegramStandIn
    wechat: WeChatStandIn
    environment: dict[str, str]

    async def replies(self, steps: Sequence[str]) -> list[list[Reply]]:
        """What the assistant says to the dialogue, step by step."""
        found: list[list[Reply]] = []
        offered: dict[str, Choice] = {}
        for number, step in enumerate(steps):
            choice = offered[label].value if (label := _label(step)) is not None else None
            text = "" if choice else step
            sender = Address("memory", "reference")
            message = InboundMessage(sender, text, str(number), self.app.clock(), choice)
            found.append(list(await self.app.inbox.put(message)))
            offered |= {choice.label: choice for reply in found[-1] for choice in reply.choices}
        return found

    async def stop(self) -> None:
        """Ends the pumps, so that whatever is still to come has come."""
        await asyncio.gather(*(sender.stop() for sender in self.app.senders.values()))


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    telegram, wechat = TelegramStandIn(token=TOKEN, hurry=20), WeChatStandIn()
    account = wechat.account
    async with served(telegram.app) as telegram_url, served(wechat.app) as wechat_url:
        database, key_file, knowledge = f"sqlite:///{folder / 'clausebot.db'}", folder / "keys.toml", folder / "none"
        settings = Settings(
            database_url=database,
            key_file=key_file,
            knowledge_dir=knowledge,
            telegram_token=SecretStr(TOKEN),
            telegram_api_url=telegram_url,
            telegram_webhook_secret=SecretStr(SECRET),
            telegram_live_per_second=1000.0,
            wechat_app_id=account.app_id,
            wechat_app_secret=SecretStr(account.app_secret),
            wechat_token=SecretStr(account.token),
            wechat_aes_key=SecretStr(account.aes_key),
            wechat_api_url=wechat_url,
        )
        app = build(settings, channels=(MemoryChannel(),))
        environment = {"DATABASE_URL": database, "CLAUSEBOT_KEY_FILE": str(key_file)}
        environment["CLAUSEBOT_KNOWLEDGE_DIR"] = str(knowledge)
        for channel in app.channels:
            await channel.open()
        pumps = [asyncio.create_task(sender.run()) for sender in app.senders.values()]
        try:
            async with served(app.web) as url:
                telegram.point_webhook(f"{url}/telegram", SECRET)
                wechat.point_webhook(f"{url}/wechat")
                yield Stage(app, url, telegram, wechat, environment)
        finally:
            await asyncio.gather(*(sender.stop() for sender in app.senders.values()))
            await asyncio.gather(*pumps, return_exceptions=True)
            for channel in app.channels:
                await channel.close()
            await telegram.close()
            await wechat.close()
            app.close()


@asynccontextmanager
async def terminal(environment: dict[str, str], folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLAUSEBOT_", "TELEGRAM_", "WECHAT_"))
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "chat"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,  # So that no .env of this checkout is read.
        env=kept | environment | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate(b"")


async def play(phone: Phone, steps: Sequence[str], wanted: list[list[str]], said: Sequence[str]) -> list[list[str]]:
    """The transcript of each step. Waits at each until it says what is wanted, or for as long as it may take."""
    found: list[list[str]] = []
    patience, shown = PATIENCE, list[str]()
    for step, lines in zip(steps, wanted, strict=True):
        try:
            await phone.do(step, shown)
        except (AssertionError, KeyError, ValueError) as failure:
            found.append([f"this can't be done: {failure!r}"])
            continue
        end = asyncio.get_running_loop().time() + patience
        while (now := transcript(phone.heard(), said)) != lines:
            if asyncio.get_running_loop().time() > end:
                patience = AFTER_A_DIFFERENCE
                break
            await asyncio.sleep(0.01)
        shown = _last_choices(phone.heard()) or shown
        found.append(now)
    return found


def differences(name: str, steps: Sequence[str], wanted: Sequence[list[str]], found: Sequence[list[str]]) -> str:
    """A diff of the steps that differ; "" when all of them agree."""
    told = []
    for step, expected, really in zip(steps, wanted, found, strict=True):
        if expected != really:
            told.append(f"\n{name}: > {step}")
            told += [line for line in difflib.ndiff(expected, really) if not line.startswith("?")]
    return "\n".join(told)


async def _recorded(
    name: str, steps: Sequence[str], wanted: list[list[str]], said: Sequence[str], phone: Phone
) -> tuple[str, Phone]:
    return differences(name, steps, wanted, await play(phone, steps, wanted, said)), phone


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_all_four_channels_tell_the_same(language: str, tmp_path: Path) -> None:
    steps, who = DIALOGUE[language], PEOPLE[language]
    said = [_plain(step) for step in steps if _label(step) is None]
    async with stage(tmp_path) as on, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        replies = await on.replies(steps)
        wanted = [transcript([heard_of(reply) for reply in step], said) for step in replies]
        async with terminal(on.environment, tmp_path) as process:
            wechat, telegram = WeChatPhone(on.wechat, who), TelegramPhone(on.telegram, who)
            phones: dict[str, Phone] = {
                "telegram": telegram,
                "wechat": wechat,
                "web": WebPhone(session, on.url, language),
                "terminal": TerminalPhone(process, replies),
            }
            played = await asyncio.gather(
                *(_recorded(name, steps, wanted, said, phone) for name, phone in phones.items())
            )
            left, complaints = await process.communicate(b"")
        told = "\n".join(diff for diff, _ in played if diff)
        assert not told, told
        assert (left, complaints, process.returncode) == (b"", b"", 0)
        await on.stop()
        for phone in (telegram, wechat):  # Nothing came behind the last step.
            assert transcript(phone.heard(), said) == wanted[-1]
        assert wechat.ways == {"passive", "custom"}
        _covers_all(wanted)


def _covers_all(wanted: Sequence[list[str]]) -> None:
    """The dialogue has everything that channels draw differently."""
    lines = [line for step in wanted for line in step]
    assert any(line.startswith("— ") and " @ " in line for line in lines), "a clause with its version"
    assert any(line.startswith("— ") and " @ " not in line for line in lines), "an article of law"
    assert any(not any(line.startswith(("— ", "[")) for line in step) for step in wanted), "something not covered"
    assert "[receipt]" in lines
    assert any(line.startswith("(time) ") for line in lines), "/mydata"


def test_a_difference_would_be_seen() -> None:
    heard = Heard(["One sentence. Another."], ["Yes", "No"])
    heard.cite(["Privacy Policy 7.2, version 15 December 2023"])
    other = Heard(["One sentence."], ["Yes"])
    other.cite(["Privacy Policy 7.3 (version 15 December 2023)"])
    diff = differences("somewhere", ["> x"], [transcript([heard], [])], [transcript([other], [])])
    assert "- Another." in diff
    assert "- (No)" in diff
    assert "+ — Privacy Policy 7.3 @ 15 December 2023" in diff
