"""Formulas of the operators that do most of the work: products of two numbers, added up.

Matrix products, convolutions, attention. The macs are those of `torch.utils.flop_counter`, except
for the gradient of a grouped convolution's weight, which has no more products than its output.

Padding: like PyTorch, we count products with padding, and those that would fall into it.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import prod

from torch import Tensor

from efficiency.measure.formulas.work import (
    NOTHING,
    Call,
    Work,
    contraction,
    elementwise,
    summation,
)


def product(call: Call) -> Work:
    """(M, K) x (K, N): M N sums of K products. The same in batches, and with vectors."""
    return _product(call.operands[0], call.result)


def added_product(call: Call) -> Work:
    """beta * bias + alpha * (matrix x matrix)."""
    scalings = (call.beta not in (0, 1)) + (call.alpha != 1)
    return _product(call.operands[1], call.result) + elementwise(
        call.result.numel(), multiplications=scalings, additions=int(call.beta != 0)
    )


def activated_product(call: Call) -> Work:
    """The same, with an activation that is left out."""
    return added_product(call) + Work(left_out=("activation",))


def convolution(call: Call) -> Work:
    """Every output is a sum of in_channels / groups * kernel products.

    In a transposed convolution every input goes into out_channels / groups * kernel sums.
    """
    output, weight = call.result, call.weight
    if call.transposed:
        sums = output.shape[1] * _places(call.input, call)
        work = contraction(call.input.numel() * weight[0].numel(), sums)
    else:
        work = contraction(output.numel() * weight[0].numel(), output.numel())
    return work + elementwise(output.numel(), additions=int(call.bias is not None))


def convolution_backward(call: Call) -> Work:
    """The gradients of the input and of the weight take as many products as the forward pass."""
    gradient, data, weight = call.grad_output, call.input, call.weight
    products = (data if call.transposed else gradient).numel() * weight[0].numel()
    of_input, of_weight, of_bias = call.output_mask
    work = NOTHING
    if of_input:
        scattered = data.shape[1] * _places(gradient, call)
        work += contraction(products, data.numel() if call.transposed else scattered)
    if of_weight:
        work += contraction(products, weight.numel())
    if of_bias:
        work += summation(gradient.numel(), gradient.shape[1])
    return work


def attention(call: Call) -> Work:
    """softmax(scale * query x key^T + mask) x value, all of it even if causal."""
    rows, length = call.query.shape[:-1].numel(), call.key.shape[-2]
    width, value_width = call.query.shape[-1], call.value.shape[-1]
    scores = rows * length
    return (
        contraction(scores * width, scores)
        + contraction(scores * value_width, rows * value_width)
        + elementwise(scores, multiplications=1, additions=int(_masked(call)))
        + Work(left_out=("softmax",))
    )


def attention_backward(call: Call) -> Work:
    """The scores once more, and four products for three gradients (Dao et al. 2022, appendix B.2).

    The gradient of a score is p * (gradient of p - D), with D = sum(gradient * output) of its row.
    """
    rows, length = call.query.shape[:-1].numel(), call.key.shape[-2]
    width, value_width = call.query.shape[-1], call.value.shape[-1]
    scores, columns = rows * length, rows // call.query.shape[-2] * length
    return (
        contraction(scores * width, scores)
        + contraction(scores * value_width, columns * value_width)  # gradient of the values
        + contraction(scores * value_width, scores)  # of the probabilities
        + contraction(scores * width, rows * width)  # of the queries
        + contraction(scores * width, columns * width)  # of the keys
        + elementwise(rows * value_width, multiplications=1)
        + summation(rows * value_width, rows)
        + elementwise(scores, multiplications=3, additions=1 + int(_masked(call)))
        + Work(left_out=("softmax",))
    )


@cache
def reached(inputs: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """How many places along an axis get something when a kernel spreads every input."""
    return len({i * stride + j * dilation for i in range(inputs) for j in range(kernel)})


def _product(left: Tensor, result: Tensor) -> Work:
    return contraction(result.numel() * left.shape[-1], result.numel())


def _places(data: Tensor, call: Call) -> int:
    """Places, in all inputs of the batch together, that a transposed convolution writes to."""
    axes: Sequence[tuple[int, ...]] = tuple(
        zip(data.shape[2:], call.weight.shape[2:], call.stride, call.dilation, strict=True)
    )
    return data.shape[0] * prod(reached(*axis) for axis in axes)


def _masked(call: Call) -> bool:
    return getattr(call, "attn_mask", None) is not None or (
        getattr(call, "attn_bias", None) is not None and call.attn_bias.numel() > 0
    )


_ATTENTIONS = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
)
CONTRACTIONS: dict[str, Callable[[Call], Work]] = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "vdot"), product),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), added_product),
    "_addmm_activation": activated_product,
    "convolution": convolution,
    "convolution_backward": convolution_backward,
    **dict.fromkeys(_ATTENTIONS, attention),
    **dict.fromkeys((f"{name}_backward" for name in _ATTENTIONS), attention_backward),
}
