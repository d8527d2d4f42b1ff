"""A talk as it went."""

from bot.core.clock import Clock
from bot.core.history import history_of
from bot.core.message import Address
from storage.engine import Database
from tests.bot.conftest import Person


def lines(database: Database, person: Person, after: int = 0) -> list[str]:
    return [
        line.text if line.mine else line.reply.text.split()[0] for line in history_of(database, person.address, after)
    ]


def test_what_was_said_stands_before_what_was_answered(alice: Person, database: Database):
    alice("/forget")
    alice("no")
    assert lines(database, alice) == ["/forget", "This", "Shall", "no", "Nothing"]


def test_a_button_is_not_shown_as_words(alice: Person, database: Database):
    alice(choice="start:help")
    assert lines(database, alice) == ["Ask"]


def test_secrets_are_shown_masked(alice: Person, database: Database):
    alice("/receipt 1234-5678")
    assert lines(database, alice)[0] == "/receipt [code]"


def test_only_what_came_after_the_last_one_known(alice: Person, database: Database):
    alice("/forget")
    last = history_of(database, alice.address)[-1].id
    assert lines(database, alice, last) == []
    alice("no")
    assert lines(database, alice, last) == ["no", "Nothing"]


def test_a_stranger_has_no_history(alice: Person, database: Database):
    alice("/help")
    assert history_of(database, Address("memory", "nobody")) == []
    assert history_of(database, Address("web", "alice")) == []


def test_an_erased_person_has_no_history(alice: Person, database: Database, clock: Clock):
    alice("/forget")
    alice("yes")
    assert history_of(database, alice.address) == []
