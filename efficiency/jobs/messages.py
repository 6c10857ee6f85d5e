"""What a runner says to the supervisor: JSON, one message a line, each of limited size.

Studies travel and are stored as the text that the runner encoded; the supervisor never decodes one.
"""

import msgspec

from efficiency.core.values import Progress

LARGEST = 16 * 2**20  # bytes of one line; a report of some hundred layers takes about 1 MB

_NOTHING = msgspec.Raw(b"null")


class Said(msgspec.Struct, tag="said", frozen=True):
    """Where the run is, and the study as far as it is measured, if either is new."""

    progress: Progress | None = None
    study: msgspec.Raw = _NOTHING


class Done(msgspec.Struct, tag="done", frozen=True):
    """The finished study."""

    study: msgspec.Raw


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """Why there is no study: a sentence for the user."""

    error: str
    bad_input: bool = False


Message = Said | Done | Failed


class TooLarge(Exception):
    """A line is longer than LARGEST."""


def encode(message: Message) -> bytes:
    """The message as one line. Raises TooLarge."""
    line = msgspec.json.encode(message) + b"\n"
    if len(line) > LARGEST:
        raise TooLarge
    return line


def text(study: msgspec.Raw) -> bytes | None:
    """The study's JSON, None if the message had none."""
    content = bytes(study)
    return None if content == b"null" else content


class Lines:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now. Raises TooLarge, and msgspec.DecodeError."""
        self._rest += data
        if b"\n" not in data:
            if len(self._rest) > LARGEST:
                raise TooLarge
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return [msgspec.json.decode(line, type=Message) for line in lines]
