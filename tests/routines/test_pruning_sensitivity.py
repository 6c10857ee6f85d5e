"""Each layer pruned alone, amounts chosen from it, and those measured against one for all."""

import copy
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import comb

import pytest
import torch
from torch.nn.utils import prune

from efficiency.core.errors import Unavailable
from efficiency.core.pruning import SensitivityPoint, Suggestion
from efficiency.routines.pruning.selection import prunable
from efficiency.routines.pruning.sensitivity import (
    AMOUNTS,
    halves,
    left_out,
    score_on,
    sensitivity,
)
from efficiency.routines.pruning.suggestion import suggest, suggestion, uniform_counts
from efficiency.workloads.split import Split
from tests.routines.subjects import trained, untrained

PARAMETERS = ("conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight", "fc3.weight")


@cache
def measured() -> tuple[SensitivityPoint, ...]:
    return sensitivity(trained("lenet"), PARAMETERS, seconds=120)


@cache
def suggested() -> Suggestion:
    return suggestion(trained("lenet"), measured(), epochs=0.5)


def points(**scores: Sequence[float]) -> list[SensitivityPoint]:
    """Scores at amounts 0, 0.5 and 0.9 of parameters a, b, ..."""
    return [
        SensitivityPoint(parameter=parameter, amount=amount, score=score)
        for parameter, each in scores.items()
        for amount, score in zip((0.0, 0.5, 0.9), each, strict=True)
    ]


def test_a_point_is_the_layer_pruned_by_hand() -> None:
    subject = trained("lenet")
    half = halves(subject)[0]
    by_name = {(each.parameter, each.amount): each.score for each in measured()}
    for layer, amount in (("conv1", 0.9), ("fc1", 0.8)):
        model = copy.deepcopy(subject.model)
        prune.l1_unstructured(model.get_submodule(layer), "weight", amount=amount)
        assert by_name[f"{layer}.weight", amount] == score_on(model, half)
    assert len({by_name[each, 0.0] for each in PARAMETERS}) == 1
    assert by_name["conv1.weight", 0.0] == score_on(subject.model, half)


def test_points_are_complete_in_order_and_told_while_they_come() -> None:
    subject = untrained("lenet")
    before = copy.deepcopy(subject.model.state_dict())
    told: list[SensitivityPoint] = []
    found = sensitivity(subject, ("fc2.weight", "fc3.weight"), AMOUNTS, told.append, seconds=120)
    assert [(each.parameter, each.amount) for each in found] == [
        (parameter, amount)
        for parameter in ("fc2.weight", "fc3.weight")
        for amount in (0.0, *AMOUNTS)
    ]
    assert sorted(told, key=repr) == sorted((e for e in found if e.amount), key=repr)
    assert told[0].amount in (0.8, 0.9)  # those in the middle come first
    assert left_out(found, ("fc2.weight", "fc3.weight")) is None
    for name, tensor in subject.model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_what_the_time_is_too_short_for_is_said() -> None:
    found = sensitivity(untrained("lenet"), PARAMETERS, (0.5, 0.9), seconds=0)
    assert {each.amount for each in found} == {0.0}
    said = left_out(found, PARAMETERS, (0.5, 0.9))
    assert said is not None
    assert "10 of 10 points, at amounts 0.5, 0.9" in said


def test_halves_have_nothing_in_common() -> None:
    first, second = halves(trained("lenet"))
    assert len(first.held_out_labels) == len(second.held_out_labels) == 180
    rows = {row.numpy().tobytes() for row in first.held_out_inputs}
    assert rows.isdisjoint(row.numpy().tobytes() for row in second.held_out_inputs)


def test_files_are_not_torn_apart() -> None:
    files = torch.tensor([3, 3, 5, 7, 7, 7, 9])
    split = Split(*(torch.zeros(7, 1, 28, 28), torch.zeros(7, dtype=torch.long)) * 2, files)
    first, second = halves(replace(untrained("lenet"), split=split))
    assert first.held_out_files is not None
    assert second.held_out_files is not None
    assert first.held_out_files.tolist() == [3, 3, 7, 7, 7]
    assert second.held_out_files.tolist() == [5, 9]


def test_without_data_there_is_a_reason() -> None:
    with pytest.raises(Unavailable, match="no data to score"):
        sensitivity(replace(untrained("lenet"), split=None), PARAMETERS, seconds=1)


def test_the_largest_amount_within_tolerance_is_suggested() -> None:
    measured = points(a=(0.9, 0.895, 0.5), b=(0.9, 0.9, 0.9), c=(0.9, 0.8, 0.899))
    amounts, tolerance = suggest(measured, {"a": 100, "b": 100, "c": 100}, tolerance=0.01)
    # c lost more at 0.5: that it did better at 0.9 is luck.
    assert amounts == {"a": 0.5, "b": 0.9, "c": 0.0}
    assert tolerance == 0.01


def test_a_target_finds_its_tolerance() -> None:
    measured = points(a=(0.9, 0.9, 0.5), b=(0.9, 0.8, 0.7))
    amounts, tolerance = suggest(measured, {"a": 1000, "b": 1000}, target=0.5)
    assert sum(amounts.values()) / 2 == pytest.approx(0.5, abs=1e-6)
    # Equal losses: a has lost (amount - 0.5) x 0.4 / 0.4, b amount x 0.1 / 0.5.
    assert amounts["a"] - 0.5 == pytest.approx(tolerance, abs=1e-4)
    assert amounts["b"] * 0.2 == pytest.approx(tolerance, abs=1e-4)
    harmless = points(a=(0.9, 0.9, 0.9), b=(0.9, 0.9, 0.9))
    equal, _ = suggest(harmless, {"a": 10, "b": 1000}, target=0.4)
    assert equal["a"] == pytest.approx(equal["b"], abs=1e-6) == pytest.approx(0.4, abs=1e-6)
    most, _ = suggest(harmless, {"a": 10, "b": 1000}, target=0.99)
    assert most == {"a": 0.9, "b": 0.9}


@pytest.mark.parametrize("zeros", [0, 1, 999, 54321, 58934])
def test_uniform_has_exactly_as_many_zeros(zeros: int) -> None:
    parameters = dict(trained("lenet").model.named_parameters())
    sizes = {name: parameters[name].numel() for name in PARAMETERS}
    counts = uniform_counts(sizes, zeros)
    assert sum(counts.values()) == zeros
    for name, count in counts.items():
        assert abs(count - zeros * sizes[name] / sum(sizes.values())) < 1


def test_the_suggestion_is_measured_against_uniform_with_its_zeros() -> None:
    subject, found = trained("lenet"), suggested()
    sizes = {name: dict(subject.model.named_parameters())[name].numel() for name in PARAMETERS}
    counts = {each.parameter: round(each.amount * sizes[each.parameter]) for each in found.amounts}
    assert sum(counts.values()) == round(found.sparsity * sum(sizes.values()))
    assert len({each.amount for each in found.amounts}) > 1
    judging = halves(subject)[1]
    for chosen, score in (
        (counts, found.score),
        (uniform_counts(sizes, sum(counts.values())), found.uniform_score),
    ):
        model = copy.deepcopy(subject.model)
        for name, count in chosen.items():
            layer = model.get_submodule(name.removesuffix(".weight"))
            prune.l1_unstructured(layer, "weight", amount=count)
        assert score == pytest.approx(score_on(model, judging))


def test_the_outcome_follows_from_the_numbers() -> None:
    found = suggested()
    assert found.judged_on == "180 held-out digits"
    assert found.chosen_on == "180 other held-out digits"
    assert found.tuned_score is not None
    assert found.uniform_tuned_score is not None
    assert f"{100 * found.score:.1f} % against {100 * found.uniform_score:.1f} %" in found.outcome
    counted = re.findall(r"better on (\d+) and worse on (\d+) digits", found.outcome)
    assert len(counted) == 2
    for better, worse in counted:
        p = min(1.0, 2 * _tail(min(int(better), int(worse)), int(better) + int(worse)))
        said = found.outcome.split(f"better on {better} and")[0].rpartition(". ")[2]
        assert ("no measurable difference" in said) == (p >= 0.05)


def _tail(least: int, count: int) -> float:
    """How likely so few heads or fewer are in so many throws of a coin."""
    return sum(comb(count, heads) for heads in range(least + 1)) / 2**count


def test_too_few_images_to_tell_are_no_difference() -> None:
    subject = trained("lenet")
    found = suggestion(subject, points(**{"fc2.weight": (0.9, 0.9, 0.9)}), epochs=0)
    assert found.score == found.uniform_score  # one layer: the same amount
    assert found.tuned_score is None
    assert "no measurable difference (better on 0 and worse on 0 digits, p = 1)" in found.outcome


def test_dependent_predictions_are_counted_by_file() -> None:
    subject = trained("lenet")
    assert subject.split is not None
    count = len(subject.split.held_out_labels)
    split = subject.split._replace(held_out_files=torch.arange(count) // 36)  # ten files
    found = suggestion(replace(subject, split=split), measured(), epochs=0)
    better, worse = (
        int(found.outcome.split(word)[1].split()[0]) for word in ("better on ", "worse on ")
    )
    assert 1 <= better + worse <= 5
    assert "files, p = " in found.outcome


def test_every_weight_of_the_model_can_be_measured() -> None:
    assert prunable(trained("lenet").model) == PARAMETERS
