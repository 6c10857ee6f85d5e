"""Image data in IDX files, as MNIST and Fashion-MNIST are published: where they are, and reading.

An IDX file is four bytes (0, 0, the type of the numbers, how many sizes), the sizes as big-endian
32-bit integers, then the numbers in row-major order. Source: LeCun, Cortes and Burges, "The MNIST
database of handwritten digits". Files are read as data from strangers: what they claim is checked
against their length before memory is taken for it. Imports numpy only where a file is read.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from efficiency.core.errors import BadInput

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

DIGITS = "digits"  # these come with scikit-learn and need no files
NAMES = {"fashion-mnist": "FashionMNIST", "mnist": "MNIST"}  # and the folders torchvision makes
SETTING = "EFFICIENCY_DATA"
DEBIAN = Path("/usr/share/datasets")  # of Debian's package dataset-fashion-mnist

FILES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
BYTES = 8  # the type code of unsigned bytes
SIDE = 28
CLASSES = 10
MOST_IMAGES = 300_000  # of one file: 235 MB here, 940 MB as floats
LEAST_IMAGES = {"train": 120, "test": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """Images (N, 28, 28) and labels (N,), unsigned bytes, as the four files have them."""

    train_images: "NDArray[uint8]"
    train_labels: "NDArray[uint8]"
    test_images: "NDArray[uint8]"
    test_labels: "NDArray[uint8]"


def available() -> tuple[str, ...]:
    """Names of the data sets that are on this machine; digits always are."""
    return (DIGITS, *(name for name in NAMES if _installed(name) is not None))


def folder_of(data: str) -> Path:
    """The folder with the four files of the data set of this name, or at this path.

    Raises BadInput if there is none.
    """
    if data in NAMES:
        found = _installed(data)
        if found is None:
            debian = " install Debian's package dataset-fashion-mnist, or" * (
                data == "fashion-mnist"
            )
            raise BadInput(
                f"{data} is not on this machine;{debian} set {SETTING} to a folder that has a "
                f"folder {data} with the four IDX files."
            )
        return found
    folder = Path(data).expanduser()
    if not folder.is_dir():
        raise BadInput(
            f"There is no data called {data!r} and no folder of that name; try "
            f"{', '.join(available())}, or a folder with the four IDX files."
        )
    return folder


def read(folder: Path) -> Pixels:
    """The four files of the folder, plain or with gzip.

    Raises BadInput for whatever is not 28x28 images of ten classes.
    """
    train, train_labels = _pair(folder, "train")
    test, test_labels = _pair(folder, "test")
    return Pixels(
        train_images=train, train_labels=train_labels, test_images=test, test_labels=test_labels
    )


def _installed(name: str) -> Path | None:
    places = [DEBIAN / name]
    if setting := os.environ.get(SETTING):
        named = Path(setting).expanduser()
        places = [named / name, named / NAMES[name] / "raw", *places]
    return next((each for each in places if all(_file(each, part) for part in FILES)), None)


def _file(folder: Path, part: str) -> Path | None:
    name = FILES[part]
    both = (folder / name, folder / f"{name}.gz")
    return next((each for each in both if each.is_file()), None)


def _pair(folder: Path, part: str) -> "tuple[NDArray[uint8], NDArray[uint8]]":
    images = _numbers(folder, f"{part} images", 3)
    labels = _numbers(folder, f"{part} labels", 1)
    if len(images) != len(labels):
        raise BadInput(
            f"The folder has {len(images)} {part} images and {len(labels)} labels for them; both "
            "files must come from the same data set."
        )
    if len(images) < LEAST_IMAGES[part]:
        raise BadInput(
            f"The folder has only {len(images)} {part} images; it takes at least "
            f"{LEAST_IMAGES[part]} to learn something."
        )
    if labels.max() >= CLASSES:
        raise BadInput(
            f"The {part} labels go up to {labels.max()}; these networks tell ten classes apart, "
            "numbered 0 to 9."
        )
    return images, labels


def _numbers(folder: Path, part: str, dimensions: int) -> "NDArray[uint8]":
    """All numbers of one file in the shape that it claims."""
    import numpy as np  # only where files are read: pages import this module for the names

    path = _file(folder, part)
    if path is None:
        raise BadInput(
            f"This folder has no {FILES[part]}, with or without .gz; give one that has all four "
            "IDX files of MNIST or of data in its form."
        )
    with _opened(path) as file:
        shape = _shape(file, path, dimensions)
        numbers = file.read(prod(shape) + 1)
    if len(numbers) != prod(shape):
        what = "ends too early" if len(numbers) < prod(shape) else "goes on after its last number"
        raise BadInput(
            f"{path.name} claims {' x '.join(map(str, shape))} numbers and {what}; get the file "
            "again."
        )
    return np.frombuffer(numbers, np.uint8).reshape(shape)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, unpacked if it is packed. Raises BadInput for what cannot be read inside."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file  # type: ignore[misc]  # a GzipFile reads as a BinaryIO does
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadInput(f"{path.name} is not a whole gzip file; get it again.") from None
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be read ({error.strerror}); see to it that we may read it."
        ) from None


def _shape(file: BinaryIO, path: Path, dimensions: int) -> tuple[int, ...]:
    """The sizes in the file's header, checked."""
    header = file.read(4 + 4 * dimensions)
    if header[:4] != bytes((0, 0, BYTES, dimensions)):
        raise BadInput(
            f"{path.name} does not begin like an IDX file of bytes with {dimensions} dimensions "
            f"(0 0 {BYTES} {dimensions}); give the files of MNIST or of data in its form."
        )
    if len(header) < 4 + 4 * dimensions:
        raise BadInput(f"{path.name} ends within its header; get the file again.")
    sizes = [header[start : start + 4] for start in range(4, len(header), 4)]
    shape = tuple(int.from_bytes(each, "big") for each in sizes)
    if shape[1:] not in ((), (SIDE, SIDE)):
        raise BadInput(
            f"The images in {path.name} are {shape[1]}x{shape[2]}; these networks take "
            f"{SIDE}x{SIDE}, so scale them first."
        )
    if shape[0] > MOST_IMAGES:
        raise BadInput(
            f"{path.name} claims {shape[0]} of them; at most {MOST_IMAGES} can be taken, so cut it."
        )
    return shape
