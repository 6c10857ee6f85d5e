"""The steps of pruning, and that the code beside each step does what is shown."""

import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.core.errors import BadInput
from efficiency.core.pruning import AnatomyStep, ModuleAnatomy, Role
from efficiency.core.requests import PruneRequest
from efficiency.routines.pruning import methods
from efficiency.routines.pruning.anatomy import (
    pruned_with_anatomy,
    tutorial_anatomy,
)
from efficiency.workloads import catalogue


@pytest.fixture(scope="module")
def lenet() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return catalogue.get("lenet").build()


@pytest.fixture(scope="module")
def tutorial(lenet: nn.Module) -> ModuleAnatomy:
    anatomy = tutorial_anatomy(lenet, seed=3)
    assert anatomy is not None
    return anatomy


def names(step: AnatomyStep, role: Role) -> list[str]:
    return [tensor.name for tensor in step.tensors if tensor.role is role]


def step_of(anatomy: ModuleAnatomy, code: str, which: int = 0) -> AnatomyStep:
    return [step for step in anatomy.steps if step.code == code][which]


BIAS = 'prune.l1_unstructured(module, name="bias", amount=3)'


def test_names_are_those_that_the_tutorial_prints(tutorial: ModuleAnatomy) -> None:
    assert (tutorial.module, tutorial.module_type) == ("conv1", "Conv2d")
    assert names(tutorial.steps[0], Role.PARAMETER) == ["weight", "bias"]

    pruned = step_of(tutorial, 'prune.random_unstructured(module, name="weight", amount=0.3)')
    assert names(pruned, Role.PARAMETER) == ["bias", "weight_orig"]  # In [3]
    assert names(pruned, Role.BUFFER) == ["weight_mask"]
    assert names(pruned, Role.ATTRIBUTE) == ["weight"]  # In [13]
    assert [(hook.hook, hook.tensor) for hook in pruned.hooks] == [("RandomUnstructured", "weight")]

    bias = step_of(tutorial, BIAS)
    assert {*names(bias, Role.PARAMETER)} == {"bias_orig", "weight_orig"}  # In [15]
    assert {*names(bias, Role.BUFFER)} == {"bias_mask", "weight_mask"}
    assert {*names(bias, Role.ATTRIBUTE)} == {"weight", "bias"}
    assert {hook.hook for hook in bias.hooks} == {"RandomUnstructured", "L1Unstructured"}

    again = step_of(tutorial, BIAS, 1)  # as its cell had run twice, all of the bias is masked
    assert [hook.hook for hook in again.hooks] == ["RandomUnstructured", "PruningContainer"]
    assert again.hooks[1].inside == ("L1Unstructured", "L1Unstructured")
    masks = {tensor.name: tensor for tensor in again.tensors}
    assert masks["bias_mask"].values == masks["bias"].values == (0,) * 6

    removed = step_of(tutorial, 'prune.remove(module, "weight")')
    assert names(removed, Role.PARAMETER) == ["bias_orig", "weight"]  # In [16]
    assert names(removed, Role.BUFFER) == ["bias_mask"]
    assert {*removed.gone} == {"weight_orig", "weight_mask"}
    assert [hook.tensor for hook in removed.hooks] == ["bias"]

    assert names(tutorial.steps[-1], Role.PARAMETER) == ["weight", "bias"]
    assert tutorial.steps[-1].hooks == ()
    assert names(tutorial.steps[-1], Role.BUFFER) == names(tutorial.steps[-1], Role.ATTRIBUTE) == []


def test_what_changed_is_marked(tutorial: ModuleAnatomy) -> None:
    assert not any(tensor.changed for tensor in tutorial.steps[0].tensors)
    pruned, bias, again = tutorial.steps[1:4]
    changed = [{each.name for each in step.tensors if each.changed} for step in tutorial.steps]
    assert changed[1] == {"weight_orig", "weight_mask", "weight"}
    assert changed[2] == {"bias_orig", "bias_mask", "bias"}
    assert changed[3] == {"bias_mask", "bias"}
    assert changed[6] == {"bias"}
    assert [hook.changed for hook in pruned.hooks] == [True]
    assert [hook.changed for hook in bias.hooks] == [False, True]
    # A container has a key of its own: PyTorch takes the hook off and puts the new one last.
    assert [(hook.key, hook.changed) for hook in again.hooks] == [(0, False), (2, True)]
    assert [step.hooks_gone for step in tutorial.steps] == [0, 0, 0, 1, 1, 1, 1]


def test_numbers_are_those_of_the_model(lenet: nn.Module, tutorial: ModuleAnatomy) -> None:
    weight = lenet.get_parameter("conv1.weight").detach()
    before = {tensor.name: tensor for tensor in tutorial.steps[0].tensors}
    assert torch.equal(torch.tensor(before["weight"].values).view(6, 1, 3, 3), weight)
    after = {tensor.name: tensor for tensor in tutorial.steps[1].tensors}
    assert after["weight_orig"].values == before["weight"].values
    assert after["weight_mask"].nonzero == after["weight"].nonzero == 54 - round(0.3 * 54)
    product = torch.tensor(after["weight_mask"].values) * weight.flatten()
    assert torch.equal(torch.tensor(after["weight"].values), product)
    assert torch.equal(lenet.get_parameter("conv1.weight"), weight)
    assert not lenet.get_submodule("conv1")._forward_pre_hooks


def requested(**fields: object) -> PruneRequest:
    return PruneRequest(workload="lenet", seed=3, **fields)  # type: ignore[arg-type]


REQUESTS = [
    requested(technique="l1_unstructured", amount="0.3"),
    requested(technique="random_unstructured", amount="0.2", iterations=3),
    requested(technique="ln_structured", amount="1", norm="inf", parameters=("conv2.weight",)),
    requested(technique="global_unstructured", amount="0.5", iterations=2),
    requested(technique="random_unstructured", amount="50", scope="global"),
    requested(technique="identity"),
    requested(technique="every_nth", every=3, parameters=("fc3.bias", "fc3.weight")),
    requested(technique="threshold", threshold=0.1, scope="global"),
]


def run_as_shown(model: nn.Module, anatomy: ModuleAnatomy) -> list[dict[str, Tensor]]:
    """What the module holds after each line of code that is shown, typed in by somebody else."""
    scope = {"model": model, "prune": prune, "EveryNth": methods.EveryNth}
    scope |= {"every_nth": methods.every_nth, "Threshold": methods.Threshold}
    found = []
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for step in anatomy.steps:
            exec(step.code, scope)  # noqa: S102
            module = scope["module"]
            tensors = (*module.named_parameters(), *module.named_buffers(), *vars(module).items())
            found.append(
                {name: tensor.clone() for name, tensor in tensors if isinstance(tensor, Tensor)}
            )
    return found


@pytest.mark.parametrize(
    "wanted", [None, *REQUESTS], ids=lambda each: getattr(each, "technique", "")
)
def test_the_code_beside_a_step_is_what_was_done(
    lenet: nn.Module, tutorial: ModuleAnatomy, wanted: PruneRequest | None
) -> None:
    anatomy = tutorial if wanted is None else pruned_with_anatomy(lenet, wanted)[2]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = catalogue.get("lenet").build()
    if wanted is not None and wanted.technique.startswith("random") and len(anatomy.steps) == 5:
        # A student who prunes this module only draws other numbers from the second step on.
        anatomy = ModuleAnatomy(
            title="", module="conv1", module_type="Conv2d", steps=anatomy.steps[:2]
        )
    for step, tensors in zip(anatomy.steps, run_as_shown(model, anatomy), strict=True):
        assert [tensor.name for tensor in step.tensors] == [*tensors]
        for state in step.tensors:
            expected = tensors[state.name]
            assert state.shape == tuple(expected.shape)
            assert state.nonzero == int(expected.count_nonzero())
            assert bool(state.values) == (expected.numel() <= 512)
            if state.values:
                assert torch.equal(torch.tensor(state.values), expected.flatten())


@pytest.mark.parametrize("wanted", REQUESTS, ids=lambda each: each.technique)
def test_steps_of_a_request_end_with_the_masks_of_the_study(
    lenet: nn.Module, wanted: PruneRequest
) -> None:
    _, masks, anatomy = pruned_with_anatomy(lenet, wanted)
    assert len(anatomy.steps) == wanted.iterations + 2
    first, name = next(iter(masks)), next(iter(masks)).rpartition(".")[2]
    assert anatomy.module == first.rpartition(".")[0]
    last = {tensor.name: tensor for tensor in anatomy.steps[-2].tensors}
    assert last[f"{name}_mask"].nonzero == int(masks[first].sum())
    assert len(anatomy.steps[-2].hooks[0].inside) == (
        wanted.iterations if wanted.iterations > 1 else 0
    )
    assert all(re.fullmatch(r"[^\n]+\.", step.said) for step in anatomy.steps)


def test_a_model_that_is_one_layer_is_pruned_too() -> None:
    alone, _, steps = pruned_with_anatomy(nn.Linear(3, 4), requested())
    assert prune.is_pruned(alone)
    assert steps.steps[0].code == "module = model"


def test_layers_without_a_long_bias_are_passed_over() -> None:
    model = nn.Sequential(nn.Conv2d(1, 9, 3, bias=False), nn.Linear(3, 5), nn.Linear(5, 6))
    anatomy = tutorial_anatomy(model, 0)
    assert anatomy is not None
    assert (anatomy.module, anatomy.steps[0].code) == ("2", "module = model[2]")
    assert tutorial_anatomy(model[:2], 0) is None


def test_a_request_that_cannot_be_done_has_no_anatomy(lenet: nn.Module) -> None:
    with pytest.raises(BadInput, match="6 weights, so 7 cannot"):
        pruned_with_anatomy(lenet, requested(parameters=("conv1.bias",), amount="7"))
