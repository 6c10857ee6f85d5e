"""The networks trained here reach what they are kept for on data they never saw, in int8 too."""

import pytest
import torch
from torch import nn

from efficiency.routines.quantization.folding import norms_after, spread, weight_matrix
from efficiency.routines.subject import Subject
from efficiency.routines.techniques import TECHNIQUES
from efficiency.workloads import catalogue, characters, mobilenet, training
from efficiency.workloads.split import Split, score

pytestmark = pytest.mark.slow


def trained(name: str) -> tuple[nn.Module, Split]:
    workload = catalogue.get(name)
    split = workload.load_split()
    assert split is not None
    model = workload.build()
    model.load_state_dict(training.trained(workload, 0))
    return model, split


def test_cnn_reads_the_digits() -> None:
    model, split = trained("cnn")
    assert training.evaluate(model, split) >= 0.97
    assert 150_000 < sum(parameter.numel() for parameter in model.parameters()) < 250_000


def test_mobilenet_reads_the_digits_with_channels_of_very_different_range() -> None:
    model, split = trained("mobilenet")
    assert training.evaluate(model, split) >= 0.95
    modules, norms = dict(model.named_modules()), norms_after(model, split.train_inputs[:1])
    spreads = [
        spread(weight_matrix(modules[layer], modules[norm]))
        for layer, norm in norms.items()
        if layer.endswith("depthwise.0")
    ]
    assert len(spreads) == len(mobilenet.BLOCKS)
    assert max(spreads) > 32  # one scale leaves the median channel fewer than 8 of 256 steps


def test_transformer_tells_packages_apart() -> None:
    model, split = trained("transformer")
    chance = float(split.held_out_labels.bincount().max()) / len(split.held_out_labels)
    assert chance < 0.4
    assert training.evaluate(model, split) >= 0.8


def test_lstm_predicts_more_than_the_last_character_tells() -> None:
    model, split = trained("lstm")
    count = characters.CHARACTERS
    pairs = torch.zeros(count, count)
    followed = (split.train_inputs.flatten(), split.train_labels.flatten())
    pairs.index_put_(followed, torch.ones(split.train_labels.numel()), accumulate=True)
    frequent = score(pairs.sum(0).expand(*split.held_out_labels.shape, -1), split.held_out_labels)
    bigram = score(pairs[split.held_out_inputs], split.held_out_labels)
    assert 0.1 < frequent < bigram < 0.4
    assert training.evaluate(model, split) > bigram + 0.15


@pytest.mark.parametrize(
    ("name", "technique"),
    [("cnn", "int8-static"), ("transformer", "int8-dynamic"), ("lstm", "int8-dynamic")],
)
def test_the_int8_that_suits_it_keeps_the_score(name: str, technique: str) -> None:
    model, split = trained(name)
    subject = Subject(model=model, workload=catalogue.get(name), split=split, seed=0)
    apply = next(each.apply for each in TECHNIQUES if each.name == technique)
    variant = apply(subject)
    example = split.held_out_inputs[:1]
    restored = variant.recipe.restore(subject.workload.build(), variant.tensors, example)
    assert training.evaluate(restored, split) > training.evaluate(model, split) - 0.02
