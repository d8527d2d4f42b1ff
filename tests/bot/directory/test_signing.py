"""The signature is what docs/portal-api.md says: its worked example, by our code, by the stand-in's and by hand."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.directory.answers import ACCOUNTS_MOST, CLOCKS_DIFFER, CONTACTS_MOST, Untrue, read_answer
from bot.directory.listing import COLUMNS
from bot.directory.signing import is_signed_by_one_of, sign_answer, sign_request
from bot.rehearsal.portal import AccountsStandIn
from tests.conftest import Clock

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "portal-api.md").read_text("utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)]
EXAMPLE: dict[str, Any] = BLOCKS[-1]
BODY, ANSWERED = EXAMPLE["request_body"].encode(), EXAMPLE["answer_body"].encode()


def signed(**changes: Any) -> str:
    given = {"secret": EXAMPLE["secret"], "method": "POST", "path": EXAMPLE["path"]}
    given |= {"timestamp": EXAMPLE["request_timestamp"], "nonce": EXAMPLE["nonce"], "body": BODY}
    return sign_request(**given | changes)


def test_the_example_of_the_page_is_what_we_sign() -> None:
    assert signed() == EXAMPLE["request_signature"]
    answer = sign_answer(EXAMPLE["secret"], 200, EXAMPLE["answer_timestamp"], EXAMPLE["nonce"], ANSWERED)
    assert answer == EXAMPLE["answer_signature"]


def test_the_example_of_the_page_is_what_its_lines_come_to() -> None:
    lines = ["clausebot-answer-v1", "200", str(EXAMPLE["answer_timestamp"]), EXAMPLE["nonce"]]
    text = "\n".join([*lines, hashlib.sha256(ANSWERED).hexdigest()])
    by_hand = hmac.new(EXAMPLE["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
    assert by_hand == EXAMPLE["answer_signature"]


def test_the_stand_in_signs_the_example_of_the_page() -> None:
    stand_in = AccountsStandIn(secret=EXAMPLE["secret"], clock=lambda: EXAMPLE["answer_timestamp"])
    assert dict(stand_in._signed(EXAMPLE["nonce"], ANSWERED))["X-Clausebot-Signature"] == EXAMPLE["answer_signature"]


def test_the_answer_of_the_page_is_taken(clock: Clock) -> None:
    (account,) = read_answer(json.dumps(BLOCKS[1]).encode(), clock())
    assert account.id == "K-100001"
    assert account.contacts_changed_at == datetime(2025, 11, 3, 4, 5, 6, tzinfo=UTC)
    assert read_answer(ANSWERED, clock()) == ()


def test_when_a_contact_went_may_be_left_out_and_is_never_guessed(clock: Clock) -> None:
    said = json.loads(json.dumps(BLOCKS[1]))
    said["accounts"][0].pop("contacts_changed_at")
    assert read_answer(json.dumps(said).encode(), clock())[0].contacts_changed_at is None
    for untrue in ("2999-01-01T00:00:00Z", "2025-11-03T04:05:06", "1999-01-01T00:00:00Z", "", 7):
        said["accounts"][0]["contacts_changed_at"] = untrue
        with pytest.raises(Untrue, match="contacts_changed_at"):
            read_answer(json.dumps(said).encode(), clock())


@pytest.mark.parametrize(
    "changes",
    [
        {"secret": "x" * 32},
        {"method": "GET"},
        {"path": "/v1/accounts/find"},
        {"timestamp": 1},
        {"nonce": "0" * 32},
        {"body": BODY + b" "},
    ],
)
def test_everything_that_counts_is_signed(changes: dict[str, Any]) -> None:
    assert signed(**changes) != signed()


@pytest.mark.parametrize(
    ("status", "timestamp", "nonce", "body"),
    [(201, 7, "n", b"x"), (200, 8, "n", b"x"), (200, 7, "m", b"x"), (200, 7, "n", b"y")],
)
def test_everything_that_counts_in_an_answer_is_signed(status: int, timestamp: int, nonce: str, body: bytes) -> None:
    signature = sign_answer("s" * 32, 200, 7, "n", b"x")
    assert is_signed_by_one_of(["o" * 32, "s" * 32], signature, 200, 7, "n", b"x")
    assert not is_signed_by_one_of(["o" * 32, "s" * 32], signature, status, timestamp, nonce, body)
    assert not is_signed_by_one_of(["s" * 32], "", 200, 7, "n", b"x")


def test_the_pages_give_the_limits_and_columns_of_the_code() -> None:
    assert f"At most {ACCOUNTS_MOST} accounts" in PAGE
    assert f"every contact on file, {CONTACTS_MOST} at most" in PAGE
    assert f"more than {CLOCKS_DIFFER.total_seconds():g} seconds off" in PAGE
    table = re.findall(r"^\| (`[a-z_`, ]+) \|", (DOCS / "accounts.md").read_text("utf-8"), re.M)
    assert sorted(name for row in table for name in re.findall(r"`(\w+)`", row)) == sorted(COLUMNS)
