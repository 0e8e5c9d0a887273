"""Configuration: the names, defaults and leniency of one release.

A broker has four configuration objects in Java, a name server two; here each node has one `Config`
that holds the fields of all of them. Java 4.9.7: common/MixAll#properties2Object,
common/Configuration, store/config/MessageStoreConfig and its getters.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from math import ceil
from typing import Final, Literal, NamedTuple, TypeAlias

from refimpl.model.errors import InvalidInput, StartRefused
from refimpl.model.java import parse_boolean, parse_int, parse_long
from refimpl.model.java_double import double_to_string, parse_double
from refimpl.model.release import Release

Kind: TypeAlias = Literal["broker", "namesrv"]
Value: TypeAlias = "int | float | bool | str | None"

# In the order in which Java registers the objects: of two equal names the later one is printed.
_SECTIONS: Final = {
    "broker": ("BROKER", "NETTY_SERVER", "NETTY_CLIENT", "STORE"),
    "namesrv": ("NAMESRV", "NETTY_SERVER"),
}
_SOCKET_BUFFERS = (
    "clientSocketRcvBufSize",
    "clientSocketSndBufSize",
    "serverSocketRcvBufSize",
    "serverSocketSndBufSize",
)
_LISTEN_PORT: Final = {"broker": "10911", "namesrv": "9876"}
_CONSUME_QUEUE_UNIT: Final = 20


class Machine(NamedTuple):
    """What Java asks its machine for while it builds defaults."""

    address: str = "127.0.0.1"
    host_name: str = "DEFAULT_BROKER"
    processors: int = 2
    home: str = "."
    rocketmq_home: str = "."


class Field:
    """One field of a Java configuration object."""

    __slots__ = ("default", "key", "kind", "name", "options")

    def __init__(self, line: str) -> None:
        declared, equals, default = line[2:].partition("=")
        declared, _, options = declared.partition(":")
        name, _, key = declared.partition("/")
        self.kind = line[0]  # i, l, b, s, d: Java's type; e: one of `options`
        self.name = name
        self.key = key or name  # what a properties file says; "-" where Java has no setter
        self.options = tuple(options.split(",")) if options else ()
        self.default = default if equals else None


def _substituted(text: str, machine: Machine) -> str:
    if not text.startswith("@"):
        return text
    named = {
        "@ADDRESS@": machine.address,
        "@HOSTNAME@": machine.host_name,
        "@RMQHOME@": machine.rocketmq_home,
    }
    if text in named:
        return named[text]
    if text.startswith("@HOME@"):
        return machine.home + text[6:]
    if text.startswith("@p<"):
        return str(min(machine.processors, int(text[3:])))
    base, plus, factor = text[1:-1].partition("+")
    if not plus:
        base, factor = "0", base
    return str(int(base) + int(factor) * machine.processors)


def _fields(release: Release, section: str) -> Iterator[Field]:
    module = import_module(f"refimpl.model.defaults.{release.config_table}")
    block = getattr(module, section)
    assert isinstance(block, str)
    return map(Field, block.splitlines())


def default_properties(
    release: Release, section: str, machine: Machine | None = None
) -> dict[str, str]:
    """Print a fresh configuration object as MixAll.object2Properties does; null is left out.

    `section` is BROKER, STORE, NAMESRV, NETTY_SERVER or NETTY_CLIENT.
    """
    here = machine or Machine()
    return {
        field.name: _substituted(field.default, here)
        for field in _fields(release, section)
        if field.default is not None
    }


def _parsed(field: Field, text: str, *, trimmed: bool) -> Value:
    """Read `text` as the setter of `field` does; `InvalidInput` leaves the field as it was."""
    match field.kind:
        case "i":
            return parse_int(text)
        case "l":
            return parse_long(text)
        case "b":
            return parse_boolean(text)
        case "d":
            return parse_double(text)
        case "e" if text.strip() not in field.options if trimmed else text not in field.options:
            raise InvalidInput(field.name, text, f"is none of {', '.join(field.options)}")
        case _:
            return text.strip() if trimmed else text


def _printed(value: Value) -> str | None:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return double_to_string(value)
    return None if value is None else str(value)


def _derived(raw: Mapping[str, Value]) -> dict[str, Value]:
    """Replace what a getter of Java computes: BROKER-CONFIG-5, BROKER-CONFIG-6, BROKER-CONFIG-7."""
    values = dict(raw)
    size = raw["mappedFileSizeConsumeQueue"]
    assert isinstance(size, int)
    values["mappedFileSizeConsumeQueue"] = ceil(size / _CONSUME_QUEUE_UNIT) * _CONSUME_QUEUE_UNIT
    ratio = raw["diskMaxUsedSpaceRatio"]
    assert isinstance(ratio, int)
    values["diskMaxUsedSpaceRatio"] = min(95, max(10, ratio))
    if raw["flushDiskType"] != "ASYNC_FLUSH" or raw["brokerRole"] == "SLAVE":
        values["transientStorePoolEnable"] = False
    if raw["storePathCommitLog"] is None:
        values["storePathCommitLog"] = f"{raw['storePathRootDir']}/commitlog"
    return values


class Config:
    """All settings of one node; a value: `updated` gives a new one.

    Asking for a name that the release does not have, or for the wrong type, raises `InvalidInput`.
    Fields whose Java getter computes (size of a consume queue file, disk ratio, store pool, path of
    the commit log) give the computed value; `properties` gives what was set.
    """

    __slots__ = ("_by_key", "_extra", "_raw", "_values", "kind", "release")

    def __init__(
        self,
        release: Release,
        kind: Kind,
        by_key: dict[str, Field],
        raw: dict[str, Value],
        extra: dict[str, str],
    ) -> None:
        self.release = release
        self.kind: Kind = kind
        self._by_key = by_key
        self._raw = raw
        self._extra = extra  # names of the file that no object knows: Java keeps and prints them
        self._values = _derived(raw) if kind == "broker" else raw

    @classmethod
    def of(
        cls,
        release: Release,
        kind: Kind,
        overrides: Mapping[str, str] | None = None,
        machine: Machine | None = None,
    ) -> "Config":
        """Build what a process of `release` runs with when its file says `overrides`.

        Unknown names are kept and printed but mean nothing (BROKER-CONFIG-1). `StartRefused` where
        Java's start-up refuses (BROKER-CONFIG-4).
        """
        here = machine or Machine()
        by_key: dict[str, Field] = {}
        raw: dict[str, Value] = {}
        for section in _SECTIONS[kind]:
            for field in _fields(release, section):
                by_key[field.key] = field
                default = field.default
                raw[field.name] = (
                    None
                    if default is None
                    else _parsed(field, _substituted(default, here), trimmed=False)
                )
        raw["listenPort"] = int(_LISTEN_PORT[kind])
        if kind == "broker":
            raw["haListenPort"] = 0  # the default of the class is not used: BROKER-CONFIG-3
        if kind == "broker" and release.broker_socket_buffer_size:  # BROKER-CONFIG-11
            raw |= dict.fromkeys(_SOCKET_BUFFERS, release.broker_socket_buffer_size)
        given = {_modern(name): text for name, text in (overrides or {}).items()}
        config = cls(release, kind, by_key, raw, {}).changed(given, keep_unknown=True)
        return config.started() if kind == "broker" else config

    @classmethod
    def strict(
        cls,
        release: Release,
        kind: Kind,
        overrides: Mapping[str, str] | None = None,
        machine: Machine | None = None,
    ) -> "Config":
        """Build like `of`, but refuse an unknown name or an unreadable value: for a command line.

        Java ignores both, and the operator never learns of the typing error.
        """
        config = cls.of(release, kind, None, machine)
        for name, text in (overrides or {}).items():
            field = config.field(_modern(name))
            if field is None:
                raise InvalidInput(
                    "configuration name", name, f"unknown to a {kind} of {release.name}"
                )
            try:
                _parsed(field, text, trimmed=release.config_text_is_trimmed)
            except InvalidInput as error:
                raise InvalidInput(name, text, error.reason) from error
        return cls.of(release, kind, overrides, machine)

    def updated(self, properties: Mapping[str, str]) -> "Config":
        """Apply an update as Configuration#update does (BROKER-CONFIG-2).

        Names that are neither a field nor printed before are ignored; so are unreadable values.
        """
        return self.changed(properties, keep_unknown=False)

    def changed(self, properties: Mapping[str, str], *, keep_unknown: bool) -> "Config":
        """Apply what can be read of `properties`; unknown names stay only with `keep_unknown`."""
        raw = dict(self._raw)
        extra = dict(self._extra)
        for key, text in properties.items():
            field = self._by_key.get(key)
            if field is None:
                if key not in raw and (keep_unknown or key in extra):
                    extra[key] = text
                continue
            try:
                raw[field.name] = _parsed(field, text, trimmed=self.release.config_text_is_trimmed)
            except InvalidInput:
                continue
        return Config(self.release, self.kind, self._by_key, raw, extra)

    def started(self) -> "Config":
        """Apply what BrokerStartup decides after it has read the file (BROKER-CONFIG-3, -4)."""
        raw = dict(self._raw)
        dledger = self.boolean("enableDLegerCommitLog")
        if self._raw["brokerRole"] != "SLAVE":
            raw["brokerId"] = 0
        elif self.integer("brokerId") <= 0:
            raise StartRefused("Slave's brokerId must be > 0")
        if dledger:
            raw["brokerId"] = -1
        if self.release.ha_port_follows_listen_port or self.integer("haListenPort") <= 0:
            raw["haListenPort"] = self.integer("listenPort") + 1
        return Config(self.release, self.kind, self._by_key, raw, self._extra)

    def _value(self, name: str) -> Value:
        try:
            return self._values[name]
        except KeyError:
            raise InvalidInput("configuration name", name, "unknown in this release") from None

    def field(self, key: str) -> Field | None:
        """Field that a properties file sets under `key`."""
        return self._by_key.get(key)

    def knows(self, name: str) -> bool:
        """True where the release has the field `name`."""
        return name in self._values

    def integer(self, name: str) -> int:
        """Value of an int or long field."""
        value = self._value(name)
        if type(value) is not int:
            raise InvalidInput("configuration name", name, "is not an integer")
        return value

    def boolean(self, name: str) -> bool:
        """Value of a boolean field."""
        value = self._value(name)
        if type(value) is not bool:
            raise InvalidInput("configuration name", name, "is not a boolean")
        return value

    def number(self, name: str) -> float:
        """Value of a double field."""
        value = self._value(name)
        if type(value) is not float:
            raise InvalidInput("configuration name", name, "is not a double")
        return value

    def text(self, name: str) -> str:
        """Value of a String or enum field; Java's null is an empty string here."""
        value = self._value(name)
        if value is None:
            return ""
        if type(value) is not str:
            raise InvalidInput("configuration name", name, "is not a string")
        return value

    def properties(self) -> dict[str, str]:
        """Every field that is not null, and names kept from the file, sorted by name."""
        printed = {name: _printed(value) for name, value in self._raw.items()}
        present = {name: text for name, text in printed.items() if text is not None}
        return dict(sorted({**self._extra, **present}.items()))

    def properties_text(self) -> str:
        """Print all settings, a line each, as Configuration#getAllConfigsFormatString.

        Java prints them in the order of its hash table, which no reader may rely on; here sorted.
        Values are not escaped, as in MixAll#properties2String.
        """
        return "".join(f"{name}={text}\n" for name, text in self.properties().items())


def _modern(name: str) -> str:
    """Accept the spelling of old files, `mapedFileSizeCommitLog`, as the present name."""
    return f"mapped{name[5:]}" if name.startswith("mapedFileSize") else name
