"""The way in for files: from a path to an accepted model under our own id. Imports no torch."""

import hashlib
import os
import re
import shutil
import stat
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from io import BufferedReader
from math import prod
from pathlib import Path
from threading import BoundedSemaphore
from typing import BinaryIO

import msgspec

from efficiency.core import paths
from efficiency.core.errors import BadFile, Unavailable, UnknownName
from efficiency.intake import reader
from efficiency.intake.accepted import Accepted
from efficiency.intake.answer import DESCRIPTION, WEIGHTS
from efficiency.intake.formats import Format, ending_note
from efficiency.intake.headers import Header, read_header
from efficiency.intake.limits import MAX_READERS, max_file_bytes

MODEL_ID = re.compile(r"[0-9a-f]{64}")
INCOMING = ".incoming-"
STALE_SECONDS = 3600.0
RECENT = 64
TIED = "tied"

_turn = BoundedSemaphore(MAX_READERS)
_recent: dict[str, Accepted] = {}
"""SHA-256 of an upload -> what it was: a class that gives the same file has it read once."""


def accept(path: Path, name: str) -> Accepted:
    """Check a file, keep its weights in canonical form, and say what it is.

    `name` is what the user called it; it is only compared with the content, never used as a path.
    The file itself is read once and not kept. Equal weights get equal ids, and may arrive at the
    same time. Raises BadFile, or Unavailable if the disk is full.
    """
    with _opened(path) as file, _turn:
        size = _checked_size(file)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        accepted = _recent.get(digest)
        if accepted is None or not _exists(accepted.model):
            accepted = _convert(file, size)
            _remember(digest, accepted)
    os.utime(paths.model_folder(accepted.model))  # brought now, also if it was here already
    notes = ending_note(name, Format(accepted.format)) + accepted.notes
    return replace(accepted, notes=notes)


def _convert(file: BinaryIO, size: int) -> Accepted:
    folder = _incoming(size)
    try:
        answer = reader.read(file, folder, size)
        header, model = _examine(folder / WEIGHTS)
        accepted = Accepted(
            model=model,
            format=Format(answer.format or ""),
            file_bytes=size,
            parameters=_parameters(header),
            tensors=header.tensors,
            notes=answer.notes,
        )
        (folder / DESCRIPTION).write_bytes(msgspec.json.encode(accepted))
        _move_into_place(folder, model)
        return accepted
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remember(digest: str, accepted: Accepted) -> None:
    _recent[digest] = accepted
    while len(_recent) > RECENT:
        _recent.pop(next(iter(_recent)), None)


def load(model: str) -> Accepted:
    """What was said when the model was accepted for the first time. Raises UnknownName."""
    description = weights_path(model).with_name(DESCRIPTION)
    return msgspec.json.decode(description.read_bytes(), type=Accepted)


def weights_path(model: str) -> Path:
    """The canonical file of an accepted model. Raises UnknownName."""
    if MODEL_ID.fullmatch(model) and _exists(model):
        return paths.model_folder(model) / WEIGHTS
    # Ids of other people's models are not offered.
    raise UnknownName("model", model[:80], ("giving the file again",))


def forget(model: str) -> None:
    """Delete an accepted model; nothing happens where there is none."""
    if MODEL_ID.fullmatch(model):
        # Under another name first, so that nobody finds half a model; `_sweep` knows the name.
        gone = paths.model_folder(f"{INCOMING}{uuid.uuid4().hex}")
        with suppress(OSError):
            paths.model_folder(model).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def unattended(seconds: float) -> tuple[str, ...]:
    """Ids of the models that were last accepted longer ago than that."""
    before = time.time() - seconds
    found = []
    for each in paths.model_folder("any").parent.iterdir():
        with suppress(FileNotFoundError):  # forgotten meanwhile
            if MODEL_ID.fullmatch(each.name) and each.stat().st_mtime < before:
                found.append(each.name)
    return tuple(found)


def _exists(model: str) -> bool:
    return (paths.model_folder(model) / WEIGHTS).is_file()


def _opened(path: Path) -> BufferedReader:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadFile(
            f"The file {str(path)!r} cannot be opened ({error.strerror}); check its name."
        ) from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise BadFile(f"{str(path)!r} is not a regular file; give a model file.")
    return file


def _checked_size(file: BinaryIO) -> int:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise BadFile("The file is empty; save or download it again.")
    if size > max_file_bytes():
        raise BadFile(
            f"The file has {size:,} bytes and at most {max_file_bytes():,} are accepted; save only "
            "the weights, or raise EFFICIENCY_MAX_UPLOAD_MB on the server."
        )
    return size


def _incoming(size: int) -> Path:
    """A new private folder beside the models, so that a rename can put it into place."""
    folder = paths.model_folder(f"{INCOMING}{uuid.uuid4().hex}")
    _sweep(folder.parent)
    if shutil.disk_usage(folder.parent).free < 2 * size:
        raise Unavailable(
            f"The disk of this machine has no room for a file of {size:,} bytes; delete some runs "
            "and try again."
        )
    folder.mkdir(mode=0o700)
    return folder


def _sweep(models: Path) -> None:
    """Remove what a process that was killed while reading has left."""
    for left in models.glob(f"{INCOMING}*"):
        try:
            stale = time.time() - left.stat().st_mtime > STALE_SECONDS
        except FileNotFoundError:
            continue
        if stale:
            shutil.rmtree(left, ignore_errors=True)


def _examine(weights: Path) -> tuple[Header, str]:
    """Header and SHA-256 of what the reader wrote; it is checked again, not believed."""
    if weights.is_symlink() or not weights.is_file():
        raise BadFile("The file made its reader misbehave; it was refused and nothing was kept.")
    with weights.open("rb") as file:
        header = read_header(file, weights.stat().st_size)
        file.seek(0)
        return header, hashlib.file_digest(file, "sha256").hexdigest()


def _parameters(header: Header) -> int:
    """Elements of floating and complex tensors, tied ones once."""
    tied = msgspec.json.decode(header.metadata.get(TIED, "{}"), type=dict[str, str])
    return sum(
        prod(each.shape)
        for each in header.tensors
        if each.name not in tied and each.dtype.startswith(("float", "bfloat", "complex"))
    )


def _move_into_place(folder: Path, model: str) -> None:
    try:
        folder.rename(paths.model_folder(model))
    except OSError:
        if not _exists(model):
            raise  # not because an equal upload was first
