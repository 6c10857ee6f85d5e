"""Bytes of a real file, against the file system and against zip itself."""

import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from efficiency.measure.size import DEFLATE_LEVEL, file_sizes


def zip_bytes(path: Path) -> int:
    """What the standard library's zip makes of the file, headers not counted."""
    archive = path.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL) as zipped:
        zipped.write(path, "file")
        return zipped.getinfo("file").compress_size


def test_sizes_of_a_saved_model_agree_with_the_disk_and_with_zip(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file({"weight": torch.randn(600, 600, generator=torch.Generator().manual_seed(0))}, path)
    size, zipped = file_sizes(path)
    assert size == path.stat().st_size > 600 * 600 * 4
    # zip writes raw deflate, zlib adds a header of 2 and a checksum of 4 bytes
    assert zipped == zip_bytes(path) + 6
    assert 0.8 < zipped / size < 1  # random numbers hardly shrink


def test_zeros_shrink_only_when_zipped(tmp_path: Path) -> None:
    path = tmp_path / "pruned.safetensors"
    weight = torch.randn(600, 600, generator=torch.Generator().manual_seed(0))
    weight[weight.abs() < 1.65] = 0  # nine of ten
    save_file({"weight": weight}, path)
    size, zipped = file_sizes(path)
    assert size > 600 * 600 * 4
    assert zipped < 0.25 * size


def test_an_empty_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert file_sizes(path)[0] == 0
