"""Operations of single layers against closed forms, and which layer they are given to."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from efficiency.core.anatomy import Stage
from tests.measure.counted import Calls, arithmetic, count, in_all, moved, work


@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(batch: int, bias: bool) -> None:
    found = work(count(nn.Linear(30, 20, bias=bias), torch.randn(batch, 30)))
    products = batch * 30 * 20
    additions = batch * 20 * (29 + bias)
    assert arithmetic(found) == (products, products, additions)
    assert moved(found) == (30 * 20 + 20 * bias, batch * 30, batch * 20)


def test_products_of_the_model_itself_have_no_layer_name() -> None:
    product = Calls(torch.matmul)
    matrix, vector = torch.randn(3, 4), torch.randn(4)
    assert arithmetic(work(count(product, matrix, torch.randn(4, 5)))) == (60, 60, 45)
    assert arithmetic(work(count(product, matrix, vector))) == (12, 12, 9)
    assert arithmetic(work(count(product, vector, vector))) == (4, 4, 3)
    batched = count(product, torch.randn(2, 3, 4), torch.randn(2, 4, 5))
    assert arithmetic(work(batched)) == (120, 120, 90)


def test_scaled_sum_of_a_product() -> None:
    bias, left, right = torch.randn(3, 5), torch.randn(3, 4), torch.randn(4, 5)
    scaled = Calls(lambda *these: torch.addmm(*these, beta=0.5, alpha=2))
    assert arithmetic(work(count(scaled, bias, left, right))) == (60, 60 + 2 * 15, 60)
    without = Calls(lambda *these: torch.addmm(*these, beta=0))
    assert arithmetic(work(count(without, bias, left, right))) == (60, 60, 45)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Conv1d | nn.Conv2d, Tensor]:
    axes = draw(st.sampled_from([1, 2]))
    groups = draw(st.sampled_from([1, 2, 3]))
    sizes = st.tuples(*[st.integers(1, 3)] * axes)
    layer = (nn.Conv1d, nn.Conv2d)[axes - 1](
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 2)),
        draw(sizes),
        stride=draw(sizes),
        dilation=draw(sizes),
        padding=draw(st.tuples(*[st.integers(0, 2)] * axes)),
        groups=groups,
        bias=draw(st.booleans()),
    )
    return layer, torch.ones(draw(st.integers(1, 2)), layer.in_channels, *[9, 8][:axes])


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_convolution(case: tuple[nn.Conv2d, Tensor]) -> None:
    layer, data = case
    size = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(
            data.shape[2:],
            layer.padding,
            layer.dilation,
            layer.kernel_size,
            layer.stride,
            strict=True,
        )
    ]
    outputs = len(data) * layer.out_channels * torch.Size(size).numel()
    products = layer.in_channels // layer.groups * torch.Size(layer.kernel_size).numel()
    bias = layer.bias is not None
    found = work(count(layer, data))
    assert arithmetic(found) == (
        outputs * products,
        outputs * products,
        outputs * (products - 1 + bias),
    )
    weights = sum(each.numel() for each in layer.parameters())
    assert moved(found) == (weights, data.numel(), outputs)


def terms(sums: Tensor) -> tuple[int, int]:
    """Products and additions of a convolution of ones with ones: each result is its own length."""
    return int(sums.sum()), int((sums - 1).clamp(min=0).sum())


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_transposed_convolution(case: tuple[nn.Conv2d, Tensor]) -> None:
    like, data = case
    kind = nn.ConvTranspose1d if data.dim() == 3 else nn.ConvTranspose2d
    layer = kind(
        like.in_channels,
        like.out_channels,
        like.kernel_size,
        stride=like.stride,
        groups=like.groups,
        dilation=like.dilation,
        bias=False,
    )
    with torch.no_grad():
        layer.weight.fill_(1)
        products, additions = terms(layer(data))
    assert arithmetic(work(count(layer, data))) == (products, products, additions)


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_gradients_of_a_convolution(case: tuple[nn.Conv2d, Tensor]) -> None:
    layer, data = case
    outputs = layer(data).shape[1:].numel() * len(data)
    products = outputs * layer.weight[0].numel()
    bias = outputs - layer.out_channels if layer.bias is not None else 0
    found = work(count(layer, data, training=True), Stage.BACKWARD)
    to_weight = products - layer.weight.numel()
    assert arithmetic(found) == (products, products, to_weight + bias)
    if any(layer.padding):
        return
    # The gradient of the input is a transposed convolution of the output's.
    with torch.no_grad():
        layer.weight.fill_(1)
        spread = F.conv_transpose1d if data.dim() == 3 else F.conv_transpose2d
        gradient = spread(
            torch.ones_like(layer(data)),
            layer.weight,
            stride=layer.stride,
            groups=layer.groups,
            dilation=layer.dilation,
        )
    found = work(count(layer, data.requires_grad_(), training=True), Stage.BACKWARD)
    _, to_input = terms(gradient)
    assert arithmetic(found) == (2 * products, 2 * products, to_weight + to_input + bias)


def test_gradients_of_a_transposed_convolution() -> None:
    layer, data = nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), torch.randn(1, 4, 5, 5)
    products = 4 * 5 * 5 * 3 * 9
    outputs = 6 * 11 * 11
    found = work(count(layer, data.requires_grad_(), training=True), Stage.BACKWARD)
    additions = products - 4 * 25 + products - 4 * 3 * 9 + outputs - 6
    assert arithmetic(found) == (2 * products, 2 * products, additions)


ROWS, KEYS, WIDTH, VALUES, HEADS = 5, 7, 4, 4, 2
QUERY = torch.randn(3, HEADS, ROWS, WIDTH)
KEY, VALUE = torch.randn(3, HEADS, KEYS, WIDTH), torch.randn(3, HEADS, KEYS, VALUES)
SCORES, OUTPUTS = 3 * HEADS * ROWS * KEYS, 3 * HEADS * ROWS * VALUES


@pytest.mark.parametrize("masked", [False, True])
def test_attention(masked: bool) -> None:
    mask = (torch.zeros(ROWS, KEYS),) if masked else ()
    operations = count(Calls(F.scaled_dot_product_attention), QUERY, KEY, VALUE, *mask)
    products = SCORES * WIDTH + OUTPUTS * KEYS
    additions = SCORES * (WIDTH - 1) + OUTPUTS * (KEYS - 1) + SCORES * masked
    assert arithmetic(work(operations)) == (products, products + SCORES, additions)
    (left_out,) = operations.uncounted
    assert left_out.startswith("softmax in _scaled_dot_product")


def test_gradients_of_attention_are_those_of_its_parts() -> None:
    inputs = [each.clone().requires_grad_() for each in (QUERY, KEY, VALUE)]
    model = Calls(F.scaled_dot_product_attention)
    fused = work(count(model, *inputs, training=True), Stage.BACKWARD)
    with sdpa_kernel(SDPBackend.MATH):
        apart = work(count(model, *inputs, training=True), Stage.BACKWARD)
    # The fused one keeps no scores: it makes them again. A row's sum of gradient * p is that of
    # gradient * output, and the scale is at the scores instead of at queries and keys.
    again = SCORES * (WIDTH - 1)
    shorter = OUTPUTS - 3 * HEADS * ROWS - (SCORES - 3 * HEADS * ROWS)
    assert fused.macs == apart.macs + SCORES * WIDTH
    assert fused.additions == apart.additions + again + shorter
    scalings = 2 * SCORES - QUERY.numel() - KEY.numel()
    softmax = OUTPUTS - SCORES
    assert fused.multiplications == apart.multiplications + SCORES * WIDTH + scalings + softmax


def test_multi_head_attention_layer_by_layer() -> None:
    heads, length, width, batch = 4, 10, 32, 2
    layer = nn.MultiheadAttention(width, heads, batch_first=True)
    operations = count(layer, *[torch.randn(batch, length, width)] * 3)
    tokens, scores = batch * length, batch * heads * length * length
    projections = 4 * tokens * width * width
    products = projections + 2 * tokens * length * width
    scaling = tokens * width  # of the queries
    averaging = scores // heads  # of the heads, for the weights that the layer returns
    macs, multiplications, additions = in_all(operations)
    assert macs == products
    assert multiplications == products + scaling + averaging
    per_head = width // heads
    assert additions == projections + scores * (per_head - 1) + tokens * width * (length - 1) + (
        scores - averaging
    )


def test_encoder_layer_runs_operator_by_operator() -> None:
    heads, length, width, batch = 4, 10, 32, 2
    layer = nn.TransformerEncoderLayer(width, heads, dim_feedforward=64, batch_first=True)
    operations = count(layer, torch.randn(batch, length, width))
    tokens = batch * length
    assert in_all(operations)[0] == tokens * (4 * width * width + 2 * length * width) + (
        2 * tokens * width * 64
    )
    assert work(operations, layer="linear1").macs == tokens * width * 64
    assert torch.backends.mha.get_fastpath_enabled()


def test_batch_norm_in_evaluation_is_one_scale_and_one_shift() -> None:
    layer, data = nn.BatchNorm2d(3), torch.randn(2, 3, 4, 5)
    found = work(count(layer, data))
    assert arithmetic(found) == (0, 120, 120)
    assert moved(found) == (4 * 3, 120, 120)


def test_batch_norm_in_training() -> None:
    layer, data = nn.BatchNorm2d(3), torch.randn(2, 3, 4, 5, requires_grad=True)
    operations = count(layer, data, training=True)
    n, c = data.numel(), 3
    # mean (sum, times 1/m), deviations, squares, their mean; epsilon; scale = weight / deviation,
    # shift = bias - mean * scale; scaled and shifted; running averages, the variance unbiased.
    assert arithmetic(work(operations)) == (
        0,
        c + n + c + 2 * c + n + 5 * c,
        (n - c) + n + (n - c) + c + c + n + 2 * c,
    )
    assert operations.uncounted == ("root in native_batch_norm",)
    # normalised again, times gradient, two sums; scale of a channel; two means, and out of each
    # gradient the one and the other times normalised, scaled.
    assert arithmetic(work(operations, Stage.BACKWARD)) == (
        0,
        n + n + c + 2 * c + n + n,
        n + (n - c) + (n - c) + 2 * n,
    )


def test_frozen_batch_norm_scales_gradients() -> None:
    class Frozen(nn.BatchNorm2d):
        def train(self, mode: bool = True) -> "Frozen":
            super().train(False)
            return self

    data = torch.randn(2, 3, 4, 5, requires_grad=True)
    operations = count(Frozen(3), data, training=True)
    assert arithmetic(work(operations)) == (0, 120, 120)
    found = work(operations, Stage.BACKWARD)
    assert arithmetic(found) == (0, 3 * 120 + 3, 120 + 2 * (120 - 3))


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm(affine: bool) -> None:
    data = torch.randn(2, 5, 8, requires_grad=True)
    operations = count(
        nn.Sequential(nn.LayerNorm(8, elementwise_affine=affine), nn.Linear(8, 1)),
        data,
        training=True,
    )
    n, rows = data.numel(), 10
    assert arithmetic(work(operations, layer="0")) == (
        0,
        rows + n + rows + n + n * affine,
        (n - rows) + n + (n - rows) + rows + n + n * affine,
    )
    parameters = (n * affine, 2 * (n - 8) * affine)
    assert arithmetic(work(operations, Stage.BACKWARD, "0")) == (
        0,
        n + n * affine + n + 2 * rows + n + n + parameters[0],
        n + 2 * (n - rows) + 2 * n + parameters[1],
    )
    assert operations.uncounted == ("root in native_layer_norm",)


def test_group_norm() -> None:
    data = torch.randn(2, 6, 5)
    n, groups, channels = data.numel(), 2 * 3, 2 * 6
    assert arithmetic(work(count(nn.GroupNorm(3, 6), data))) == (
        0,
        groups + n + groups + 2 * channels + n,
        (n - groups) + n + (n - groups) + groups + channels + n,
    )


def test_embedding_reads_the_rows_it_takes_and_computes_nothing() -> None:
    layer = nn.Embedding(1000, 8, padding_idx=0)
    ids = torch.tensor([[3, 5, 3, 0]])
    operations = count(layer, ids, training=True)
    assert arithmetic(work(operations)) == (0, 0, 0)
    assert moved(work(operations)) == (4 * 8, 0, 4 * 8)
    # Row 3 was taken twice, so its gradient is a sum of two; padding has none.
    assert arithmetic(work(operations, Stage.BACKWARD)) == (0, 0, 8)
    assert moved(work(operations, Stage.BACKWARD)) == (0, 4 * 8, 1000 * 8)
    assert operations.uncounted == ()
