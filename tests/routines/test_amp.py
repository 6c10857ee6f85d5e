"""The AMP experiment on real training: same start, same batches, and what came of it."""

import gc
import weakref
from dataclasses import replace
from itertools import chain, count
from statistics import median

import pytest
import torch

from efficiency.core import serial
from efficiency.core.mixed import PRESETS, MixedPrecision
from efficiency.core.requests import AmpRequest
from efficiency.core.values import EQUIVALENCE_BAND, Row, Study, Verdict
from efficiency.jobs.runner import ROUTINES, find
from efficiency.measure.ratio import compare_paired
from efficiency.measure.threads import fixed_threads
from efficiency.routines import amp
from efficiency.routines.mixed_precision.candidates import BASELINE, candidates
from efficiency.routines.mixed_precision.experiment import Records, curve, final_loss, train
from efficiency.routines.mixed_precision.findings import LOSS_TOLERANCE, findings
from efficiency.routines.mixed_precision.rows import identical
from efficiency.routines.mixed_precision.sizes import sizes_of
from efficiency.routines.mixed_precision.task import Task, task_of
from efficiency.routines.mixed_precision.trainer import Trainer
from efficiency.workloads import catalogue
from tests.routines.listening import Listening
from tests.tries import measured

SMALL = AmpRequest(width=128, batch_size=64, batches=6, epochs=4)
LENET = AmpRequest(workload="lenet", epochs=4)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Listening:
    return Listening(folder=tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def study(context: Listening) -> Study:
    return amp.run(LENET, context)


def rows(study: Study) -> dict[str, Row]:
    return {row.name: row for row in study.rows}


def mixed(study: Study) -> MixedPrecision:
    assert study.mixed is not None
    return study.mixed


def trained(request: AmpRequest) -> tuple[Task, dict[str, Trainer], Records]:
    """The experiment alone."""
    task = task_of(request, sizes_of(request))
    trainers = {
        each.name: Trainer(task, each, request.dtype)
        for each in candidates(request.device, request.dtype)
        if each.unavailable is None
    }
    with fixed_threads(1):
        return task, trainers, train(task, trainers, seed=request.seed)


@pytest.mark.parametrize("workload", ["lenet", "mlp"])
def test_disabled_is_bit_identical_to_plain_float32(workload: str) -> None:
    request = LENET if workload == "lenet" else SMALL
    task, trainers, records = trained(replace(request, epochs=2))
    plain = trainers[BASELINE].model.state_dict()
    assert identical(trainers["disabled"].model.state_dict(), plain)
    assert curve("x", records["disabled"]) == curve("x", records[BASELINE])
    # Neither would be worth anything if nothing had changed, or if all candidates were the same.
    assert not identical(task.model.state_dict(), plain)
    assert not identical(trainers["amp"].model.state_dict(), plain)


@pytest.mark.parametrize(
    ("workload", "dtype"),
    # float16 convolutions are too slow on most CPUs to be trained with.
    [("lenet", "bfloat16"), ("mlp", "bfloat16"), ("mlp", "float16")],
)
def test_the_last_loss_of_mixed_precision_is_that_of_float32(workload: str, dtype: str) -> None:
    request = replace(LENET if workload == "lenet" else SMALL, dtype=dtype)
    task, _, records = trained(request)
    losses = {name: curve(name, records[name]).losses for name in (BASELINE, "amp")}
    batches = task.sizes.batches
    before, after = (final_loss(losses[name], batches) for name in losses)
    first = final_loss(losses[BASELINE][:batches], batches)
    assert before is not None
    assert first is not None
    assert before < first * (0.5 if workload == "lenet" else 1), "it must have learned something"
    assert after == pytest.approx(before, abs=LOSS_TOLERANCE * (losses[BASELINE][0] or 0))
    assert losses["amp"] != losses[BASELINE], "the same to the last bit would be no autocast at all"


def test_every_candidate_is_a_row_with_every_number(study: Study) -> None:
    names = ["fp32", "amp", "autocast", "scaler", "disabled", "zero-grad"]
    assert [row.name for row in study.rows] == names
    assert rows(study)["autocast"].unavailable is not None
    steps = 4 * (1437 // 64)
    for row in study.rows:
        if row.unavailable is not None:
            assert row.timing is None
            continue
        assert row.timing is not None
        assert len(row.timing.samples) == steps
        assert (row.speedup is None) == (row is study.rows[0])
        assert row.footprint is not None
        assert row.footprint.peak_split is not None
        assert row.footprint.peak_bytes == row.footprint.peak_split.total
        assert row.footprint.parameters == 60_074
        assert row.score is not None
        assert row.score > 0.5, "four epochs are enough to know most digits"
    assert (study.score_name, study.score_count, study.batch_size) == ("accuracy", 360, 64)
    assert any("bit by bit" in note for note in rows(study)["disabled"].notes)
    assert not any("NOT" in note for note in rows(study)["disabled"].notes)


def test_speedups_are_medians_of_the_pairs(study: Study) -> None:
    baseline, other = study.rows[0].timing, rows(study)["amp"].timing
    found = rows(study)["amp"].speedup
    assert baseline is not None
    assert other is not None
    assert found is not None
    pairs = [a / b for a, b in zip(baseline.samples, other.samples, strict=True)]
    assert found.ratio == pytest.approx(median(pairs))
    within = compare_paired(baseline, other, seed=LENET.seed)
    assert found.low == pytest.approx(within.low / EQUIVALENCE_BAND)
    assert found.high == pytest.approx(within.high * EQUIVALENCE_BAND)
    assert (found.verdict is Verdict.SAME) == (found.low <= 1 <= found.high)


def test_disabled_is_not_called_faster_or_slower(
    study: Study, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = (amp.run(LENET, Listening(folder=tmp_path_factory.mktemp("again"))) for _ in count())
    studies = chain((study,), again)

    @measured
    def check() -> None:
        speedup = rows(next(studies))["disabled"].speedup
        assert speedup is not None
        assert speedup.verdict is Verdict.SAME
        assert 0.8 < speedup.ratio < 1.25

    check()


def test_memory_of_the_step_is_in_half_precision_where_it_can_be(study: Study) -> None:
    before, after = (rows(study)[name].footprint for name in (BASELINE, "amp"))
    assert before is not None
    assert after is not None
    assert before.peak_split is not None
    assert after.peak_split is not None
    # Convolutions of a batch of 64 make far more numbers than LeNet has weights.
    assert after.peak_split.activations < before.peak_split.activations
    assert after.peak_split.parameters == before.peak_split.parameters
    assert before.peak_split.optimizer >= 2 * before.peak_split.parameters, "Adam keeps two"


def test_curves_operators_gradients_and_scaler_are_recorded(study: Study) -> None:
    found = mixed(study)
    curves = {each.row: each.losses for each in found.curves}
    assert set(curves) == {"fp32", "amp", "scaler", "disabled", "zero-grad"}
    assert {len(losses) for losses in curves.values()} == {4 * 22}
    assert curves["fp32"][0] == curves["disabled"][0]
    assert curves["fp32"][0] == pytest.approx(curves["amp"][0], rel=0.01)
    operators = {(each.operator, each.function): each for each in found.operators}
    assert operators["addmm", "linear"].dtype == "bfloat16"
    assert operators["convolution", "conv2d"].forward == 2
    assert operators["_log_softmax", "cross_entropy"].dtype == "float32"
    assert found.gradients is not None
    assert found.gradients.total == 60_074
    assert found.activation_gradients is not None
    assert found.activation_gradients.total > found.gradients.total
    assert any(step.skipped for step in found.scaler)
    assert found.sweep == ()
    assert found.sizes == sizes_of(LENET)


def test_prediction_comes_with_its_reasons_and_beside_the_measurement(study: Study) -> None:
    prediction = mixed(study).prediction
    assert prediction.speedup is not None
    assert prediction.speedup > 0
    assert prediction.seconds is not None
    assert "Matrix products were measured just now" in prediction.reasons[0]
    found = study.findings[0]
    measured = rows(study)["amp"].speedup
    assert measured is not None
    assert f"{measured.ratio:.2f}×" in found.finding
    assert f"The forecast was {prediction.speedup:.2f}×" in found.evidence


def test_progress_and_partial_studies_lead_to_the_result(context: Listening, study: Study) -> None:
    percents = [step.done for step in context.steps]
    assert percents == sorted(percents)
    assert percents[-1] <= 100
    assert context.studies
    assert not any(partial.complete for partial in context.studies)
    assert study.complete
    assert serial.decode(serial.encode(study)) == study


def test_phases_add_up(study: Study) -> None:
    seconds = {phase.name: phase.seconds for phase in study.phases}
    assert seconds["training"] > 0
    assert seconds["rest"] < 0.2 * sum(seconds.values())


def test_a_trainer_that_nobody_needs_gives_its_memory_back_at_once() -> None:
    """Not when garbage is collected next: each holds two networks full of numbers."""
    task = task_of(SMALL, sizes_of(SMALL))
    for candidate in candidates("cpu", "float16"):
        trainer = Trainer(task, candidate, "float16")
        trainer.step(*next(task.batches()))
        weight = weakref.ref(next(trainer.model.parameters()))
        gc.disable()
        try:
            del trainer
            assert weight() is None, candidate.name
        finally:
            gc.enable()


def test_the_rate_falls_where_the_recipe_says_so() -> None:
    task = replace(task_of(SMALL, sizes_of(SMALL)), decay=True)
    candidate = candidates("cpu", "bfloat16")[0]
    falling, steady = (
        Trainer(task, candidate, "bfloat16"),
        Trainer(replace(task, decay=False), candidate, "bfloat16"),
    )
    for trainer in (falling, steady):
        trainer.slow_down(0.75)
    assert falling.optimizer.param_groups[0]["lr"] == pytest.approx(0.25e-3)
    assert steady.optimizer.param_groups[0]["lr"] == 1e-3
    for name in ("cnn", "transformer", "lenet"):
        request = AmpRequest(workload=name)
        recipe = catalogue.get(name).recipe
        assert recipe is not None
        assert task_of(request, sizes_of(request)).decay == recipe.decay


def test_what_was_learned_is_judged(study: Study) -> None:
    (learned,) = (each for each in study.findings if "learn" in each.finding)
    assert learned.finding == "It learns as float32 does."
    spoiled = [
        replace(each, losses=(*each.losses[:-1], None)) if each.row == "amp" else each
        for each in mixed(study).curves
    ]
    found = findings(study.rows, replace(mixed(study), curves=tuple(spoiled)), study.score_count)
    (learned,) = (each for each in found if "learn" in each.finding)
    assert learned.finding == "It does not learn as float32 does."
    assert "NaN or infinite" in learned.evidence


def test_the_same_seed_is_the_same_experiment_and_another_is_not() -> None:
    request = replace(SMALL, epochs=2)
    first, again = (trained(request)[1][BASELINE].model.state_dict() for _ in range(2))
    other = trained(replace(request, seed=1))[1][BASELINE].model.state_dict()
    assert identical(first, again)
    assert not identical(first, other)


def test_the_tutorials_settings_are_the_tutorials() -> None:
    sizes = sizes_of(AmpRequest(preset="tutorial"))
    assert sizes == PRESETS["tutorial"]
    assert (sizes.batch_size, sizes.width, sizes.layers) == (512, 4096, 3)
    assert (sizes.batches, sizes.epochs) == (50, 3)
    small = AmpRequest(preset="tutorial", width=8, batch_size=2, batches=4)
    task = task_of(small, sizes_of(small))
    layers = [type(each).__name__ for each in task.model.children()]
    assert layers == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    optimizer = task.optimizer(task.model.parameters())
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.defaults["lr"] == 0.001
    assert task.loss is torch.nn.functional.mse_loss
    batches = list(task.batches())
    assert len(batches) == 4 * 3
    assert batches[0] == batches[4], "the same tensors in every epoch"


def test_quick_sizes_are_multiples_of_eight() -> None:
    quick = PRESETS["quick"]
    assert quick.width is not None
    assert (quick.width % 8, quick.batch_size % 8) == (0, 0)


def test_the_runner_knows_the_routine() -> None:
    assert find(ROUTINES["amp"]) is amp.run
