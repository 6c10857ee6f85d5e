import io
from pathlib import Path
from zipfile import ZipFile

import pytest

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
    with ZipFile(io.BytesIO(archive(run_folder, "int8-static"))) as zipped:
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
    with ZipFile(io.BytesIO(archive(run_folder, "baseline"))) as zipped:
        assert "baseline/link" not in zipped.namelist()
