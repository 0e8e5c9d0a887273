"""Names and slots on disk against Java's: what another broker looks for in our directory."""

from refimpl.model.ids import JsonValue
from refimpl.model.java import remainder
from refimpl.model.release import Release
from refimpl.store.index_file import index_key_hash
from refimpl.store.mapped_file import offset_to_file_name
from tests import vectors
from tests.vectors import Vector

SLOTS = 5_000_000  # maxHashSlotNum


def test_offset_to_file_name() -> None:
    def name(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, int)
        if vector.input < 0:  # a file never begins below 0
            return vector.output
        return offset_to_file_name(vector.input)

    assert vectors.mismatches("offset_filename", name) == []


def test_index_key_hash() -> None:
    def slot(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, str)
        found = index_key_hash(vector.input)
        return {"hash": found, "slot5000000": remainder(found, SLOTS)}

    assert vectors.mismatches("index_key_hash", slot) == []
