"""Stand-ins on real ports of this machine, and somebody who calls them."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.rehearsal.people import Person, person
from bot.rehearsal.serving import served
from bot.rehearsal.telegram import TelegramStandIn
from bot.rehearsal.wechat import WeChatStandIn
from tests.rehearsal.bot_end import BotEnd

TOKEN = "990000000:REHEARSAL"


@dataclass(slots=True)
class Line:
    """Calls a stand-in as a bot does."""

    address: str
    session: aiohttp.ClientSession
    token: str = ""

    async def bot(self, method: str, **given: Any) -> dict[str, Any]:
        """A method of the Bot API, by JSON; the whole answer."""
        async with self.session.post(f"{self.address}/bot{TOKEN}/{method}", json=given) as answer:
            said: dict[str, Any] = await answer.json()
            assert answer.status == said.get("error_code", 200)
            return said

    async def wechat(self, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """A call of WeChat's API with the token that `log_in` got."""
        query = {key: str(value) for key, value in query.items()}
        if self.token:
            query.setdefault("access_token", self.token)
        method = "GET" if body is None else "POST"
        # Not escaped: WeChat would show the escapes.
        raw = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        async with self.session.request(method, f"{self.address}/cgi-bin/{path}", params=query, data=raw) as answer:
            said: dict[str, Any] = await answer.json()
            return said

    async def log_in(self, stand_in: WeChatStandIn, **more: Any) -> dict[str, Any]:
        account = stand_in.account
        asked = {"grant_type": "client_credential", "appid": account.app_id, "secret": account.app_secret, **more}
        said = await self.wechat("stable_token", asked)
        self.token = said.get("access_token", self.token)
        return said

    async def control(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> dict[str, Any]:
        verb = method or ("GET" if body is None else "POST")
        async with self.session.request(verb, f"{self.address}/_/{path}", json=body) as answer:
            said: dict[str, Any] = await answer.json()
            assert answer.status == 200, said
            return said


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def bot_end() -> BotEnd:
    return BotEnd()


@pytest.fixture
async def webhook(bot_end: BotEnd) -> AsyncIterator[str]:
    async with served(bot_end) as address:
        yield f"{address}/hook"


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramStandIn]:
    """Twenty times quicker than the real one where it waits."""
    stand_in = TelegramStandIn(hurry=20)
    yield stand_in
    await stand_in.close()


@pytest.fixture
async def bot(telegram: TelegramStandIn, session: aiohttp.ClientSession) -> AsyncIterator[Line]:
    async with served(telegram.app) as address:
        yield Line(address, session)


@pytest.fixture
async def wechat() -> AsyncIterator[WeChatStandIn]:
    """Its five seconds are half of one."""
    stand_in = WeChatStandIn(hurry=10)
    yield stand_in
    await stand_in.close()


@pytest.fixture
async def api(wechat: WeChatStandIn, session: aiohttp.ClientSession) -> AsyncIterator[Line]:
    async with served(wechat.app) as address:
        line = Line(address, session)
        await line.log_in(wechat)
        yield line


@pytest.fixture
def ada() -> Person:
    return person(14)


@pytest.fixture
def bo() -> Person:
    return person(15)
