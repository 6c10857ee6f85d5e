"""The format of torch.save before version 1.6: five pickles one after the other, then raw data.

magic number, protocol version, facts about the machine, the object, the keys of the storages,
then for every key: number of elements (8 bytes, little-endian) and the elements.
"""

import struct
from typing import BinaryIO

from efficiency.core.errors import BadFile
from efficiency.intake.globals import check_names, check_protocol
from efficiency.intake.pickles import Global, Reading, read
from efficiency.intake.sentences import SAVE_WEIGHTS, damaged
from efficiency.intake.tensors import Storage, storages, too_large

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
UNTYPED = Global("torch.storage", "UntypedStorage")


def check_legacy(file: BinaryIO, size: int) -> tuple[str, ...]:
    """Check the whole stream without loading it; returns notes.

    A pickle that is not torch's is checked too, so that the refusal can say what it would do.
    Raises BadFile.
    """
    first = _checked(file)
    if first.value != MAGIC:
        raise BadFile(
            f"The file is a pickle that torch.save did not write; save the weights with torch: "
            f"{SAVE_WEIGHTS}."
        )
    if _checked(file).value != PROTOCOL:
        raise BadFile(f"The file is in a version of the format that never existed: {SAVE_WEIGHTS}.")
    machine = _checked(file).value
    if isinstance(machine, dict) and machine.get("little_endian") is False:
        raise BadFile(
            "The file was written on a big-endian machine, which is not read here; save it on "
            f"another: {SAVE_WEIGHTS}."
        )
    reading = _checked(file)
    if UNTYPED in reading.globals:
        raise BadFile(
            "The file holds a type that torch cannot read back from its legacy format, such as "
            f"float8 or uint16; save it in the present one: {SAVE_WEIGHTS}."
        )
    return _check_data(file, size, storages(reading))


def _checked(file: BinaryIO) -> Reading:
    reading = read(file)
    check_names(reading)
    check_protocol(reading)
    return reading


def _check_data(file: BinaryIO, size: int, declared: dict[str, Storage]) -> tuple[str, ...]:
    keys = _checked(file).value
    missing = dict(declared)
    for key in keys if isinstance(keys, list) else ():
        storage = missing.pop(key, None) if isinstance(key, str) else None
        if storage is None:
            raise damaged("it has data that no tensor uses")
        head = file.read(8)
        left = size - file.tell()
        if len(head) < 8 or storage.bytes > left:
            raise too_large(storage.layer, storage.bytes, left)
        if struct.unpack("<q", head)[0] != storage.elements:
            raise damaged(f"{storage.layer} has another size in its data than in its description")
        file.seek(storage.bytes, 1)
    for storage in missing.values():
        raise damaged(f"the data of {storage.layer} is missing")
    rest = size - file.tell()
    return (f"Ignored {rest:,} bytes after the last tensor.",) if rest else ()
