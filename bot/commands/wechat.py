"""`clausebot wechat`: the menu of an Official Account, as we have it and as it is published."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rich.console import Console
from rich.tree import Tree

from bot.app import open_database
from bot.channels.wechat import NO_TOKEN, Api, NoToken, WeChatSettings, buttons, published
from bot.commands.quiet import without_log
from bot.core.clock import system_clock
from bot.core.errors import DeliveryError, Misconfigured, Refused
from bot.platforms import wechat_settings
from bot.settings import Settings

T = TypeVar("T")


def run_push(settings: Settings, language: str) -> None:
    """Publishes the menu and says so. Raises Misconfigured."""
    wanted = buttons(language)
    _ask(settings, lambda api: api.put_menu(wanted))
    print(f"Published the menu ({language}). Check it: clausebot wechat menu show")


def run_show(settings: Settings, language: str) -> bool:
    """Prints both menus; whether they are the same. Raises Misconfigured."""
    ours, theirs = buttons(language), published(_ask(settings, lambda api: api.menu()))
    console = Console(soft_wrap=True)
    console.print(_tree(f"[bold]ours[/bold] ({language})", ours))
    push = f"clausebot wechat menu push --language {language}"
    if theirs == ours:
        console.print("Published: the same.")
    elif theirs:
        console.print(_tree("[bold]published[/bold]", theirs))
        console.print(f"They differ. To publish ours: {push}. To compare with another language: --language")
    else:
        console.print(f"Nothing is published yet: {push}")
    return theirs == ours


def told(settings: Settings) -> WeChatSettings:
    """The account's part of the settings. Raises Misconfigured."""
    if not settings.wechat_app_id:
        raise Misconfigured(["WECHAT_APP_ID is empty: copy the AppID from WeChat's console into .env"])
    return wechat_settings(settings)


def _ask(settings: Settings, question: Callable[[Api], Awaitable[T]]) -> T:
    """What WeChat answers; its token is shared with the running bot through the database. Raises Misconfigured."""
    account = told(settings)
    database = open_database(settings)

    async def ask() -> T:
        async with Api(account, database, system_clock) as api:
            return await question(api)

    try:
        with without_log():
            return asyncio.run(ask())
    except NoToken as failure:
        problem = NO_TOKEN.get(failure.errcode, f"WeChat gives no token (code {failure.errcode}); try again later")
    except Refused as refused:
        problem = f"WeChat refused (code {refused.reason}); 48001 means that the account is not certified for it"
    except DeliveryError:
        problem = f"{account.api_url} gave no answer: check WECHAT_API_URL, network and proxy, then try again"
    finally:
        database.close()
    raise Misconfigured([problem])


def _tree(title: str, buttons: list[dict[str, Any]]) -> Tree:
    tree = Tree(title)
    for button in buttons:
        _add(tree, button)
    return tree


def _add(tree: Tree, button: dict[str, Any]) -> None:
    goes_to = button.get("key") or button.get("url") or ""
    branch = tree.add(f"{button.get('name', '')}  [dim]{goes_to}[/dim]")
    for item in button.get("sub_button", []):
        _add(branch, item)
