"""The programs to take away: they say what the rows did, and what they print is right."""

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from efficiency.core.requests import PRUNING_TECHNIQUES, PruneRequest
from efficiency.core.values import Study
from efficiency.exports.programs.pruning import (
    CHANNELS,
    CUSTOM,
    METHODS_FILE,
    Program,
    method_source,
    programs,
)
from efficiency.exports.programs.quantization import TRAINED, UNTRAINED
from efficiency.routines.pruning import methods
from tests import samples_pruning as samples

ROWS = ("pruned", "pruned-tuned", "zeros-90", "csr-90", "channels-50")
ZEROS = re.compile(r"^pruned +(\d+) of (\d+) numbers are zero", re.M)
ACCURACY = re.compile(r"^accuracy +(\d+\.\d+) % -> (\d+\.\d+) % as pruned$", re.M)
RATIO = re.compile(r"^pruned is (\d+\.\d+) times as fast$", re.M)


def study(workload: str, **asked: object) -> Study:
    request = PruneRequest(workload=workload, **asked)  # type: ignore[arg-type]
    return replace(samples.small(), request=request.document())


def named(found: tuple[Program, ...]) -> dict[str, str]:
    return {each.file_name.removesuffix(".py").replace("_", "-"): each.source for each in found}


@pytest.mark.parametrize("workload", [*TRAINED, *UNTRAINED])
def test_rows_have_programs_that_need_nothing_of_ours(workload: str) -> None:
    found = named(programs(study(workload)))
    expected = {row.name for row in samples.rows()[1:] if row.unavailable is None}
    if workload not in TRAINED:
        expected -= {"pruned-tuned"}
    if workload not in CHANNELS:
        expected -= {"channels-50"}
    if workload == "lstm":
        expected -= {"csr-90"}
    assert set(found) == expected
    for name in set(ROWS) & set(found):
        source = found[name]
        assert "efficiency" not in source
        assert len(source.splitlines()) < 300
        names = {each.id for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Name)}
        assert {"build", "load", "shrink", "finish"} <= names


def scope_of(source: str) -> dict[str, Any]:
    """What a program defines, without running it."""
    scope: dict[str, Any] = {"__name__": "program"}
    exec(source, scope)  # noqa: S102 - our own text
    return scope


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"technique": "l1_unstructured", "amount": "0.3"}, {"amount": 0.3}),
        ({"technique": "random_unstructured", "amount": "3"}, {"amount": 3}),
        (
            {"technique": "ln_structured", "amount": "0.5", "norm": "inf", "dim": 1},
            {"amount": 0.5, "n": float("inf"), "dim": 1},
        ),
        ({"technique": "random_structured", "amount": "0.5"}, {"amount": 0.5, "dim": 0}),
        ({"technique": "identity"}, {}),
        ({"technique": "every_nth", "every": 3}, {"every": 3}),
        ({"technique": "threshold", "threshold": 0.02}, {"threshold": 0.02}),
    ],
)
def test_settings_are_those_of_the_request(
    asked: dict[str, object], expected: dict[str, object]
) -> None:
    scope = scope_of(named(programs(study("mlp", iterations=2, seed=5, **asked)))["pruned"])
    assert scope["SETTINGS"] == expected
    assert (scope["ITERATIONS"], scope["SEED"], scope["TOGETHER"]) == (2, 5, False)
    assert scope["TUNING_EPOCHS"] == 0
    assert scope["FUNCTION"].__name__ == asked["technique"]


def test_scope_parameters_and_fine_tuning_are_those_of_the_request() -> None:
    asked = study(
        "lenet", scope="global", parameters=("conv1.weight", "fc1.bias"), tuning_epochs=1.5
    )
    scope = scope_of(named(programs(asked))["pruned-tuned"])
    assert scope["TOGETHER"] is True
    assert scope["METHOD"] is prune.L1Unstructured
    assert scope["PARAMETERS"] == ("conv1.weight", "fc1.bias")
    assert scope["TUNING_EPOCHS"] == 1.5
    usual = scope_of(named(programs(study("lenet")))["pruned-tuned"])
    assert usual["TUNING_EPOCHS"] == usual["EPOCHS"] / 8
    curve = scope_of(named(programs(asked))["zeros-95"])
    assert (curve["TOGETHER"], curve["SETTINGS"]) == (True, {"amount": 0.95})
    assert curve["PARAMETERS"] == ()
    assert scope_of(named(programs(study("lenet", channels=0.25)))["channels-50"])["CHANNELS"] == (
        0.25
    )


@pytest.mark.parametrize("technique", [*PRUNING_TECHNIQUES])
def test_every_technique_prunes_as_pytorch_does(technique: str) -> None:
    source = named(programs(study("lenet", technique=technique, threshold=0.03, every=3)))["pruned"]
    scope = scope_of(source)
    torch.manual_seed(1)
    model = scope["build"]()
    before = {name: each.clone() for name, each in model.named_parameters()}
    pruned = scope["finish"](scope["shrink"](model, torch.zeros(2, 1, 28, 28)))
    after = dict(pruned.named_parameters())
    assert list(after) != []
    weights = {name: each for name, each in after.items() if name.endswith(".weight")}
    expected = {
        "identity": lambda weight: 0,
        "every_nth": lambda weight: weight.numel() // 3,
        "threshold": lambda weight: int((weight.abs() < 0.03).sum()),
        "ln_structured": lambda weight: round(0.5 * len(weight)) * weight[0].numel(),
        "random_structured": lambda weight: round(0.5 * len(weight)) * weight[0].numel(),
    }.get(technique, lambda weight: round(0.5 * weight.numel()))
    if technique == "global_unstructured":
        gone = sum(int((weight == 0).sum()) for weight in weights.values())
        assert gone == round(0.5 * sum(weight.numel() for weight in weights.values()))
        return
    for name, weight in weights.items():
        assert int((weight == 0).sum()) == expected(before[name]), name
        assert torch.equal(weight[weight != 0], before[name][weight != 0])


@pytest.mark.parametrize("technique", CUSTOM)
def test_the_method_that_is_shown_is_the_one_that_prunes(technique: str) -> None:
    source = method_source(technique)
    assert source is not None
    assert METHODS_FILE.is_file()
    scope: dict[str, Any] = vars(methods).copy()
    exec(source, scope)  # noqa: S102 - our own text
    layer = nn.Linear(6, 5)
    value: dict[str, float] = {"every_nth": {"every": 3}, "threshold": {"threshold": 0.2}}[
        technique
    ]
    copy = nn.Linear(6, 5)
    copy.load_state_dict(layer.state_dict())
    scope[technique](layer, "weight", **value)
    getattr(methods, technique)(copy, "weight", **value)
    assert torch.equal(layer.weight, copy.weight)
    assert 0 < int((layer.weight == 0).sum()) < 30


def test_pytorch_s_own_methods_have_no_source_here() -> None:
    assert method_source("l1_unstructured") is None


def test_a_file_has_no_program_and_a_title_or_name_breaks_out_of_none() -> None:
    assert programs(replace(study("lenet"), request={"workload": None, "model": "abc"})) == ()
    evil = replace(
        study("lenet", parameters=('"); print("owned"); ("',)),
        title='""" + print("owned") + """',
    )
    for source in named(programs(evil)).values():
        calls = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)]
        assert not any(ast.unparse(each) == "print('owned')" for each in calls)
        assert isinstance(ast.parse(source).body[1], ast.Import)


def run(source: str, folder: Path) -> str:
    """What a program prints in a fresh process that does not find this package."""
    (folder / "program.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-I", "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def short(source: str) -> str:
    """The same program with little training."""
    found = re.sub(r"^EPOCHS, BATCH, RATE, DECAY = \d+", "EPOCHS, BATCH, RATE, DECAY = 2", source,
                   flags=re.M)  # fmt: skip
    found = found.replace("\nROUNDS = 40\n", "\nROUNDS = 5\n")
    assert found != source
    return found


def trained(source: str) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """The network that a program trains, and what is held out."""
    scope = scope_of(source)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(scope["SEED"])
            inputs, labels, held_out, held_out_labels = scope["load"]()
            model = scope["build"]()
            scope["fit"](model, inputs, labels, scope["EPOCHS"])
    finally:
        torch.set_num_threads(threads)
    return model.eval(), held_out, held_out_labels


@pytest.mark.slow
def test_a_pruned_network_has_the_zeros_and_the_accuracy_that_it_prints(tmp_path: Path) -> None:
    source = short(
        named(programs(study("lenet", amount="0.85", tuning_epochs=0.2)))["pruned-tuned"]
    )
    printed = run(source, tmp_path)
    zeros, accuracy = ZEROS.search(printed), ACCURACY.search(printed)
    assert zeros is not None
    assert accuracy is not None
    model, inputs, labels = trained(source)
    layers = [each for each in model.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    scores = []
    for amount in (0.0, 0.85):
        for layer in layers:
            prune.l1_unstructured(layer, "weight", amount=amount)
        with torch.no_grad():
            scores.append(100 * float((model(inputs).argmax(-1) == labels).float().mean()))
    assert [float(each) for each in accuracy.groups()] == pytest.approx(scores, abs=0.3)
    expected = sum(round(0.85 * layer.weight.numel()) for layer in layers)
    # A few of fine-tuning's own may be zero besides.
    assert expected <= int(zeros[1]) <= expected + 5
    assert int(zeros[2]) == samples.PARAMETERS
    assert "fine-tuned" in printed
    assert RATIO.search(printed)


@pytest.mark.slow
def test_a_network_without_half_of_its_channels_has_the_size_of_such_a_network(
    tmp_path: Path,
) -> None:
    pytest.importorskip("torch_pruning")
    printed = run(
        short(named(programs(study("lenet", tuning_epochs=0.2)))["channels-50"]), tmp_path
    )
    zeros = ZEROS.search(printed)
    assert zeros is not None
    halved = nn.ModuleList(
        (nn.Conv2d(1, 3, 3), nn.Conv2d(3, 8, 3), nn.Linear(8 * 25, 60), nn.Linear(60, 42),
         nn.Linear(42, 10))
    )  # fmt: skip
    assert int(zeros[2]) == sum(each.numel() for each in halved.parameters())


@pytest.mark.slow
def test_a_sparse_network_computes_what_the_dense_one_does(tmp_path: Path) -> None:
    scope = scope_of(named(programs(study("lenet")))["csr-90"])
    torch.manual_seed(0)
    model, inputs = scope["build"]().eval(), torch.randn(4, 1, 28, 28)
    pruned = scope["shrink"](model, inputs)
    with torch.no_grad():
        dense = pruned(inputs)
        sparse = scope["finish"](pruned)(inputs)
    torch.testing.assert_close(sparse, dense)
    kinds = [type(each).__name__ for each in model.modules()]
    assert kinds.count("SparseLinear") == 3
    assert scope["zeros"](model).startswith("53854 of ")
