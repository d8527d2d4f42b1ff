"""Records what other libraries make of WeChat's envelope: CLAUSEBOT_NODE=folder python -m tests.rehearsal.record_vectors"""

import json
import subprocess
from pathlib import Path
from typing import Any

from bot.rehearsal.wechat import Account
from tests.rehearsal.peers import NO_NODE, SCRIPT, node_folder

VECTORS = Path(__file__).parents[1] / "payloads" / "wechat_crypto_vectors.json"
TEXTS = (
    "",
    "hello",
    "你好，请问我的信息保存多久？",
    "a face 🙂 and \u200b nothing",
    "x]]></Content><MsgType><![CDATA[image]]>",
    "<xml><Content><![CDATA[两行\n文字]]></Content></xml>",
    "b" * (32 * 4 - 20 - 18 - 1),
    "b" * (32 * 4 - 20 - 18),
    "长" * 666,
)
"""Empty, plain, Chinese, beyond the basic plane, injection, and lengths on both sides of a block's border."""


def cases() -> list[dict[str, Any]]:
    return [
        {
            "text": text,
            "random16": bytes((number * 16 + place) % 256 for place in range(16)).hex(),
            "timestamp": str(1_790_000_000 + number),
            "nonce": str(5_000_000_000 - number),
        }
        for number, text in enumerate(TEXTS)
    ]


def by_peers(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases with what the libraries made of them. Raises RuntimeError without node and its packages."""
    folder, account = node_folder(), Account()
    if folder is None:
        raise RuntimeError(NO_NODE)
    asked = {"token": account.token, "aes_key": account.aes_key, "app_id": account.app_id, "cases": wanted}
    command = ["node", "--no-deprecation", str(SCRIPT), str(folder), "vectors"]
    said = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=60)
    made: list[dict[str, Any]] = json.loads(said.stdout)
    return made


if __name__ == "__main__":
    account = Account()
    made = by_peers(cases())
    for case in made:
        del case["read_back"]
    recorded = {
        "source": "recorded by tests/rehearsal/record_vectors.py from npm @wecom/crypto 1.0.1 and wechat-crypto 0.0.2",
        "token": account.token,
        "aes_key": account.aes_key,
        "app_id": account.app_id,
        "cases": made,
    }
    VECTORS.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(f"{len(made)} cases in {VECTORS}")
