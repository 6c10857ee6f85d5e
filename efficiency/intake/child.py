"""The process that opens a strange file: `python -m efficiency.intake.child`.

Standard input is the file, standard output one JSON object (`Answer`), the working directory an
empty folder in which the canonical file appears. The bytes are checked before torch is imported.
"""

import errno
import os
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from efficiency.core.errors import BadFile
from efficiency.intake.answer import WEIGHTS, Answer
from efficiency.intake.archives import check_archive
from efficiency.intake.confine import confine
from efficiency.intake.formats import HEAD_BYTES, Format, recognise
from efficiency.intake.headers import read_header
from efficiency.intake.legacy import check_legacy
from efficiency.intake.limits import BASE_MEMORY_BYTES, max_file_bytes, seconds_allowed
from efficiency.intake.packages import PACKAGES
from efficiency.intake.sentences import damaged

INPUT = Path("/proc/self/fd/0")


def main() -> None:
    """Confine ourselves, read, answer."""
    size = os.fstat(0).st_size
    levels = confine(
        memory_bytes=BASE_MEMORY_BYTES + 3 * size,
        cpu_seconds=int(seconds_allowed(size)),
        file_bytes=max_file_bytes() + 2**20,
        readable=(Path(__file__).resolve().parents[1], PACKAGES),
    )
    if sys.argv[1:] == ["--isolation"]:
        answer = Answer(isolation=levels)
    else:
        with open(0, "rb", closefd=False) as file:
            answer = _answer(file, size)
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.flush()
    # Tearing torch down takes time and can crash on damaged objects; everything is written.
    os._exit(0)


def _answer(file: BinaryIO, size: int) -> Answer:
    try:
        found, notes = check(file, size)
        return Answer(format=found.value, notes=notes + _convert(found, size))
    except BadFile as refusal:
        return Answer(refused=str(refusal))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Answer(disk_full=True)
        raise
    except MemoryError:
        return Answer(out_of_memory=True)


def check(file: BinaryIO, size: int) -> tuple[Format, tuple[str, ...]]:
    """The format, and notes, after checking all bytes without any parser but ours."""
    file.seek(0)  # the parent has read the file too, through the same descriptor
    found = recognise(file.read(HEAD_BYTES))
    file.seek(0)
    if found is Format.SAFETENSORS:
        read_header(file, size)
        return found, ()
    return found, check_archive(file, size) if found is Format.ZIP else check_legacy(file, size)


def _convert(found: Format, size: int) -> tuple[str, ...]:
    from efficiency.intake import canonical

    try:
        checkpoint = canonical.load(INPUT, found)
    except (MemoryError, OSError):
        raise
    except Exception as error:  # noqa: BLE001
        # What torch says here is meant for programmers and may advise to switch off its safety.
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        raise damaged("PyTorch cannot read it") from None
    return canonical.write(checkpoint, Path(WEIGHTS), size)


if __name__ == "__main__":
    main()
