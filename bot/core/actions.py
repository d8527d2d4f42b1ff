"""What each effect step of a flow does, in the transaction of its turn."""

import re
from collections.abc import Mapping

from bot.core.order.actions import ORDER_EFFECTS
from bot.core.scene import Scene
from knowledge.normal import normalise

_ENGLISH = re.compile(r"english|英文|英语|英語|ingles|anglais")
_TRADITIONAL = re.compile(r"traditional|繁体|繁體|正體|正体")
_CHINESE = re.compile(r"chinese|mandarin|中文|汉语|漢語|普通话|国语|简体|putonghua|zhongwen")
_OTHER = re.compile(
    r"spanish|french|german|japanese|korean|russian|arabic|portuguese|italian|hindi|thai|vietnamese|cantonese|turkish|dutch|malay|indonesian|polish|español|français|deutsch"
    r"|日语|日文|韩语|韩文|法语|德语|西班牙语|俄语|俄文|粤语|广东话|泰语|越南语|阿拉伯语|葡萄牙语|意大利语|日本語|한국어"
)


class Effects:
    """The effects that one turn can make; what they changed stands in `scene.changes`."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __call__(self, effect: str, arguments: Mapping[str, str]) -> str:
        """Makes `effect` happen. An unknown effect is a mistake in a flow and raises LookupError."""
        scene = self._scene
        match effect:
            case "language_asked_for":
                return language_asked_for(scene.heard.text)
            case "set_language":
                scene.changes.language = arguments["language"]
                scene.changes.made.append("language set")
                return scene.changes.language
            case "forget_person":
                scene.work.people.forget(scene.known.id)
                scene.work.quarantine.forget_of(scene.message.sender.channel, scene.message.sender.user)
                scene.changes.made.append("erased")
                return "erased"
        if effect in ORDER_EFFECTS:
            return ORDER_EFFECTS[effect](scene, arguments)
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
