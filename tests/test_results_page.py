"""docs/results.md tells the figures of the program."""

from pathlib import Path

from bot.core import announcing, results
from bot.core.masking import mask
from bot.core.order.papers import FILE_MOST
from bot.core.package import files as package_files
from bot.core.verification import PROVEN_FOR
from knowledge.rights import Right, rights
from storage.stores.results import DOWNLOADS

PAGE = (Path(__file__).parent.parent / "docs" / "results.md").read_text("utf-8")
MEGABYTE = 1024 * 1024


def test_the_figures_are_those_of_the_program():
    hours = f"{results.KEPT_FOR.total_seconds() / 3600:.0f} hours"
    assert f"| the link and the package live | {hours} from the mail |" in PAGE
    assert f"| downloads | {DOWNLOADS}, counted" in PAGE
    assert f"| a right code holds | {PROVEN_FOR.total_seconds() / 60:.0f} minutes" in PAGE
    assert f"| size of one attached file | {FILE_MOST // MEGABYTE} MB |" in PAGE
    assert f"| size of a package | {package_files.PACKAGE_MOST // MEGABYTE} MB |" in PAGE
    given_up = f"{announcing.GIVEN_UP_AFTER.total_seconds() / 3600:.0f} hours"
    assert f"| tries to reach the company's directory for the addresses | for {given_up} |" in PAGE


def test_what_it_says_of_masking_is_so():
    assert "6222021234567890128" not in mask("6222021234567890128")
    assert "secrets_masked" in dict(rights()[Right.ACCESS].checklist)


def test_it_names_the_alarm_that_staff_see():
    assert 'order, "result", {"why": why}' in Path(announcing.__file__).read_text("utf-8")
    assert "`alarm result`" in PAGE
