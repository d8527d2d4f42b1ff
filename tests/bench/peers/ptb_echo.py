"""An echo with python-telegram-bot, as stock as its page on custom webhooks has it: Starlette and uvicorn, no database.

An update is answered 200 when its handler is done, so that req/s mean the same as ours. PORT, API_URL, TOKEN: environment.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters


async def echo(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    if update.message is not None and update.message.text:
        await update.message.reply_text(update.message.text)


application: Any = (
    Application.builder().token(os.environ["TOKEN"]).base_url(os.environ["API_URL"] + "/bot").updater(None).build()
)
application.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND, echo))


async def take(request: Request) -> Response:
    await application.process_update(Update.de_json(await request.json(), application.bot))
    return Response()


@asynccontextmanager
async def life(app: Starlette) -> AsyncIterator[None]:
    async with application:
        await application.start()
        yield
        await application.stop()


if __name__ == "__main__":
    app = Starlette(routes=[Route("/telegram", take, methods=["POST"])], lifespan=life)
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="error", access_log=False)
