"""Masks as requests ask for them, against `torch.nn.utils.prune` used directly."""

import copy
import re
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.errors import BadInput, Unavailable, UnknownName
from efficiency.core.requests import PRUNING_TECHNIQUES, STRUCTURED, PruneRequest
from efficiency.routines.pruning import methods
from efficiency.routines.pruning.selection import asked, chosen, prunable
from efficiency.routines.pruning.unstructured import (
    make_permanent,
    masks_of,
    prune_once,
)
from efficiency.workloads import catalogue
from tests.routines.pruned import pruned_copy


class Small(nn.Module):
    """A convolution, a recurrent and two linear layers, one without a bias; of odd sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 7, 3)
        self.norm = nn.BatchNorm1d(7)
        self.rnn = nn.LSTM(7, 5, batch_first=True)
        self.fc = nn.Linear(5, 11)
        self.head = nn.Linear(11, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(self.norm(self.conv(x)).transpose(1, 2))
        output: Tensor = self.head(torch.relu(self.fc(states)))
        return output


WEIGHTS = ("conv.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "fc.weight", "head.weight")
BY_AMOUNT = [each for each in PRUNING_TECHNIQUES if "structured" in each]


def small(seed: int = 0) -> Small:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Small().eval()


def inputs() -> Tensor:
    return torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(1))


def request(**fields: object) -> PruneRequest:
    return PruneRequest(workload="lenet", **fields)  # type: ignore[arg-type]


def together(technique: str, scope: str) -> bool:
    return scope == "global" or technique == "global_unstructured"


def leaves_nothing(model: nn.Module, question: PruneRequest) -> bool:
    """Whether PyTorch, if asked nevertheless, leaves nothing of a parameter or gives up."""
    places = chosen(model, ())
    try:
        for _ in range(question.iterations):
            prune_once(places, question)
    except (ValueError, IndexError, RuntimeError):
        return True
    return any(not mask.any() for mask in masks_of(model).values())


amounts = st.one_of(st.floats(0, 0.8).map(lambda share: f"{share:.3f}"), st.integers(0, 1).map(str))


@given(
    technique=st.sampled_from(BY_AMOUNT),
    amount=amounts,
    scope=st.sampled_from(["layer", "global"]),
    iterations=st.integers(1, 3),
    dim=st.integers(0, 1),
    seed=st.integers(0, 3),
)
@settings(max_examples=80)
def test_reached_sparsity_is_the_one_asked_for(
    technique: str, amount: str, scope: str, iterations: int, dim: int, seed: int
) -> None:
    if technique in STRUCTURED:
        scope = "layer"
    question = request(
        technique=technique, amount=amount, scope=scope, iterations=iterations, dim=dim, seed=seed
    )
    try:
        _, masks = pruned_copy(small(seed), question)
    except BadInput:
        assert leaves_nothing(small(seed), question)
        return
    assert tuple(masks) == WEIGHTS
    counted = {
        name: mask.amax([each for each in range(mask.ndim) if each != dim])
        if technique in STRUCTURED
        else mask.flatten()
        for name, mask in masks.items()
    }
    if together(technique, scope):
        counted = {"all": torch.cat(list(counted.values()))}
    for units in counted.values():
        left = float(units.sum())
        assert left > 0
        if "." in amount:
            # Every iteration rounds to a whole number.
            assert left == pytest.approx(
                len(units) * (1 - float(amount)) ** iterations, abs=0.5 * iterations + 1e-6
            )
        else:
            assert left == len(units) - int(amount) * iterations


@given(
    technique=st.sampled_from(PRUNING_TECHNIQUES),
    scope=st.sampled_from(["layer", "global"]),
    seed=st.integers(0, 3),
)
@settings(max_examples=30)
def test_masks_only_shrink_and_nothing_else_changes(technique: str, scope: str, seed: int) -> None:
    if technique in STRUCTURED:
        scope = "layer"
    model = small(seed)
    before = copy.deepcopy(model.state_dict())
    random_state = torch.random.get_rng_state()
    earlier: dict[str, Tensor] = {}
    for iterations in (1, 2, 3):
        question = request(
            technique=technique, amount="0.3", scope=scope, iterations=iterations, seed=seed
        )
        pruned, masks = pruned_copy(model, question)
        assert all(set(mask.unique().tolist()) <= {0.0, 1.0} for mask in masks.values())
        assert all(bool((masks[name] <= mask).all()) for name, mask in earlier.items())
        earlier = masks
    assert torch.equal(random_state, torch.random.get_rng_state())
    with_hooks = pruned(inputs())
    make_permanent(pruned)
    after = pruned.state_dict()
    assert torch.equal(pruned(inputs()), with_hooks)
    assert after.keys() == before.keys()
    assert not any(module._forward_pre_hooks for module in pruned.modules())
    for name, tensor in before.items():
        assert torch.equal(model.state_dict()[name], tensor), "the caller's model was changed"
        assert torch.equal(after[name], tensor * masks[name] if name in masks else tensor)


def each_weight(method: Callable[[nn.Module, str], object]) -> Callable[[nn.Module], None]:
    """The method on all weights of a Small, one after the other."""

    def apply(model: nn.Module) -> None:
        for name in WEIGHTS:
            path, _, attribute = name.rpartition(".")
            method(model.get_submodule(path), attribute)

    return apply


def all_weights(method: type[prune.BasePruningMethod], **settings: object) -> Callable:
    """PyTorch's global pruning of all weights of a Small."""

    def apply(model: nn.Module) -> None:
        split = (name.rpartition(".") for name in WEIGHTS)
        places = [(model.get_submodule(path), attribute) for path, _, attribute in split]
        prune.global_unstructured(places, method, **settings)

    return apply


DIRECTLY = [
    (
        {"technique": "l1_unstructured", "amount": "0.3"},
        each_weight(lambda module, name: prune.l1_unstructured(module, name, 0.3)),
    ),
    (
        {"technique": "random_unstructured", "amount": "7"},
        each_weight(lambda module, name: prune.random_unstructured(module, name, 7)),
    ),
    (
        {"technique": "ln_structured", "amount": "0.3", "norm": "1"},
        each_weight(lambda module, name: prune.ln_structured(module, name, 0.3, n=1, dim=0)),
    ),
    (
        {"technique": "ln_structured", "amount": "1", "norm": "inf", "dim": 1},
        each_weight(
            lambda module, name: prune.ln_structured(module, name, 1, n=float("inf"), dim=1)
        ),
    ),
    (
        {"technique": "random_structured", "amount": "0.3", "dim": 1},
        each_weight(lambda module, name: prune.random_structured(module, name, 0.3, dim=1)),
    ),
    ({"technique": "identity"}, each_weight(prune.identity)),
    (
        {"technique": "global_unstructured", "amount": "0.4"},
        all_weights(prune.L1Unstructured, amount=0.4),
    ),
    (
        {"technique": "random_unstructured", "amount": "50", "scope": "global"},
        all_weights(prune.RandomUnstructured, amount=50),
    ),
]


@pytest.mark.parametrize("iterations", [1, 2])
@pytest.mark.parametrize(
    ("fields", "directly"), DIRECTLY, ids=[str(fields) for fields, _ in DIRECTLY]
)
def test_results_equal_pytorch_used_directly(
    fields: dict[str, object], directly: Callable[[nn.Module], None], iterations: int
) -> None:
    pruned, masks = pruned_copy(small(), request(iterations=iterations, seed=5, **fields))
    expected = small()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        for _ in range(iterations):
            directly(expected)
    assert {name: type(hook) for name, hook in hooks(pruned).items()} == {
        name: type(hook) for name, hook in hooks(expected).items()
    }
    assert isinstance(hooks(pruned)["fc"], prune.PruningContainer) == (iterations > 1)
    buffers = dict(expected.named_buffers())
    assert all(torch.equal(mask, buffers[f"{name}_mask"]) for name, mask in masks.items())
    assert pruned.state_dict().keys() == expected.state_dict().keys()
    assert torch.equal(pruned(inputs()), expected(inputs()))


def hooks(model: nn.Module) -> dict[str, object]:
    return {
        path: hook
        for path, module in model.named_modules()
        for hook in module._forward_pre_hooks.values()
    }


def test_every_weight_that_is_masked_is_really_zero_to_a_recurrent_layer() -> None:
    pruned, masks = pruned_copy(small(), request(amount="0.9"))
    emptied = small()
    with torch.no_grad():
        for name, mask in masks.items():
            emptied.get_parameter(name).mul_(mask)
    assert torch.equal(pruned(inputs()), emptied(inputs()))
    assert not torch.equal(pruned(inputs()), small()(inputs()))


def test_pruned_models_can_be_copied_and_trained_with_their_zeros() -> None:
    pruned, masks = pruned_copy(small(), request())
    copied = copy.deepcopy(pruned)
    copied(inputs()).square().sum().backward()
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter -= 0.1 * parameter.grad
    make_permanent(copied)
    trained = copied.state_dict()
    assert all(not trained[name][mask == 0].any() for name, mask in masks.items())
    assert not torch.equal(trained["fc.weight"], pruned.get_submodule("fc").weight)


def test_zeros_have_no_sign_in_the_file() -> None:
    pruned, _ = pruned_copy(small(), request())
    make_permanent(pruned)
    for tensor in pruned.state_dict().values():
        assert not bool(tensor[tensor == 0].signbit().any())


def test_the_seed_decides_what_goes_at_random() -> None:
    def mask(seed: int) -> Tensor:
        return pruned_copy(small(), request(technique="random_unstructured", seed=seed))[1][
            "fc.weight"
        ]

    assert torch.equal(mask(0), mask(0))
    assert not torch.equal(mask(0), mask(1))


def test_only_what_is_named_is_pruned() -> None:
    question = request(parameters=("fc.bias", "conv.weight", "fc.bias"), amount="3")
    _, masks = pruned_copy(small(), question)
    assert {name: int((mask == 0).sum()) for name, mask in masks.items()} == {
        "conv.weight": 3,
        "fc.bias": 3,
    }


def test_every_nth_prunes_every_nth_of_what_is_left() -> None:
    layer = nn.Linear(12, 1)
    assert methods.every_nth(layer, "weight", every=3) is layer
    assert layer.weight_mask.flatten().tolist() == [1, 1, 0] * 4
    methods.every_nth(layer, "weight", every=4)
    assert layer.weight_mask.flatten().tolist() == [1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 0]


def test_threshold_prunes_what_is_smaller() -> None:
    layer = nn.Linear(4, 1)
    layer.weight.data = torch.tensor([[0.1, -0.2, -0.05, 0.3]])
    assert methods.threshold(layer, "weight", threshold=0.1) is layer
    assert layer.weight_mask.tolist() == [[1, 1, 0, 1]]
    methods.threshold(layer, "weight", threshold=0.25)
    assert layer.weight_mask.tolist() == [[0, 0, 0, 1]]


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_requests_reach_the_methods_of_our_own(scope: str) -> None:
    model = small()
    _, masks = pruned_copy(model, request(technique="threshold", threshold=0.1, scope=scope))
    for name, mask in masks.items():
        assert torch.equal(mask == 1, model.get_parameter(name).abs() >= 0.1)
    _, masks = pruned_copy(model, request(technique="every_nth", every=3, scope=scope))
    if scope == "layer":
        counts = {name: int((mask == 0).sum()) for name, mask in masks.items()}
        assert counts == {name: mask.numel() // 3 for name, mask in masks.items()}
    flat = torch.cat([mask.flatten() for mask in masks.values()])
    zeros = (flat == 0).nonzero().flatten() + 1
    assert scope == "layer" or torch.equal(zeros, torch.arange(3, len(flat) + 1, 3))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"parameters": ("fc.wieght",)}, "no parameter called 'fc.wieght'; try fc.weight"),
        ({"parameters": ("fc",)}, "fc is a layer; write the parameters .* fc.weight, fc.bias"),
        ({"parameters": ("rnn",)}, "rnn.weight_ih_l0, .* and so on"),
        (
            {"technique": "ln_structured", "parameters": ("fc.weight", "fc.bias")},
            "fc.bias has one dimension and so no channels",
        ),
        ({"technique": "random_structured", "parameters": ("norm.weight",)}, "one dimension"),
        ({"amount": "100"}, "conv.weight has 63 weights, so 100 cannot be pruned"),
        ({"amount": "44"}, "head.weight has 44 weights, and an amount of 44 prunes all"),
        (
            {"amount": "20", "iterations": 3},
            "fc.weight has 15 weights left in iteration 3, so 20 cannot",
        ),
        ({"amount": "9999", "scope": "global"}, "All parameters together have .* 9999"),
        (
            {"technique": "ln_structured", "amount": "3", "dim": 1},
            "conv.weight has 3 input channels, and an amount of 3 prunes all",
        ),
        ({"technique": "random_structured", "amount": "0.95"}, "conv.weight has 7 output channels"),
        (
            {"technique": "ln_structured", "amount": "1", "iterations": 4},
            "head.weight has 1 output channel left in iteration 4",
        ),
        ({"technique": "threshold", "threshold": 2.0}, "All weights are smaller .* 2; choose one"),
    ],
    ids=lambda each: str(each)[:50],
)
def test_what_the_model_cannot_be_asked_for(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput) as raised:
        pruned_copy(small(), request(**fields))
    assert re.search(sentence, str(raised.value))
    assert str(raised.value).endswith(".")
    assert "\n" not in str(raised.value)


def test_names_are_looked_up_in_the_model() -> None:
    assert prunable(small()) == asked(small(), ()) == WEIGHTS
    model = small()
    assert chosen(model, ("fc.bias",)) == ((model.fc, "bias"),)
    assert prunable(nn.Linear(1, 1)) == ("weight",)
    assert prunable(catalogue.get("lenet").build()) == tuple(
        f"{layer}.weight" for layer in ("conv1", "conv2", "fc1", "fc2", "fc3")
    )
    with pytest.raises(UnknownName):
        asked(model, ("",))
    with pytest.raises(Unavailable, match="no linear, convolution or recurrent layer"):
        asked(nn.BatchNorm1d(3), ())
    whole = nn.Module()
    whole.register_parameter("count", nn.Parameter(torch.ones(2, dtype=int), requires_grad=False))
    with pytest.raises(BadInput, match="whole numbers"):
        asked(whole, ("count",))
