"""A small MobileNetV2 for the digits: inverted residuals around depthwise convolutions.

After Sandler et al. (2018). Activations are ReLU instead of ReLU6, which int8 kernels fuse with the
convolution before them.

It is hard to quantize with one scale for all channels, on purpose. At the high learning rate of its
recipe some channels end up always 0 after ReLU; normalization divides such a channel by
sqrt(EPSILON), so its folded weights are a hundred times as large as all others, and the others are
left with two or three of the 256 steps (Nagel et al., "Data-free quantization", 2019, met the same
in the large network). How much is lost goes with EPSILON: at PyTorch's 1e-5 nearly everything, at
1e-3, which the authors used, about a point.
"""

import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-4
EXPANSION = 6
# Channels in and out, and stride, of every inverted residual.
BLOCKS = ((16, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 24, 1))


class ConvNorm(nn.Sequential):
    """Convolution and batch normalization; with `groups` as many as channels it is depthwise."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        padding = kernel // 2
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=EPSILON),
        )


class InvertedResidual(nn.Module):
    """Widened, filtered channel by channel, made narrow again; added to its input if that fits."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        wide = EXPANSION * inputs
        self.expand = ConvNorm(inputs, wide, kernel=1)
        self.depthwise = ConvNorm(wide, wide, kernel=3, stride=stride, groups=wide)
        self.project = ConvNorm(wide, outputs, kernel=1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = self.project(F.relu(self.depthwise(F.relu(self.expand(x)))))
        return x + y if self.residual else y


class MobileNet(nn.Module):
    """(N, 1, 28, 28) images to (N, 10) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(1, BLOCKS[0][0], kernel=3, stride=2)
        self.blocks = nn.Sequential(*(InvertedResidual(*sizes) for sizes in BLOCKS))
        self.last = ConvNorm(BLOCKS[-1][1], 128, kernel=1)
        self.head = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ten classes, (N, 10)."""
        x = F.relu(self.last(self.blocks(F.relu(self.stem(x)))))
        logits: Tensor = self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return logits


def build() -> nn.Module:
    """The network with fresh random weights."""
    return MobileNet()
