"""`clausebot wechat menu`, against WeChat's API as it answers."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.channels.wechat import buttons
from bot.commands.wechat import run_push, run_show, told
from bot.core.errors import Misconfigured
from tests.bot.channels.wechat_edge import AES_KEY, APP_ID, SECRET, TOKEN, FakeApi, running


@contextmanager
def in_a_thread(api: FakeApi) -> Iterator[FakeApi]:
    """The commands run event loops of their own, so the API has one too."""
    loop, is_up, is_over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with running(api):
            is_up.set()
            await is_over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    is_up.wait(5)
    try:
        yield api
    finally:
        loop.call_soon_threadsafe(is_over.set)
        thread.join(5)
        loop.close()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with in_a_thread(FakeApi()) as api:
        yield api


def settings(tmp_path: Path, api_url: str, **more: Any) -> Any:
    return SimpleNamespace(
        **{
            "database_url": f"sqlite:///{tmp_path}/clausebot.db",
            "key_file": tmp_path / "keys.toml",
            "wechat_app_id": APP_ID,
            "wechat_app_secret": SecretStr(SECRET),
            "wechat_token": SecretStr(TOKEN),
            "wechat_aes_key": SecretStr(AES_KEY),
            "wechat_aes_key_old": SecretStr(""),
            "wechat_api_url": api_url,
            "wechat_plain_mode": False,
        }
        | more
    )


def test_the_menu_is_published_and_compared(tmp_path: Path, api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    given = settings(tmp_path, api.url)
    api.script.append({"errcode": 46003, "errmsg": "menu no exist"})
    assert not run_show(given, "zh")
    run_push(given, "zh")
    assert api.of("menu/create") == [{"button": buttons("zh")}]
    api.script.append({"menu": {"button": buttons("zh")}})
    assert run_show(given, "zh")
    api.script.append({"menu": {"button": buttons("en")}})
    assert not run_show(given, "zh")
    said = capsys.readouterr().out
    assert "浏览隐私政策" in said
    assert "They differ" in said
    assert len(api.of("stable_token")) == 1, "the token is kept for the next command, and for the bot"


@pytest.mark.parametrize(
    ("code", "says"), [(40013, "WECHAT_APP_ID"), (40125, "WECHAT_APP_SECRET"), (40164, "list"), (45009, "45009")]
)
def test_a_refused_token_says_what_to_do_and_nothing_is_logged_above_it(
    tmp_path: Path, api: FakeApi, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api.token_answers.append({"errcode": code, "errmsg": SECRET})
    with pytest.raises(Misconfigured, match=says) as problem:
        run_push(settings(tmp_path, api.url), "zh")
    assert SECRET not in str(problem.value)
    assert tuple(capsys.readouterr()) == ("", "")


def test_an_account_that_may_not_is_told(tmp_path: Path, api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.script.append({"errcode": 48001, "errmsg": "api unauthorized"})
    with pytest.raises(Misconfigured, match="48001"):
        run_push(settings(tmp_path, api.url), "zh")
    assert tuple(capsys.readouterr()) == ("", "")


def test_nobody_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="gave no answer"):
        run_push(settings(tmp_path, "http://127.0.0.1:9"), "zh")


def test_without_an_account_nothing_is_tried(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="WECHAT_APP_ID"):
        told(settings(tmp_path, "http://127.0.0.1:9", wechat_app_id=""))
