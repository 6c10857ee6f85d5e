"""The energy command as people and scripts use it."""

import json
from pathlib import Path

import pytest
import torch

from efficiency.workloads import catalogue
from tests.test_cli import run


def test_a_file_and_its_example_are_counted_alike(home: Path, tmp_path: Path) -> None:
    """A training step, which has all that a forward pass has and more."""
    torch.save(catalogue.get("lenet").build().state_dict(), tmp_path / "mine.pt")
    step = ("--training", "--batch-size", "4", "--json")
    said = [
        run("energy", *what, *step) for what in (("--workload", "lenet"), (tmp_path / "mine.pt",))
    ]
    assert [each.returncode for each in said] == [0, 0], said[-1].stderr
    example, file = (json.loads(each.stdout) for each in said)
    for one, other in zip(example["anatomy"]["layers"], file["anatomy"]["layers"], strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert {each["stage"] for each in example["anatomy"]["layers"]} == {
        "forward",
        "backward",
        "update",
    }
    assert example["request"]["training"] is True
    assert [row["name"] for row in example["rows"]] == ["fp32", "fp16", "int8", "int32", "measured"]
    assert {"joules", "source"} <= set(example["rows"][0]["energy"])
    text = run("show", json.loads(run("runs", "--json").stdout)[0]["run"])
    assert "estimated" in text.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--workload", "lenett"], "lenet"),
        (["--workload", "lenet", "--batch-size", "0"], "at least 1"),
        (["--workload", "lenet", "--batch-size", "1.5"], "--help"),
        (["--workload", "mlp", "--batch-size", "900000000"], "smaller batch"),
        (["--workload", "lenet", "--input-shape", "1,1,5,5"], "(1, 1, 28, 28)"),
        (["--workload", "lenet", "--budget-seconds", "3"], "--help"),
        ([], "Give a file"),
    ],
)
def test_bad_input_gets_one_sentence(home: Path, arguments: list[str], word: str) -> None:
    done = run("energy", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert word in done.stderr.splitlines()[-1]


def test_a_file_of_unknown_architecture_needs_a_name(home: Path, tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(8, 8)}, tmp_path / "own.pt")
    done = run("energy", tmp_path / "own.pt")
    assert done.returncode == 2
    assert "lenet" in done.stderr.splitlines()[-1]
