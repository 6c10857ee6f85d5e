"""Which format a file is in, told by its content; the name is only compared afterwards."""

import re
from enum import StrEnum
from pathlib import PurePath

from efficiency.core.errors import BadFile
from efficiency.intake.sentences import SAVE_WEIGHTS, damaged, quoted


class Format(StrEnum):
    """The formats that are read."""

    SAFETENSORS = "safetensors"
    ZIP = "PyTorch state_dict (zip)"
    LEGACY = "PyTorch state_dict (legacy)"


HEAD_BYTES = 1024
PYTORCH_ENDINGS = frozenset((".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".tar", ".model"))
ENDINGS = {
    Format.SAFETENSORS: frozenset((".safetensors",)),
    Format.ZIP: PYTORCH_ENDINGS,
    Format.LEGACY: PYTORCH_ENDINGS,
}
OTHERS = (
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ", "an xz archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (
        b"\x89HDF",
        f"an HDF5 file, as Keras writes; load it there and save with torch: {SAVE_WEIGHTS}",
    ),
    (b"GGUF", "a GGUF file; give the safetensors file that it was made from"),
    (b"\x93NUMPY", f"a NumPy array; save a state_dict with torch: {SAVE_WEIGHTS}"),
    (b"\x89PNG", "an image; give a model file"),
    (b"\xff\xd8\xff", "an image; give a model file"),
    (b"%PDF", "a PDF document; give a model file"),
    (b"\x7fELF", "a compiled program; give a model file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the model; fetch it with: git lfs pull"),
)
"""First bytes -> what the file is and what to do."""

TEXT_PICKLE = re.compile(rb"\(*[ci][\w.]+\n[\w.]+\n|\(+(?:S'|V|[dlt]p?\d*\n)|[})\]]q\0")
"""How pickles of protocols 0 and 1 begin, which have no mark: with a global or a container."""


def recognise(head: bytes) -> Format:
    """The format of a file that begins with `head` (HEAD_BYTES of it). Raises BadFile."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Format.ZIP
    if head.startswith(b"PK"):
        raise damaged("it starts like a zip archive but is not one")
    if head[8:9] == b"{":
        return Format.SAFETENSORS
    if head.startswith(b"\x80"):
        return Format.LEGACY
    for start, what in OTHERS:
        if head.startswith(start):
            raise BadFile(f"The file is {what}.")
    if head[257:262] == b"ustar":
        raise BadFile(f"The file is a tar archive; unpack it, or save again with {SAVE_WEIGHTS}.")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        raise BadFile(
            "The file is a web page (HTML), not a model; the download probably saved an error or "
            "login page, so download the model itself."
        )
    if _is_onnx(head):
        raise BadFile(
            "The file is an ONNX model, which is not accepted yet; save the weights of the PyTorch "
            f"model it was made from: {SAVE_WEIGHTS}."
        )
    if TEXT_PICKLE.match(head):
        return Format.LEGACY
    kind = "text" if _is_text(head) else "of a kind that is not known here"
    raise BadFile(
        f"The file is {kind}, not a model; give a .safetensors file or a state_dict made by "
        f"{SAVE_WEIGHTS}."
    )


def ending_note(name: str, found: Format) -> tuple[str, ...]:
    """A note where the name's ending promises something else than the content."""
    ending = PurePath(name).suffix.lower()
    if not ending or ending in ENDINGS[found]:
        return ()
    return (f"The name ends in {quoted(ending)} but the content is {found}; the content counts.",)


def _is_onnx(head: bytes) -> bool:
    """A ModelProto begins with ir_version (field 1, a small number) and then another field."""
    return (
        len(head) > 3 and head[0] == 0x08 and 0 < head[1] < 0x20 and head[2] in (0x12, 0x3A, 0x42)
    )


def _is_text(head: bytes) -> bool:
    # A character may be cut in two at the end of the head.
    text = (
        head[:-3].decode("utf-8", "replace")
        if len(head) == HEAD_BYTES
        else head.decode("utf-8", "replace")
    )
    return all(each.isprintable() or each.isspace() for each in text) and "\ufffd" not in text
