"""What a Java processor throws where it meets a null or a value that it cannot use.

Java 4.9.7: remoting/netty/NettyRemotingAbstract#processRequestCommand answers any Throwable of a
processor with SYSTEM_ERROR and RemotingHelper#exceptionSimpleDesc; the frame of the stack trace in
that text is not reproduced.
"""

from refimpl.model.errors import InvalidInput, RefimplError
from refimpl.remoting.errors import RemotingError


class ProcessorThrew(RemotingError):
    """An exception of Java, by class name and message; the text is `Class: message`."""

    def __init__(self, class_name: str, message: str | None = None) -> None:
        super().__init__(class_name if message is None else f"{class_name}: {message}")
        self.remark = str(self)  # the field of the same name in HeaderRefused and BodyRefused
        self.class_name = class_name
        self.message = message


def null_pointer() -> ProcessorThrew:
    """A NullPointerException, to be raised by the caller."""
    return ProcessorThrew("java.lang.NullPointerException")


def exception_text(error: RefimplError) -> str:
    """The beginning of the remark: Java's exception for a number, else the error's own text."""
    if isinstance(error, InvalidInput) and error.what in {"int", "long"}:
        return f'java.lang.NumberFormatException: For input string: "{error.value}"'
    return str(error)
