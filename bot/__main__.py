"""The command line: `clausebot --help`. What a command needs is imported when it runs, so that help comes at once."""

import sys
from typing import Annotated

import typer

from bot.commands.accounts import accounts
from bot.commands.audit import audit
from bot.commands.orders import orders
from bot.commands.staff import staff

cli = typer.Typer(
    name="clausebot",
    help="A privacy assistant that answers from a company's policy, clause by clause, and never invents.\n\n"
    "Begin with [bold]clausebot demo[/bold]: everything on this machine, no token, no account.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


@cli.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the web chat; 0 takes any free one.")] = 8080,
) -> None:
    """Start everything here, with stand-ins of Telegram and WeChat; print the addresses; stay up until Ctrl-C.

    Data of the demo lies in var/demo. Example: clausebot demo --port 9000
    """
    from bot.commands.demo import run_demo

    run_demo(port)


@cli.command()
def serve() -> None:
    """Run the web chat, and the platforms that are set up, with the settings of the environment and .env.

    .env.example lists them all. Example: CLAUSEBOT_WEB_PORT=9000 clausebot serve
    """
    from bot.commands.serve import run_server

    run_server()


@cli.command()
def chat(
    language: Annotated[str, typer.Option(help="en, zh or zh-Hant; otherwise it follows what you write.")] = "",
) -> None:
    """Talk to the assistant here; with a pipe it reads one message a line.

    Examples: clausebot chat --language zh    echo 'do you sell my data?' | clausebot chat
    """
    from bot.commands.talk import run_chat

    run_chat(language)


@cli.command()
def understand(
    file: Annotated[str, typer.Argument(help="A file of lines, or - for standard input.")] = "-",
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Lines are JSON: {"id", "text"}; prints JSON lines too.')
    ] = False,
) -> None:
    """Show what the matcher makes of messages, without answering or storing anything.

    Examples: echo 'who sees my phone number' | clausebot understand    clausebot understand --jsonl questions.jsonl
    """
    from bot.commands.understand import run_understand

    run_understand(file, as_json=jsonl)


@cli.command()
def policy(
    name: Annotated[
        str,
        typer.Argument(
            help="A clause (7.4 or privacy.7.4), a section (7), a law article (pipl.45); nothing: contents."
        ),
    ] = "",
    language: Annotated[str, typer.Option(help="en, zh or zh-Hant.")] = "en",
) -> None:
    """Read the policy here: its contents, or one clause with its citation.

    Examples: clausebot policy 7.4    clausebot policy pipl.45 --language zh
    """
    from bot.commands.policy import run_policy

    run_policy(name, language)


@cli.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Don't ask Telegram and WeChat.")] = False,
) -> None:
    """Check settings, policy, wording, trained files, keys, database, disk, clock and platforms, and say what to do.

    Exit code 2 when something is wrong. Example: clausebot doctor --offline
    """
    from bot.commands.doctor import run_doctor

    run_doctor(offline=offline)


cli.add_typer(accounts, name="accounts")
cli.add_typer(audit, name="audit")
cli.add_typer(staff, name="staff")
cli.add_typer(orders, name="orders")

telegram = typer.Typer(help="Connect a Telegram bot: its webhook and its commands.", no_args_is_help=True)
wechat = typer.Typer(help="Look after a WeChat Official Account.", no_args_is_help=True)
menu = typer.Typer(help="The menu below the chat.", no_args_is_help=True)
cli.add_typer(telegram, name="telegram")
cli.add_typer(wechat, name="wechat")
wechat.add_typer(menu, name="menu")
MenuLanguage = Annotated[str, typer.Option(help="Which of our menus: zh or en. An account has one menu at a time.")]


@telegram.command("set-webhook")
def telegram_set_webhook() -> None:
    """Have Telegram post to CLAUSEBOT_PUBLIC_URL/telegram with TELEGRAM_WEBHOOK_SECRET. What waits there is kept.

    To change the secret: put the present one into TELEGRAM_WEBHOOK_SECRET_OLD and a new one into
    TELEGRAM_WEBHOOK_SECRET, restart the bot, run this, and take the old one out a minute later.

    Example: clausebot telegram set-webhook
    """
    from bot.commands.telegram import run_set_webhook, told

    run_set_webhook(told())


@telegram.command("webhook-info")
def telegram_webhook_info() -> None:
    """Show how the webhook stands, with a warning for what is wrong. Exit code 1 when there is one.

    Example: clausebot telegram webhook-info
    """
    from bot.commands.telegram import run_webhook_info, told

    if run_webhook_info(told()).warnings:
        raise typer.Exit(1)


@telegram.command("commands")
def telegram_commands() -> None:
    """Give Telegram the bot's commands, described in each language: all in private chats, /start in groups.

    Example: clausebot telegram commands
    """
    from bot.commands.telegram import run_commands, told

    run_commands(told())


@menu.command("push")
def wechat_menu_push(language: MenuLanguage = "zh") -> None:
    """Publish our menu. People see it at once when they follow anew, others within five minutes.

    Example: clausebot wechat menu push --language en
    """
    from bot.commands.wechat import run_push
    from bot.settings import read

    run_push(read(), language)


@menu.command("show")
def wechat_menu_show(language: MenuLanguage = "zh") -> None:
    """Print the published menu beside ours. Exit code 1 when they differ.

    Example: clausebot wechat menu show
    """
    from bot.commands.wechat import run_show
    from bot.settings import read

    if not run_show(read(), language):
        raise typer.Exit(1)


def main() -> None:
    """Runs the command line; a wrong setting or file ends in one message and exit code 2, never a traceback."""
    from bot.core.errors import Misconfigured

    try:
        cli()
    except Misconfigured as bad:
        for problem in bad.problems:
            print(f"clausebot: {problem}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
