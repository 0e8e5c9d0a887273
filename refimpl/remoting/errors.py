"""What remoting refuses, with fields. Anything else that escapes this package is a defect of ours.

`RemotingError`
  `FrameRefused`    bytes that are no frame: the channel is closed (REMOTING-FRAME-4)
  `HeaderRefused`   a frame whose custom header does not fit: answered with SYSTEM_ERROR
  `BodyRefused`     a frame whose body does not fit: answered with SYSTEM_ERROR
  `ChannelUnknown`  the caller names a channel that is not open
"""

from enum import Enum

from refimpl.model.errors import RefimplError


class RemotingError(RefimplError):
    """Root of the errors of this package."""


class FrameFault(Enum):
    """Why bytes are no frame."""

    TOO_LONG = "the frame is longer than the limit"
    TOO_SHORT = "the frame has no room for the length of its header"
    HEADER_LENGTH = "the header is longer than its frame"
    SERIALIZE_TYPE = "the header codec is unknown"
    JSON_HEADER = "the JSON header cannot be read"
    ROCKETMQ_HEADER = "the ROCKETMQ header cannot be read"


class FrameRefused(RemotingError):
    """`fault` says what is wrong with the bytes, `detail` where."""

    def __init__(self, fault: FrameFault, detail: str) -> None:
        super().__init__(f"{fault.value}: {detail}")
        self.fault = fault
        self.detail = detail


class HeaderRefused(RemotingError):
    """`field` of the class `header` had the text `value` (None: absent).

    `remark` is the beginning of the remark that Java answers: class and message of its exception,
    without the stack element that follows there.
    """

    def __init__(self, header: str, field: str, value: str | None, remark: str) -> None:
        super().__init__(f"{header}.{field} = {value!r}: {remark}")
        self.header = header
        self.field = field
        self.value = value
        self.remark = remark

    @classmethod
    def absent(cls, header: str, field: str) -> "HeaderRefused":
        """A field without which the processor cannot work: Java meets its null later."""
        return cls(header, field, None, f"java.lang.NullPointerException: {field}")

    @classmethod
    def number(cls, header: str, field: str, value: str) -> "HeaderRefused":
        """A number that Java cannot parse."""
        remark = f'java.lang.NumberFormatException: For input string: "{value}"'
        return cls(header, field, value, remark)

    @classmethod
    def wrong(cls, header: str, reason: str) -> "HeaderRefused":
        """What `checkFields` of the Java class refuses."""
        remark = f"org.apache.rocketmq.remoting.exception.RemotingCommandException: {reason}"
        return cls(header, reason.split(" ", maxsplit=1)[0], None, remark)


class BodyRefused(RemotingError):
    """The JSON body of `body` (a Java class) cannot be read; `remark` as in `HeaderRefused`."""

    def __init__(self, body: str, reason: str, library: str = "fastjson") -> None:
        super().__init__(f"{body}: {reason}")
        self.body = body
        self.reason = reason
        self.remark = f"com.alibaba.{library}.JSONException: {reason}"

    def of_library(self, library: str) -> "BodyRefused":
        """The same refusal by another JSON library of Java; a null stays a null."""
        self.remark = self.remark.replace("com.alibaba.fastjson.", f"com.alibaba.{library}.")
        return self

    @classmethod
    def not_valid(cls, reason: str) -> "BodyRefused":
        """What fastjson 2 passes over, and checks, has a fault: it throws another exception."""
        refused = cls("JSON", reason)
        refused.remark = f"com.alibaba.fastjson2.JSONValidException: {reason}"
        return refused

    @classmethod
    def null(cls, body: str) -> "BodyRefused":
        """No body, or JSON's null, where the processor needs one."""
        refused = cls(body, "null")
        refused.remark = "java.lang.NullPointerException"
        return refused

    @classmethod
    def threw(cls, thrown: str) -> "BodyRefused":
        """A request before whose body Java throws `thrown`."""
        refused = cls("request", thrown)
        refused.remark = thrown
        return refused


class ChannelUnknown(RemotingError):
    """`channel` is not open."""

    def __init__(self, channel: int) -> None:
        super().__init__(f"channel {channel} is not open")
        self.channel = channel
