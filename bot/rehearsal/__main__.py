"""The stand-ins as programs: python -m bot.rehearsal telegram|wechat|receiver --help"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.rehearsal.faults import BadScript, Rule, Script
from bot.rehearsal.receiver import PATH, SECRET, WebhookReceiver
from bot.rehearsal.serving import listen, run
from bot.rehearsal.telegram import Rates, TelegramStandIn
from bot.rehearsal.wechat import Account, WeChatStandIn


def main(words: Sequence[str] | None = None) -> int:
    """Runs one stand-in until Ctrl-C; prints its address first, as one JSON line when `--json` is given."""
    options = _parser().parse_args(words)
    try:
        script = _script(options)
        stand_in = _STAND_INS[options.platform](options, script)
    except (BadScript, ValueError, OSError) as bad:
        print(f"bot.rehearsal: {bad}", file=sys.stderr)
        return 2
    try:
        listener = listen(options.port)
    except OSError as bad:
        print(f"bot.rehearsal: port {options.port}: {bad.strerror}; 0 takes any free one", file=sys.stderr)
        return 2
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = _settings(options, address)
    if options.json:
        print(json.dumps({"platform": options.platform, "address": address}), flush=True)
    else:
        lines = "".join(f"\n  {name}={value}" for name, value in settings.items())
        print(f"Stand-in of {options.platform} at {address}{lines}\n  Calls: {address}/_/calls", flush=True)
    run(stand_in.app, listener, at_end=stand_in.close)
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 (default) takes any free one")
    common.add_argument("--seed", type=int, default=1, help="seed of the faults (default 1)")
    common.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="RULE",
        help='e.g. "sendMessage refuse:429 seconds=2 chance=0.05", "update duplicate chance=0.1"; may be repeated',
    )
    common.add_argument("--faults", type=Path, help='JSON file: {"seed": 1, "rules": ["sendMessage reset at=3,7"]}')
    common.add_argument("--json", action="store_true", help="print the address as one JSON line")
    shared = argparse.ArgumentParser(add_help=False, parents=[common])
    shared.add_argument("--webhook", default="", help="where to push: http://127.0.0.1:8080/telegram")
    shared.add_argument("--hurry", type=float, default=1.0, help="divides every wait between repeats (default 1)")
    shared.add_argument("--keep", type=int, default=100_000, help="calls kept for /_/calls (default 100,000)")
    shared.add_argument("--anyone", action="store_true", help="people exist as soon as they are written to")
    parser = argparse.ArgumentParser(prog="python -m bot.rehearsal", description=__doc__)
    platforms = parser.add_subparsers(dest="platform", required=True)
    telegram = platforms.add_parser("telegram", parents=[shared], help="a stand-in of the Telegram Bot API")
    telegram.add_argument("--token", default="", help="the only token that is let in; any well-formed one by default")
    telegram.add_argument("--secret", default="", help="secret of --webhook, as setWebhook would give it")
    telegram.add_argument("--enforce", action="store_true", help="429 beyond 30/s, 1/s to a chat, 20/min to a group")
    telegram.add_argument("--overall", type=float, help="messages in any second to all chats, instead of 30")
    telegram.add_argument("--per-chat", type=float, help="messages in any second to one chat, instead of 1")
    wechat = platforms.add_parser("wechat", parents=[shared], help="a stand-in of the WeChat API")
    plain = Account()
    wechat.add_argument("--app-id", default=plain.app_id, help="default %(default)s")
    wechat.add_argument("--app-secret", default=plain.app_secret, help="default: an invented one")
    wechat.add_argument("--token", default=plain.token, help="the token that signs pushes; default %(default)s")
    wechat.add_argument("--aes-key", default=plain.aes_key, help="43 characters; default: an invented one")
    wechat.add_argument("--plain", action="store_true", help="push in plain mode, which a careful bot refuses")
    wechat.add_argument("--template", action="append", default=[], metavar="ID=FIELD,FIELD", help="a template it knows")
    receiver = platforms.add_parser(
        "receiver",
        parents=[common],
        help="a system of the company's, which takes signed news of orders (docs/webhooks.md)",
        description="Takes signed news of orders as docs/webhooks.md says, and turns away what isn't signed so. What came is "
        "at /_/calls; what a fault is called on is news.",
    )
    receiver.add_argument("--secret", default=SECRET, help="WEBHOOK_SECRET of both sides; default: an invented one")
    return parser


def _settings(options: argparse.Namespace, address: str) -> dict[str, str]:
    """What the bot is told, so that it talks to this stand-in."""
    if options.platform == "receiver":
        return {"WEBHOOK_URL": address + PATH, "WEBHOOK_SECRET": options.secret}
    return {f"{options.platform.upper()}_API_URL": address}


def _script(options: argparse.Namespace) -> Script:
    rules = [Rule.parse(line) for line in options.fault]
    if options.faults:
        try:
            read = Script.from_data(json.loads(options.faults.read_text("utf-8")))
        except ValueError as bad:
            raise BadScript(f"{options.faults}: {bad}") from bad
        return Script([*read.rules, *rules], seed=read.seed)
    return Script(rules, seed=options.seed)


def _telegram(options: argparse.Namespace, script: Script) -> TelegramStandIn:
    rates = None
    if options.enforce or options.overall or options.per_chat:
        rates = Rates(overall=options.overall or 30, per_chat=options.per_chat or 1)
    stand_in = TelegramStandIn(
        token=options.token, script=script, rates=rates, anyone=options.anyone, hurry=options.hurry, keep=options.keep
    )
    if options.webhook:
        stand_in.point_webhook(options.webhook, options.secret)
    return stand_in


def _receiver(options: argparse.Namespace, script: Script) -> WebhookReceiver:
    return WebhookReceiver(secret=options.secret, script=script)


def _wechat(options: argparse.Namespace, script: Script) -> WeChatStandIn:
    account = Account(options.app_id, options.app_secret, options.token, options.aes_key)
    templates = {}
    for line in options.template:
        name, _, fields = line.partition("=")
        templates[name] = tuple(filter(None, fields.split(",")))
    return WeChatStandIn(
        account,
        webhook=options.webhook,
        script=script,
        templates=templates,
        safe=not options.plain,
        anyone=options.anyone,
        hurry=options.hurry,
        keep=options.keep,
    )


_STAND_INS: Mapping[str, Callable[[argparse.Namespace, Script], TelegramStandIn | WeChatStandIn | WebhookReceiver]] = {
    "telegram": _telegram,
    "wechat": _wechat,
    "receiver": _receiver,
}


if __name__ == "__main__":
    sys.exit(main())
