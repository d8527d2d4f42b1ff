"""The impostor's browser at our web pages, and every byte that ever came back to it."""

import re
from dataclasses import dataclass, field
from typing import Any

import httpx
from lxml import html

FORBIDDEN = re.compile(rb"Traceback|sqlalchemy|Internal Server Error", re.IGNORECASE)


@dataclass
class Browser:
    """Somebody's browser at our web pages. `got` is every byte that ever came back."""

    http: httpx.AsyncClient
    got: list[bytes] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    """Values of all buttons that were ever shown."""
    shown: str = ""

    async def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **data: str) -> httpx.Response:
        answer = await self.http.request(method, path, data=data or None, headers=headers or {})
        self.got.append(answer.content + repr(sorted(answer.headers.items())).encode())
        assert answer.status_code < 500, answer.text
        assert not FORBIDDEN.search(answer.content)
        return answer

    async def say(self, text: str = "", *, choice: str = "", headers: dict[str, str] | None = None) -> str:
        """Writes, or presses what has this value; the replies in words."""
        own = {"HX-Request": "true", "Sec-Fetch-Site": "same-origin"} if headers is None else headers
        after = re.findall(r'data-id="([0-9]+)"', self.shown)[-1:] or ["0"]
        answer = await self.ask("POST", "/chat/messages", own, text=text, choice=choice, after=after[0])
        if answer.status_code == 200:
            self.shown = answer.text or self.shown
            self.offered += [str(one) for one in self._tree.xpath("//button[@name='choice']/@value")]
        return self.words

    async def press(self, ending: str) -> str:
        """Presses the button shown last whose value ends so."""
        return await self.say(choice=[one for one in self.offered if one.endswith(f":{ending}")][-1])

    @property
    def words(self) -> str:
        """What was answered last."""
        said = self._tree.xpath("//article[contains(@class, 'theirs')]//div[contains(@class, 'words')]")
        return "\n".join(one.text_content() for one in said)

    @property
    def _tree(self) -> Any:
        return html.document_fromstring(f"<body>{self.shown}</body>")

    async def wants(self, flow: str, *presses: str) -> str:
        """Begins a request and goes to where an account or a code is asked for."""
        await self.say(choice=f"start:{flow}")
        for one in presses:
            await self.press(one)
        return self.words

    async def wants_a_copy(self) -> str:
        return await self.wants("request_access", "account", "copy")

    async def wants_deletion(self) -> str:
        return await self.wants("request_deletion", "account", "information", "breach", "yes")

    def saw_nothing_of(self, *secrets: str) -> None:
        """Not a byte of these came to this browser."""
        everything = b"\n".join(self.got).decode("utf-8", "replace").lower()
        assert [secret for secret in secrets if secret.lower() in everything] == []


def field_in(page: httpx.Response, name: str) -> str:
    """What a field of a page holds."""
    return str(html.document_fromstring(page.text).xpath(f"string(//input[@name='{name}']/@value)"))
