"""Files that nobody should trust, made for real: every function returns the bytes of one upload."""

import collections
import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

STORED = zipfile.ZIP_STORED


def weights(seed: int = 0) -> dict[str, Tensor]:
    """A small honest state_dict with an integer buffer."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 2))
    return dict(model.state_dict())


def zipped(value: object) -> bytes:
    """torch.save as it is."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, buffer)
    return buffer.getvalue()


def legacy(value: object) -> bytes:
    """torch.save in the format before 1.6."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(value, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def safetensors(tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> bytes:
    """The library's own writer."""
    return save(dict(tensors), metadata)


class Command:
    """Unpickles by running a shell command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (self.command,)


def touch(marker: Path) -> Command:
    """A command that leaves a file if it is ever run."""
    return Command(f"touch {marker}")


def opcodes(marker: Path) -> list[bytes]:
    """The same command in every way that pickle has for making a call."""
    command = f"touch {marker}".encode()
    text = b"X" + struct.pack("<I", len(command)) + command
    return [
        *(pickle.dumps(touch(marker), protocol=protocol) for protocol in range(6)),
        b"(S'" + command + b"'\niposix\nsystem\n.",
        b"\x80\x02(cposix\nsystem\n" + text + b"o.",
        b"\x80\x02cposix\nsystem\n" + text + b"\x85R.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93" + text + b"\x85R.",
        b"\x80\x04\x8c\x05posixq\x000\x8c\x06systemq\x010h\x00h\x01\x93" + text + b"\x85R.",
    ]


def entries(data: bytes) -> list[tuple[str, bytes]]:
    """Names and contents of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def archive(items: list[tuple[str, bytes]], compression: int = STORED) -> bytes:
    """A zip archive of these entries, whatever they are."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as made:
        warnings.simplefilter("ignore")  # a name that is there twice
        for name, content in items:
            made.writestr(name, content)
    return buffer.getvalue()


def rewritten(data: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    """The archive with every entry changed."""
    return archive([change(name, content) for name, content in entries(data)])


def with_pickle(description: bytes, data: Mapping[str, bytes] | None = None) -> bytes:
    """An archive like torch's around any pickle."""
    records = [(f"model/data/{key}", content) for key, content in (data or {}).items()]
    return archive([("model/data.pkl", description), *records, ("model/version", b"3\n")])


def with_entry_of(value: object, name: str, content: bytes) -> bytes:
    """torch's archive with one entry more."""
    return archive([*entries(zipped(value)), (name, content)])


def symlinked() -> bytes:
    """An archive whose one record is a link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in entries(zipped(weights())):
            made.writestr(name, content)
        link = zipfile.ZipInfo("archive/data/link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        made.writestr(link, "/etc/passwd")
    return buffer.getvalue()


def encrypted() -> bytes:
    """An archive that says that its entries are encrypted."""
    data = bytearray(archive(entries(zipped(weights()))))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 4)
    return bytes(data)


def bad_checksum() -> bytes:
    """One bit of the first weights turned over."""
    state = {"w": torch.arange(100.0)}
    data = bytearray(archive(entries(zipped(state))))
    at = data.find(state["w"].numpy().tobytes())
    data[at + 10] ^= 1
    return bytes(data)


def expanded(elements: int) -> bytes:
    """One number shown `elements` times."""
    return zipped({"honest": torch.ones(2), "huge": torch.ones(1).expand(elements)})


class Pickled:
    """Pickles as a call of any function with any arguments, storages included."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def tensor_call(
    elements: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    *,
    offset: int = 0,
    key: str = "0",
    layer: str = "lying.weight",
) -> bytes:
    """The pickle {layer: _rebuild_tensor_v2(float storage of `elements`, offset, size, stride)}."""

    class Storage:
        pass

    class Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
        def persistent_id(self, value: object) -> object:
            if isinstance(value, Storage):
                return ("storage", torch.FloatStorage, key, "cpu", elements)
            return None

    call = Pickled(
        torch._utils._rebuild_tensor_v2,
        *(Storage(), offset, size, stride, False, collections.OrderedDict()),
    )
    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump({layer: call})
    return buffer.getvalue()


def legacy_claiming(elements: int) -> bytes:
    """The legacy format with a storage that is said to be huge and has four bytes."""
    buffer = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(part, buffer, protocol=2)
    described = tensor_call(elements, (elements,), (1,))
    # Legacy references to storages have a sixth field, the view, which is None.
    at = described.index(b"tq", described.index(b"cpu"))
    buffer.write(described[:at] + b"N" + described[at:])
    pickle.dump(["0"], buffer, protocol=2)
    buffer.write(struct.pack("<q", elements) + b"\0" * 4)
    return buffer.getvalue()


def header(entry: Any, data: bytes = b"", *, text: bytes | None = None) -> bytes:
    """A safetensors file with this header, true or not."""
    encoded = json.dumps(entry).encode() if text is None else text
    return struct.pack("<Q", len(encoded)) + encoded + data


def described(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    """One entry of a safetensors header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def onnx_model() -> bytes:
    """The first fields of an ONNX ModelProto: ir_version 8, producer "pytorch", its version."""
    return b"\x08\x08\x12\x07pytorch\x1a\x052.1.0" + b"\x3a\x10" + b"\0" * 16


def scripted() -> bytes:
    """A TorchScript program."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


def exported() -> bytes:
    """A torch.export program."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(nn.Linear(2, 2), (torch.ones(1, 2),)), buffer)
    return buffer.getvalue()


def nested_lists(depth: int) -> bytes:
    """Lists inside each other, by opcodes, as pickle itself could not write them."""
    return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."
