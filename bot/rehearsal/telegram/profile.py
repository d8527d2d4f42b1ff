"""What the bot tells of itself: its commands by scope and language, and its descriptions."""

import re
from typing import Any

from bot.rehearsal.journal import Call
from bot.rehearsal.telegram import entities
from bot.rehearsal.telegram.chats import Data
from bot.rehearsal.telegram.parameters import Parameters
from bot.rehearsal.telegram.refusal import bad

_SCOPES = {
    "default": (), "all_private_chats": (), "all_group_chats": (), "all_chat_administrators": (),
    "chat": ("chat_id",), "chat_administrators": ("chat_id",), "chat_member": ("chat_id", "user_id"),
}  # fmt: skip
_COMMAND = re.compile(r"/?[a-z0-9_]{1,32}")


class Profile:
    """`commands` by scope and language, `texts` by field and language."""

    def __init__(self) -> None:
        self.commands: dict[tuple[str, str], list[Data]] = {}
        self.texts: dict[tuple[str, str], str] = {}

    async def set_commands(self, given: Parameters, call: Call) -> bool:
        commands = given.data("commands", "bot commands")
        if not isinstance(commands, list):
            raise bad("can't parse bot commands: Expected an Array of BotCommand")
        if len(commands) > 100:
            raise bad("BOT_COMMANDS_TOO_MUCH")
        self.commands[_scope(given)] = [_command(command) for command in commands]
        call.effect = True
        return True

    async def get_commands(self, given: Parameters, call: Call) -> list[Data]:
        return self.commands.get(_scope(given), [])

    async def delete_commands(self, given: Parameters, call: Call) -> bool:
        self.commands.pop(_scope(given), None)
        return True

    async def set_text(self, given: Parameters, call: Call) -> bool:
        field = "short_description" if "Short" in call.name else "description"
        if entities.units(given.text(field)) > (120 if field == "short_description" else 512):
            raise bad("BOT_ABOUT_TOO_LONG" if field == "short_description" else "BOT_DESCRIPTION_TOO_LONG")
        self.texts[field, given.text("language_code")] = given.text(field)
        return True

    async def get_text(self, given: Parameters, call: Call) -> Data:
        field = "short_description" if "Short" in call.name else "description"
        language = given.text("language_code")
        return {field: self.texts.get((field, language), self.texts.get((field, ""), ""))}


def _scope(given: Parameters) -> tuple[str, str]:
    scope = given.data("scope", "bot command scope") or {"type": "default"}
    kind = scope.get("type") if isinstance(scope, dict) else None
    if kind not in _SCOPES:
        raise bad("can't parse BotCommandScope: Unsupported type specified")
    for name in _SCOPES[kind]:
        if name not in scope:
            raise bad(f"can't parse BotCommandScope: Can't find field \"{name}\"")
    language = given.text("language_code")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad("invalid language code specified")
    return ":".join([kind, *(str(scope[name]) for name in _SCOPES[kind])]), language


def _command(command: Any) -> Data:
    name = command.get("command") if isinstance(command, dict) else None
    description = command.get("description") if isinstance(command, dict) else None
    if not isinstance(name, str) or not _COMMAND.fullmatch(name):
        raise bad("BOT_COMMAND_INVALID")
    if not isinstance(description, str) or not 1 <= entities.units(description.strip()) <= 256:
        raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name.lstrip("/"), "description": description.strip()}
