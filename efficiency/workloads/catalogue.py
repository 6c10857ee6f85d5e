"""Name -> Workload. Adding one is one entry here and a module of that name with `build()`.

Imports no torch. A workload without data can be timed, sized and compared with itself, but not
scored or trained.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from efficiency.core.errors import Unavailable, UnknownName
from efficiency.core.quiet import quiet

if TYPE_CHECKING:
    from torch import nn

    from efficiency.workloads.split import Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What networks are trained and scored on: a module of this package with `load_split()`.

    The score is the share of `unit` that are predicted right. A file that gets less than
    `least_score` was trained on something else. `maker` is the distribution that makes the data,
    where to import it takes so long that they are made only once.
    """

    module: str
    label: str
    unit: str
    score_name: str = "accuracy"
    least_score: float = 0.5
    maker: str | None = None

    def load(self) -> "Split":
        """The data, read once in a process. Raises Unavailable where this machine has them not."""
        return _loaded(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained: passes over the data, inputs a step, Adam's learning rate.

    With `decay` the rate falls to zero along a straight line.
    """

    epochs: float
    batch: int = 64
    rate: float = 1e-3
    decay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An architecture, the shape of one input, and what it is trained on, if anything.

    `vocabulary` is the number of token ids where inputs are tokens, else None.
    """

    name: str
    label: str
    description: str
    input_shape: tuple[int, ...]
    vocabulary: int | None = None
    data: Data | None = None
    recipe: Recipe | None = None

    @property
    def architecture(self) -> str:
        """The module with `build()`."""
        return f"{__package__}.{self.name}"

    @property
    def score_name(self) -> str | None:
        """What the score is called; None where there is no data to score on."""
        return None if self.data is None else self.data.score_name

    def build(self) -> "nn.Module":
        """The network with fresh random weights, in evaluation mode."""
        with quiet():  # transformers imports torchao, which lists the GPUs that are not here
            model: nn.Module = import_module(self.architecture).build()
        return model.eval()

    def load_split(self) -> "Split | None":
        """The data with its inputs in this workload's shape, or None where there is none.

        Raises Unavailable where this machine does not have it.
        """
        if self.data is None:
            return None
        split = self.data.load()
        shape = (-1, *self.input_shape[1:])
        return split._replace(
            train_inputs=split.train_inputs.reshape(shape),
            held_out_inputs=split.held_out_inputs.reshape(shape),
        )


@cache
def _loaded(data: Data) -> "Split":
    module = import_module(data.module)
    split: Split
    try:
        if data.maker is None:
            split = module.load_split()
        else:
            split = import_module(f"{__package__}.kept").split(module, data.maker)
    except FileNotFoundError as error:
        raise Unavailable(str(error)) from error
    return split


DIGITS = Data(
    module="efficiency.workloads.digits",
    label="scikit-learn's digits",
    unit="digits",
    maker="scikit-learn",
)
PACKAGES = Data(
    module="efficiency.workloads.packages",
    label="packages of Python's standard library",
    unit="snippets",
)
CHARACTERS = Data(
    module="efficiency.workloads.characters",
    label="Python's standard library",
    unit="characters",
    score_name="next characters right",
    least_score=0.4,
)

UNTRAINED = "Full size with random weights: right for size and time, has no accuracy."

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            name="lenet",
            label="LeNet",
            description="The tutorial's small CNN, trained here on 1,437 handwritten digits.",
            input_shape=(1, 1, 28, 28),
            data=DIGITS,
            recipe=Recipe(epochs=25),
        ),
        Workload(
            name="mlp",
            label="MLP, three layers",
            description="The tutorial's multilayer perceptron, 784 wide, on the same digits.",
            input_shape=(1, 784),
            data=DIGITS,
            recipe=Recipe(epochs=25),
        ),
        Workload(
            name="lenet300",
            label="LeNet-300-100",
            description="Three linear layers, the lottery ticket paper's network; same digits.",
            input_shape=(1, 1, 28, 28),
            data=DIGITS,
            recipe=Recipe(epochs=25),
        ),
        Workload(
            name="cnn",
            label="CNN, residual",
            description="Batch normalization and shortcuts, as CNNs have today; same digits.",
            input_shape=(1, 1, 28, 28),
            data=DIGITS,
            recipe=Recipe(epochs=5, decay=True),
        ),
        Workload(
            name="mobilenet",
            label="MobileNetV2, small",
            description="Depthwise convolutions on the same digits; one scale is not enough here.",
            input_shape=(1, 1, 28, 28),
            data=DIGITS,
            recipe=Recipe(epochs=8, rate=6e-2, decay=True),
        ),
        Workload(
            name="transformer",
            label="Transformer, 64 tokens",
            description="A small encoder, trained here to tell Python's own packages apart.",
            input_shape=(1, 64),
            vocabulary=4096,
            data=PACKAGES,
            recipe=Recipe(epochs=2, batch=32, decay=True),
        ),
        Workload(
            name="lstm",
            label="LSTM, 64 characters",
            description="A language model of Python's own source, trained here: what comes next?",
            input_shape=(1, 64),
            vocabulary=97,
            data=CHARACTERS,
            recipe=Recipe(epochs=0.5, batch=4, rate=3e-3, decay=True),
        ),
        Workload(
            name="resnet50",
            label="ResNet-50",
            description=UNTRAINED,
            input_shape=(1, 3, 224, 224),
        ),
        Workload(
            name="mobilenetv2",
            label="MobileNetV2",
            description=UNTRAINED,
            input_shape=(1, 3, 224, 224),
        ),
        Workload(
            name="bert",
            label="BERT-base, 128 tokens",
            description=UNTRAINED,
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
