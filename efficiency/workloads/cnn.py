"""A small CNN of today's kind: convolutions with batch normalization, added to their input.

After ResNet (He et al., 2015): two residual blocks, global average pooling, one linear layer.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class ConvNorm(nn.Sequential):
    """Convolution and batch normalization, fused into one operator when quantized."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )


class Block(nn.Module):
    """Two convolutions at half the size, added to a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = ConvNorm(inputs, outputs, kernel=3, stride=2)
        self.second = ConvNorm(outputs, outputs, kernel=3)
        self.shortcut = ConvNorm(inputs, outputs, kernel=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / 2, W / 2)."""
        y = self.second(F.relu(self.first(x)))
        return F.relu(y + self.shortcut(x))


class CNN(nn.Module):
    """(N, 1, 28, 28) images to (N, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(1, 32, kernel=3)
        self.block1 = Block(32, 64)
        self.block2 = Block(64, 96)
        self.head = nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ten classes, (N, 10)."""
        x = self.block2(self.block1(F.relu(self.stem(x))))
        logits: Tensor = self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return logits


def build() -> nn.Module:
    """The network with fresh random weights."""
    return CNN()
