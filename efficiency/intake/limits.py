"""What the intake accepts at most. Every limit is named in the sentence that refuses a file."""

import os

from efficiency.core.errors import BadInput

MAX_FILE_BYTES = 2 * 2**30
"""Largest upload; EFFICIENCY_MAX_UPLOAD_MB (whole megabytes of 1,000,000 bytes) replaces it."""

MAX_TENSORS = 20_000
"""Tensors in one file, an optimizer's included."""

MAX_PARAMETERS = 2_000_000_000
"""Numbers in all weights together; no file under MAX_FILE_BYTES needs more, but int8 ones could."""

MAX_DIMENSIONS = 8
"""Dimensions of one tensor."""

MAX_NAME_LENGTH = 1_000
"""Characters in the name of one tensor."""

MAX_DESCRIPTION_BYTES = 16 * 2**20
"""The safetensors header, or the pickle that describes the tensors, without their data."""

MAX_STACK = 10_000
"""Unfinished items while that pickle is read; pickle itself writes a container 1,000 at a time."""

MAX_COPIES = 16
"""Tied weights are written out under each of their names; the whole may grow this many times."""

MAX_READERS = 2
"""Files read at the same time by one process; the others wait."""

BASE_SECONDS = 60.0
"""Longest time for reading a file, plus a second for each 50 MB."""

BASE_MEMORY_BYTES = 2 * 2**30
"""Address space of the reader (torch alone takes 0.6 GB), plus three times the file."""


def max_file_bytes() -> int:
    """The limit in force. Raises BadInput if the setting is not a positive whole number."""
    setting = os.environ.get("EFFICIENCY_MAX_UPLOAD_MB")
    if not setting:
        return MAX_FILE_BYTES
    if not setting.isdecimal() or int(setting) < 1:
        raise BadInput(
            f"EFFICIENCY_MAX_UPLOAD_MB is {setting!r}; set it to a whole number of megabytes."
        )
    return int(setting) * 1_000_000


def seconds_allowed(file_bytes: int) -> float:
    """Wall time the reader gets for a file of this size."""
    return BASE_SECONDS + file_bytes / 50e6
