"""Amounts by layer from sensitivity, and whether they are better than one amount for all layers.

Both prune equally many weights in total, by magnitude within each layer, and are judged on the half
of the held-out data that the amounts were not chosen on. Which is better is tested on what only one
of them gets right (McNemar, 1947; by the exact binomial test).
"""

import copy
from collections.abc import Mapping, Sequence

import torch
from scipy.special import bdtr
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.pruning import SensitivityPoint, SuggestedAmount, Suggestion
from efficiency.core.units import share_text
from efficiency.routines.pruning.magnitude import fine_tune
from efficiency.routines.pruning.selection import place
from efficiency.routines.pruning.sensitivity import halves
from efficiency.routines.subject import Subject
from efficiency.workloads.inputs import in_chunks
from efficiency.workloads.split import Split

TOLERANCE = 0.01
LEVEL = 0.05
# Added to a loss for each unit of amount, so that of amounts that lose nothing none is preferred by
# chance: they grow together, and the tolerance that gives a certain total is always one.
SLOPE = 1e-6

Curve = tuple[tuple[float, float], ...]


def suggest(
    points: Sequence[SensitivityPoint],
    sizes: Mapping[str, int],
    tolerance: float = TOLERANCE,
    target: float | None = None,
) -> tuple[dict[str, float], float]:
    """The amount for each parameter, and the loss of score that each alone was allowed.

    Without a target: the largest amount measured up to which none lost more than `tolerance`. With
    one (the share of zeros over all parameters, weighted with their `sizes`): the tolerance is
    found at which that many go, with straight lines between the amounts measured. No parameter is
    pruned more than it was measured at, so that a target may not be reached.
    """
    curves = {parameter: _losses(points, parameter) for parameter in sizes}
    if target is None:
        amounts = {
            parameter: max(amount for amount, loss in curve if loss <= tolerance + SLOPE)
            for parameter, curve in curves.items()
        }
        return amounts, tolerance
    wanted = target * sum(sizes.values())
    low, high = 0.0, 1.0 + SLOPE
    while high - low > 1e-12:
        middle = (low + high) / 2
        zeros = sum(_amount(curve, middle) * sizes[name] for name, curve in curves.items())
        low, high = (low, middle) if zeros >= wanted else (middle, high)
    return {name: _amount(curve, high) for name, curve in curves.items()}, high


def suggestion(
    subject: Subject,
    points: Sequence[SensitivityPoint],
    *,
    tolerance: float = TOLERANCE,
    target: float | None = None,
    epochs: float | None = None,
) -> Suggestion:
    """The amounts that sensitivity suggests, measured together, against one amount for all.

    target and tolerance: see `suggest`. epochs: of fine-tuning, None for an eighth of the training,
    0 for none. Raises Unavailable where there are no data.
    """
    choosing, judging = halves(subject)
    parameters = dict(subject.model.named_parameters(remove_duplicate=False))
    sizes = {each.parameter: parameters[each.parameter].numel() for each in points}
    amounts, found = suggest(points, sizes, tolerance, target)
    counts = {name: round(amount * sizes[name]) for name, amount in amounts.items()}
    zeros = sum(counts.values())
    pruned = [_without(subject.model, each) for each in (counts, uniform_counts(sizes, zeros))]
    untuned = [_right(model, judging) for model in pruned]
    tuned = None
    if subject.workload.recipe is not None and epochs != 0:
        for model in pruned:
            fine_tune(model, subject, epochs)
        tuned = [_right(model, judging) for model in pruned]
    unit = "inputs" if subject.workload.data is None else subject.workload.data.unit
    judged_on = f"{judging.held_out_labels.numel()} held-out {unit}"
    sparsity = zeros / sum(sizes.values())
    outcome = (
        f"Judged on {judged_on} that the amounts were not chosen by, {share_text(sparsity)} zeros "
        f"in both. {_compared('Not fine-tuned', untuned, judging, unit)}"
    )
    if tuned is not None:
        outcome += f" {_compared('Fine-tuned', tuned, judging, unit)}"
    return Suggestion(
        amounts=tuple(
            SuggestedAmount(parameter=name, amount=count / sizes[name])
            for name, count in counts.items()
        ),
        sparsity=sparsity,
        tolerance=found,
        score=_share(untuned[0]),
        uniform_score=_share(untuned[1]),
        tuned_score=None if tuned is None else _share(tuned[0]),
        uniform_tuned_score=None if tuned is None else _share(tuned[1]),
        outcome=outcome,
        chosen_on=f"{choosing.held_out_labels.numel()} other held-out {unit}",
        judged_on=judged_on,
    )


def uniform_counts(sizes: Mapping[str, int], zeros: int) -> dict[str, int]:
    """So many zeros over all parameters, the same share of each to within one weight."""
    total = sum(sizes.values())
    counts = {name: zeros * size // total for name, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda name: -(zeros * sizes[name] % total))
    for name in by_remainder[: zeros - sum(counts.values())]:
        counts[name] += 1
    return counts


def _losses(points: Sequence[SensitivityPoint], parameter: str) -> Curve:
    """Amounts from 0 up, each with the largest loss up to it, made to rise a little everywhere."""
    own = sorted((each.amount, each.score) for each in points if each.parameter == parameter)
    losses = [
        max(own[0][1] - score for _, score in own[: number + 1]) for number in range(len(own))
    ]
    return tuple(
        (amount, loss + SLOPE * amount) for (amount, _), loss in zip(own, losses, strict=True)
    )


def _amount(curve: Curve, tolerance: float) -> float:
    """The largest amount whose loss is within the tolerance, on straight lines between points."""
    amount, loss = curve[0]
    for next_amount, next_loss in curve[1:]:
        if next_loss > tolerance:
            return amount + (next_amount - amount) * (tolerance - loss) / (next_loss - loss)
        amount, loss = next_amount, next_loss
    return amount


def _without(model: nn.Module, counts: Mapping[str, int]) -> nn.Module:
    """A copy without so many of the smallest weights of each parameter; masks still on it."""
    copied = copy.deepcopy(model)
    for name, count in counts.items():
        layer, attribute = place(copied, name)
        prune.l1_unstructured(layer, attribute, amount=count)
    return copied


@torch.no_grad()
def _right(model: nn.Module, half: Split) -> Tensor:
    """Which labels are predicted right, of the labels' shape."""
    outputs = in_chunks(model.eval(), half.held_out_inputs)
    return outputs.argmax(-1) == half.held_out_labels


def _share(right: Tensor) -> float:
    return float(right.float().mean())


def _compared(when: str, right: Sequence[Tensor], half: Split, unit: str) -> str:
    """A sentence on which of two is better on the same inputs, the suggested amounts first."""
    better, worse = _discordant(right[0], right[1], half.held_out_files)
    p = min(1.0, 2 * float(bdtr(min(better, worse), better + worse, 0.5)))  # the sign test
    scores = f"{share_text(_share(right[0]))} against {share_text(_share(right[1]))}"
    of = unit if half.held_out_files is None else "files"
    chance = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    counted = f"better on {better} and worse on {worse} {of}, {chance}"
    verdict = "no measurable difference"
    if p < LEVEL:
        verdict = f"{'amounts by layer' if better > worse else 'one amount for all'} scores higher"
    return f"{when}, amounts by layer score {scores} for one amount: {verdict} ({counted})."


def _discordant(first: Tensor, second: Tensor, files: Tensor | None) -> tuple[int, int]:
    """On how many inputs the first is better and worse; on how many files, where there are some.

    Predictions in one file are not independent, so a file counts once, for who has more right.
    """
    difference = first.int() - second.int()
    if files is not None:
        by_input = difference.flatten(1).sum(1) if difference.dim() > 1 else difference
        clusters, file = files.unique(return_inverse=True)
        difference = torch.zeros(len(clusters), dtype=by_input.dtype).index_add(0, file, by_input)
    return int((difference > 0).sum()), int((difference < 0).sum())
