"""Training many networks at once gives each what plain PyTorch gives it alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from efficiency.core.lottery import TrainingSettings
from efficiency.measure.threads import fixed_threads
from efficiency.routines.tickets.contestants import Contestant, Images, Learned
from efficiency.routines.tickets.images import load
from efficiency.routines.tickets.layers import Larger, Linear, Parameter, PooledConvolution
from efficiency.routines.tickets.learning import first_weights, prunable, train
from efficiency.workloads import catalogue
from efficiency.workloads.split import score

STEPS, BATCH, RATE, REWIND = 30, 60, 1.2e-3, 7
CHECKPOINTS = (0, 10, STEPS)
SETTINGS = TrainingSettings(
    iterations=STEPS,
    batch_size=BATCH,
    learning_rate=RATE,
    check_every=10,
    rounds=1,
    rate=0.2,
    output_rate=0.1,
    scope="layer",
    seeds=2,
    rewind_iteration=REWIND,
)
NETWORKS = ("lenet", "lenet300")
networks = pytest.mark.parametrize("network", NETWORKS)


@pytest.fixture(scope="module")
def images() -> Images:
    """In 64 bits, where a wrong formula cannot hide behind rounding; with an odd last batch."""
    digits = load("digits")
    return replace(
        digits,
        train=digits.train[:250].double(),
        train_labels=digits.train_labels[:250],
        validation=digits.validation.double(),
        test=digits.test.double(),
    )


def contestant(network: str, seed: int, mask_seed: int) -> Contestant:
    weights = first_weights(network, seed)
    order = torch.Generator().manual_seed(mask_seed)
    return Contestant(
        weights=weights,
        mask={
            name: (torch.rand(weights[name].shape, generator=order) > 0.4).float()
            for name in prunable(network)
        },
        seed=seed,
    )


def team(network: str) -> list[Contestant]:
    """Two seeds, not in order, one of them with a ticket and a control."""
    return [contestant(network, *seeds) for seeds in ((4, 0), (3, 1), (4, 2))]


@pytest.fixture(scope="module")
def learned(images: Images) -> dict[str, tuple[Learned, ...]]:
    return {
        name: train(name, team(name), images, SETTINGS, checkpoints=CHECKPOINTS)
        for name in NETWORKS
    }


def plainly(
    network: str, one: Contestant, images: Images, on_step: Callable[[int, nn.Module], None]
) -> None:
    """The same training as everybody writes it."""
    model = catalogue.get(network).build().double()
    model.load_state_dict(one.weights)
    for name, mask in one.mask.items():
        model.get_parameter(name).data *= mask
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    order = torch.Generator().manual_seed(one.seed)
    batches: list[Tensor] = []
    on_step(0, model)
    for step in range(1, STEPS + 1):
        batches = batches or list(torch.randperm(len(images.train), generator=order).split(BATCH))
        batch = batches.pop(0)
        optimizer.zero_grad()
        cross_entropy(model(images.train[batch]), images.train_labels[batch]).backward()
        for name, mask in one.mask.items():
            gradient = model.get_parameter(name).grad
            assert gradient is not None
            gradient *= mask
        optimizer.step()
        on_step(step, model)


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor.double(), rtol=1e-9, atol=1e-12, msg=name)


@networks
@pytest.mark.parametrize("index", [0, 1])
def test_each_learns_what_the_plain_way_teaches_it(
    network: str, index: int, learned: dict[str, tuple[Learned, ...]], images: Images
) -> None:
    one, found = team(network)[index], learned[network][index]
    losses, scores = [], []

    @torch.no_grad()
    def look(step: int, model: nn.Module) -> None:
        if step == REWIND:
            assert found.early is not None
            same(found.early, model.state_dict())
        if step in CHECKPOINTS:
            losses.append(float(cross_entropy(model(images.validation), images.validation_labels)))
            scores.append(score(model(images.test), images.test_labels))
        if step == STEPS:
            same(found.weights, model.state_dict())

    plainly(network, one, images, look)
    assert found.losses == pytest.approx(losses, rel=1e-6)
    assert found.scores == pytest.approx(scores, rel=1e-6)
    assert found.losses[-1] < 0.99 * found.losses[0]


@networks
def test_what_is_pruned_stays_zero_and_the_rest_learns(
    network: str, learned: dict[str, tuple[Learned, ...]]
) -> None:
    for one, found in zip(team(network), learned[network], strict=True):
        for name, mask in one.mask.items():
            assert not found.weights[name][mask == 0].any()
            assert (found.weights[name] != one.weights[name] * mask).any()
        for state in (found.weights, found.early):
            assert state is not None
            assert state.keys() == one.weights.keys()


@networks
def test_who_else_is_trained_changes_nothing(
    network: str, learned: dict[str, tuple[Learned, ...]], images: Images
) -> None:
    (alone,) = train(network, team(network)[2:], images, SETTINGS, checkpoints=CHECKPOINTS)
    same(alone.weights, learned[network][2].weights)
    assert alone.losses == pytest.approx(learned[network][2].losses, rel=1e-6)


@networks
def test_the_same_bit_for_bit(network: str) -> None:
    digits, told = load("digits"), []
    settings = replace(SETTINGS, iterations=12)

    def on_check(iteration: int, learned: Sequence[Learned]) -> None:
        told.append((iteration, [len(each.losses) for each in learned]))

    def once() -> tuple[Learned, ...]:
        return train(
            network, team(network), digits, settings, checkpoints=(0, 5), on_check=on_check
        )

    given = team(network)
    with fixed_threads(1):
        first, again = once(), once()
    assert told == 2 * [(0, [1, 1, 1]), (5, [2, 2, 2])]
    for one, other in zip(first, again, strict=True):
        assert (one.losses, one.scores) == (other.losses, other.scores)
        for name in one.weights:
            assert torch.equal(one.weights[name], other.weights[name])
    for before, after in zip(given, team(network), strict=True):
        for name in before.weights:
            assert torch.equal(before.weights[name], after.weights[name])


def stacked(*shape: int) -> Parameter:
    weights = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    return Parameter(weights, torch.full_like(weights, torch.nan))


@pytest.mark.parametrize("shared", [False, True])
def test_convolution_is_that_of_autograd(shared: bool) -> None:
    torch.manual_seed(0)
    weight, bias = stacked(2, 5, 3, 3, 3), stacked(2, 5)
    x = torch.randn(*([] if shared else [2]), 3, 12, 12, 4, dtype=torch.float64)
    x.requires_grad_()
    plain = []
    for index in range(2):
        one = (x if shared else x[index]).permute(3, 0, 1, 2)
        y = torch.conv2d(one, weight.value[index], bias.value[index])
        plain.append(torch.max_pool2d(y.relu(), 2).permute(1, 2, 3, 0))
    expected = torch.stack(plain)
    dy = torch.randn_like(expected)
    expected.backward(dy)
    with torch.no_grad():
        layer = PooledConvolution(weight, bias)
        torch.testing.assert_close(layer.forward(x), expected)
        if shared:
            layer.gradients(dy)
        else:
            torch.testing.assert_close(layer.backward(dy), x.grad)
    for each in (weight, bias):
        torch.testing.assert_close(each.gradient, each.value.grad)


@pytest.mark.parametrize("relu", [False, True])
def test_linear_is_that_of_autograd(relu: bool) -> None:
    torch.manual_seed(0)
    weight, bias = stacked(2, 5, 3), stacked(2, 5)
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    expected = torch.baddbmm(bias.value[..., None], weight.value, x)
    expected = expected.relu() if relu else expected
    dy = torch.randn_like(expected)
    expected.backward(dy)
    with torch.no_grad():
        layer = Linear(weight, bias, relu=relu)
        torch.testing.assert_close(layer.forward(x), expected)
        torch.testing.assert_close(layer.backward(dy), x.grad)
    for each in (weight, bias):
        torch.testing.assert_close(each.gradient, each.value.grad)


def test_of_equals_the_first_is_the_larger() -> None:
    halves, layer = torch.tensor([[1.0, 2.0, 3.0], [1.0, 1.0, 4.0]]), Larger(0)
    assert layer.forward(halves).tolist() == [1, 2, 4]
    assert layer.backward(torch.tensor([5.0, 6.0, 7.0])).tolist() == [[5, 6, 0], [0, 0, 7]]


def test_first_weights_are_those_of_the_paper() -> None:
    weights = first_weights("lenet300", 1)
    before = torch.random.get_rng_state()
    assert torch.equal(weights["fc1.weight"], first_weights("lenet300", 1)["fc1.weight"])
    assert torch.equal(before, torch.random.get_rng_state())
    assert not torch.equal(weights["fc1.weight"], first_weights("lenet300", 2)["fc1.weight"])
    for name in prunable("lenet300"):
        outputs, inputs = weights[name].shape
        expected = (2 / (inputs + outputs)) ** 0.5  # Glorot and Bengio (2010), normal
        assert float(weights[name].std()) == pytest.approx(expected, rel=0.1)
        assert not weights[name.replace("weight", "bias")].any()


def test_output_layer_is_last() -> None:
    assert prunable("lenet")[0] == "conv1.weight"
    assert {prunable(name)[-1] for name in NETWORKS} == {"fc3.weight"}
