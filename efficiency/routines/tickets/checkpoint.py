"""What a run keeps after every level, so that one that was stopped can go on where it was.

One file for a question (`Request.key`): the SHA-256 of the rest, then tensors in the safetensors
format, one of which is everything already known, as JSON. It is written beside the old file and
put in its place in one step, so that a kill at any moment leaves a whole file.
"""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from safetensors.torch import load, save
from torch import Tensor

from efficiency.core import paths
from efficiency.core.lottery import Level, LevelMask, Training, TrainingSettings

KEPT_SECONDS = 30 * 24 * 3600.0  # then nobody will go on with it
DIGEST_BYTES = hashlib.sha256().digest_size
DOCUMENT = "document"

DAMAGED = "What an earlier run had kept of this is damaged, so everything was trained anew."
FOREIGN = (
    "What an earlier run had kept of this is of other data or settings, so everything was trained "
    "anew."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What must be the same for a run to go on from what another one left.

    `data` is a fingerprint of all images and labels.
    """

    key: str
    settings: TrainingSettings
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What is known after a level. `steps` are those of all networks, in `seconds` of training."""

    levels: tuple[Level, ...] = ()
    trainings: tuple[Training, ...] = ()
    pictures: tuple[LevelMask, ...] = ()
    steps: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the next level is made from, by seed: weights to rewind to, and masks."""

    finished: Finished
    rewound: dict[int, dict[str, Tensor]]
    masks: dict[int, dict[str, Tensor]]


class _Document(msgspec.Struct):
    """`tensors` are names in their order, which safetensors does not keep."""

    origin: Origin
    finished: Finished
    tensors: tuple[str, ...]


def keep(origin: Origin, kept: Kept) -> None:
    """Keep it in the place of what was kept before."""
    tensors = {  # clones, as safetensors refuses tensors that are parts of the same memory
        f"{kind}/{seed}/{name}": tensor.clone(memory_format=torch.contiguous_format)
        for kind, by_seed in (("rewound", kept.rewound), ("masks", kept.masks))
        for seed, named in by_seed.items()
        for name, tensor in named.items()
    }
    document = msgspec.json.encode(_Document(origin, kept.finished, tuple(tensors)))
    tensors[DOCUMENT] = torch.frombuffer(bytearray(document), dtype=torch.uint8)
    content = save(tensors)
    path = _path(origin.key)
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        file.write(hashlib.sha256(content).digest() + content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def found(origin: Origin) -> tuple[Kept | None, str]:
    """What was kept for the question, if any, and a note on it for people, "" without one."""
    path = _path(origin.key)
    if not path.is_file():
        return None, ""
    data = path.read_bytes()
    digest, content = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        return None, DAMAGED
    tensors = load(content)
    try:
        document = msgspec.json.decode(tensors.pop(DOCUMENT).numpy().tobytes(), type=_Document)
    except msgspec.MsgspecError:  # another version's
        return None, FOREIGN
    if document.origin != origin:
        return None, FOREIGN
    kept = Kept(finished=document.finished, rewound={}, masks={})
    for whole in document.tensors:
        kind, seed, name = whole.split("/", 2)
        by_seed = {"rewound": kept.rewound, "masks": kept.masks}[kind]
        by_seed.setdefault(int(seed), {})[name] = tensors[whole]
    level = kept.finished.levels[-1].level
    return kept, f"An earlier run was stopped; this one went on from what it kept of level {level}."


def forget(key: str) -> None:
    """Remove what is kept for the question, and what nobody has gone on with for a month."""
    long_ago = time.time() - KEPT_SECONDS
    for path in paths.checkpoint_folder().iterdir():
        if path.stem == key or path.stat().st_mtime < long_ago:
            path.unlink(missing_ok=True)


def _path(key: str) -> Path:
    return paths.checkpoint_folder() / f"{key}.checkpoint"
