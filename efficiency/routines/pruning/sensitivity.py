"""How much each parameter can be pruned by itself before the score suffers.

Scores are those of one half of the held-out data. Amounts are then chosen by them (`suggestion.py`)
and judged on the other half: on inputs that they were chosen by, the choice would look better than
it is. Training inputs will not do for choosing either: the network was fitted to them, and what it
loses on them is not what it loses on others.
"""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.errors import Unavailable
from efficiency.core.pruning import SensitivityPoint
from efficiency.routines.subject import Subject
from efficiency.workloads.inputs import in_chunks
from efficiency.workloads.split import Split, score

AMOUNTS = (0.3, 0.5, 0.8, 0.9, 0.95, 0.99)
NO_DATA = "Sensitivity is a loss of score, and there are no data to score this model on."


def sensitivity(
    subject: Subject,
    parameters: Sequence[str],
    amounts: Sequence[float] = AMOUNTS,
    on_point: Callable[[SensitivityPoint], None] = lambda point: None,
    *,
    seconds: float,
) -> tuple[SensitivityPoint, ...]:
    """Score of the model with one parameter pruned, for every parameter and amount; in that order.

    The smallest weights of the parameter are set to zero. Each parameter has a point at amount 0
    too, the model as it is. on_point: told of all others as they come, from the middle of the
    amounts outward.
    seconds: after so long no more are begun; `left_out` says which. Raises Unavailable where there
    are no data.
    """
    half = halves(subject)[0]
    model = copy.deepcopy(subject.model)
    named = dict(model.named_parameters(remove_duplicate=False))
    deadline = time.monotonic() + seconds
    whole = score_on(model, half)
    found = [SensitivityPoint(parameter=each, amount=0.0, score=whole) for each in parameters]
    for amount in _from_the_middle(amounts):
        for parameter in parameters:
            if time.monotonic() > deadline:
                break
            with _pruned(named[parameter], amount):
                point = SensitivityPoint(
                    parameter=parameter, amount=amount, score=score_on(model, half)
                )
            found.append(point)
            on_point(point)
    order = {parameter: number for number, parameter in enumerate(parameters)}
    return tuple(sorted(found, key=lambda each: (order[each.parameter], each.amount)))


def left_out(
    points: Sequence[SensitivityPoint],
    parameters: Sequence[str],
    amounts: Sequence[float] = AMOUNTS,
) -> str | None:
    """What the time was too short for, as a sentence; None if all was measured."""
    measured = {(point.parameter, point.amount) for point in points}
    missing = [
        (parameter, amount)
        for amount in amounts
        for parameter in parameters
        if (parameter, amount) not in measured
    ]
    if not missing:
        return None
    concerned = sorted({amount for _, amount in missing})
    return (
        f"The time for sensitivity was too short for {len(missing)} of "
        f"{len(parameters) * len(amounts)} points, at amounts "
        f"{', '.join(f'{amount:g}' for amount in concerned)}; a larger timing budget measures more."
    )


def halves(subject: Subject) -> tuple[Split, Split]:
    """The held-out data as two splits with the same training data: to choose by, and to judge on.

    Every second input, or the inputs of every second file: those of one file resemble each other.
    Raises Unavailable where there are no data.
    """
    split = subject.split
    if split is None:
        raise Unavailable(NO_DATA)
    if split.held_out_files is None:
        second = torch.arange(len(split.held_out_labels)) % 2 == 1
    else:
        second = split.held_out_files.unique(return_inverse=True)[1] % 2 == 1
    return _part(split, ~second), _part(split, second)


@torch.no_grad()
def score_on(model: nn.Module, half: Split) -> float:
    """The score on the held-out inputs of a half."""
    return score(in_chunks(model, half.held_out_inputs), half.held_out_labels)


def _part(split: Split, chosen: Tensor) -> Split:
    files = split.held_out_files
    return split._replace(
        held_out_inputs=split.held_out_inputs[chosen],
        held_out_labels=split.held_out_labels[chosen],
        held_out_files=None if files is None else files[chosen],
    )


@contextmanager
def _pruned(parameter: nn.Parameter, amount: float) -> Iterator[None]:
    """The smallest `amount` of the weights is zero inside the block."""
    before = parameter.detach().clone()
    mask = prune.L1Unstructured(amount).compute_mask(before, torch.ones_like(before))
    with torch.no_grad():
        parameter.mul_(mask)
    try:
        yield
    finally:
        with torch.no_grad():
            parameter.copy_(before)


def _from_the_middle(amounts: Sequence[float]) -> list[float]:
    """The same amounts, those in the middle first: the most telling when time runs out."""
    ordered = sorted(amounts)
    middle = (len(ordered) - 1) / 2
    return sorted(ordered, key=lambda each: abs(ordered.index(each) - middle))
