"""The lottery program to take away: it runs on its own, and does what the study did."""

import ast
import gzip
import re
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from efficiency.core.values import Study
from efficiency.exports.programs.lottery import FILE_NAME, HERE, lottery_program
from tests import samples_lottery

LINE = re.compile(
    r"^ *([\d.]+) %  (dense|ticket|re-initialised|random mask) +(\d+) +([\d.]+) %$", re.M
)


def study(
    workload: str = "lenet300", data: str = "digits", device: str = "cpu", **changes: object
) -> Study:
    found = replace(samples_lottery.lottery(**changes), images=(1200, 237, 360))  # type: ignore[arg-type]
    base = samples_lottery.won()
    request = base.request | {"workload": workload, "data": data, "device": device, "seed": 3}
    return replace(base, lottery=found, request=request)


def run(program: str, folder: Path) -> list[tuple[str, str, str, str]]:
    """The lines of its table, from a fresh process that does not find this package."""
    (folder / FILE_NAME).write_text(program)
    printed = subprocess.run(
        [sys.executable, "-I", FILE_NAME],
        cwd=folder, capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    return LINE.findall(printed)


def test_it_prints_every_level_and_start_with_the_share_that_is_left(tmp_path: Path) -> None:
    program = lottery_program(study("lenet", rounds=1, seeds=2, iterations=5, check_every=5))
    assert "efficiency" not in program
    lines = run(program, tmp_path)
    assert [(left, start) for left, start, _, _ in lines] == [
        ("100.0", "dense"),
        *((left, start) for left in ("60.3",)
          for start in ("ticket", "re-initialised", "random mask")),
    ]  # fmt: skip
    assert all(int(stop) in (0, 5) for _, _, stop, _ in lines)
    assert all(0 <= float(score) <= 100 for *_, score in lines)


def test_global_pruning_rewound_to_an_iteration_on_idx_files(tmp_path: Path) -> None:
    """All of what a study may ask for otherwise, on the digits written as MNIST's files."""
    pixels, labels = load_digits(return_X_y=True)
    images = np.repeat(np.repeat(pixels.reshape(-1, 8, 8), 3, 1), 3, 2)
    images = (np.pad(images, ((0, 0), (2, 2), (2, 2))) * 15).astype(np.uint8)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, part in (("train", slice(0, 1500)), ("t10k", slice(1500, None))):
        count = len(labels[part])
        head = struct.pack(">4B3I", 0, 0, 8, 3, count, 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + images[part].tobytes())
        packed = struct.pack(">4BI", 0, 0, 8, 1, count) + labels[part].astype(np.uint8).tobytes()
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(packed))
    asked = study(
        data="mnist", rounds=1, seeds=1, iterations=40, scope="global", rewind_iteration=10
    )
    program = lottery_program(asked)
    assert "sklearn" not in program
    lines = run(program, tmp_path)
    assert [left for left, *_ in lines] == ["100.0", "60.0", "60.0", "60.0"]
    dense, ticket, *_ = (float(score) for *_, score in lines)
    assert min(dense, ticket) > 50  # it learns: a guess has 10 % right


def test_it_says_the_numbers_of_the_study() -> None:
    asked = study(rounds=4, seeds=5, iterations=300, check_every=7, learning_rate=0.01)
    program = lottery_program(asked)
    for line in (
        'DEVICE = "cpu"',
        "THREADS = 1",
        "SEED, SEEDS = 3, 5",
        "ROUNDS, RATE, OUTPUT_RATE = 4, 0.4, 0.2",
        'SCOPE = "layer"',
        "ITERATIONS, BATCH_SIZE, LEARNING_RATE = 300, 60, 0.01",
        "CHECK_EVERY = 7",
        "REWIND_ITERATION = 0",
    ):
        assert program.count(f"{line}\n") == 1, line
    assert "VALIDATION = 237 " in program
    assert 'DEVICE = "cuda"\n' in lottery_program(study(device="cuda"))
    ast.parse(program)


def test_its_networks_and_images_are_those_of_the_experiment() -> None:
    """What is written down a second time for the program: is it the same?"""
    import torch

    from efficiency.exports.programs.lottery_digits import load
    from efficiency.routines.tickets.images import load as original

    images = original("digits")
    parts = load(len(images.validation_labels))
    names = ("train", "validation", "test")
    for (inputs, labels), name in zip(parts, names, strict=True):
        assert torch.equal(inputs, getattr(images, name))
        assert torch.equal(labels, getattr(images, f"{name}_labels"))


@pytest.mark.parametrize("workload", ["unknown", "None"])
def test_an_unknown_network_has_no_program(workload: str) -> None:
    assert lottery_program(study(workload)) == ""
    assert lottery_program(replace(study(), lottery=None)) == ""


def test_the_template_is_short_enough_to_read() -> None:
    assert len((HERE / "rewinding.py").read_text().splitlines()) < 170
