"""WeChat's side of the wire, as small as these tests need it: pushes signed and encrypted, answers opened, an API."""

import base64
import hashlib
import json
import os
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import xmltodict
from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette

from bot.channels.wechat import WeChatSettings

APP_ID, TOKEN = "wx0123456789abcdef", "InventedToken01"
AES_KEY, OLD_KEY = "A1" * 21 + "A", "B2" * 21 + "A"
SECRET = "invented-app-secret-canary-5f2e"
USER, ACCOUNT = "oInvented_openid_0000000001", "gh_invented0001"


def settings(**more: Any) -> WeChatSettings:
    return WeChatSettings(**{"app_id": APP_ID, "app_secret": SECRET, "token": TOKEN, "aes_key": AES_KEY} | more)


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(text: str | bytes, key: str = AES_KEY, app_id: str = APP_ID) -> str:
    """Written from WeChat's description, apart from the code under test."""
    aes = base64.b64decode(key + "=")
    raw = text.encode() if isinstance(text, str) else text
    plain = os.urandom(16) + struct.pack(">I", len(raw)) + raw + app_id.encode()
    pad = 32 - len(plain) % 32
    engine = Cipher(algorithms.AES(aes), modes.CBC(aes[:16])).encryptor()
    return base64.b64encode(engine.update(plain + bytes([pad]) * pad) + engine.finalize()).decode()


def decrypt(text: str, key: str = AES_KEY) -> tuple[str, str]:
    """(text, app id)."""
    aes = base64.b64decode(key + "=")
    engine = Cipher(algorithms.AES(aes), modes.CBC(aes[:16])).decryptor()
    plain = engine.update(base64.b64decode(text)) + engine.finalize()
    assert 1 <= plain[-1] <= 32
    assert plain.endswith(bytes([plain[-1]]) * plain[-1])
    plain = plain[: -plain[-1]]
    (length,) = struct.unpack(">I", plain[16:20])
    return plain[20 : 20 + length].decode(), plain[20 + length :].decode()


class Raw(str):
    """Goes into the XML as it is."""


def xml(**fields: str | int) -> str:
    """A push's XML."""
    given = {"ToUserName": ACCOUNT, "FromUserName": USER, "CreateTime": 1772443800, "MsgType": "text"} | fields
    drawn = (
        f"<{name}>{value}</{name}>" if isinstance(value, Raw) else f"<{name}><![CDATA[{value}]]></{name}>"
        for name, value in given.items()
    )
    return f"<xml>{''.join(drawn)}</xml>"


@dataclass
class Edge:
    """Pushes to the channel as WeChat does."""

    app: Starlette
    clock: Any
    numbers: Any = field(default_factory=lambda: count(100))

    def query(self, *, encrypted: str = "", nonce: str = "", at: datetime | None = None, **more: str) -> dict[str, str]:
        stamp = str(int((at or self.clock()).timestamp()))
        nonce = nonce or str(next(self.numbers))
        found = {"signature": signature(TOKEN, stamp, nonce), "timestamp": stamp, "nonce": nonce, "openid": USER}
        if encrypted:
            found |= {"encrypt_type": "aes", "msg_signature": signature(TOKEN, stamp, nonce, encrypted)}
        return found | more

    async def post(self, query: dict[str, str], body: str | bytes) -> Response:
        raw = body.encode() if isinstance(body, str) else body
        async with AsyncClient(transport=ASGITransport(self.app), base_url="https://bot.example") as client:
            return await client.post("/wechat", params=query, content=raw, headers={"Content-Type": "text/xml"})

    async def push(self, text: str | bytes, key: str = AES_KEY, app_id: str = APP_ID, **query: Any) -> Response:
        """A push in safe mode."""
        encrypted = encrypt(text, key, app_id)
        return await self.post(self.query(encrypted=encrypted, **query), envelope(encrypted))

    async def say(self, text: str, number: int | str = "", **query: Any) -> Response:
        return await self.push(xml(Content=text, MsgId=number or next(self.numbers) + 10_000), **query)


def envelope(encrypted: str) -> str:
    return f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"


def answer(response: Response, key: str = AES_KEY) -> dict[str, Any]:
    """The fields of a passive answer, its signature and account checked."""
    assert response.status_code == 200
    outer = xmltodict.parse(response.text)["xml"]
    assert outer["MsgSignature"] == signature(TOKEN, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
    text, app_id = decrypt(outer["Encrypt"], key)
    assert app_id == APP_ID
    return dict(xmltodict.parse(text)["xml"])


@dataclass
class FakeApi:
    """WeChat's API: tokens that can be taken away, answers that can be scripted. `calls` are (path, query, body)."""

    calls: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    script: list[Any] = field(default_factory=list)
    """Answers to the next calls: a dict, or a function of the request that makes a response."""
    tokens: list[str] = field(default_factory=list)
    token_answers: list[dict[str, Any]] = field(default_factory=list)
    lasts: int = 7200
    takes_any: bool = False
    url: str = ""

    def of(self, path: str) -> list[Any]:
        return [body for called, _, body in self.calls if called.endswith(path)]

    def texts(self) -> list[str]:
        return [body["text"]["content"] for body in self.of("custom/send")]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body: Any = None
        if request.content_type == "application/json":
            body = json.loads(await request.read())
        elif request.content_type.startswith("multipart/"):
            part = await (await request.multipart()).next()
            assert part is not None
            body = (part.name, part.filename, await part.read())
        self.calls.append((request.path, dict(request.query), body))
        if request.path == "/cgi-bin/stable_token":
            return self._token(body)
        if not self.takes_any and request.query.get("access_token") != self.tokens[-1]:
            return web.json_response({"errcode": 40001, "errmsg": "invalid credential, access_token is invalid"})
        if not self.script:
            return web.json_response({"errcode": 0, "errmsg": "ok"})
        said = self.script.pop(0)
        return web.json_response(said) if isinstance(said, dict) else await said(request)

    def _token(self, body: dict[str, Any]) -> web.Response:
        if self.token_answers:
            return web.json_response(self.token_answers.pop(0))
        assert body["secret"] == SECRET
        if body["force_refresh"] or not self.tokens:
            self.tokens.append(f"invented-token-canary-{len(self.tokens)}")
        return web.json_response({"access_token": self.tokens[-1], "expires_in": self.lasts})


@asynccontextmanager
async def running(api: FakeApi) -> AsyncIterator[FakeApi]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", api.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    try:
        yield api
    finally:
        await runner.cleanup()


def sizes(texts: Sequence[str]) -> list[int]:
    return [len(text.encode()) for text in texts]
