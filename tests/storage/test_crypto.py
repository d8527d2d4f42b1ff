"""Sealing, and the key file."""

from pathlib import Path

import pytest
import tomli_w

from storage.crypto import Keyring, seal, unseal
from storage.errors import CannotOpen, KeyMissing, Unreadable

KEY = b"k" * 32


def test_what_is_sealed_for_a_place_opens_there() -> None:
    assert unseal(KEY, seal(KEY, b"words", "turn.text:1"), "turn.text:1") == b"words"


@pytest.mark.parametrize(("key", "place"), [(KEY, "turn.text:2"), (b"x" * 32, "turn.text:1")])
def test_elsewhere_or_with_another_key_it_does_not(key: bytes, place: str) -> None:
    with pytest.raises(Unreadable, match=place):
        unseal(key, seal(KEY, b"words", "turn.text:1"), place)


def test_every_changed_bit_is_noticed() -> None:
    sealed = seal(KEY, b"words", "p")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Unreadable):
            unseal(KEY, bytes(changed), "p")


@pytest.mark.parametrize("length", range(0, 30, 3))
def test_a_cut_value_does_not_open(length: int) -> None:
    with pytest.raises(Unreadable):
        unseal(KEY, seal(KEY, b"words", "p")[:length], "p")


def test_the_same_words_never_look_the_same() -> None:
    assert seal(KEY, b"words", "p") != seal(KEY, b"words", "p")


def test_a_data_key_opens_with_the_key_that_wrapped_it() -> None:
    ring = Keyring.new()
    key, key_id, wrapped = ring.new_data_key()
    assert ring.unwrap(key_id, wrapped) == key
    with pytest.raises(KeyMissing, match="'k9'"):
        ring.unwrap("k9", wrapped)
    with pytest.raises(Unreadable):
        Keyring.new().unwrap(key_id, wrapped)


def test_derived_keys_differ_by_purpose_and_wrapping_key() -> None:
    ring = Keyring("a", {"a": b"a" * 32, "b": b"b" * 32}, b"i" * 32, b"s" * 32)
    made = {ring.derived(purpose, key) for purpose in ("quarantine", "other") for key in "ab"}
    assert len(made) == 4
    assert made.isdisjoint(ring.wrapping.values())
    with pytest.raises(KeyMissing):
        ring.derived("quarantine", "c")


def test_a_blind_index_tells_parts_apart() -> None:
    ring = Keyring.new()
    assert ring.blind("a", "b") == ring.blind("a", "b")
    assert len({ring.blind("a", "b"), ring.blind("ab"), ring.blind("b", "a"), Keyring.new().blind("a", "b")}) == 4


class TestKeyFile:
    def test_comes_back_as_written_and_is_for_the_owner_alone(self, tmp_path: Path) -> None:
        ring, path = Keyring.new(), tmp_path / "new folder" / "keys.toml"
        ring.write(path)
        assert Keyring.read(path) == ring
        assert path.stat().st_mode & 0o777 == 0o600

    def test_is_never_written_over(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.toml"
        Keyring.new().write(path)
        before = path.read_bytes()
        with pytest.raises(CannotOpen, match=str(path)):
            Keyring.new().write(path)
        assert path.read_bytes() == before

    def test_a_missing_one_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CannotOpen, match=r"keys\.toml: there is no key file"):
            Keyring.read(tmp_path / "keys.toml")

    def test_a_folder_in_its_place_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CannotOpen, match="can't be read"):
            Keyring.read(tmp_path)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: data.pop("index"),
            lambda data: data.pop("wrapping"),
            lambda data: data.update(wrapping="k1"),
            lambda data: data.update(wrapping={"k1": 7}),
            lambda data: data.update(wrapping={"k1": "not base64!"}),
            lambda data: data.update(wrapping={"k1": "c2hvcnQ="}),
            lambda data: data.update(current="k2"),
            lambda data: data.update(current=["k1"]),
            lambda data: data.update(signing=""),
        ],
    )
    def test_a_damaged_one_is_named(self, tmp_path: Path, damage: object) -> None:
        import tomllib

        path = tmp_path / "keys.toml"
        Keyring.new().write(path)
        data = tomllib.loads(path.read_text())
        damage(data)  # type: ignore[operator]
        path.write_text(tomli_w.dumps(data))
        with pytest.raises(CannotOpen, match="damaged"):
            Keyring.read(path)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"current = ", b"[wrapping]\n"])
    def test_one_that_is_no_key_file_is_named(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "keys.toml"
        path.write_bytes(content)
        with pytest.raises(CannotOpen, match="damaged"):
            Keyring.read(path)

    def test_nothing_secret_is_printed(self) -> None:
        ring = Keyring.new()
        assert not any(repr(key) in repr(ring) for key in (*ring.wrapping.values(), ring.index, ring.signing))
