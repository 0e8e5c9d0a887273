"""Arithmetic of offsets, names, pages and slots, as contracts that CrossHair refutes or confirms.

The functions are those of the store, written out with `*`, `//` and `%`; test_contracts.py compares
them with the store's own and lets CrossHair look for a counterexample to every `post`.
"""

from typing import Final

OS_PAGE_SIZE: Final = 4096
CQ_STORE_UNIT_SIZE: Final = 20


def file_from_offset(offset: int, file_size: int) -> int:
    """Begin of the file that holds `offset` (MappedFileQueue.roll).

    pre: 0 <= offset
    pre: 0 < file_size
    post: _ <= offset < _ + file_size
    post: _ % file_size == 0
    """
    return offset - offset % file_size


def name_halves(offset: int) -> tuple[int, int]:
    """Upper and lower ten digits of the name of a file (offset_to_file_name).

    pre: 0 <= offset < 10**20
    post: _[0] * 10**10 + _[1] == offset
    post: 0 <= _[0] < 10**10
    post: 0 <= _[1] < 10**10
    """
    return offset // 10**10, offset % 10**10


def names_in_order(left: int, right: int) -> bool:
    """Tell whether names in alphabetical order are files in the order of the log.

    pre: 0 <= left < 10**20
    pre: 0 <= right < 10**20
    post: _ == (left < right)
    """
    upper_left, upper_right = left // 10**10, right // 10**10
    if upper_left != upper_right:
        return upper_left < upper_right
    return left % 10**10 < right % 10**10


def file_index(offset: int, first: int, file_size: int) -> int:
    """Index of the file that holds `offset`, counted from the one at `first * file_size`.

    pre: 0 <= first
    pre: 0 < file_size
    pre: first * file_size <= offset
    post: (first + _) * file_size <= offset < (first + _ + 1) * file_size
    """
    return offset // file_size - first * file_size // file_size


def roll_next_file(offset: int, file_size: int) -> int:
    """First offset of the next file (CommitLog.roll_next_file).

    pre: 0 <= offset
    pre: 0 < file_size
    post: offset < _ <= offset + file_size
    post: _ % file_size == 0
    """
    return offset + file_size - offset % file_size


def dirty_pages(read_position: int, flushed_position: int) -> int:
    """Whole pages between two positions (MappedFile.is_able_to_flush).

    pre: 0 <= flushed_position <= read_position
    post: 0 <= _
    post: (_ - 1) * OS_PAGE_SIZE < read_position - flushed_position
    post: read_position - flushed_position < (_ + 1) * OS_PAGE_SIZE
    """
    return read_position // OS_PAGE_SIZE - flushed_position // OS_PAGE_SIZE


def unit_aligned(size: int) -> int:
    """Bytes of a consume-queue file: whole units, at least as many as were asked for.

    pre: 0 < size
    post: size <= _ < size + CQ_STORE_UNIT_SIZE
    post: _ % CQ_STORE_UNIT_SIZE == 0
    """
    return -(-size // CQ_STORE_UNIT_SIZE) * CQ_STORE_UNIT_SIZE


def pre_blank_units(queue_offset: int, units_per_file: int) -> int:
    """Units that fill a first file up to `queue_offset` (ConsumeQueue._roll).

    pre: 0 <= queue_offset
    pre: 0 < units_per_file
    post: 0 <= _ < units_per_file
    post: (queue_offset - _) % units_per_file == 0
    """
    file_size = units_per_file * CQ_STORE_UNIT_SIZE
    return queue_offset * CQ_STORE_UNIT_SIZE % file_size // CQ_STORE_UNIT_SIZE


def hash_slot(key_hash: int, hash_slot_num: int) -> int:
    """Slot of a Java hash: never negative, -2**31 included (index_file.index_key_hash).

    pre: -2147483648 <= key_hash <= 2147483647
    pre: 0 < hash_slot_num
    post: 0 <= _ < hash_slot_num
    """
    positive = abs(key_hash)
    return (0 if positive > 2147483647 else positive) % hash_slot_num


def entry_position(slot_count: int, number: int) -> int:
    """Position of an entry of an index file: behind the header and every slot.

    pre: 0 < slot_count
    pre: 0 <= number
    post: 40 + slot_count * 4 <= _
    post: (_ - 40 - slot_count * 4) // 20 == number
    """
    return 40 + slot_count * 4 + number * 20


def leaves_room_for_a_blank(position: int, size: int, file_size: int) -> bool:
    """Tell whether a record of `size` bytes may be appended at `position` (STORE-LOG-8).

    pre: 0 <= position <= file_size
    pre: 0 < size
    post: not _ or file_size - (position + size) >= 8
    post: _ or position + size > file_size - 8
    """
    return size + 8 <= file_size - position
