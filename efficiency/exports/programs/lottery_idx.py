"""Images and labels from the four IDX files of MNIST, Fashion-MNIST or data in their form."""

import gzip
from pathlib import Path

import torch
from torch import Tensor

FOLDER = Path("mnist")  # put the folder with the four files here


def numbers(name: str, header: int) -> Tensor:
    """The bytes of a file after its header, plain or with gzip."""
    path, packed = FOLDER / name, FOLDER / f"{name}.gz"
    data = path.read_bytes() if path.is_file() else gzip.decompress(packed.read_bytes())
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=header)


def part(name: str) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) from 0 to 1, and their labels."""
    images = numbers(f"{name}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28).float() / 255
    return images, numbers(f"{name}-labels-idx1-ubyte", 8).long()


def load(validation: int) -> list[tuple[Tensor, Tensor]]:
    """Images and labels to train, to validate, to test with."""
    images, labels = part("train")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    held_out, train = order.tensor_split([validation])
    return [(images[each], labels[each]) for each in (train, held_out)] + [part("t10k")]
