"""Bodies that a client packed. Java: common/compression/CompressorFactory (4.9.7), UtilAll (4.6.1).

Reading only: a broker never packs. LZ4 and ZSTD need the optional extra `compression`.
"""

import zlib
from importlib import import_module
from typing import Final

from refimpl.model.errors import InvalidInput
from refimpl.model.release import Release
from refimpl.model.sys_flag import compression_type

LZ4: Final = 1
ZSTD: Final = 2
ZLIB: Final = 3


def _unzip(body: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(body)
    except zlib.error as error:
        raise InvalidInput("body", str(len(body)), str(error)) from None
    if not stream.eof:  # what follows the end is ignored, a missing end is not
        raise InvalidInput("body", str(len(body)), "the compressed stream is cut off")
    return data


def _unpack_lz4(body: bytes) -> bytes:
    try:
        frame = import_module("lz4.frame")
    except ImportError:
        raise InvalidInput("compression", "LZ4", "the package lz4 is not installed") from None
    try:
        data = frame.decompress(body)
    except RuntimeError as error:
        raise InvalidInput("body", str(len(body)), str(error)) from None
    assert isinstance(data, bytes)
    return data


def _unpack_zstd(body: bytes) -> bytes:
    try:
        zstandard = import_module("zstandard")
    except ImportError:
        raise InvalidInput("compression", "ZSTD", "zstandard is not installed") from None
    stream = zstandard.ZstdDecompressor().decompressobj()
    try:
        data = stream.decompress(body)
    except zstandard.ZstdError as error:
        raise InvalidInput("body", str(len(body)), str(error)) from None
    if not stream.eof:
        raise InvalidInput("body", str(len(body)), "the compressed stream is cut off")
    assert isinstance(data, bytes)
    return data


def decompress(body: bytes, sys_flag: int, release: Release) -> bytes:
    """The body as its application wrote it (STORE-MESSAGE-14); raises `InvalidInput`.

    4.6 knows one method and does not look at the type.
    """
    method = compression_type(sys_flag) if release.compression_types else ZLIB
    if method in {0, ZLIB}:
        return _unzip(body)
    if method == LZ4:
        return _unpack_lz4(body)
    if method == ZSTD:
        return _unpack_zstd(body)
    raise InvalidInput("compression type", str(method), "unknown")
