"""Totals of whole networks: by hand for LeNet, and against the papers of the large ones.

The papers count multiply-accumulates of convolutions and matrix products. He et al. (2015) call
them FLOPs, Sandler et al. (2018) MAdds.
"""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from efficiency.core.anatomy import Stage
from efficiency.measure.operations import Operations, count_operations, flops_of
from efficiency.workloads import catalogue
from efficiency.workloads.inputs import random_inputs
from tests.measure.counted import in_all


def counted(name: str, *, training: bool = False) -> tuple[nn.Module, Operations]:
    """A network of the catalogue, and its operations on one input."""
    workload = catalogue.get(name)
    model = workload.build()
    inputs = (random_inputs(workload.input_shape, workload.vocabulary),)
    return model, count_operations(model, inputs, training=training)


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def test_lenet_by_hand() -> None:
    """28x28 -> 26x26 -> pool 13x13 -> 11x11 -> pool 5x5 -> 400 -> 120 -> 84 -> 10.

    Every output of a layer is a sum of n products and a bias: n multiplications, n additions.
    """
    _, operations = counted("lenet")
    outputs = {
        "conv1": 6 * 26 * 26,
        "conv2": 16 * 11 * 11,
        "fc1": 120,
        "fc2": 84,
        "fc3": 10,
    }
    products = {"conv1": 1 * 3 * 3, "conv2": 6 * 3 * 3, "fc1": 400, "fc2": 120, "fc3": 84}
    macs = {layer: outputs[layer] * products[layer] for layer in outputs}
    assert macs == {"conv1": 36_504, "conv2": 104_544, "fc1": 48_000, "fc2": 10_080, "fc3": 840}
    assert {each.layer: each.macs for each in operations.layers if each.layer} == macs
    assert in_all(operations) == (199_968, 199_968, 199_968)
    flops = flops_of(operations)
    assert {each.layer: each.macs for each in flops.by_layer} == macs
    assert flops.total == 399_936
    # The model itself pools and rectifies: it computes nothing that has a formula.
    assert operations.uncounted == flops.uncounted == ("max_pool2d_with_indices", "relu")
    read = {each.layer: (each.weights, each.inputs, each.outputs) for each in operations.layers}
    assert read == {
        "conv1": (6 * 9 + 6, 28 * 28, 4056),
        "conv2": (16 * 54 + 16, 6 * 13 * 13, 1936),
        "fc1": (400 * 120 + 120, 400, 120),
        "fc2": (120 * 84 + 84, 120, 84),
        "fc3": (84 * 10 + 10, 84, 10),
        # relu and pooling of both convolutions, relu of two linear layers
        "": (0, 2 * 4056 + 2 * 1936 + 204, 4056 + 1014 + 1936 + 400 + 204),
    }


def test_flops_are_those_of_the_forward_pass() -> None:
    _, inference = counted("lenet")
    _, training = counted("lenet", training=True)
    assert flops_of(training).by_layer == flops_of(inference).by_layer
    assert flops_of(training).total == 399_936


@pytest.mark.parametrize(
    ("name", "giga_macs", "published", "mega_parameters", "published_parameters"),
    [
        # He et al. (2015), table 1: 3.8e9 FLOPs with the stride in the first 1x1 convolution of a
        # stage. Ours (v1.5, like everybody's now) has it in the 3x3, which works on four times as
        # many pixels in three blocks: 0.3e9 more. 25.6 M parameters as in torchvision and timm.
        ("resnet50", 4.09, 3.8, 25.6, 25.5),
        # Sandler et al. (2018), table 4: 300 M MAdds, 3.4 M parameters.
        ("mobilenetv2", 0.30, 0.300, 3.5, 3.4),
        # Devlin et al. (2018), section 3: 110 M parameters; operations are below.
        ("bert", 11.17, None, 109.5, 110),
    ],
)
def test_networks_of_papers(
    name: str,
    giga_macs: float,
    published: float | None,
    mega_parameters: float,
    published_parameters: float,
) -> None:
    model, operations = counted(name)
    macs = flops_of(operations).total / 2e9
    assert macs == pytest.approx(giga_macs, rel=0.02)
    if published is not None:
        assert macs == pytest.approx(published, rel=0.1)
    assert parameters(model) / 1e6 == pytest.approx(mega_parameters, rel=0.005)
    assert parameters(model) / 1e6 == pytest.approx(published_parameters, rel=0.04)


def test_bert_by_hand() -> None:
    """12 layers on 128 tokens, 768 wide: four projections, two products of attention, two linear
    layers of 3,072; then a pooler and two classes for the first token."""
    _, operations = counted("bert")
    tokens, width, layers = 128, 768, 12
    projections = 4 * tokens * width * width
    attention = 2 * tokens * tokens * width
    feed_forward = 2 * tokens * width * 4 * width
    macs = layers * (projections + attention + feed_forward) + width * width + width * 2
    assert macs == 11_174_217_216
    assert flops_of(operations).total == 2 * macs
    # Where else something is multiplied: the scale of each score, and in 25 normalisations three
    # times every number and twice every row.
    scores = layers * 12 * tokens * tokens
    norms = (2 * layers + 1) * (3 * tokens * width + 2 * tokens)
    assert in_all(operations)[1] == macs + scores + norms


def test_resnet_batch_norms_and_shortcuts_by_hand() -> None:
    """Each batch norm scales and shifts, each of 16 blocks adds its input, the last pool averages
    7 x 7 numbers of 2,048 channels."""
    model, operations = counted("resnet50")
    sizes: list[int] = []
    handles = [
        module.register_forward_hook(lambda _, __, out: sizes.append(out.numel()))
        for module in model.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    with torch.no_grad():
        model(torch.randn(1, 3, 224, 224))
    for handle in handles:
        handle.remove()
    assert len(sizes) == 53
    macs, multiplications, additions = in_all(operations)
    assert multiplications == macs + sum(sizes) + 2048
    # Convolutions have no bias: one addition less than products for each of their outputs, which
    # are what is normalised. The last layer has one.
    blocks = 3 * 256 * 56**2 + 4 * 512 * 28**2 + 6 * 1024 * 14**2 + 3 * 2048 * 7**2
    assert additions == (macs - sum(sizes)) + sum(sizes) + blocks + 2048 * 48


@pytest.mark.parametrize("name", ["lenet", "mlp", "mobilenetv2"])
def test_macs_agree_with_pytorch_in_training_too(name: str) -> None:
    workload = catalogue.get(name)
    model = workload.build()
    data = random_inputs(workload.input_shape, workload.vocabulary)
    batch = data.expand(2, *data.shape[1:])
    operations = count_operations(model, (batch,), training=True)
    with FlopCounterMode(display=False) as reference:
        output = model.train()(batch)
        (output if isinstance(output, torch.Tensor) else output.logits).sum().backward()
    ours = sum(each.macs for each in operations.layers)
    assert ours == reference.get_total_flops() // 2 - grouped_too_often(model, operations)


def grouped_too_often(model: nn.Module, operations: Operations) -> int:
    """PyTorch counts the gradient of a grouped convolution's weight once a group."""
    forward = {e.layer: e.macs for e in operations.layers if e.stage is Stage.FORWARD}
    return sum(
        (module.groups - 1) * forward[path]
        for path, module in model.named_modules()
        if isinstance(module, nn.Conv2d)
    )
