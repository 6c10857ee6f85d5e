"""MobileNetV2 at width 1.0, from transformers' configuration: Sandler et al. (2018)."""

from torch import nn
from transformers import MobileNetV2Config, MobileNetV2ForImageClassification


def build() -> nn.Module:
    """(N, 3, 224, 224) images to 1,000 logits, random weights."""
    config = MobileNetV2Config()
    config.num_labels = 1000
    model: nn.Module = MobileNetV2ForImageClassification(config)
    return model
