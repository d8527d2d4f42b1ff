"""WeChat's error codes, worded as the platform words them."""

from typing import Any

from bot.rehearsal.edge import Said

WORDS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40037: "invalid template_id",
    40066: "invalid url",
    40125: "invalid appsecret",
    41001: "access_token missing",
    41002: "appid missing",
    41005: "media data missing",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43101: "user refuse to accept the msg",
    43116: "too many same messages",
    43117: "send to this openid too frequently",
    44002: "empty post data",
    44004: "empty content",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    45072: "invalid command",
    45080: "no interaction with the user in the last 30 seconds",
    45081: "already typing",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48004: "api forbidden for irregularities",
    65301: "no such menuid",
}


class Errcode(Exception):
    """An answer with an errcode other than 0. `more` follows WeChat's words."""

    def __init__(self, code: int, more: str = "") -> None:
        super().__init__(f"{code} {more}".strip())
        self.code, self.more = code, more

    def said(self, number: int) -> Said:
        """The answer; `number` makes the request id that WeChat puts behind its words."""
        words = f"{WORDS.get(self.code, 'unknown error')} {self.more}".strip()
        data: dict[str, Any] = {"errcode": self.code, "errmsg": f"{words} rid: {number:08x}-{number:08x}-{number:08x}"}
        return Said(data)
