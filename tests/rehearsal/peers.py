"""Where independent implementations are found, to check the stand-ins against: node's packages, aiogram."""

import os
import shutil
from pathlib import Path

PACKAGES = ("@wecom/crypto", "wechat-crypto", "co-wechat")
SCRIPT = Path(__file__).with_name("wechat_peers.mjs")
NO_NODE = (
    "no node, or no @wecom/crypto, wechat-crypto and co-wechat: npm install them, name the folder in CLAUSEBOT_NODE"
)


def node_folder() -> Path | None:
    """The folder whose node_modules has the packages; None when there is none, or no node."""
    if shutil.which("node") is None:
        return None
    for folder in (Path(os.environ.get("CLAUSEBOT_NODE", ".")), Path(__file__).parents[2]):
        if all((folder / "node_modules" / package).is_dir() for package in PACKAGES):
            return folder.resolve()
    return None
