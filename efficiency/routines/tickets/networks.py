"""The networks of the experiment, several at once: the same functions as those in the catalogue.

Each is made of the parameters of C networks by name. `forward` takes images as columns, (784, N),
the same for all networks, and gives logits (C, 10, N); `backward` takes the gradient of the logits
and fills in the gradients of all parameters.
"""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from efficiency.routines.tickets.layers import Linear, Parameter, PooledConvolution

SIDE = 28
SEEN = 26  # LeNet's poolings leave out odd rows and columns: it never looks at the last two


class Network(Protocol):
    """What is trained."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (C, 10, N)."""

    def backward(self, dz: Tensor) -> None:
        """All gradients, from that of the logits."""


class LeNet300:
    """Three linear layers."""

    def __init__(self, named: Mapping[str, Parameter]) -> None:
        self.fc1 = Linear(named["fc1.weight"], named["fc1.bias"])
        self.fc2 = Linear(named["fc2.weight"], named["fc2.bias"])
        self.fc3 = Linear(named["fc3.weight"], named["fc3.bias"], relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (C, 10, N)."""
        return self.fc3.forward(self.fc2.forward(self.fc1.forward(x)))

    def backward(self, dz: Tensor) -> None:
        """All gradients, from that of the logits."""
        self.fc1.gradients(self.fc2.backward(self.fc3.backward(dz)))


class LeNet:
    """Two convolutions with pooling, three linear layers."""

    def __init__(self, named: Mapping[str, Parameter]) -> None:
        self.conv1 = PooledConvolution(named["conv1.weight"], named["conv1.bias"])
        self.conv2 = PooledConvolution(named["conv2.weight"], named["conv2.bias"])
        self.fc1 = Linear(named["fc1.weight"], named["fc1.bias"])
        self.fc2 = Linear(named["fc2.weight"], named["fc2.bias"])
        self.fc3 = Linear(named["fc3.weight"], named["fc3.bias"], relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (C, 10, N)."""
        x = x.contiguous().view(1, SIDE, SIDE, -1)[:, :SEEN, :SEEN]
        x = self.conv2.forward(self.conv1.forward(x)).flatten(1, 3)
        return self.fc3.forward(self.fc2.forward(self.fc1.forward(x)))

    def backward(self, dz: Tensor) -> None:
        """All gradients, from that of the logits."""
        dx = self.fc1.backward(self.fc2.backward(self.fc3.backward(dz)))
        self.conv1.gradients(self.conv2.backward(dx))


NETWORKS: dict[str, type[LeNet] | type[LeNet300]] = {"lenet": LeNet, "lenet300": LeNet300}
