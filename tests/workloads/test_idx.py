"""IDX files that are right, and every way in which they can be wrong."""

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from efficiency.core.errors import BadInput
from efficiency.workloads import idx

COUNTS = {"train": 150, "t10k": 20}


def images_file(count: int, side: int = 28, magic: int = 0x0803) -> bytes:
    pixels = np.arange(count * side * side) % 251
    return struct.pack(">4I", magic, count, side, side) + pixels.astype(np.uint8).tobytes()


def labels_file(count: int, magic: int = 0x0801, largest: int = 9) -> bytes:
    labels = np.arange(count) % (largest + 1)
    return struct.pack(">2I", magic, count) + labels.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "mnist"
    found.mkdir()
    for part, count in COUNTS.items():
        (found / f"{part}-images-idx3-ubyte").write_bytes(images_file(count))
        (found / f"{part}-labels-idx1-ubyte").write_bytes(labels_file(count))
    return found


def pack(folder: Path) -> None:
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


@pytest.mark.parametrize("packed", [False, True])
def test_all_four_files_are_read_as_they_are(folder: Path, packed: bool) -> None:
    if packed:
        pack(folder)
    pixels = idx.read(folder)
    for images, labels, count in (
        (pixels.train_images, pixels.train_labels, COUNTS["train"]),
        (pixels.test_images, pixels.test_labels, COUNTS["t10k"]),
    ):
        assert images.shape == (count, 28, 28)
        assert images.dtype == np.uint8
        assert images[1, 0, 5] == (28 * 28 + 5) % 251
        assert labels.tolist() == [number % 10 for number in range(count)]


TRAIN, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (TRAIN, None, f"no {TRAIN}, with or without .gz"),
        (TRAIN, b"", "does not begin like an IDX file"),
        (TRAIN, b"PNG\r\n and more", "does not begin like an IDX file"),
        (TRAIN, labels_file(150), "does not begin like an IDX file"),
        (TRAIN, images_file(150, magic=0x0D03), "does not begin like an IDX file"),  # of floats
        (TRAIN, images_file(150)[:10], "ends within its header"),
        (TRAIN, images_file(150)[:-1], "ends too early"),
        (TRAIN, images_file(150) + b"x", "goes on after its last number"),
        (TRAIN, images_file(150, side=32), "are 32x32; these networks take 28x28"),
        (TRAIN, struct.pack(">4I", 0x0803, 2**32 - 1, 28, 28), "claims 4294967295"),
        (TRAIN, images_file(149), "149 train images and 150 labels"),
        (LABELS, labels_file(150, largest=46), "labels go up to 46"),
        (f"{TRAIN}.gz", b"not gzip at all", "is not a whole gzip file"),
        (f"{TRAIN}.gz", gzip.compress(images_file(150), mtime=0)[:-20], "is not a whole gzip file"),
        (f"{TRAIN}.gz", gzip.compress(images_file(150), mtime=0)[:40], "is not a whole gzip file"),
    ],
)
def test_what_is_not_idx_is_said_in_a_sentence(
    folder: Path, name: str, content: bytes | None, words: str
) -> None:
    (folder / name.removesuffix(".gz")).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        idx.read(folder)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_too_few_images_are_no_data(folder: Path) -> None:
    (folder / TRAIN).write_bytes(images_file(20))
    (folder / LABELS).write_bytes(labels_file(20))
    with pytest.raises(BadInput, match="only 20 train images"):
        idx.read(folder)


def test_a_file_that_unpacks_to_more_than_it_claims_is_not_unpacked(folder: Path) -> None:
    """Sixty gigabytes of zeros would fit into the memory of no runner."""
    (folder / TRAIN).unlink()
    header, zeros = struct.pack(">4I", 0x0803, 150, 28, 28), gzip.compress(bytes(2**26))
    content = gzip.compress(header) + zeros * 1000  # members of one gzip file follow each other
    (folder / f"{TRAIN}.gz").write_bytes(content)
    with pytest.raises(BadInput, match="goes on after its last number"):
        idx.read(folder)


def test_names_are_found_where_the_setting_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idx, "DEBIAN", folder / "nothing")
    monkeypatch.delenv(idx.SETTING, raising=False)
    assert idx.available() == ("digits",)
    with pytest.raises(BadInput, match="dataset-fashion-mnist, or set EFFICIENCY_DATA"):
        idx.folder_of("fashion-mnist")
    with pytest.raises(BadInput, match="mnist is not on this machine; set EFFICIENCY_DATA"):
        idx.folder_of("mnist")
    monkeypatch.setenv(idx.SETTING, str(folder.parent))
    assert idx.available() == ("digits", "mnist")
    assert idx.folder_of("mnist") == folder
    (folder / LABELS).unlink()
    assert idx.available() == ("digits",)


def test_names_are_found_where_other_programs_put_the_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "of torchvision" / "FashionMNIST" / "raw"
    raw.parent.mkdir(parents=True)
    pack(folder)
    folder.rename(raw)
    monkeypatch.setenv(idx.SETTING, str(tmp_path / "of torchvision"))
    assert idx.folder_of("fashion-mnist") == raw
    monkeypatch.delenv(idx.SETTING)
    debian = tmp_path / "datasets"
    debian.mkdir()
    raw.rename(debian / "fashion-mnist")
    monkeypatch.setattr(idx, "DEBIAN", debian)
    assert idx.available() == ("digits", "fashion-mnist")


def test_a_path_that_is_no_folder_is_told_from_the_names(tmp_path: Path) -> None:
    assert idx.folder_of(str(tmp_path)) == tmp_path
    with pytest.raises(BadInput, match=r"no data called 'nothing'.*try digits"):
        idx.folder_of("nothing")


def test_asking_for_names_imports_neither_numpy_nor_torch() -> None:
    code = (
        "import sys; from efficiency.workloads import idx; idx.available();"
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
