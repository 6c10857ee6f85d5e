"""ResNet-50, from transformers' configuration: He et al. (2015), stride in the 3x3 (v1.5)."""

from torch import nn
from transformers import ResNetConfig, ResNetForImageClassification


def build() -> nn.Module:
    """(N, 3, 224, 224) images to 1,000 logits, random weights."""
    config = ResNetConfig()
    config.num_labels = 1000
    model: nn.Module = ResNetForImageClassification(config)
    return model
