"""What a call brings along: query, form, multipart or JSON, read as leniently and as strictly as the Bot API reads it."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from bot.rehearsal.telegram.refusal import bad

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_YES = ("true", "yes", "1")


class Parameters:
    """The named values of one call. Every reader raises Refusal when the value can't be read."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None:
            return default
        words = value if isinstance(value, str) else json.dumps(value)
        if _SURROGATE.search(words):
            raise bad("strings must be encoded in UTF-8")
        return words

    def integer(self, name: str, default: int = 0, least: int = -(2**63), most: int = 2**63 - 1) -> int:
        """Clamped between `least` and `most`; what is no number counts as `default`, as the real server has it."""
        try:
            value = int(str(self.values.get(name, default)).strip()[:20])
        except ValueError:
            value = default
        return min(max(value, least), most)

    def yes(self, name: str) -> bool:
        return str(self.values.get(name, "")).strip().lower() in _YES

    def data(self, name: str, what: str) -> Any:
        """JSON, in a string or as it stands in a JSON body; None when it isn't there. `what` names it in the refusal."""
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad(f"can't parse {what} JSON object") from None


async def read(request: Request) -> Parameters:
    """The parameters of a request; those of the body win. Raises Refusal for a body that can't be read."""
    query = request.scope["query_string"]
    values: dict[str, Any] = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        try:
            form = await MultiPartParser(request.headers, request.stream()).parse()
        except MultiPartException as unreadable:
            raise bad(f"can't read the form: {unreadable.message}") from unreadable
        values.update({key: value for key, value in form.items() if isinstance(value, str)})
        await form.close()
        return Parameters(values)
    body = await request.body()
    if kind == "application/json" and body.strip():
        try:
            sent = json.loads(body)
        except ValueError:
            raise bad("can't parse JSON object") from None
        if not isinstance(sent, dict):
            raise bad("can't parse JSON object")
        values.update(sent)
    elif kind == "application/x-www-form-urlencoded":
        try:
            values.update(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200))
        except ValueError:
            raise bad("strings must be encoded in UTF-8") from None
    return Parameters(values)
