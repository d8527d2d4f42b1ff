"""docs/verification.md says what the program does."""

from pathlib import Path

from bot.core import binding, codes, verification
from bot.core.contacts import SETTLED_AFTER
from knowledge.rights import Level, Right, rights
from storage.stores.verification import TRIES

TEXT = (Path(__file__).parents[3] / "docs" / "verification.md").read_text(encoding="utf-8")
PAGE = " ".join(TEXT.split())


def row_of(right: Right) -> str:
    """What the page's table asks for this right."""
    rows = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("|")]
    [found] = [row[1] for row in rows if right.value in row[0].replace(",", " ").split()]
    return found


def test_every_right_is_in_the_table_with_the_proof_that_it_needs():
    for right, rule in rights().items():
        said = row_of(right)
        if rule.papers:
            assert "papers" in said
        else:
            assert said.startswith(rule.level.name), right
        assert ("Where no portal is connected: CONTACT" in said) is (rule.level is Level.PORTAL and rule.staff_check)
        assert ("Two further staff" in said) is rule.two_staff, right


def test_the_figures_are_those_of_the_program():
    assert f"| length | {codes.DIGITS} digits" in PAGE
    minutes = {kind: int(span.total_seconds() // 60) for kind, span in codes.VALID_FOR.items()}
    assert f"e-mail {minutes['email']} minutes, SMS {minutes['phone']}," in PAGE
    assert f"| tries | {TRIES}," in PAGE
    assert f"| codes an hour | {verification.CODES_AN_HOUR} for a chat;" in PAGE
    assert f"| wrong ones a day | {verification.WRONG_A_DAY}," in PAGE
    assert f"| wrong ones in a row | {verification.LOCK_AT}," in PAGE
    assert f"more than {SETTLED_AFTER.days} days" in PAGE
    assert (binding.LINK_FOR.total_seconds(), "works once and for ten minutes" in PAGE) == (600, True)
    assert (codes.NUMBERS, "one of ninety" in PAGE) == (90, True)
