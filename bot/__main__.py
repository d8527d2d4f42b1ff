"""The command line: `clausebot --help`. What a command needs is imported when it runs, so that help comes at once."""

import sys
from typing import Annotated

import typer

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
    """Start everything on SQLite with the bundled policy, print the address, stay up until Ctrl-C.

    Data of the demo lies in var/demo. Example: clausebot demo --port 9000
    """
    from bot.commands.serve import run_demo

    run_demo(port)


@cli.command()
def serve() -> None:
    """Run the web chat with the settings of the environment and .env (see .env.example)."""
    from bot.commands.serve import run_server

    run_server()


@cli.command()
def chat(
    language: Annotated[str, typer.Option(help="en, zh or zh-Hant; otherwise it follows what you write.")] = "",
) -> None:
    """Talk to the assistant here. With a pipe it reads one message a line: printf 'do you sell my data?\\n' | clausebot chat"""
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
        str, typer.Argument(help="A clause (privacy.7.4), a law article (pipl.45), or nothing for the contents.")
    ] = "",
    language: Annotated[str, typer.Option(help="en, zh or zh-Hant.")] = "en",
) -> None:
    """Read the policy here: its contents, or one clause with its citation."""
    from bot.commands.policy import run_policy

    run_policy(name, language)


@cli.command()
def doctor() -> None:
    """Check settings, keys, database, clock, disk and knowledge, and say what to do. Exit code 1 when something is wrong."""
    from bot.commands.doctor import run_doctor

    run_doctor()


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
