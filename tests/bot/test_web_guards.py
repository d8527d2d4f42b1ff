"""Headers, body cap, origin check, error pages, health, static files: what guards every page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.guards import BODY_MAX, CONTENT_SECURITY_POLICY
from bot.look import STATIC, TEMPLATES, asset_address, assets, text
from bot.policy_pages import PolicyPages
from bot.web import make_app
from tests.bot.scripted import Scripted

EVERYWHERE = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
def browser(script: Scripted) -> TestClient:
    return TestClient(
        script.web(), raise_server_exceptions=False, headers={"Accept": "text/html", "Accept-Language": "en"}
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/policy", 200),
        ("GET", "/policy/2023-12-15/clause/privacy.7.4", 200),
        ("GET", "/law/pipl.45", 200),
        ("GET", "/healthz", 200),
        ("GET", "/chat/stream", 204),
        ("GET", "/nothing/here", 404),
        ("GET", "/static/x/../../look.py", 404),
        ("GET", "/static/x/%2e%2e/look.py", 404),
        ("GET", "/chat/messages", 405),
        ("DELETE", "/policy", 405),
        ("POST", "/chat/messages", 303),
    ],
)
def test_every_response_carries_the_security_headers(browser: TestClient, method: str, path: str, status: int) -> None:
    answer = browser.request(method, path, follow_redirects=False)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert answer.headers["cache-control"] == "no-store"


def test_so_does_the_page_for_a_broken_turn(browser: TestClient, script: Scripted) -> None:
    script.fails = True
    answer = browser.post("/chat/messages", data={"text": "hi"})
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in EVERYWHERE} == EVERYWHERE


def test_the_content_policy_allows_nothing_inline_and_no_other_site() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "*" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none';")


def test_https_is_insisted_on_only_where_there_is_https(script: Scripted) -> None:
    assert "strict-transport-security" not in TestClient(script.web()).get("/").headers
    public = TestClient(script.web(public=True), base_url="https://privacy.example.com")
    assert public.get("/").headers["strict-transport-security"].startswith("max-age=31536000")


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("*.html")), ids=lambda file: file.name)
def test_templates_hold_nothing_inline_and_fetch_from_nowhere_else(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|\|\s*safe\b|autoescape", source)
    assert not re.search(r"<script(?![^>]*\bsrc=)", source)
    assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//", source)


@pytest.mark.parametrize("name", sorted(n for n in assets() if not n.startswith("vendor/")))
def test_our_own_static_files_fetch_from_nowhere_else(name: str) -> None:
    source = assets()[name].body.decode().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|@import|url\(|eval\(|new Function", source)


def test_the_vendored_file_is_the_one_that_the_readme_names() -> None:
    import hashlib

    readme = (STATIC / "vendor" / "README.md").read_text(encoding="utf-8")
    vendored = [name for name in assets() if name.startswith("vendor/")]
    assert vendored == ["vendor/htmx.min.js"]
    assert hashlib.sha256(assets()[vendored[0]].body).hexdigest() in readme
    assert (STATIC / "vendor" / "htmx.LICENSE.txt").exists()


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),  # a program, such as a platform's webhook
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, False),
        ({"Origin": "http://testserver"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://testserver.evil.example"}, False),
        ({"Origin": "null"}, False),
    ],
)
def test_only_our_own_pages_can_post(
    browser: TestClient, script: Scripted, headers: dict[str, str], allowed: bool
) -> None:
    answer = browser.post("/chat/messages", data={"text": "hi"}, headers=headers, follow_redirects=False)
    assert answer.status_code == (303 if allowed else 403)
    assert len(script.heard) == int(allowed)
    assert browser.get("/", headers=headers).status_code == 200


def test_a_body_over_the_cap_is_refused_in_words(browser: TestClient, script: Scripted) -> None:
    answer = browser.post("/chat/messages", data={"text": "x" * BODY_MAX})
    assert answer.status_code == 413
    assert text("error.413", "en") in answer.text
    assert not script.heard


def test_a_body_that_hides_its_length_is_counted(browser: TestClient, script: Scripted) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"text=hi&rest="
        for _ in range(100):
            yield b"x" * 4096

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post("/chat/messages", content=chunks(), headers=form).status_code == 413
    assert not script.heard


@pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999999", "٣"])
def test_an_odd_declared_length_is_refused(browser: TestClient, length: str) -> None:
    headers = {b"content-length": length.encode(), b"content-type": b"application/x-www-form-urlencoded"}
    assert browser.post("/chat/messages", content=b"text=hi", headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xfe\x00text=\xff", "application/x-www-form-urlencoded"),
        (b"text=%ED%A0%80", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(500)), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhi\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (b"text=hi", "text/plain"),
    ],
)
def test_hostile_bodies_never_break_anything(browser: TestClient, content: bytes, kind: str) -> None:
    answer = browser.post("/chat/messages", content=content, headers={"Content-Type": kind}, follow_redirects=False)
    assert answer.status_code in (303, 400)


@pytest.mark.parametrize(("wish", "language"), [("en", "en"), ("zh", "zh"), ("zh-TW", "zh-Hant")])
def test_what_goes_wrong_is_said_in_ones_own_language(browser: TestClient, wish: str, language: str) -> None:
    assert text("error.404", language) in browser.get("/nowhere", headers={"Accept-Language": wish}).text


def test_programs_get_one_plain_sentence(browser: TestClient) -> None:
    answer = browser.get("/nowhere", headers={"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert "<" not in answer.text


def test_health_names_what_fails_and_not_why(script: Scripted) -> None:
    async def database() -> None:
        raise RuntimeError("postgresql://secret@host")

    app = make_app([script.chat()], script.door, PolicyPages([script.policy]), checks={"database": database})
    answer = TestClient(app).get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing", "failing": ["database"]})
    assert TestClient(script.web()).get("/healthz").json() == {"status": "ok"}


def test_further_routes_stand_behind_the_same_guards(script: Scripted) -> None:
    async def echo(request: Request) -> Response:
        return Response(await request.body(), headers={"Cache-Control": "private"})

    app = make_app([], script.door, PolicyPages([script.policy]), more=[Route("/echo", echo, methods=["POST"])])
    browser = TestClient(app)
    assert browser.post("/echo", content=b"hi").headers["cache-control"] == "private"
    assert browser.post("/echo", content=b"x" * (BODY_MAX + 1)).status_code == 413


def test_static_files_may_be_kept_for_ever_under_their_digest_only(browser: TestClient) -> None:
    address = asset_address("chat.css")
    kept = browser.get(address)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"].startswith("text/css")
    assert browser.get("/static/other/chat.css").headers["cache-control"] == "no-cache"
