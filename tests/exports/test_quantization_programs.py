"""The programs to take away: they say what the rows did, and they run on their own."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import Study
from efficiency.exports.programs.quantization import MODULES, TRAINED, UNTRAINED, Program, programs
from efficiency.workloads import catalogue
from tests import samples_quantization as samples

RATIO = re.compile(r"^int8 is (\d+\.\d+) times as fast as float32$", re.M)
SIZE = re.compile(r"^weights +(\d+\.\d+) -> (\d+\.\d+) kB$", re.M)


def study(workload: str, **asked: object) -> Study:
    """A study with a measured row of every back end."""
    base = samples.small()
    static = next(row for row in base.rows if row.name == "static-fx")
    rows = tuple(replace(static, name=name, label=name) for name in MODULES)
    request = QuantizeRequest(workload=workload, **asked)  # type: ignore[arg-type]
    return replace(base, request=request.document(), rows=(base.rows[0], *rows))


def named(found: tuple[Program, ...]) -> dict[str, str]:
    return {each.title: each.source for each in found}


@pytest.mark.parametrize("workload", [*TRAINED, *UNTRAINED])
def test_every_back_end_has_a_program_that_needs_nothing_of_ours(workload: str) -> None:
    found = named(programs(study(workload)))
    assert set(found) == {
        name for name in MODULES if workload in TRAINED or not name.startswith("qat")
    }
    for source in found.values():
        assert "efficiency" not in source
        assert len(source.splitlines()) < 270
        names = {each.id for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Name)}
        assert {"build", "load", "quantize"} <= names


def test_every_workload_of_the_catalogue_has_programs() -> None:
    assert {*TRAINED, *UNTRAINED} == set(catalogue.names())


@pytest.mark.parametrize("name", catalogue.names())
def test_shapes_and_recipes_are_those_of_the_catalogue(name: str) -> None:
    """They are written down a second time, for what exports may not import."""
    workload = catalogue.get(name)
    shape = workload.input_shape[1:]
    if name in TRAINED:
        recipe = workload.recipe
        assert recipe is not None
        expected = (shape, (recipe.epochs, recipe.batch, recipe.rate, recipe.decay))
        assert TRAINED[name] == expected
    else:
        assert UNTRAINED[name] == (shape, workload.vocabulary or 0)


def test_programs_say_the_settings_of_the_study() -> None:
    asked = study(
        "cnn",
        observer="minmax",
        granularity="per-tensor",
        scheme="symmetric",
        calibration_samples=48,
        calibration_seed=5,
        no_fusion=True,
        qat_epochs=2.5,
        seed=3,
    )
    assert asked.quantized is not None
    found = named(programs(replace(asked, quantized=replace(asked.quantized, engine="onednn"))))
    for line in (
        'ENGINE = "onednn"',
        'OBSERVER = "minmax"',
        "PER_CHANNEL = False",
        "SCHEME = torch.per_tensor_symmetric",
        "FUSION = False",
        "CALIBRATION_INPUTS, CALIBRATION_SEED = 48, 5",
        "SEED = 3",
        "THREADS = 1",
    ):
        assert found["static-fx"].count(f"\n{line}\n") == 1, line
    assert "\nHIGHEST = 255" in found["static-fx"]
    assert "\nHIGHEST = 127" in named(programs(study("cnn")))["static-fx"]
    assert "\nQAT_EPOCHS = 2.5\n" in found["qat-fx"]
    assert "\nDYNAMIC = False\n" in found["static-pt2e"]
    assert "\nDYNAMIC = True\n" in found["dynamic-pt2e"]


@pytest.mark.parametrize("workload", [*TRAINED, *UNTRAINED])
def test_the_network_can_be_built_from_what_is_in_the_program(workload: str) -> None:
    source = named(programs(study(workload)))["dynamic-eager"]
    network = source.partition("# --- the data")[0]
    scope: dict[str, object] = {"__name__": "program"}
    exec(network, scope)  # noqa: S102 - our own text
    if workload not in ("resnet50", "bert"):  # which take seconds
        model = scope["build"]()  # type: ignore[operator]
        expected = sum(each.numel() for each in catalogue.get(workload).build().parameters())
        assert sum(each.numel() for each in model.parameters()) == expected


def test_a_file_has_no_program_and_a_title_breaks_out_of_none() -> None:
    assert programs(replace(study("cnn"), request={"workload": None, "model": "abc"})) == ()
    evil = replace(study("cnn"), title='""" + print("owned") + """')
    for source in named(programs(evil)).values():
        assert "owned" not in (ast.unparse(each) for each in ast.parse(source).body[1:])
        assert isinstance(ast.parse(source).body[1], ast.Import)


def run(source: str, folder: Path) -> str:
    """What a program prints in a fresh process that does not find this package."""
    (folder / "program.py").write_text(source)
    command = [sys.executable, "-I", "program.py"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["static-eager", "qat-fx"])
def test_a_program_runs_and_prints_what_int8_saves(name: str, tmp_path: Path) -> None:
    source = named(programs(study("lenet", qat_epochs=0.2)))[name]
    short = re.sub(
        r"^EPOCHS, BATCH, RATE, DECAY = 25", "EPOCHS, BATCH, RATE, DECAY = 2", source, flags=re.M
    )
    assert short != source
    printed = run(short, tmp_path)
    ratio, size = RATIO.search(printed), SIZE.search(printed)
    assert ratio is not None
    assert float(ratio.group(1)) > 0
    assert size is not None
    before, after = map(float, size.groups())
    assert before / after > 2.5
    assert "accuracy" in printed


@pytest.mark.slow
@pytest.mark.skipif(
    "x86" not in torch.backends.quantized.supported_engines, reason="the quantizer is for x86"
)
def test_the_compiled_program_runs_too(tmp_path: Path) -> None:
    pytest.importorskip("torchao")
    source = named(programs(study("mlp")))["static-pt2e"]
    short = re.sub(
        r"^EPOCHS, BATCH, RATE, DECAY = 25", "EPOCHS, BATCH, RATE, DECAY = 2", source, flags=re.M
    )
    printed = run(short, tmp_path)
    size = SIZE.search(printed)
    assert size is not None
    before, after = map(float, size.groups())
    assert before / after > 3
    assert RATIO.search(printed)
