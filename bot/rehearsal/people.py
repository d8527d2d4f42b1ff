"""Invented people who write. None of them exists; the numbers are outside of what the platforms give out today."""

from dataclasses import dataclass
from random import Random

_GIVEN = ("Ada", "Bo", "Chen", "Dana", "Emil", "Fang", "Gala", "Hui", "Ines", "Jun", "Kai", "Lan", "Mei", "Noor")
_FIRST_ID = 990_000_000_000
"""Telegram's own numbers have at most 52 bits; these fit, and are far above those in use."""
OPENERS = {
    "en": (
        "How long do you keep my data?",
        "Who gets to see my phone number?",
        "Can I switch off cookies?",
        "What happens if you are hacked?",
        "How do I get my information deleted?",
    ),
    "zh": (
        "我的信息会保存多久？",
        "谁能看到我的手机号？",
        "可以关闭 cookie 吗？",
        "发生泄露了怎么办？",
        "怎么删除我的信息？",
    ),
}
"""Questions that a newcomer may ask, by language."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented, with an account on both platforms."""

    number: int
    name: str
    language: str
    """A language code as Telegram says it: "en", "zh-hans"."""

    @property
    def telegram(self) -> int:
        return _FIRST_ID + self.number

    @property
    def openid(self) -> str:
        """28 characters, as WeChat's are."""
        return f"oEXAMPLE{self.number:020d}"

    def questions(self, seed: int = 1) -> tuple[str, ...]:
        """What the person asks, in an order of their own."""
        asked = list(OPENERS["zh" if self.language.startswith("zh") else "en"])
        Random(f"{seed}/{self.number}").shuffle(asked)  # noqa: S311  nothing secret hangs on it
        return tuple(asked)


def person(number: int) -> Person:
    """The invented person of that number; every second one writes Chinese."""
    given = _GIVEN[number % len(_GIVEN)]
    return Person(number, f"{given} Example {number}", "zh-hans" if number % 2 else "en")


def crowd(size: int) -> list[Person]:
    return [person(number) for number in range(1, size + 1)]
