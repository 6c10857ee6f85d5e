"""Formulas of batch, layer and group normalisation, and of their gradients.

Statistics are a mean, and a mean of squared deviations from it; see Ioffe & Szegedy (2015) and
Ba et al. (2016).
"""

from collections.abc import Callable

from efficiency.measure.formulas.work import (
    NOTHING,
    ROOT,
    Call,
    Work,
    elementwise,
    moments,
    summation,
)

_EACH_ONCE = {"multiplications": 1, "additions": 1}


def batch_norm(call: Call) -> Work:
    """In evaluation a scale and a shift, folded beforehand: one of each operation a number.

    In training also the statistics of every channel, the folding, and the running averages.
    """
    numbers, channels = call.input.numel(), call.input.shape[1]
    work = elementwise(numbers, **_EACH_ONCE)
    if not call.training:
        return work
    work += moments(numbers, channels) + ROOT + _folding(channels, groups=channels)
    if call.running_mean is not None:
        # Twice (1 - momentum) * running + momentum * new, with the unbiased variance.
        work += elementwise(channels, multiplications=5, additions=2)
    return work


def batch_norm_backward(call: Call) -> Work:
    """scale * (gradient - mean(gradient) - normalised * mean(gradient * normalised)).

    The sums in it are the gradients of shift and scale as well. In evaluation mode the statistics
    are constants, and the gradient is only scaled.
    """
    numbers, channels = call.input.numel(), call.input.shape[1]
    training = getattr(call, "train", True)
    of_input, of_scale, of_shift = getattr(call, "output_mask", (True, True, True))
    work = NOTHING
    if training or of_scale:
        work += _normalising(numbers) + _products_summed(numbers, channels)
    if training or of_shift:
        work += summation(numbers, channels)
    if of_input:
        work += elementwise(numbers + channels, multiplications=1)
        work += _centring(numbers, channels) if training else NOTHING
    return work


def layer_norm(call: Call) -> Work:
    """The statistics of every row; each number normalised, scaled and shifted."""
    numbers, rows = call.input.numel(), call.result[1].numel()
    return (
        moments(numbers, rows)
        + ROOT
        + elementwise(rows, additions=1)  # epsilon
        + _normalising(numbers)
        + elementwise(
            numbers,
            multiplications=int(call.weight is not None),
            additions=int(call.bias is not None),
        )
    )


def layer_norm_backward(call: Call) -> Work:
    """As for batches, with a row for a channel; scale and shift are summed over the rows."""
    rows = call.mean.numel()
    return _grouped_backward(call, rows, parameters=call.input.numel() // max(1, rows))


def group_norm(call: Call) -> Work:
    """The statistics of every group of channels, folded with the scale and shift of the channel."""
    numbers, groups = call.input.numel(), call.N * call.group
    return (
        moments(numbers, groups)
        + ROOT
        + _folding(call.N * call.C, groups)
        + elementwise(numbers, **_EACH_ONCE)
    )


def group_norm_backward(call: Call) -> Work:
    """As for batches, with a group for a channel; scale and shift are summed by channel."""
    return _grouped_backward(call, call.N * call.group, parameters=call.C)


def _grouped_backward(call: Call, groups: int, parameters: int) -> Work:
    numbers = call.input.numel()
    of_input, of_scale, of_shift = call.output_mask
    work = _normalising(numbers) if of_input or of_scale else NOTHING
    if of_input:
        work += elementwise(numbers, multiplications=int(call.weight is not None))
        work += summation(numbers, groups) + _products_summed(numbers, groups)
        work += _centring(numbers, groups) + elementwise(numbers, multiplications=1)
    if of_scale:
        work += _products_summed(numbers, parameters)
    if of_shift:
        work += summation(numbers, parameters)
    return work


def _folding(channels: int, groups: int) -> Work:
    """Epsilon; scale = weight / deviation; shift = bias - mean * scale."""
    return elementwise(groups, additions=1) + elementwise(channels, multiplications=2, additions=1)


def _normalising(numbers: int) -> Work:
    """(x - mean) / deviation, the reciprocal of which is known."""
    return elementwise(numbers, **_EACH_ONCE)


def _products_summed(numbers: int, sums: int) -> Work:
    return elementwise(numbers, multiplications=1) + summation(numbers, sums)


def _centring(numbers: int, groups: int) -> Work:
    """gradient - (one mean of its group) - normalised * (the other)."""
    means = elementwise(groups, multiplications=2)
    return means + elementwise(numbers, multiplications=1, additions=2)


NORMALISATIONS: dict[str, Callable[[Call], Work]] = {
    "native_batch_norm": batch_norm,
    "native_batch_norm_backward": batch_norm_backward,
    "cudnn_batch_norm": batch_norm,
    "cudnn_batch_norm_backward": batch_norm_backward,
    "native_layer_norm": layer_norm,
    "native_layer_norm_backward": layer_norm_backward,
    "native_group_norm": group_norm,
    "native_group_norm_backward": group_norm_backward,
}
