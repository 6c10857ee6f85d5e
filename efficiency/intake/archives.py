"""The zip format of torch.save: `<root>/data.pkl` and one stored record `<root>/data/<key>` each.

torch reads zip archives with a lenient reader of its own; so the archive must be one about which
all readers agree: every entry once, stored, unencrypted, inside one root, with matching local
headers, no overlap, and a right checksum.
"""

import io
import stat
import struct
import zipfile
from typing import Any, BinaryIO

from efficiency.core.errors import BadFile
from efficiency.intake.globals import check_names, check_protocol
from efficiency.intake.limits import MAX_DESCRIPTION_BYTES, MAX_TENSORS
from efficiency.intake.pickles import read
from efficiency.intake.sentences import SAVE_WEIGHTS, damaged, quoted
from efficiency.intake.tensors import check_bytes, storages

LOCAL_HEADER = struct.Struct("<4s5H3I2H")
ENCRYPTED = 0x1
CHUNK = 2**20


def check_archive(file: BinaryIO, size: int) -> tuple[str, ...]:
    """Check the whole archive without loading it; returns notes. Raises BadFile."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            _refuse_programs([entry.filename for entry in entries])
            root = _check_entries(archive, file, entries)
            _check_contents(archive, root, entries)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, struct.error, ValueError, OSError):
        raise damaged("it starts like a zip archive but is not a whole one") from None
    return ()


def _refuse_programs(names: list[str]) -> None:
    inner = {name.partition("/")[2] for name in names}
    if (
        "archive_format" in inner
        or "models/model.json" in inner
        or any(name.endswith("serialized_exported_program.json") for name in names)
    ):
        raise BadFile(
            "The file is a program from torch.export (.pt2), which is not accepted yet; save the "
            f"weights it was made from: {SAVE_WEIGHTS}."
        )
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise BadFile(
            "The file is a TorchScript program, not only weights, and programs are not run here; "
            f"save its weights: {SAVE_WEIGHTS}."
        )


def _check_entries(archive: zipfile.ZipFile, file: BinaryIO, entries: list[zipfile.ZipInfo]) -> str:
    """Refuse whatever two readers could understand differently; returns the root folder."""
    if len(entries) > MAX_TENSORS + 100:
        raise BadFile(
            f"The archive has {len(entries):,} entries and at most {MAX_TENSORS:,} tensors are "
            f"accepted; save only the weights: {SAVE_WEIGHTS}."
        )
    if archive.comment or min((entry.header_offset for entry in entries), default=0):
        raise damaged("it has bytes before or behind the zip archive")
    roots = {entry.filename.partition("/")[0] for entry in entries}
    seen: set[str] = set()
    end_of_last = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        name = entry.filename
        if name in seen:
            raise _not_normal(name, "is there twice")
        seen.add(name)
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise _not_normal(name, "points outside the archive")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise _not_normal(name, "is a link")
        if entry.flag_bits & ENCRYPTED:
            raise _not_normal(name, "is encrypted")
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise _not_normal(
                name,
                f"is compressed, {entry.file_size:,} bytes in {entry.compress_size:,}",
            )
        end_of_last = _check_place(archive, file, entry, end_of_last)
    if len(roots) != 1:
        raise _not_normal(sorted(roots)[1] if len(roots) > 1 else "", "is a second root folder")
    return roots.pop()


def _check_place(
    archive: zipfile.ZipFile, file: BinaryIO, entry: zipfile.ZipInfo, end_of_last: int
) -> int:
    """The end of the entry's data, after comparing its local header with the directory."""
    file.seek(entry.header_offset)
    header: tuple[Any, ...] = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    signature, _, flags, method, *_, name_length, extra_length = header
    name = file.read(name_length)
    begin = entry.header_offset + LOCAL_HEADER.size + name_length + extra_length
    end: int = begin + entry.compress_size
    if (
        signature != b"PK\x03\x04"
        or method != entry.compress_type
        or flags != entry.flag_bits
        or name.decode("utf-8", "replace") != entry.orig_filename
    ):
        raise _not_normal(entry.filename, "differs between the archive's directory and its data")
    if entry.header_offset < end_of_last or end > archive.start_dir:
        raise _not_normal(entry.filename, "overlaps another entry")
    return end


def _check_contents(archive: zipfile.ZipFile, root: str, entries: list[zipfile.ZipInfo]) -> None:
    sizes = {entry.filename: entry.file_size for entry in entries}
    description = f"{root}/data.pkl"
    if description not in sizes:
        raise BadFile(
            "The file is a zip archive, but torch.save did not write it: it has no data.pkl; save "
            f"the weights with {SAVE_WEIGHTS}."
        )
    if sizes[description] > MAX_DESCRIPTION_BYTES:
        raise BadFile(
            f"The description of the tensors takes {sizes[description]:,} bytes and at most "
            f"{MAX_DESCRIPTION_BYTES:,} are read; save only the weights: {SAVE_WEIGHTS}."
        )
    for entry in entries:
        _check_sum(archive, entry)
    order = f"{root}/byteorder"
    if order in sizes and sizes[order] < 10 and archive.read(order) != b"little":
        raise BadFile(
            "The file was written on a big-endian machine, which is not read here; save it on "
            f"another: {SAVE_WEIGHTS}."
        )
    reading = read(io.BytesIO(archive.read(description)))
    check_names(reading)
    check_protocol(reading)
    prefix = f"{root}/data/"
    present = {
        name.removeprefix(prefix): size for name, size in sizes.items() if name.startswith(prefix)
    }
    check_bytes(storages(reading), present)


def _check_sum(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    try:
        with archive.open(entry) as record:
            while record.read(CHUNK):
                pass
    except zipfile.BadZipFile:
        raise _not_normal(entry.filename, "does not match its checksum") from None


def _not_normal(name: str, why: str) -> BadFile:
    return BadFile(
        f"The file is not a normal PyTorch archive: entry {quoted(name)} {why}; copy it again, or "
        f"save it again with {SAVE_WEIGHTS}."
    )
