"""The Bot API's way to say no."""

from typing import Any

from bot.rehearsal.edge import Said

_PREFIX = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 409: "Conflict"}
_WORDS = {
    400: "chat not found",
    403: "bot was blocked by the user",
    404: "method not found",
    409: "terminated by other getUpdates request; make sure that only one bot instance is running",
}


class Refusal(Exception):
    """An answer with "ok": false. `words` are put behind the platform's prefix for that code."""

    def __init__(self, code: int, words: str = "", **parameters: Any) -> None:
        super().__init__(words)
        self.code, self.words, self.parameters = code, words, parameters

    def said(self) -> Said:
        """The answer as the platform writes it; a 429 has its wait in the body and in a header."""
        prefix = _PREFIX.get(self.code, "Internal Server Error")
        data: dict[str, Any] = {"ok": False, "error_code": self.code}
        data["description"] = f"{prefix}: {self.words}" if self.words else prefix
        headers: tuple[tuple[str, str], ...] = ()
        if self.code == 429:
            wait = self.parameters["retry_after"]
            data["description"] = f"Too Many Requests: retry after {wait}"
            headers = (("retry-after", str(wait)),)
        if self.parameters:
            data["parameters"] = self.parameters
        return Said(data, self.code, headers)


def bad(words: str) -> Refusal:
    return Refusal(400, words)


def scripted(code: int, seconds: float) -> Said:
    """What a script's "refuse:<code>" says; a 429 asks for `seconds`."""
    if code == 429:
        return Refusal(429, retry_after=max(1, round(seconds))).said()
    return Refusal(code, _WORDS.get(code, "")).said()
