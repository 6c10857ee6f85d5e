"""Whole channels taken out of a network, so that less is left to compute.

What is left is checked before it is handed out: it must give what the whole network gives when
nothing reads those channels. `promised_macs` is arithmetic on the shapes of the plan, `macs_after`
is counted while the smaller network runs; they must agree.
"""

import copy
from math import ceil

import torch
from torch import Tensor, nn

from efficiency.core.errors import Unavailable
from efficiency.core.pruning import ChannelGroup, ChannelRemoval
from efficiency.core.quiet import quiet
from efficiency.core.units import share_text
from efficiency.measure.operations import count_operations
from efficiency.measure.outputs import output_tensor
from efficiency.routines.pruning.channel_macs import positions_of, promised
from efficiency.routines.pruning.channel_plan import NOT_FOLLOWED, Plan, plan
from efficiency.routines.pruning.magnitude import fine_tune
from efficiency.routines.pruning.stacked_lstm import lost_units
from efficiency.routines.recipes import narrowed
from efficiency.routines.subject import Subject, example_input
from efficiency.routines.variant import Variant, coverage_of
from efficiency.workloads.inputs import random_inputs
from efficiency.workloads.training import evaluate

DEVIATION = 1e-3  # of the outputs' norm; in float32 the order of sums alone makes about 1e-6


def without_channels(
    subject: Subject, share: float, *, epochs: float | None = None
) -> tuple[Variant, ChannelRemoval]:
    """The file of the network without `share` of every group's channels, and what was taken out.

    epochs: passes over the data afterwards, None for an eighth of the training, 0 for none; there
    is no fine-tuning where there are no data. Raises Unavailable where no channel can be taken out.
    """
    smaller, made = narrow(subject, share)
    example = example_input(subject.workload)
    before = count_operations(subject.model, (example,))
    after = count_operations(smaller, (example,))
    macs_before = sum(each.macs for each in before.layers)
    untuned = None if subject.split is None else evaluate(smaller, subject.split)
    steps = fine_tune(smaller, subject, epochs) if _trainable(subject) and epochs != 0 else None
    removal = ChannelRemoval(
        row=f"channels-{100 * share:.0f}",
        share=share,
        groups=tuple(
            ChannelGroup(layers=each.layers, before=each.before, after=each.before - len(each.lost))
            for each in made.removals
        ),
        macs_before=macs_before,
        macs_after=sum(each.macs for each in after.layers),
        promised_macs=promised(
            subject.model, made, positions_of(subject.model, example), macs_before
        ),
        parameters_before=_size(subject.model),
        parameters_after=_size(smaller),
        untuned_score=untuned,
    )
    lost = made.lost_inputs.keys() | made.lost_outputs.keys()
    variant = Variant(
        recipe=narrowed,
        tensors=dict(smaller.state_dict()),
        coverage=coverage_of(
            subject.model,
            lambda name, layer: (
                None if name in lost else made.kept.get(name, "none of its channels went")
            ),
        ),
        notes=_notes(subject, made, untuned, steps),
        reshaped=True,
    )
    return variant, removal


def narrow(subject: Subject, share: float) -> tuple[nn.Module, Plan]:
    """A smaller copy of the network, not tuned, and the plan that it was made by.

    Raises Unavailable where no channel can be taken out, or what is left computes something else.
    """
    workload = subject.workload
    smaller = copy.deepcopy(subject.model)
    pair = random_inputs((2, *workload.input_shape[1:]), workload.vocabulary, subject.seed)
    made = plan(smaller, pair, share)
    if not made.removals:
        raise Unavailable(f"No channel can be taken out of this network: {_why_none(made)}.")
    reference = _deaf(subject.model, made)
    try:
        with quiet():
            for each in made.removals:
                each.group.prune(list(each.lost))
        whole, left = _run(reference, pair), _run(smaller, pair)
        single = _run(smaller, pair[:1])
    except NOT_FOLLOWED as error:
        raise Unavailable(
            "torch-pruning took the wrong channels out of this network, so that it does not run: "
            f"{str(error).partition(chr(10))[0]}"
        ) from error
    if not whole.isfinite().all():
        raise Unavailable(
            "The outputs of this network are NaN or infinite, so nothing can tell whether fewer "
            "channels compute the same."
        )
    for expected, found in ((whole, left), (whole[:1], single)):
        if not (found - expected).norm() <= DEVIATION * expected.norm():
            raise Unavailable(
                "Without the channels that torch-pruning would take out, this network does not "
                "compute what it does when they are not read; something mixes its channels."
            )
    for parameter in smaller.parameters():
        parameter.grad = None
    return smaller.eval(), made


def _deaf(model: nn.Module, made: Plan) -> nn.Module:
    """A copy of the whole model in which no layer reads the channels that are to go."""
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for path, lost in made.lost_inputs.items():
            layer = copied.get_submodule(path)
            name = "weight_ih_l0" if isinstance(layer, nn.LSTM) else "weight"
            layer.get_parameter(name)[:, sorted(lost)] = 0.0
        for path, lost in made.lost_outputs.items():
            layer = copied.get_submodule(path)
            if isinstance(layer, nn.LSTM):
                for level, units in enumerate(lost_units(layer, sorted(lost))):
                    getattr(layer, f"weight_hh_l{level}")[:, units] = 0.0
                    if level + 1 < layer.num_layers:
                        getattr(layer, f"weight_ih_l{level + 1}")[:, units] = 0.0
    return copied.eval()


@torch.no_grad()
def _run(model: nn.Module, inputs: Tensor) -> Tensor:
    return output_tensor(model.eval()(inputs))


def _why_none(made: Plan) -> str:
    """The reason of the first layer that is not the output."""
    path, reason = next(iter(reversed(made.kept.items())), ("it", "it has no layer with channels"))
    return f"{path}: {reason}"


def _notes(
    subject: Subject, made: Plan, untuned: float | None, steps: int | None
) -> tuple[str, ...]:
    """How it was tuned, and which layers stayed as they were for being small."""
    notes = []
    recipe, split = subject.workload.recipe, subject.split
    if steps is not None and recipe is not None and split is not None:
        notes.append(
            f"Fine-tuned for {steps} steps of {recipe.batch} inputs; before, it scored "
            f"{share_text(untuned)}."
        )
        trained = round(recipe.epochs * ceil(len(split.train_labels) / recipe.batch))
        if steps > trained:
            notes.append(
                f"That is more than the {trained} steps of its training, so a score above the "
                "baseline's comes from more training, not from fewer channels."
            )
    elif split is None:
        notes.append("Not fine-tuned, as there are no data for this model.")
    if small := [path for path, reason in made.kept.items() if "too few" in reason]:
        notes.append(f"Too few channels to take that share out: {', '.join(small)}.")
    return tuple(notes)


def _trainable(subject: Subject) -> bool:
    return subject.split is not None and subject.workload.recipe is not None


def _size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
