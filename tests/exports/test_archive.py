import gc
import os
import tracemalloc
from pathlib import Path
from zipfile import ZipFile

import pytest
from streamlit.runtime.download_data_util import convert_data_to_bytes_and_infer_mime

from efficiency.core.errors import UnknownName
from efficiency.exports.archive import archive, variant_bytes, variants


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    for name in ("baseline", "int8-static"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "weights.safetensors").write_bytes(name.encode() * 100)
        (tmp_path / name / "load_model.py").write_text("print('loaded')")
    (tmp_path / "scratch").mkdir()
    (tmp_path / "log.txt").write_text("not a variant")
    return tmp_path


def test_variants_are_the_folders_with_a_loader(run_folder: Path) -> None:
    assert variants(run_folder) == ("baseline", "int8-static")
    assert variants(run_folder / "nowhere") == ()


def test_the_archive_holds_the_measured_bytes(run_folder: Path) -> None:
    with archive(run_folder, "int8-static") as file, ZipFile(file) as zipped:
        assert zipped.testzip() is None
        assert sorted(zipped.namelist()) == [
            "int8-static/load_model.py",
            "int8-static/weights.safetensors",
        ]
        written = (run_folder / "int8-static" / "weights.safetensors").read_bytes()
        assert zipped.read("int8-static/weights.safetensors") == written
    assert variant_bytes(run_folder / "int8-static") == len(written) + len("print('loaded')")


@pytest.mark.parametrize("name", ["scratch", "../baseline", "/etc", ""])
def test_nothing_but_a_variant_is_given_away(run_folder: Path, name: str) -> None:
    with pytest.raises(UnknownName):
        archive(run_folder, name)


def test_a_link_in_a_variant_does_not_lead_outside(run_folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (run_folder / "baseline" / "link").symlink_to(secret)
    with archive(run_folder, "baseline") as file, ZipFile(file) as zipped:
        assert "baseline/link" not in zipped.namelist()


def test_an_archive_is_made_on_the_disk_and_leaves_nothing_there(
    run_folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    size = 20_000_000
    monkeypatch.setattr("efficiency.exports.archive.DEFLATED_BYTES", size - 1)
    (run_folder / "baseline" / "weights.safetensors").write_bytes(bytes(size))
    gc.collect()
    tracemalloc.start()
    try:
        with archive(run_folder, "baseline") as file:
            assert tracemalloc.get_traced_memory()[1] < size / 10
            assert os.fstat(file.fileno()).st_size > size
    finally:
        tracemalloc.stop()
    assert list(scratch.iterdir()) == []


def test_zeros_shrink_in_the_archive(run_folder: Path) -> None:
    (run_folder / "baseline" / "weights.safetensors").write_bytes(bytes(1_000_000))
    with archive(run_folder, "baseline") as file:
        assert os.fstat(file.fileno()).st_size < 10_000


def test_streamlit_takes_the_archive_and_holds_its_bytes_once(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = 20_000_000
    monkeypatch.setattr("efficiency.exports.archive.DEFLATED_BYTES", size - 1)
    (run_folder / "baseline" / "weights.safetensors").write_bytes(bytes(size))
    refused = AssertionError("Streamlit does not take such a file")
    with archive(run_folder, "baseline") as file:
        gc.collect()
        tracemalloc.start()
        try:
            data, _ = convert_data_to_bytes_and_infer_mime(file, refused)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert data[:2] == b"PK"
    assert size < peak < 1.5 * size
