"""A customer-service message as the person sees it."""

from collections.abc import Mapping
from typing import Any

from bot.rehearsal.wechat.errcodes import Errcode
from bot.rehearsal.wechat.followers import Data

TEXT_BYTES = 2048
"""No page of Tencent's names the number; measured by MamaShip/Observer#77."""


def drawn(body: Data, kind: str, media: Mapping[str, Any]) -> tuple[str, Data]:
    """Text and further fields of a customer-service message as the person sees it. Raises Errcode."""
    part = body.get(kind)
    if kind not in ("text", "msgmenu", "image", "voice", "video", "news", "link", "mpnews"):
        raise Errcode(40008)
    if not isinstance(part, dict):
        raise Errcode(44004 if kind == "text" else 47001)
    if kind == "text":
        text = part.get("content")
        if not isinstance(text, str) or not text:
            raise Errcode(44004)
        if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES:
            raise Errcode(45002)
        return text, {}
    if kind == "msgmenu":
        lines = part.get("list")
        if not isinstance(lines, list) or not all(isinstance(line, dict) and line.get("content") for line in lines):
            raise Errcode(47001)
        choices = [{"id": str(line.get("id", "")), "content": str(line["content"])} for line in lines]
        words = [str(part.get("head_content", "")), *(c["content"] for c in choices), str(part.get("tail_content", ""))]
        return "\n".join(filter(None, words)), {"choices": choices}
    if kind in ("image", "voice", "video") and part.get("media_id") not in media:
        raise Errcode(40007)
    return f"[{kind}]", {}
