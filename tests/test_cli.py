"""The command line as people and scripts use it: other processes, exit codes, streams."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from efficiency.workloads import catalogue, training

ROOT = Path(__file__).parents[1]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "efficiency", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def files(home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same trained LeNet in the three formats, and in a training checkpoint."""
    folder = tmp_path_factory.mktemp("files")
    state = training.trained(catalogue.get("lenet"), 0)
    files = {name: folder / name for name in ("zip.pt", "legacy.pth", "lenet.safetensors", "c.pth")}
    torch.save(state, files["zip.pt"])
    torch.save(state, files["legacy.pth"], _use_new_zipfile_serialization=False)
    save_file(state, files["lenet.safetensors"])
    torch.save({"step": 3, "model_state": state, "optimizer_state": {}}, files["c.pth"])
    return files


@pytest.mark.slow
def test_same_weights_in_any_format_give_the_same_report(
    files: dict[str, Path], tmp_path: Path
) -> None:
    studies = {}
    for name, file in files.items():
        out = tmp_path / name
        done = run("report", file, "--out", out, "--budget-seconds", 2, "--json")
        assert done.returncode == 0, done.stderr
        studies[name] = json.loads(done.stdout)
        assert json.loads((out / "report.json").read_text()) == studies[name]
        assert "<html" in (out / "report.html").read_text()
        assert (out / "report.csv").read_text().count("\n") == len(studies[name]["rows"]) + 1
    first = studies["zip.pt"]
    assert all(study == first for study in studies.values())

    row = first["rows"][3]
    assert row["label"] == "int8 static"
    assert set(row["speedup"]) == {"ratio", "low", "high", "verdict"}
    assert row["timing"]["median_seconds"] > 0
    assert {"parameters", "nonzero", "bytes_on_disk", "peak_bytes"} <= set(row["footprint"])
    assert {"joules", "source"} <= set(row["energy"])
    assert {"changed", "skipped"} == set(row["coverage"])

    loader = [sys.executable, str(tmp_path / "zip.pt" / row["name"] / "load_model.py")]
    said = subprocess.run(loader, capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"accuracy: {row['score']:.6f} on 360")

    runs = json.loads(run("runs", "--json").stdout)
    assert [each["state"] for each in runs].count("done") == 1
    shown = json.loads(run("show", runs[0]["run"], "--json").stdout)
    assert shown == first


def bad(folder: Path) -> dict[str, tuple[list[object], str]]:
    """Arguments, and a word that the sentence must contain."""
    (folder / "empty.pt").touch()
    (folder / "page.pt").write_text("<!doctype html><html></html>")
    torch.save(catalogue.get("lenet").build(), folder / "module.pt")
    torch.save(catalogue.get("lenet").build().state_dict(), folder / "good.pt")
    whole = (folder / "good.pt").read_bytes()
    (folder / "cut.pt").write_bytes(whole[: len(whole) // 2])
    good, lenet = folder / "good.pt", ("--workload", "lenet")
    return {
        "empty": ([folder / "empty.pt"], "empty"),
        "html": ([folder / "page.pt"], "HTML"),
        "truncated": ([folder / "cut.pt"], "cut"),
        "module": ([folder / "module.pt"], "state_dict()"),
        "no file": ([folder / "nothing.pt"], "nothing.pt"),
        "architecture": ([good, "--architecture", "lenett"], "lenet"),
        "workload": (["--workload", "lennet"], "lenet"),
        "both": ([good, "--workload", "lenet"], "not both"),
        "batch": ([*lenet, "--batch-size", "0"], "at least 1"),
        "budget": ([*lenet, "--budget-seconds", "9999"], "between"),
        "seed": ([*lenet, "--seed", "-1"], "0 or more"),
        "device": ([*lenet, "--device", "gpu"], "cuda"),
        "shape": ([good, "--input-shape", "1,a"], "1,3,224,224"),
        "shape and batch": (
            [*lenet, "--input-shape", "2,1,28,28", "--batch-size", "3"],
            "the same",
        ),
        "number": ([good, "--seed", "many"], "--help"),
        "option": ([good, "--sead", "1"], "--help"),
        "out": ([good, "--out", folder / "good.pt" / "below"], "choose another"),
    }


CASES = (
    "empty|html|truncated|module|no file|architecture|workload|both|batch|budget|seed|device|shape|"
    "shape and batch|number|option|out"
)


@pytest.mark.parametrize("case", CASES.split("|"))
def test_bad_input_gets_one_sentence_and_exit_code_two(
    home: Path, tmp_path: Path, case: str
) -> None:
    arguments, word = bad(tmp_path)[case]
    done = run("report", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert word in done.stderr
    assert "weights_only" not in done.stderr


def test_a_pickle_that_calls_the_system_is_named_and_not_run(home: Path, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    (tmp_path / "evil.pt").write_bytes(
        b"\x80\x02cposix\nsystem\nX" + len(f"touch {marker}").to_bytes(4, "little")
        + f"touch {marker}".encode() + b"\x85R."
    )  # fmt: skip
    done = run("report", tmp_path / "evil.pt")
    assert done.returncode == 2
    assert "posix.system" in done.stderr
    assert not marker.exists()


def test_wrong_input_shape_is_told_by_the_run(files: dict[str, Path]) -> None:
    done = run("report", files["zip.pt"], "--input-shape", "1,1,5,5")
    assert done.returncode == 2, done.stderr
    assert "(1, 1, 28, 28)" in done.stderr.splitlines()[-1]


def test_the_same_question_is_measured_anew_only_if_asked_to(home: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    torch.save({"weight": torch.randn(8, 8)}, tmp_path / "own.pt")
    ask = ("report", tmp_path / "own.pt", "--budget-seconds", 1)
    said = [run(*ask, *more) for more in ((), (), ("--again",))]
    assert [each.returncode for each in said] == [0, 0, 0], said[-1].stderr
    headings = [each.stdout.splitlines()[0] for each in said]
    assert headings[0] == headings[1] != headings[2]
    assert ["Measured earlier, at" in each.stderr for each in said] == [False, True, False]
    quiet = run(*ask, "--json")
    assert "Measured earlier" not in quiet.stderr


def test_machine_and_catalogue_are_listed(home: Path) -> None:
    devices = json.loads(run("devices", "--json").stdout)
    assert devices[0]["name"] == "cpu"
    workloads = json.loads(run("workloads", "--json").stdout)
    assert [workload["name"] for workload in workloads] == list(catalogue.names())
    assert run("show", "nothing").returncode == 2
