"""The catalogue: what is in it is what its descriptions and signatures say."""

import pytest
import torch
from torch import nn

from efficiency.core.errors import UnknownName
from efficiency.workloads import catalogue, recognise, training
from efficiency.workloads.inputs import random_inputs


@pytest.mark.parametrize("name", catalogue.names())
def test_shipped_signature_is_that_of_the_architecture(name: str) -> None:
    with torch.device("meta"):
        state = catalogue.get(name).build().state_dict()
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    assert recognise.signatures()[name] == shapes
    assert recognise.recognise(shapes) == name
    assert recognise.mismatch(shapes, name) is None


def test_lenet_is_the_tutorials() -> None:
    # 1*6*9+6, 6*16*9+16, 400*120+120, 120*84+84, 84*10+10
    assert sum(p.numel() for p in catalogue.get("lenet").build().parameters()) == 60_074


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("lenet", (3, 10)),
        ("mlp", (3, 10)),
        ("lenet300", (3, 10)),
        ("cnn", (3, 10)),
        ("mobilenet", (3, 10)),
        ("transformer", (3, 6)),
        ("lstm", (3, 64, 97)),
    ],
)
def test_runs_on_inputs_of_its_shape(name: str, shape: tuple[int, ...]) -> None:
    workload = catalogue.get(name)
    batch = random_inputs((3, *workload.input_shape[1:]), workload.vocabulary)
    assert workload.build()(batch).shape == shape


@pytest.mark.parametrize("name", ["transformer", "lstm"])
def test_vocabulary_is_that_of_the_embedding(name: str) -> None:
    workload = catalogue.get(name)
    embedding = next(each for each in workload.build().modules() if isinstance(each, nn.Embedding))
    assert embedding.num_embeddings == workload.vocabulary


def test_what_is_trained_has_a_recipe_and_the_rest_has_none() -> None:
    for workload in catalogue.WORKLOADS.values():
        assert (workload.data is None) == (workload.recipe is None) == (workload.score_name is None)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda shapes: shapes.pop("fc3.bias"), "no tensor 'fc3.bias'"),
        (lambda shapes: shapes.update({"fc1.weight": (7, 7)}), "instead of (120, 400)"),
    ],
)
def test_what_does_not_fit_is_named(change: object, sentence: str) -> None:
    shapes = dict(recognise.signatures()["lenet"])
    change(shapes)  # type: ignore[operator]
    assert recognise.recognise(shapes) is None
    assert sentence in str(recognise.mismatch(shapes, "lenet"))


def test_untrained_networks_have_outputs_that_depend_on_their_inputs() -> None:
    workload = catalogue.get("mobilenetv2")
    model = workload.build()
    model.load_state_dict(training.trained(workload, 0))
    with torch.no_grad():
        logits = model(random_inputs((4, 3, 224, 224))).logits
    # random weights without batch statistics: all four the same to seven digits
    assert float(logits.std(0).mean()) > 0.01


def test_what_is_left_over_is_not_recognised_but_can_be_chosen() -> None:
    shapes = {**recognise.signatures()["lenet"], "more": (1,)}
    assert recognise.recognise(shapes) is None
    assert recognise.fitting(shapes) == ("lenet",)


def test_files_without_batch_counters_are_recognised() -> None:
    known = recognise.signatures()["resnet50"]
    shapes = {name: shape for name, shape in known.items() if not name.endswith("tracked")}
    assert len(shapes) < len(known)
    assert recognise.recognise(shapes) == "resnet50"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownName, match="lenet"):
        catalogue.get("lenet5")


def test_digits_are_split_without_overlap() -> None:
    split = catalogue.get("lenet").load_split()
    assert split is not None
    assert split.held_out_inputs.shape == (360, 1, 28, 28)
    assert split.train_inputs.shape == (1437, 1, 28, 28)
    assert 0 <= float(split.train_inputs.min()) < float(split.train_inputs.max()) <= 1
    held_out = {tuple(image.flatten().tolist()) for image in split.held_out_inputs}
    train = {tuple(image.flatten().tolist()) for image in split.train_inputs}
    assert not held_out & train
