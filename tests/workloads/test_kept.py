"""What is kept is what was made, is made once, and again where something else would come out."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from efficiency.jobs.launch import ROOT
from efficiency.routines.tickets import images
from efficiency.workloads import catalogue, digits, kept, packages

# What a run does with its data, in a process of its own; says what it had to import for it.
LOAD = """
import sys
from efficiency.routines.tickets import images
from efficiency.workloads import catalogue
catalogue.get("lenet").load_split()
images.load("digits")
print(sorted({"sklearn", "scipy"} & set(sys.modules)))
"""


def test_tensors_are_made_once(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> dict[str, Tensor]:
        made.append("once")
        return {"numbers": torch.arange(3)}

    file = tmp_path / "numbers.safetensors"
    for _ in range(2):
        assert torch.equal(kept.tensors(file, make)["numbers"], torch.arange(3))
    assert made == ["once"]
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


def test_nothing_is_left_of_what_could_not_be_made(tmp_path: Path) -> None:
    def make() -> dict[str, Tensor]:
        raise MemoryError

    with pytest.raises(MemoryError):
        kept.tensors(tmp_path / "numbers.safetensors", make)
    assert list(tmp_path.iterdir()) == []


def test_other_code_or_another_version_have_another_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file = kept.data_file("scikit-learn", digits)
    assert file == kept.data_file("scikit-learn", digits)
    assert file != kept.data_file("scikit-learn", packages)
    assert file != kept.data_file("scikit-learn", digits, packages)
    monkeypatch.setattr(kept, "version", lambda distribution: "0.1")
    assert file != kept.data_file("scikit-learn", digits)


def test_kept_digits_are_the_digits() -> None:
    fresh, found = digits.load_split(), catalogue.DIGITS.load()
    for name, part in fresh._asdict().items():
        other = getattr(found, name)
        assert other is None if part is None else torch.equal(part, other)


def test_who_has_the_digits_needs_no_scikit_learn() -> None:
    images.load("digits")
    command = [sys.executable, "-c", LOAD]
    assert subprocess.check_output(command, text=True, cwd=ROOT).strip() == "[]"
