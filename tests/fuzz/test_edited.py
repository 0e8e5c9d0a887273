"""A bug that is an edit: it is on wherever the function is held, and off again without a trace."""

import pytest

from fuzz.on_purpose.edited import edited, revalued
from refimpl.model import host_bytes, message_codec, topic_validator
from refimpl.model.override import override
from refimpl.store import append_message, commit_log
from refimpl.store.mapped_file import MappedFile

ADDRESS = bytes(range(16))


class Base:
    """What `Derived` overrides."""

    def told(self) -> str:
        return "base"


class Derived(Base):
    """An owner of functions of two kinds."""

    @override
    def told(self) -> str:
        return super().told() + " right"

    @property
    def size(self) -> int:
        return 1


def test_an_edit_is_on_only_while_it_is() -> None:
    def boundary() -> bool:
        return MappedFile.is_able_to_flush(mapped_file, 1)

    mapped_file = MappedFile.__new__(MappedFile)
    mapped_file.file_size, mapped_file.wrote_position, mapped_file.flushed_position = 9999, 4096, 0
    mapped_file.write_buffer = None
    assert boundary()
    with edited(MappedFile, "is_able_to_flush", ">= least_pages", "> least_pages"):
        assert not boundary()
    assert boundary()


def test_whoever_imported_the_function_has_the_bug_too() -> None:
    held = vars(commit_log)["batch_entries"]
    right = held.__code__
    with edited(
        append_message, "batch_entries", "properties_length > PROPERTIES_MAX_LENGTH", "True"
    ):
        assert vars(append_message)["batch_entries"] is held
        assert held.__code__ is not right
    assert held.__code__ is right


def test_a_method_that_calls_its_super_class_and_a_property() -> None:
    derived = Derived()
    with edited(Derived, "told", "right", "wrong"), edited(Derived, "size", "1", "2"):
        assert (derived.told(), derived.size) == ("base wrong", 2)
    assert (derived.told(), derived.size) == ("base right", 1)


def test_what_a_function_remembers_goes_with_the_edit() -> None:
    right = host_bytes.bytes_to_host(ADDRESS)
    assert right.startswith("1:203:")
    with edited(host_bytes, "bytes_to_host", "{group:x}", "{group:04x}"):
        assert host_bytes.bytes_to_host(ADDRESS).startswith("0001:0203:")
    assert host_bytes.bytes_to_host(ADDRESS) == right


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("no such text", "", "0 times"),
        ("group", "", "2 times"),
        ("packed: bytes)", "packed: bytes = b'')", "other parameters"),
    ],
)
def test_an_edit_that_does_not_fit_is_told(old: str, new: str, told: str) -> None:
    with pytest.raises(AssertionError, match=told), edited(host_bytes, "bytes_to_host", old, new):
        pass


def test_a_constant_is_another_where_it_was_imported_too() -> None:
    with revalued(message_codec, "PROPERTIES_MAX_LENGTH", 7):
        assert vars(append_message)["PROPERTIES_MAX_LENGTH"] == 7
    assert vars(append_message)["PROPERTIES_MAX_LENGTH"] == message_codec.PROPERTIES_MAX_LENGTH


def test_what_was_computed_of_a_constant_is_itself_again() -> None:
    group = "g" * 121
    with revalued(topic_validator, "GROUP_MAX_LENGTH", 121):
        assert topic_validator.validate_group(group) is None
    assert topic_validator.validate_group(group) is not None
