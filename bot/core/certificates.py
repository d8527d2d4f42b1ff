"""Certificates of deletion: what was deleted, when, and that two members of staff decided it; signed, and easy to check.

A certificate is a short JSON text that names nobody. It can be made again at any time from the order, in the same bytes,
and checked by anybody who has the public key: Ed25519 (RFC 8032) over the text without its "signature", as compact JSON
with sorted keys in UTF-8. The key is derived from the installation's signing key.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bot.core.order.moves import NotAllowed
from bot.core.package.held import stamp
from knowledge.clause import Localized
from knowledge.rights import Right, rights
from storage.crypto import Keyring
from storage.stores.orders import Order
from storage.work import Work

FORMAT = "clausebot-deletion-certificate-1"
CERTIFICATE_MOST = 8_000
"""Characters."""
WHAT: Mapping[Right, Localized] = {
    Right.DELETION: {
        "en": "The personal information that the request was about has been deleted or made anonymous, but for what the law requires to be kept.",
        "zh": "申请所涉及的个人信息已经删除或匿名化，法律要求保留的除外。",
    },
    Right.CLOSURE: {
        "en": "The account has been closed, and its personal information deleted or made anonymous, but for what the law requires to be kept.",
        "zh": "账号已经注销，其个人信息已经删除或匿名化，法律要求保留的除外。",
    },
}
"""What was deleted, in general words."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A certificate whose signature is right. `right` and `what` are in both languages."""

    number: str
    right: Localized
    what: Localized
    received_at: str
    approved_at: str
    executed_at: str
    proposed_by: str
    approved_by: str


class Certificates:
    """Makes and checks the certificates of one installation."""

    def __init__(self, keyring: Keyring, company: Localized) -> None:
        seed = hmac.new(keyring.signing, b"derived:certificates of deletion", hashlib.sha256).digest()
        self._key, self._company = Ed25519PrivateKey.from_private_bytes(seed), company

    @property
    def public_key(self) -> str:
        """In hex; the same for every certificate of this installation."""
        return self._key.public_key().public_bytes_raw().hex()

    def make(self, work: Work, order: Order) -> str:
        """The certificate of an order that was carried out. Raises NotAllowed ("state") for any other."""
        right = Right(order.right)
        done = order.executed_at and order.approved_at and order.received_at
        if right not in WHAT or not done or order.proposed_by is None or order.approved_by is None:
            raise NotAllowed("state")
        assert order.executed_at
        assert order.approved_at
        stated: dict[str, Any] = {
            "format": FORMAT,
            "company": dict(self._company),
            "order": order.number,
            "right": right.value,
            "what": dict(WHAT[right]),
            "received_at": stamp(order.received_at),
            "approved_at": stamp(order.approved_at),
            "executed_at": stamp(order.executed_at),
            "decided_by": {"proposed": _role(work, order.proposed_by), "approved": _role(work, order.approved_by)},
            "public_key": self.public_key,
        }
        stated["signature"] = self._key.sign(_plain(stated)).hex()
        return json.dumps(stated, ensure_ascii=False, indent=2) + "\n"

    def read(self, text: str) -> Stated | None:
        """What a certificate states; None for anything that isn't one of ours, down to the last byte."""
        try:
            if len(text) > CERTIFICATE_MOST:
                return None  # What begins as one of ours may go on as anything.
            stated = json.loads(text, object_pairs_hook=_once)
            signature = bytes.fromhex(stated["signature"])
            if stated["format"] != FORMAT or stated["public_key"] != self.public_key:
                return None
            rest = {name: value for name, value in stated.items() if name != "signature"}
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            public.verify(signature, _plain(rest))
            return Stated(
                stated["order"],
                rights()[Right(stated["right"])].name,
                stated["what"],
                stated["received_at"],
                stated["approved_at"],
                stated["executed_at"],
                stated["decided_by"]["proposed"],
                stated["decided_by"]["approved"],
            )
        except (InvalidSignature, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None


def _plain(stated: Mapping[str, Any]) -> bytes:
    """What is signed."""
    return json.dumps(stated, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two, readers disagree about which one counts."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def _role(work: Work, staff_id: int) -> str:
    """A member by role, never by name: the one who decides is an officer, whatever else they are."""
    member = work.staff.of_id(staff_id)
    roles = member.roles if member else frozenset()
    return "officer" if "officer" in roles else min(roles, default="staff")
