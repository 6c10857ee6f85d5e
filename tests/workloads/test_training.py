"""Training: what it learns, that it can be repeated, and what makes it start anew."""

from dataclasses import replace
from math import ceil

import pytest
import torch
from torch import Tensor, nn

from efficiency.core import paths
from efficiency.workloads import catalogue, training
from efficiency.workloads.catalogue import Recipe
from efficiency.workloads.inputs import CHUNK
from efficiency.workloads.split import Split, fingerprint, identity, score


def counting(length: int = 12, rows: int = 32) -> Split:
    """Sequences that count up modulo 5: the next number follows from the last."""
    starts = torch.arange(rows)[:, None]
    inputs = (starts + torch.arange(length)) % 5
    labels = (inputs + 1) % 5
    return Split(inputs, labels, inputs, labels)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(5, 16), nn.Linear(16, 5))


def test_training_learns_is_repeatable_and_is_kept() -> None:
    workload = replace(catalogue.get("lenet"), recipe=Recipe(epochs=10))
    percents: list[int] = []
    first = training.trained(workload, 0, percents.append)
    again = training.trained(workload, 0, lambda percent: pytest.fail("trained twice"))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert percents == list(range(1, 101))
    model = workload.build()
    model.load_state_dict(first)
    split = workload.load_split()
    assert split is not None
    assert training.evaluate(model, split) > 0.9


def test_sequences_are_learned_step_by_step() -> None:
    model, split = network(), counting()
    assert training.evaluate(model, split) < 0.6
    percents: list[int] = []
    steps = training.fit(
        model, split, Recipe(epochs=40, batch=8, rate=0.05), seed=0, on_percent=percents.append
    )
    assert steps == 40 * 4
    assert percents == list(range(1, 101))
    assert training.evaluate(model, split) == 1
    assert not model.training


@pytest.mark.parametrize(("share", "steps"), [(1.0, 12), (0.25, 3), (0.001, 1)])
def test_fine_tuning_takes_a_share_of_the_steps(share: float, steps: int) -> None:
    recipe = Recipe(epochs=3, batch=8)
    assert training.fit(network(), counting(), recipe, seed=0, share=share) == steps


def test_same_seed_same_weights() -> None:
    first, again, other = network(), network(), network()
    for model, seed in ((first, 0), (again, 0), (other, 1)):
        training.fit(model, counting(), Recipe(epochs=2, batch=8), seed=seed)
    weights = [next(model.parameters()) for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_decaying_rate_moves_the_weights_less() -> None:
    moved = {}
    for decay in (False, True):
        model = network()
        before = [parameter.detach().clone() for parameter in model.parameters()]
        training.fit(model, counting(), Recipe(epochs=10, batch=8, decay=decay), seed=0)
        pairs = zip(before, model.parameters(), strict=True)
        moved[decay] = sum(float((old - new.detach()).abs().sum()) for old, new in pairs)
    assert 0.3 * moved[False] < moved[True] < 0.8 * moved[False]  # half the rate in the mean


def test_other_data_or_another_recipe_are_trained_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[int] = []
    monkeypatch.setattr(
        training, "fit", lambda model, *args, seed, **more: fitted.append(seed) or 0
    )
    # The key holds the source of `fit`, and a lambda's is as good as any.
    workload = catalogue.get("lenet")
    split = workload.load_split()
    assert split is not None
    other = split._replace(train_labels=split.train_labels.flip(0))

    def files() -> int:
        return len(list(paths.trained_folder().glob("lenet-*")))

    before = files()
    training.trained(workload, 0)
    training.trained(workload, 0)
    assert files() == before + 1
    training.trained(replace(workload, recipe=Recipe(epochs=1)), 0)
    assert files() == before + 2
    with monkeypatch.context() as patch:
        patch.setattr(catalogue.Workload, "load_split", lambda self: other)
        training.trained(workload, 0)
    assert files() == before + 3
    assert len(fitted) == 3


def test_inputs_are_scored_a_few_at_a_time() -> None:
    sizes: list[int] = []

    class Counting(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            sizes.append(len(x))
            return nn.functional.one_hot((x + 1) % 5, 5).float()

    assert training.evaluate(Counting(), counting(rows=150)) == 1
    assert sizes == [CHUNK] * ceil(150 / CHUNK)  # the last is filled up


def test_score_is_the_share_of_all_labels() -> None:
    logits = torch.eye(3).expand(2, 3, 3)
    assert score(logits, torch.tensor([[0, 1, 2], [0, 1, 0]])) == pytest.approx(5 / 6)
    assert score(torch.eye(3), torch.tensor([0, 2, 2])) == pytest.approx(2 / 3)


def test_fingerprints_tell_data_apart() -> None:
    split = counting()
    assert fingerprint(split.train_inputs) == fingerprint(split.train_inputs.clone())
    assert fingerprint(split.train_inputs) != fingerprint(split.train_inputs + 1)
    assert identity(split) != identity(split._replace(held_out_labels=split.held_out_labels + 1))
    # Pixels computed elsewhere may differ in the last bit and are the same data.
    images = split._replace(train_inputs=torch.rand(4, 2))
    assert identity(images) == identity(images._replace(train_inputs=torch.rand(4, 2)))
