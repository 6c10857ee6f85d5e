"""LeNet-300-100, the multilayer perceptron of LeCun et al. (1998), as lottery tickets are drawn in.

Its first weights are those of Frankle and Carbin (ICLR 2019, arXiv 1803.03635): Glorot normal, and
biases of zero.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet300(nn.Module):
    """784 to 300 to 100 to 10 with ReLU; (N, 1, 28, 28) images to (N, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 300)
        self.fc2 = nn.Linear(300, 100)
        self.fc3 = nn.Linear(100, 10)
        for layer in (self.fc1, self.fc2, self.fc3):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ten classes, (N, 10)."""
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        logits: Tensor = self.fc3(x)
        return logits


def build() -> nn.Module:
    """The network with fresh random weights."""
    return LeNet300()
