"""An echo in safe mode with wechatpy and Flask, as wechatpy's own example has it; gunicorn runs it. Settings: environment."""

import os

from flask import Flask, abort, request
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException

TOKEN, AES_KEY, APP_ID = os.environ["WECHAT_TOKEN"], os.environ["WECHAT_AES_KEY"], os.environ["WECHAT_APP_ID"]
app = Flask(__name__)


@app.post("/wechat")
def take() -> str:
    timestamp, nonce = request.args.get("timestamp", ""), request.args.get("nonce", "")
    crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    try:
        xml = crypto.decrypt_message(request.data, request.args.get("msg_signature", ""), timestamp, nonce)
    except (InvalidSignatureException, InvalidAppIdException):
        abort(403)
    message = parse_message(xml)
    reply = create_reply(message.content if message.type == "text" else "?", message)
    return str(crypto.encrypt_message(reply.render(), nonce, timestamp))
