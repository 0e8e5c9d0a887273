"""Contracts that do not hold: CrossHair must refute each, or it confirms nothing either."""


def file_from_offset(offset: int, file_size: int) -> int:
    """Round to the nearest file, not to the one that holds the offset.

    pre: 0 <= offset
    pre: 0 < file_size
    post: _ <= offset < _ + file_size
    """
    return (offset + file_size // 2) // file_size * file_size


def hash_slot(key_hash: int, hash_slot_num: int) -> int:
    """Forget that Java's smallest integer has no absolute value (STORE-INDEX-2).

    pre: -2147483648 <= key_hash <= 2147483647
    pre: 0 < hash_slot_num
    post: 0 <= _
    """
    positive = -2147483648 if key_hash == -2147483648 else abs(key_hash)
    return positive % -hash_slot_num if positive < 0 else positive % hash_slot_num


def names_in_order(left: int, right: int) -> bool:
    """Look at the last ten digits of a name alone (STORE-FILES-1).

    pre: 0 <= left < 10**20
    pre: 0 <= right < 10**20
    post: _ == (left < right)
    """
    return left % 10**10 < right % 10**10
