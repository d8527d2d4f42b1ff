"""What each effect step of a flow does, in the transaction of its turn."""

import re
from collections.abc import Mapping

from bot.core.message import Address
from knowledge.normal import normalise
from storage.stores.people import Known
from storage.work import Work

_ENGLISH = re.compile(r"english|英文|英语|英語|ingles|anglais")
_TRADITIONAL = re.compile(r"traditional|繁体|繁體|正體|正体")
_CHINESE = re.compile(r"chinese|mandarin|中文|汉语|漢語|普通话|国语|简体|putonghua|zhongwen")
_OTHER = re.compile(
    r"spanish|french|german|japanese|korean|russian|arabic|portuguese|italian|hindi|thai|vietnamese|cantonese|turkish|dutch|malay|indonesian|polish|español|français|deutsch"
    r"|日语|日文|韩语|韩文|法语|德语|西班牙语|俄语|俄文|粤语|广东话|泰语|越南语|阿拉伯语|葡萄牙语|意大利语|日本語|한국어"
)


class Effects:
    """The effects one turn can make; `language` and `erased` tell the turn what they changed, `made` names the changes."""

    def __init__(self, work: Work, known: Known, sender: Address, text: str) -> None:
        self._work, self._known, self._sender, self._text = work, known, sender, text
        self.language: str | None = None
        self.made: list[str] = []

    @property
    def erased(self) -> bool:
        return "erased" in self.made

    def __call__(self, effect: str, arguments: Mapping[str, str]) -> str:
        """Makes `effect` happen. An unknown effect is a mistake in a flow and raises LookupError."""
        match effect:
            case "language_asked_for":
                return language_asked_for(self._text)
            case "set_language":
                self.language = arguments["language"]
                self.made.append("language set")
                return self.language
            case "forget_person":
                self._work.people.forget(self._known.id)
                self._work.quarantine.forget_of(self._sender.channel, self._sender.user)
                self.made.append("erased")
                return "erased"
        raise LookupError(f"no effect is called {effect!r}")


def language_asked_for(text: str) -> str:
    """The language a wish names: en, zh, zh-Hant, "other" for one the bot doesn't speak, "" when it names none."""
    said = normalise(text)
    if _TRADITIONAL.search(text) or _TRADITIONAL.search(said):
        return "zh-Hant"
    if _OTHER.search(said):
        return "other"
    if _ENGLISH.search(said):
        return "en"
    return "zh" if _CHINESE.search(said) else ""
