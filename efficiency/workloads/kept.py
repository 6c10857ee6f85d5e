"""What takes long to make and comes out the same every time, kept on this machine."""

import hashlib
import inspect
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import ModuleType

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from efficiency.core import paths
from efficiency.workloads.split import Split


def tensors(file: Path, make: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors in the file; if there is none, they are made and written first."""
    if not file.exists():
        made = dict(make())
        with NamedTemporaryFile(dir=file.parent, delete=False) as temporary:
            temporary.write(save(made))
        os.replace(temporary.name, file)  # whole or not at all, also where two make it at once
    return load_file(file)


def split(module: ModuleType, maker: str) -> Split:
    """What `load_split()` of the module gives, which it makes with the distribution `maker`."""

    def make() -> dict[str, Tensor]:
        parts: Split = module.load_split()
        return {name: part for name, part in parts._asdict().items() if part is not None}

    return Split(**tensors(data_file(maker, module), make))


def data_file(maker: str, *modules: ModuleType) -> Path:
    """Where the data are kept that the first of the modules makes, with the other ones."""
    decisive = key(version(maker), torch.__version__, *map(inspect.getsource, modules))
    name = modules[0].__name__.rpartition(".")[2]
    return paths.data_folder() / f"{name}-{decisive}.safetensors"


def key(*decisive: object) -> str:
    """Short hash of everything that decides what is made."""
    return hashlib.sha256(repr(decisive).encode()).hexdigest()[:16]
