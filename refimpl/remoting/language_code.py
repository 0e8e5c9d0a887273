"""Language codes: who wrote a client.

Java: remoting/protocol/LanguageCode. 4.6.1 knows the first 12, 4.9.7 13, 5.5.0 all: what a release
does not know is null there, and `UNKNOWN` here. REMOTING-CODES-3.
"""

from enum import IntEnum

UNKNOWN = -1


class LanguageCode(IntEnum):
    """The byte of a ROCKETMQ header; a JSON header has the name."""

    JAVA = 0
    CPP = 1
    DOTNET = 2
    PYTHON = 3
    DELPHI = 4
    ERLANG = 5
    RUBY = 6
    OTHER = 7
    HTTP = 8
    GO = 9
    PHP = 10
    OMS = 11
    RUST = 12  # 4.9, 5.5
    NODE_JS = 13  # 5.5


NAMES = tuple(code.name for code in LanguageCode)
CODES = {name: number for number, name in enumerate(NAMES)}
