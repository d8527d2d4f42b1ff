"""Receipt codes."""

import re

from bot.core.receipts import ALPHABET, new_code, tidy_code


def test_a_code_is_two_groups_of_four_that_can_be_read_out():
    assert re.fullmatch(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", new_code())
    assert not set("ILOU") & set(ALPHABET)


def test_codes_differ():
    assert len({new_code() for _ in range(1_000)}) == 1_000


def test_a_code_reads_the_same_however_it_is_typed():
    code = new_code()
    assert tidy_code(f" {code.lower()} ") == code
