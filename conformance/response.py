"""One answer of a target, as a case reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from conformance import lenient_json
from conformance.frames import Frame
from conformance.verdict import Failure
from refimpl.model.ids import JsonValue
from refimpl.remoting.command import SerializeType


@dataclass(frozen=True, slots=True)
class Response:
    """A decoded answer. `label` names the request in messages; `raw` is the whole frame."""

    label: str
    frame: Frame
    raw: bytes

    @property
    def code(self) -> int:
        """The response code."""
        return self.frame.code

    @property
    def remark(self) -> str | None:
        """The remark; None where there is none."""
        return self.frame.remark

    @property
    def body(self) -> bytes:
        """The body; empty where there is none."""
        return self.frame.body

    @property
    def opaque(self) -> int:
        """The opaque, equal to the request's."""
        return self.frame.opaque

    @property
    def flag(self) -> int:
        """All bits of the flag."""
        return self.frame.flag

    @property
    def version(self) -> int:
        """The header version of the answering side."""
        return self.frame.version

    @property
    def language(self) -> str:
        """The language of the answering side, by name."""
        return self.frame.language

    @property
    def serialize(self) -> SerializeType:
        """The codec of the answer's header."""
        return self.frame.serialize

    @property
    def has_ext(self) -> bool:
        """False where the header has no `extFields` at all."""
        return self.frame.ext is not None

    @property
    def ext(self) -> Mapping[str, str]:
        """The extension fields as text; raises `Failure` where a value is no string."""
        fields: dict[str, str] = {}
        for name, value in (self.frame.ext or {}).items():
            if not isinstance(value, str):
                raise Failure(f"{self.label}: extension field {name} is {value!r}, no string")
            fields[name] = value
        return fields

    def text(self, name: str) -> str:
        """One extension field that must be there."""
        value = self.ext.get(name)
        if value is None:
            raise Failure(f"{self.label}: no extension field {name} in {dict(self.ext)}")
        return value

    def integer(self, name: str) -> int:
        """One extension field that must be a decimal number."""
        value = self.text(name)
        try:
            return int(value)
        except ValueError:
            raise Failure(f"{self.label}: extension field {name} is {value!r}") from None

    def json(self) -> JsonValue:
        """The body as (lenient) JSON; raises `Failure`."""
        try:
            return lenient_json.parse(self.body)
        except lenient_json.NotJson as error:
            raise Failure(f"{self.label}: body is no JSON: {error.reason}") from error
