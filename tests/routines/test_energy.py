"""The energy routine on real models: counts, times, peaks, and what cannot be asked."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from efficiency.core.anatomy import MeterReading, Spread, Stage
from efficiency.core.energy import PRECISIONS, layer_energies, total
from efficiency.core.errors import BadInput
from efficiency.core.requests import EnergyRequest
from efficiency.core.values import Origin, Study
from efficiency.routines import energy
from tests.routines.listening import Listening


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Listening:
    return Listening(folder=tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def study(context: Listening) -> Study:
    return energy.run(EnergyRequest(workload="lenet"), context)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Study:
    quiet = Listening(folder=tmp_path_factory.mktemp("run"))
    return energy.run(EnergyRequest(workload="lenet", training=True, batch_size=8), quiet)


def test_a_row_for_each_precision_and_one_for_the_counter(study: Study) -> None:
    assert [row.name for row in study.rows] == ["fp32", "fp16", "int8", "int32", "measured"]
    joules = [row.energy.joules for row in study.rows[:4] if row.energy and row.energy.joules]
    fp32, fp16, int8, int32 = joules
    assert int8 < fp16 < int32 < fp32
    for row in study.rows[:4]:
        assert row.energy is not None
        assert row.energy.origin is Origin.ESTIMATED
        assert row.energy.low < row.energy.joules < row.energy.high  # type: ignore[operator]


def test_rows_are_the_sum_of_the_layers(study: Study) -> None:
    assert study.anatomy is not None
    for row in study.rows[:4]:
        layers = layer_energies(study.anatomy.layers, lambda path, name=row.name: PRECISIONS[name])
        assert row.energy is not None
        assert row.energy.joules == pytest.approx(total(layers).middle * 1e-12)


def test_every_layer_is_timed(study: Study) -> None:
    assert study.anatomy is not None
    timed = [each for each in study.anatomy.layers if each.seconds is not None]
    assert {"conv1", "conv2", "fc1", "fc2", "fc3"} <= {each.layer for each in timed}
    assert all(each.seconds and each.seconds.median > 0 for each in timed)
    baseline = study.rows[0]
    assert baseline.timing is not None
    assert baseline.footprint is not None
    assert baseline.footprint.parameters == 60_074
    assert {each.name for each in study.anatomy.peaks} >= {"fp32", "bf16", "int8", "DRAM"}


def test_the_counter_is_read_or_the_reason_is_given(study: Study) -> None:
    assert study.anatomy is not None
    row = study.rows[-1]
    if study.anatomy.readings:
        assert row.energy is not None
        assert row.energy.origin is Origin.MEASURED
    else:
        assert row.energy is None
        assert row.unavailable == study.anatomy.no_reading
        assert row.unavailable


def test_findings_speak_of_this_model(study: Study) -> None:
    said = " ".join(each.finding for each in study.findings)
    assert "times as much as computing" in said
    assert "int8 would take" in said
    assert "are weights" in said  # at batch size 1


def test_people_who_wait_see_where_it_is(context: Listening, study: Study) -> None:
    assert [each.done for each in context.steps] == sorted(each.done for each in context.steps)
    assert len({each.step for each in context.steps}) >= 5
    assert [each.complete for each in context.studies] == [False] * len(context.studies)
    assert len(context.studies) >= 2


def test_a_training_step_has_three_stages(training: Study, study: Study) -> None:
    assert training.anatomy is not None
    assert study.anatomy is not None
    macs = dict.fromkeys(Stage, 0)
    for each in training.anatomy.layers:
        macs[each.stage] += each.macs
    forward = sum(each.macs for each in study.anatomy.layers)
    assert macs[Stage.FORWARD] == 8 * forward
    # Gradients of weights and of inputs, but none of the images.
    first = next(each.macs for each in study.anatomy.layers if each.layer == "conv1")
    assert macs[Stage.BACKWARD] == 8 * (2 * forward - first)
    update = [each for each in training.anatomy.layers if each.stage is Stage.UPDATE]
    assert sum(each.multiplications for each in update) == 60_074
    assert "training step" in training.title


def test_a_batch_beyond_the_memory_is_refused_with_the_numbers(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"needs about .*B of memory, and .*B are free"):
        energy.run(
            EnergyRequest(workload="mlp", batch_size=500_000_000), Listening(folder=tmp_path)
        )


def test_a_model_without_any_counted_operation_is_refused() -> None:
    with pytest.raises(BadInput, match=r"No operation of this model has a formula.*relu"):
        energy.counted(nn.Sequential(nn.ReLU()), torch.ones(1, 4), training=False)


def test_unknown_names_say_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="lenet"):
        energy.run(EnergyRequest(workload="lenett"), Listening(folder=tmp_path))


def test_what_was_read_is_called_measured() -> None:
    reading = MeterReading(
        counter="package-0",
        joules=Spread(median=2.0, low=1.5, high=2.5),
        idle_watts=10.0,
        busy_watts=30.0,
        passes=100,
        seconds=10.0,
    )
    row = energy.measured_row((reading, replace(reading, counter="dram")), None)
    assert row.energy is not None
    assert (row.energy.joules, row.energy.low, row.energy.high) == (4.0, 3.0, 5.0)
    assert row.energy.origin is Origin.MEASURED
    assert "10.0 W idle" in row.energy.source
    assert "dram" in row.energy.source
