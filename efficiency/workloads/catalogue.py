"""Name -> Workload. Adding one is one entry here and one module with `build()`. Imports no torch.

A workload without data can be timed, sized and compared with itself, but not scored or trained.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from efficiency.core.errors import UnknownName

if TYPE_CHECKING:
    from torch import nn

    from efficiency.workloads.digits import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An architecture, the shape of one input, and the data it is trained and scored on.

    `architecture` names a module with `build()`, `data` one with `load_split()` and `score()`, or
    None. `vocabulary` is the number of token ids where inputs are tokens, else None.
    """

    name: str
    label: str
    description: str
    architecture: str
    input_shape: tuple[int, ...]
    data: str | None = None
    score_name: str | None = None
    epochs: int = 0
    vocabulary: int | None = None

    def build(self) -> "nn.Module":
        """The network with fresh random weights, in evaluation mode."""
        model: nn.Module = import_module(self.architecture).build()
        return model.eval()

    def load_split(self) -> "Split | None":
        """The data with its inputs in this workload's shape, or None where there is none."""
        if self.data is None:
            return None
        split: Split = import_module(self.data).load_split()
        shape = (-1, *self.input_shape[1:])
        return split._replace(
            train_inputs=split.train_inputs.reshape(shape),
            held_out_inputs=split.held_out_inputs.reshape(shape),
        )


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            name="lenet",
            label="LeNet",
            description="The tutorial's small CNN, trained here on 1,437 handwritten digits.",
            architecture="efficiency.workloads.lenet",
            input_shape=(1, 1, 28, 28),
            data="efficiency.workloads.digits",
            score_name="accuracy",
            epochs=25,
        ),
        Workload(
            name="mlp",
            label="MLP, three layers",
            description="The tutorial's multilayer perceptron, 784 wide, on the same digits.",
            architecture="efficiency.workloads.mlp",
            input_shape=(1, 784),
            data="efficiency.workloads.digits",
            score_name="accuracy",
            epochs=25,
        ),
        Workload(
            name="resnet50",
            label="ResNet-50",
            description="Full size with random weights: right for size and time, has no accuracy.",
            architecture="efficiency.workloads.resnet50",
            input_shape=(1, 3, 224, 224),
        ),
        Workload(
            name="mobilenetv2",
            label="MobileNetV2",
            description="Full size with random weights: right for size and time, has no accuracy.",
            architecture="efficiency.workloads.mobilenetv2",
            input_shape=(1, 3, 224, 224),
        ),
        Workload(
            name="bert",
            label="BERT-base, 128 tokens",
            description="Full size with random weights: right for size and time, has no accuracy.",
            architecture="efficiency.workloads.bert",
            input_shape=(1, 128),
            vocabulary=30522,
        ),
    )
}


def names() -> tuple[str, ...]:
    """All workloads, in the order people should see them."""
    return tuple(WORKLOADS)


def get(name: str) -> Workload:
    """The workload of that name. Raises UnknownName."""
    if name not in WORKLOADS:
        raise UnknownName("workload or architecture", name, names())
    return WORKLOADS[name]
