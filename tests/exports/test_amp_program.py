"""The program to take away: what it says is what the study did, and it runs on its own."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from efficiency.core.mixed import MLP_RATE, MixedPrecision, Prediction, TrainingSizes
from efficiency.core.values import Row, Study
from efficiency.exports.programs import amp
from efficiency.exports.programs.amp import FILE_NAME, amp_program
from efficiency.workloads import catalogue
from tests.samples import environment

RATIO = re.compile(r"^AMP is (\d+\.\d+) times as fast as fp32$", re.M)


def study(workload: str = "mlp", dtype: str = "bfloat16", **sizes: int) -> Study:
    asked = {"batch_size": 4, "batches": 2, "epochs": 2, **sizes}
    if workload == "mlp":
        asked = {"width": 64, "layers": 3, **asked}
    return Study(
        kind="amp",
        title="",
        request={"workload": workload, "dtype": dtype, "device": "cpu", "seed": 3},
        environment=environment(threads=1),
        rows=(Row(name="fp32", label="fp32"),),
        mixed=MixedPrecision(
            dtype=dtype,
            prediction=Prediction(speedup=None, reasons=()),
            sizes=TrainingSizes(**asked),
        ),
    )


def run(program: str, folder: Path) -> str:
    """What it prints in a fresh process that does not find this package."""
    (folder / FILE_NAME).write_text(program)
    command = [sys.executable, "-I", FILE_NAME]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=120
    ).stdout


@pytest.mark.parametrize(
    ("workload", "dtype"),
    [("mlp", "bfloat16"), ("transformer", "bfloat16"), ("mlp", "float16")],
)
def test_runs_on_its_own_and_prints_both_times_and_the_ratio(
    workload: str, dtype: str, tmp_path: Path
) -> None:
    program = amp_program(study(workload, dtype))
    assert "efficiency" not in program
    assert f"DTYPE = torch.{dtype}\n" in program
    printed = run(program, tmp_path)
    found = RATIO.search(printed)
    assert found is not None
    assert float(found.group(1)) > 0
    assert (
        len(re.findall(r"^(fp32|AMP) +\d+\.\d+ ms a step +\d+\.\d+ s in all$", printed, re.M)) == 2
    )


def test_says_the_sizes_of_the_study() -> None:
    program = amp_program(study(batch_size=48, batches=7, epochs=5, width=72, layers=4))
    for line in (
        "BATCH_SIZE, BATCHES, EPOCHS = 48, 7, 5",
        "WIDTH, LAYERS = 72, 4",
        f"RATE = {MLP_RATE}",
        'DEVICE = "cpu"',
        "THREADS = 1",
        "SEED = 3",
    ):
        assert program.count(f"{line}\n") == 1, line
    ast.parse(program)


def test_other_devices_and_threads_are_filled_in_too() -> None:
    base = study()
    other = replace(
        base, request={**base.request, "device": "cuda"}, environment=environment(threads=7)
    )
    program = amp_program(other)
    assert 'DEVICE = "cuda"\n' in program
    assert "THREADS = 7\n" in program


@pytest.mark.parametrize("name", amp.INPUTS)
def test_networks_are_those_of_the_catalogue(name: str) -> None:
    """Shapes, classes and rate are written down a second time in the program: are they the same?"""
    workload = catalogue.get(name)
    inputs, classes = amp.INPUTS[name]
    split = workload.load_split()
    assert split is not None
    assert workload.recipe is not None
    scope: dict[str, object] = {"BATCH_SIZE": 2, "torch": __import__("torch")}
    made = eval(inputs, scope)  # noqa: S307 - our own text
    assert made.shape == (2, *workload.input_shape[1:])
    assert made.dtype == split.train_inputs.dtype
    assert classes == int(split.train_labels.max()) + 1
    assert workload.recipe.rate == amp.RATE


def test_the_template_is_short_enough_to_read() -> None:
    assert len(amp.TEMPLATE.read_text().splitlines()) < 100
