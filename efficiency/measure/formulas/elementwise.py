"""Formulas of operators that go over all numbers once: arithmetic, sums, averages.

A division by a number that is known beforehand is the multiplication by its reciprocal.
"""

from collections.abc import Callable
from math import ceil, prod

from torch import Tensor

from efficiency.measure.formulas.contractions import reached
from efficiency.measure.formulas.work import (
    ROOT,
    Call,
    Work,
    average,
    elementwise,
    moments,
    summation,
)


def addition(call: Call) -> Work:
    """left + alpha * right, or right - alpha * left."""
    return elementwise(call.result.numel(), multiplications=int(call.alpha != 1), additions=1)


def multiplication(call: Call) -> Work:
    """left * right, or a number by itself."""
    return elementwise(call.result.numel(), multiplications=1)


def division(call: Call) -> Work | None:
    """A multiplication if the divisor is a plain number, else without a formula."""
    if isinstance(call.other, Tensor) or getattr(call, "rounding_mode", None) is not None:
        return None
    return multiplication(call)


def power(call: Call) -> Work | None:
    """Multiplications if the exponent is a small whole number, else without a formula."""
    if not isinstance(call.operands[1], int | float) or call.exponent not in (0, 1, 2, 3):
        return None
    return elementwise(call.result.numel(), multiplications=max(0, int(call.exponent) - 1))


def multiply_add(call: Call) -> Work:
    """self + value * tensor1 * tensor2."""
    return elementwise(call.result.numel(), multiplications=1 + (call.value != 1), additions=1)


def divide_add(call: Call) -> Work:
    """self + value * tensor1 / tensor2."""
    numbers, scalings = call.result.numel(), int(call.value != 1)
    division = Work(left_out=("division",))
    return elementwise(numbers, multiplications=scalings, additions=1) + division


def interpolation(call: Call) -> Work:
    """start + weight * (end - start)."""
    return elementwise(call.result.numel(), multiplications=1, additions=2)


def derivative(call: Call) -> Work:
    """gradient * (1 - output) * output for sigmoid, gradient * (1 - output * output) for tanh."""
    return elementwise(call.result.numel(), multiplications=2, additions=1)


def softmax_backward(call: Call) -> Work:
    """output * (gradient - sum(output * gradient))."""
    numbers = call.result.numel()
    rows = numbers // max(1, call.result.shape[call.dim] if call.result.dim() else 1)
    return elementwise(numbers, multiplications=2, additions=1) + summation(numbers, rows)


def dropout(call: Call) -> Work:
    """number * mask * scale."""
    return elementwise(call.operands[0].numel(), multiplications=2)


def total(call: Call) -> Work:
    """A sum over some or all axes."""
    return summation(call.self.numel(), call.result.numel())


def running_total(call: Call) -> Work:
    """A sum at every place along one axis."""
    numbers = call.result.numel()
    return summation(numbers, numbers // max(1, call.result.shape[call.dim] if numbers else 1))


def mean(call: Call) -> Work:
    """An average over some or all axes."""
    return average(call.self.numel(), call.result.numel())


def variance(call: Call) -> Work:
    """Mean of squared deviations from the mean, over some or all axes."""
    result = call.result if isinstance(call.result, Tensor) else call.result[0]
    return moments(call.self.numel(), result.numel())


def deviation(call: Call) -> Work:
    """The root of the variance."""
    return variance(call) + ROOT


def pooling(call: Call) -> Work:
    """The average of a window, padding included, for each output."""
    outputs = call.result.numel()
    return average(outputs * prod(call.kernel_size), outputs)


def pooling_backward(call: Call) -> Work:
    """Each gradient, divided by the size of the window, is added to all places of the window."""
    gradient = call.grad_output
    spatial = gradient.shape[-len(call.kernel_size) :]
    axes = zip(spatial, call.kernel_size, call.stride or call.kernel_size, strict=True)
    images = gradient.numel() // max(1, spatial.numel())
    places = images * prod(reached(*axis) for axis in axes)
    spread = summation(gradient.numel() * prod(call.kernel_size), places)
    return elementwise(gradient.numel(), multiplications=1) + spread


def adaptive_pooling(call: Call) -> Work:
    """The average of a window, for each output; windows may overlap and differ by one."""
    return average(_windows(call.self, call.result), call.result.numel())


def adaptive_pooling_backward(call: Call) -> Work:
    """Each gradient, divided by the size of the window, is added to all places of the window."""
    spread = summation(_windows(call.self, call.grad_output), call.self.numel())
    return elementwise(call.grad_output.numel(), multiplications=1) + spread


def embedding_backward(call: Call) -> Work:
    """Gradients of the same row are added up."""
    rows = call.indices[call.indices != call.padding_idx]
    width = call.grad_output.shape[-1]
    return summation(rows.numel() * width, rows.unique().numel() * width)


def accumulation(call: Call) -> Work:
    """Every source number is added to what is there."""
    source = call.src if hasattr(call, "src") else call.source
    return elementwise(source.numel(), additions=1)


def indexed_accumulation(call: Call) -> Work:
    """The same, or no arithmetic if values replace what is there."""
    return elementwise(call.values.numel(), additions=int(call.accumulate))


def _windows(data: Tensor, pooled: Tensor) -> int:
    """Numbers in all windows of an adaptive pooling together: window i of m begins at
    floor(i * n / m) and ends before ceil((i + 1) * n / m)."""
    axes = zip(data.shape[-2:], pooled.shape[-2:], strict=True)
    widths = (sum(ceil((i + 1) * n / m) - i * n // m for i in range(m)) for n, m in axes)
    return data.shape[:-2].numel() * prod(widths)


ELEMENTWISE: dict[str, Callable[[Call], Work | None]] = {
    **dict.fromkeys(("add", "sub", "rsub"), addition),
    **dict.fromkeys(("mul", "square"), multiplication),
    "div": division,
    "pow": power,
    "addcmul": multiply_add,
    "addcdiv": divide_add,
    "lerp": interpolation,
    **dict.fromkeys(("sigmoid_backward", "tanh_backward"), derivative),
    "_softmax_backward_data": softmax_backward,
    **dict.fromkeys(("native_dropout", "native_dropout_backward"), dropout),
    "sum": total,
    "cumsum": running_total,
    "mean": mean,
    **dict.fromkeys(("var", "var_mean"), variance),
    **dict.fromkeys(("std", "std_mean"), deviation),
    **dict.fromkeys(("avg_pool2d", "avg_pool3d"), pooling),
    **dict.fromkeys(("avg_pool2d_backward", "avg_pool3d_backward"), pooling_backward),
    "_adaptive_avg_pool2d": adaptive_pooling,
    "_adaptive_avg_pool2d_backward": adaptive_pooling_backward,
    "embedding_dense_backward": embedding_backward,
    **dict.fromkeys(("scatter_add", "index_add"), accumulation),
    **dict.fromkeys(("index_put", "_index_put_impl", "_unsafe_index_put"), indexed_accumulation),
}
