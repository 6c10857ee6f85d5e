"""BERT-base with a two-class head, from transformers' configuration: Devlin et al. (2018)."""

from torch import nn
from transformers import BertConfig, BertForSequenceClassification


def build() -> nn.Module:
    """(N, 128) token ids to 2 logits, random weights."""
    model: nn.Module = BertForSequenceClassification(BertConfig())
    return model
