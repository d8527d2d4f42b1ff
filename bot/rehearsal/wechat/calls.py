"""The calls of WeChat's API that the stand-in knows. Each takes query and body and gives its answer, or raises Errcode.

Not there: mass sends, OAuth, customer-service accounts, cards, payment.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.rehearsal.control import Control
from bot.rehearsal.edge import Said
from bot.rehearsal.journal import Call
from bot.rehearsal.wechat.account import Account, DayQuotas, Tokens
from bot.rehearsal.wechat.drawn import drawn
from bot.rehearsal.wechat.errcodes import Errcode
from bot.rehearsal.wechat.followers import INTERACTED_WITHIN, TYPING_LASTS, Data, Followers
from bot.rehearsal.wechat.menus import check_menu

SAME_ID_WITHIN = timedelta(minutes=10)
_MEDIA = {"image": 10, "voice": 2, "video": 10, "thumb": 0.0625}
"""Kinds and their most mebibytes."""
_BARE_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\u(?=[0-9a-fA-F]{4})")
OK: Data = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: its query, its JSON body, and the file of an upload."""

    query: Mapping[str, str]
    body: Data
    file: tuple[str, bytes] | None = None


Do = Callable[[Asked, Call], Awaitable[Data | Said]]
After = Callable[[Data], None]
"""Pushes an event later on: takes its fields."""


def read_body(raw: bytes) -> Data:
    """The JSON of a call. Raises Errcode.

    WeChat does not undo \\uXXXX: who sends Chinese escaped sees backslashes in the chat, so they stay as they are here.
    """
    if not raw.strip():
        raise Errcode(44002)
    try:
        data = json.loads(_BARE_ESCAPE.sub(rb"\1\\\\u", raw))
    except ValueError as bad:
        raise Errcode(47001) from bad
    if not isinstance(data, dict):
        raise Errcode(47001)
    return data


class Calls:
    """The calls by their short names: "custom/send"."""

    def __init__(
        self,
        control: Control,
        account: Account,
        followers: Followers,
        templates: Mapping[str, tuple[str, ...]],
        after: After,
    ) -> None:
        self._control, self._account, self._followers, self._after = control, account, followers, after
        self.tokens, self.quotas = Tokens(control.clock), DayQuotas(control.clock)
        self.templates = dict(templates)
        """Field names by template id, of template and subscribe messages alike."""
        self.menu: Data | None = None
        self.conditional_menus: list[Data] = []
        self.media: dict[str, tuple[str, bytes]] = {}
        self._numbers = 0
        self._same: dict[tuple[str, str], tuple[Any, int]] = {}
        self.by_path: dict[str, tuple[str, str, Do]] = {
            "/cgi-bin/token": ("GET", "token", self._token),
            "/cgi-bin/stable_token": ("POST", "stable_token", self._stable_token),
            "/cgi-bin/message/custom/send": ("POST", "custom/send", self._custom_send),
            "/cgi-bin/message/custom/typing": ("POST", "custom/typing", self._typing),
            "/cgi-bin/message/template/send": ("POST", "template/send", self._template_send),
            "/cgi-bin/message/subscribe/bizsend": ("POST", "subscribe/bizsend", self._subscribe_send),
            "/cgi-bin/menu/create": ("POST", "menu/create", self._menu_create),
            "/cgi-bin/menu/get": ("GET", "menu/get", self._menu_get),
            "/cgi-bin/menu/delete": ("GET", "menu/delete", self._menu_delete),
            "/cgi-bin/menu/addconditional": ("POST", "menu/addconditional", self._menu_add),
            "/cgi-bin/menu/delconditional": ("POST", "menu/delconditional", self._menu_remove),
            "/cgi-bin/user/info": ("GET", "user/info", self._user_info),
            "/cgi-bin/media/upload": ("POST", "media/upload", self._media_upload),
            "/cgi-bin/media/get": ("GET", "media/get", self._media_get),
        }

    def _number(self) -> int:
        self._numbers += 1
        return 3_000_000_000_000_000_000 + self._numbers

    def _know(self, given: Mapping[str, Any], app_id: str) -> None:
        if given.get(app_id) != self._account.app_id:
            raise Errcode(40013 if given.get(app_id) else 41002)
        if given.get("secret") != self._account.app_secret:
            raise Errcode(40125)
        if given.get("grant_type") != "client_credential":
            raise Errcode(40002)

    async def _token(self, asked: Asked, call: Call) -> Data:
        self._know(asked.query, "appid")
        word, lives = self.tokens.new()
        return {"access_token": word, "expires_in": lives}

    async def _stable_token(self, asked: Asked, call: Call) -> Data:
        self._know(asked.body, "appid")
        word, lives = self.tokens.stable(force=asked.body.get("force_refresh") is True)
        return {"access_token": word, "expires_in": lives}

    async def _custom_send(self, asked: Asked, call: Call) -> Data:
        body = asked.body
        follower = self._followers.find(body.get("touser"))
        kind = body.get("msgtype")
        text, more = drawn(body, str(kind), self.media)
        self._followers.spend(follower)
        self._followers.show(follower, "bot", text, via="custom", kind=kind, **more)
        self._control.journal.effect(follower.openid, text, call)
        return OK

    async def _typing(self, asked: Asked, call: Call) -> Data:
        follower = self._followers.find(asked.body.get("touser"))
        now = self._control.clock()
        command = asked.body.get("command")
        if command not in ("Typing", "CancelTyping"):
            raise Errcode(45072)
        if follower.last_contact is None or follower.last_contact < now - INTERACTED_WITHIN:
            raise Errcode(45080)
        if command == "Typing" and follower.typing_until and follower.typing_until > now:
            raise Errcode(45081)
        follower.typing_until = now + TYPING_LASTS if command == "Typing" else None
        return OK

    async def _template_send(self, asked: Asked, call: Call) -> Data:
        body = asked.body
        follower = self._followers.find(body.get("touser"))
        words = self._fill(body)
        if not follower.subscribed:
            raise Errcode(43004)
        same = (follower.openid, str(body.get("client_msg_id", "")))
        now = self._control.clock()
        # The same id within ten minutes is sent once. What the second call answers isn't documented; here the same.
        if same[1] and same in self._same and now - self._same[same][0] < SAME_ID_WITHIN:
            return {**OK, "msgid": self._same[same][1]}
        number = self._number()
        if same[1]:
            self._same[same] = (now, number)
        self._followers.show(follower, "bot", words, via="template", url=body.get("url", ""))
        self._control.journal.effect(follower.openid, f"{same[1]} {words}", call)
        self._after(
            {
                "FromUserName": follower.openid,
                "MsgType": "event",
                "Event": "TEMPLATESENDJOBFINISH",
                "MsgID": number,
                "Status": "success",
            }
        )
        return {**OK, "msgid": number}

    async def _subscribe_send(self, asked: Asked, call: Call) -> Data:
        body = asked.body
        follower = self._followers.find(body.get("touser"))
        words, template = self._fill(body), str(body["template_id"])
        if follower.credits[template] < 1:
            raise Errcode(43101)
        follower.credits[template] -= 1
        self._followers.show(follower, "bot", words, via="subscribe", page=body.get("page", ""))
        self._control.journal.effect(follower.openid, words, call)
        sent = {"TemplateId": template, "MsgID": self._number(), "ErrorCode": 0, "ErrorStatus": "success"}
        self._after(
            {
                "FromUserName": follower.openid,
                "MsgType": "event",
                "Event": "subscribe_msg_sent_event",
                "SubscribeMsgSentEvent": {"List": sent},
            }
        )
        return OK

    def _fill(self, body: Data) -> str:
        """The words of a template message. Raises Errcode 40037 and 47003."""
        fields = self.templates.get(str(body.get("template_id", "")))
        if fields is None:
            raise Errcode(40037)
        data = body.get("data")
        if not isinstance(data, dict):
            raise Errcode(47001)
        lines = []
        for name in fields:
            value = data.get(name, {}).get("value") if isinstance(data.get(name), dict) else None
            if value is None or (name.startswith("thing") and not 1 <= len(str(value)) <= 20):
                raise Errcode(47003, f"data.{name}.value invalid")
            lines.append(f"{name}: {value}")
        return "\n".join(lines)

    async def _menu_create(self, asked: Asked, call: Call) -> Data:
        check_menu(asked.body)
        self.menu = {"button": asked.body["button"]}
        call.effect = True
        return OK

    async def _menu_get(self, asked: Asked, call: Call) -> Data:
        if self.menu is None:
            raise Errcode(46003)
        said: Data = {"menu": {**self.menu, **({"menuid": 1} if self.conditional_menus else {})}}
        return said | ({"conditionalmenu": self.conditional_menus} if self.conditional_menus else {})

    async def _menu_delete(self, asked: Asked, call: Call) -> Data:
        self.menu = None
        self.conditional_menus.clear()
        call.effect = True
        return OK

    async def _menu_add(self, asked: Asked, call: Call) -> Data:
        check_menu(asked.body)
        if self.menu is None:
            raise Errcode(46003)
        if not isinstance(asked.body.get("matchrule"), dict):
            raise Errcode(47001)
        number = 400_000_000 + len(self.conditional_menus) + 1
        self.conditional_menus.append({**asked.body, "menuid": number})
        call.effect = True
        return {"menuid": str(number)}

    async def _menu_remove(self, asked: Asked, call: Call) -> Data:
        left = [menu for menu in self.conditional_menus if str(menu["menuid"]) != str(asked.body.get("menuid"))]
        if len(left) == len(self.conditional_menus):
            raise Errcode(65301)
        self.conditional_menus = left
        return OK

    async def _user_info(self, asked: Asked, call: Call) -> Data:
        follower = self._followers.find(asked.query.get("openid"))
        if not follower.subscribed:
            return {"subscribe": 0, "openid": follower.openid, "tagid_list": []}
        since = follower.subscribed_at or self._control.clock()
        return {
            "subscribe": 1,
            "openid": follower.openid,
            "language": "zh_CN" if follower.person.language.startswith("zh") else "en",
            "subscribe_time": int(since.timestamp()),
            "unionid": f"uEXAMPLE{follower.openid[8:]}",
            "remark": "",
            "groupid": 0,
            "tagid_list": [],
            "subscribe_scene": "ADD_SCENE_QR_CODE",
            "qr_scene": 0,
            "qr_scene_str": "",
        }

    async def _media_upload(self, asked: Asked, call: Call) -> Data:
        kind = asked.query.get("type", "")
        if kind not in _MEDIA:
            raise Errcode(40004)
        if asked.file is None or not asked.file[1]:
            raise Errcode(41005)
        if len(asked.file[1]) > _MEDIA[kind] * 2**20:
            raise Errcode(40009)
        name = f"REHEARSAL_{hashlib.sha256(asked.file[1]).hexdigest()[:40]}_{self._number()}"
        self.media[name] = (kind, asked.file[1])
        call.effect = True
        return {"type": kind, "media_id": name, "created_at": self._control.clock.unix()}

    async def _media_get(self, asked: Asked, call: Call) -> Data | Said:
        found = self.media.get(asked.query.get("media_id", ""))
        if found is None:
            raise Errcode(40007)
        return Said(None, raw=found[1], kind="application/octet-stream")
