"""Pruning studies for the tests of charts, exports and pages: LeNet, without data, on its way."""

import base64
from array import array
from dataclasses import replace
from functools import cache
from random import Random

from efficiency.core.pruning import (
    AnatomyStep,
    ChannelGroup,
    ChannelRemoval,
    HookState,
    MaskImage,
    ModuleAnatomy,
    Pruning,
    Role,
    SensitivityPoint,
    SparsityPoint,
    Stored,
    SuggestedAmount,
    Suggestion,
    TensorState,
)
from efficiency.core.requests import PruneRequest
from efficiency.core.values import Finding, Flops, Footprint, Phase, Row, Study
from tests.samples import HOSTILE, MARKDOWN, environment
from tests.samples_quantization import speed, timing

LAYERS = {
    "conv1.weight": (6, 1, 3, 3),
    "conv2.weight": (16, 6, 3, 3),
    "fc1.weight": (120, 400),
    "fc2.weight": (84, 120),
    "fc3.weight": (10, 84),
}
WEIGHTS, PARAMETERS = 59_838, 60_074
SECONDS = 0.00016
# share of zeros: score, score after fine-tuning, bytes zipped, bytes in CSR
CURVE = {
    0.5: (0.9667, 0.9722, 141_000, 245_000),
    0.8: (0.8417, 0.9694, 71_000, 102_000),
    0.9: (0.4611, 0.9639, 42_000, 54_000),
    0.95: (0.2194, 0.9389, 26_000, 30_000),
    0.99: (0.0972, 0.6056, 11_000, 11_200),
}
FILE = 242_680
MACS = 416_520


def image(parameter: str, shape: tuple[int, ...], share: float, seed: int = 0) -> MaskImage:
    """Random weights of a layer, the smallest share of them pruned."""
    random = Random(f"{parameter} {seed}")  # noqa: S311 - a picture, no secret
    rows, columns, tiles = shape[0], shape[1], (0, 0)
    module = "Linear"
    if len(shape) == 4:
        rows, columns, tiles = rows * shape[2], columns * shape[3], (shape[2], shape[3])
        module = "Conv2d"
    steps = [int(max(-1.0, min(1.0, random.gauss(0, 0.3))) * 32_767) for _ in range(rows * columns)]
    gone = set(
        sorted(range(len(steps)), key=lambda at: abs(steps[at]))[: round(share * len(steps))]
    )
    kept = bytes(0 if at in gone else 255 for at in range(len(steps)))
    return MaskImage(
        parameter=parameter,
        module_type=module,
        shape=shape,
        parameters=len(steps),
        nonzero=len(steps) - len(gone),
        rows=rows,
        columns=columns,
        tile_rows=tiles[0],
        tile_columns=tiles[1],
        block_rows=1,
        block_columns=1,
        scale=(0.5 if module == "Conv2d" else 0.2) / 32_767,
        weights=base64.b64encode(array("h", steps).tobytes()).decode(),
        kept=base64.b64encode(kept).decode(),
    )


def down_sampled(parameter: str = "big.weight") -> MaskImage:
    """3 x 5 weights in blocks of 2 x 2: those at the lower and right edge are smaller."""
    steps = (32_767, 10_000, 5_000, 20_000, 30_000, 1_000)
    return MaskImage(
        parameter=parameter,
        module_type="Linear",
        shape=(3, 5),
        parameters=15,
        nonzero=8,
        rows=2,
        columns=3,
        tile_rows=0,
        tile_columns=0,
        block_rows=2,
        block_columns=2,
        scale=1e-5,
        weights=base64.b64encode(array("h", steps).tobytes()).decode(),
        kept=base64.b64encode(bytes((255, 64, 0, 255, 255, 0))).decode(),
    )


@cache
def images() -> tuple[MaskImage, ...]:
    """LeNet's layers with half of each pruned."""
    return tuple(image(name, shape, 0.5) for name, shape in LAYERS.items())


def row(
    name: str,
    label: str,
    *,
    ratio: float | None,
    score: float | None,
    zeros: int = 0,
    zipped: int = 226_000,
    disk: int = FILE,
    parameters: int = PARAMETERS,
    macs: int = MACS,
) -> Row:
    return Row(
        name=name,
        label=label,
        timing=timing(SECONDS, ratio),
        speedup=speed(ratio),
        footprint=Footprint(
            parameters=parameters,
            nonzero=parameters - zeros,
            bytes_on_disk=disk,
            bytes_zipped=zipped,
        ),
        flops=Flops(total=2 * macs),
        score=score,
    )


def rows() -> tuple[Row, ...]:
    """Every row that a study can have, in its order."""
    curve = tuple(
        row(
            f"zeros-{100 * share:.0f}",
            f"{100 * share:.0f} % zeros",
            ratio=1.01 - 0.01 * place,
            score=score,
            zeros=round(share * WEIGHTS),
            zipped=zipped,
        )
        for place, (share, (score, _, zipped, _)) in enumerate(CURVE.items())
    )
    return (
        row("baseline", "baseline (fp32)", ratio=None, score=0.9722),
        row("pruned", "l1_unstructured 0.5", ratio=1.0, score=0.9694, zeros=29_919,
            zipped=139_000),
        row("pruned-tuned", "l1_unstructured 0.5, fine-tuned", ratio=0.99, score=0.975,
            zeros=29_919, zipped=139_500),
        *curve,
        row("csr-90", "90 % zeros, CSR", ratio=0.62, score=0.4611, zeros=53_854, zipped=44_000,
            disk=56_000),
        row("channels-50", "half of the channels removed, fine-tuned", ratio=1.42, score=0.9611,
            parameters=15_460, disk=64_000, zipped=58_000, macs=141_000),
        Row(name="semi-structured", label="2:4 semi-structured",
            unavailable="2:4 sparsity needs a CUDA device of compute capability 8.0 or more."),
    )  # fmt: skip


def tensor(
    name: str, role: Role, shape: tuple[int, ...], values: tuple[float, ...], *, changed: bool
) -> TensorState:
    return TensorState(
        name=name,
        role=role,
        shape=shape,
        nonzero=sum(value != 0 for value in values),
        values=values,
        changed=changed,
    )


def anatomy() -> ModuleAnatomy:
    """The tutorial's sequence on conv1."""
    random = Random(3)  # noqa: S311
    shape = (6, 1, 3, 3)
    weight = tuple(round(random.gauss(0, 0.3), 4) for _ in range(54))
    bias = (0.12, -0.31, 0.02, -0.05, 0.27, 0.01)
    mask = tuple(float(random.random() >= 0.3) for _ in range(54))
    pruned = tuple(value * left for value, left in zip(weight, mask, strict=True))
    few = (1.0, 1.0, 0.0, 0.0, 1.0, 0.0)
    kept = tuple(value * left for value, left in zip(bias, few, strict=True))
    parameter, buffer, attribute = Role.PARAMETER, Role.BUFFER, Role.ATTRIBUTE

    def bias_is(*, changed: bool) -> TensorState:
        return tensor("bias", parameter, (6,), bias, changed=changed)

    def weights(*, changed: bool) -> tuple[TensorState, ...]:
        return (
            tensor("weight_orig", parameter, shape, weight, changed=changed),
            tensor("weight_mask", buffer, shape, mask, changed=changed),
            tensor("weight", attribute, shape, pruned, changed=changed),
        )

    biases = (
        tensor("bias_orig", parameter, (6,), bias, changed=True),
        tensor("bias_mask", buffer, (6,), few, changed=True),
        tensor("bias", attribute, (6,), kept, changed=True),
    )
    by_weight = HookState(key=0, hook="RandomUnstructured", tensor="weight", changed=True)
    by_bias = HookState(key=1, hook="L1Unstructured", tensor="bias", changed=True)
    steps = (
        AnatomyStep(
            title="Before",
            code="module = model.conv1",
            said="Two parameters and nothing else.",
            tensors=(
                tensor("weight", parameter, shape, weight, changed=False),
                bias_is(changed=False),
            ),
        ),
        AnatomyStep(
            title="Prune the weight",
            code='prune.random_unstructured(module, name="weight", amount=0.3)',
            said="weight is no parameter any more: it is computed from weight_orig and its mask.",
            tensors=(bias_is(changed=False), *weights(changed=True)),
            hooks=(by_weight,),
        ),
        AnatomyStep(
            title="Prune the bias",
            code='prune.l1_unstructured(module, name="bias", amount=3)',
            said="The three smallest of six entries go.",
            tensors=(*weights(changed=False), *biases),
            hooks=(replace(by_weight, changed=False), by_bias),
        ),
        AnatomyStep(
            title="Make it permanent",
            code='prune.remove(module, "weight")',
            said="weight is a parameter again, with its zeros.",
            tensors=(
                *(replace(each, changed=False) for each in biases),
                tensor("weight", parameter, shape, pruned, changed=True),
            ),
            hooks=(replace(by_bias, changed=False),),
            gone=("weight_orig", "weight_mask"),
            hooks_gone=1,
        ),
    )
    return ModuleAnatomy(
        title="The tutorial's sequence", module="conv1", module_type="Conv2d", steps=steps
    )


def own_anatomy() -> ModuleAnatomy:
    """Pruning twice: a container inside the hook, and a tensor too large to list."""
    first = anatomy().steps[0]
    large = TensorState(name="weight", role=Role.PARAMETER, shape=(120, 400), nonzero=48_000)
    pruned = replace(large, name="weight", role=Role.ATTRIBUTE, nonzero=24_000, changed=True)
    return ModuleAnatomy(
        title="This run",
        module="fc1",
        module_type="Linear",
        steps=(
            replace(first, code="module = model.fc1", tensors=(large,)),
            AnatomyStep(
                title="Prune twice",
                code='prune.l1_unstructured(module, name="weight", amount=0.3)',
                said="The second method is put into a container with the first.",
                tensors=(replace(large, name="weight_orig", changed=True), pruned),
                hooks=(
                    HookState(
                        key=4,
                        hook="PruningContainer",
                        tensor="weight",
                        inside=("L1Unstructured", "L1Unstructured"),
                        changed=True,
                    ),
                ),
            ),
        ),
    )


def sensitivity() -> tuple[SensitivityPoint, ...]:
    """conv1 is the most fragile layer, fc1 the least."""
    falls = dict(zip(LAYERS, (0.5, 0.3, 0.04, 0.08, 0.15), strict=True))
    return tuple(
        SensitivityPoint(parameter=name, amount=amount, score=0.9722 - fall * amount**3)
        for name, fall in falls.items()
        for amount in (0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
    )


def found() -> Pruning:
    """All that was recorded of LeNet."""
    return Pruning(
        technique="l1_unstructured",
        parameters=tuple(LAYERS),
        anatomies=(anatomy(), own_anatomy()),
        masks=images(),
        stored=(
            Stored(row="baseline", sparsity=0.0, csr_bytes=483_000),
            Stored(row="pruned", sparsity=0.5, csr_bytes=245_100),
            Stored(row="pruned-tuned", sparsity=0.5, csr_bytes=245_100),
            *(
                Stored(row=f"zeros-{100 * share:.0f}", sparsity=share, csr_bytes=csr)
                for share, (_, _, _, csr) in CURVE.items()
            ),
        ),
        curve=(
            SparsityPoint(sparsity=0.0, row="baseline", tuned_score=0.975),
            *(
                SparsityPoint(sparsity=share, row=f"zeros-{100 * share:.0f}", tuned_score=tuned)
                for share, (_, tuned, _, _) in CURVE.items()
            ),
        ),
        tuning_steps=69,
        sensitivity=sensitivity(),
        suggestion=Suggestion(
            amounts=tuple(
                SuggestedAmount(parameter=name, amount=amount)
                for name, amount in zip(LAYERS, (0.2, 0.4, 0.8, 0.6, 0.6), strict=True)
            ),
            sparsity=0.754,
            tolerance=0.01,
            score=0.9528,
            uniform_score=0.9083,
            tuned_score=0.9722,
            uniform_tuned_score=0.9694,
            outcome="The amounts by layer keep more accuracy before fine-tuning.",
        ),
        removal=ChannelRemoval(
            row="channels-50",
            share=0.5,
            groups=(
                ChannelGroup(layers=("conv1", "conv2"), before=6, after=3),
                ChannelGroup(layers=("conv2", "fc1"), before=16, after=8),
                ChannelGroup(layers=("fc1", "fc2"), before=120, after=60),
                ChannelGroup(layers=("fc2", "fc3"), before=84, after=42),
            ),
            macs_before=MACS,
            macs_after=141_000,
            promised_macs=141_000,
            parameters_before=PARAMETERS,
            parameters_after=15_460,
            untuned_score=0.4028,
        ),
    )


@cache
def small() -> Study:
    """LeNet: zeros do not make it faster, CSR makes it slower, channels make it faster."""
    return Study(
        kind="prune",
        title="LeNet",
        request=PruneRequest(workload="lenet").document(),
        environment=environment(),
        rows=rows(),
        notes=("Trained here for 25 epochs.",),
        findings=(
            Finding(
                finding="Zeros do not make it faster.",
                evidence="90 % zeros: 0.99× as fast.",
                next_step="Take whole channels out.",
            ),
        ),
        phases=(Phase(name="timing", seconds=30.0),),
        score_name="accuracy",
        score_count=360,
        score_over="360 held-out digits",
        pruned=found(),
    )


def untrained() -> Study:
    """ResNet-50 with random weights: no scores, large layers, a model whose channels stay."""
    study, pruning = small(), found()
    reason = "torch-pruning cannot follow this network."
    return replace(
        study,
        title="ResNet-50",
        request=PruneRequest(workload="resnet50").document(),
        rows=tuple(
            Row(name=each.name, label=each.label, unavailable=reason)
            if each.name in ("channels-50", "pruned-tuned")
            else replace(each, score=None)
            for each in study.rows
        ),
        score_name=None,
        score_count=None,
        score_over=None,
        pruned=replace(
            pruning,
            masks=(down_sampled(), images()[0]),
            curve=tuple(replace(each, tuned_score=None) for each in pruning.curve),
            tuning_steps=None,
            sensitivity=(),
            suggestion=None,
            removal=None,
        ),
    )


def quick() -> Study:
    """Only the technique: no curve, no sensitivity, nothing taken out."""
    study, pruning = small(), found()
    return replace(
        study,
        request=PruneRequest(workload="lenet", quick=True).document(),
        rows=study.rows[:3],
        pruned=replace(
            pruning,
            stored=pruning.stored[:3],
            curve=(),
            sensitivity=(),
            suggestion=None,
            removal=None,
        ),
    )


def bare() -> Study:
    """The first rows of a run that is on its way: nothing beside them yet."""
    return replace(
        small(),
        rows=small().rows[:1],
        findings=(),
        complete=False,
        pruned=Pruning(technique="l1_unstructured"),
    )


def hostile() -> Study:
    """Markup wherever a study can carry text from a file."""
    study, pruning = small(), found()
    assert pruning.suggestion is not None
    assert pruning.removal is not None
    state = replace(anatomy().steps[0].tensors[0], name=HOSTILE)
    step = AnatomyStep(
        title=HOSTILE,
        code=HOSTILE,
        said=MARKDOWN,
        tensors=(state,),
        hooks=(HookState(key=0, hook=HOSTILE, tensor=HOSTILE, inside=(HOSTILE,), changed=True),),
        gone=(HOSTILE,),
    )
    return replace(
        study,
        title=HOSTILE,
        caveats=(HOSTILE, MARKDOWN),
        notes=(HOSTILE,),
        findings=(Finding(finding=HOSTILE, evidence=MARKDOWN, next_step=HOSTILE),),
        rows=(study.rows[0], replace(study.rows[1], label=HOSTILE), *study.rows[2:]),
        score_over=HOSTILE,
        pruned=replace(
            pruning,
            technique=HOSTILE,
            parameters=(HOSTILE,),
            masks=(replace(images()[0], parameter=HOSTILE, module_type=MARKDOWN),),
            anatomies=(
                ModuleAnatomy(title=HOSTILE, module=HOSTILE, module_type=MARKDOWN, steps=(step,)),
            ),
            sensitivity=tuple(replace(each, parameter=HOSTILE) for each in pruning.sensitivity[:6]),
            suggestion=replace(
                pruning.suggestion,
                amounts=(SuggestedAmount(parameter=HOSTILE, amount=0.5),),
                outcome=MARKDOWN,
            ),
            removal=replace(
                pruning.removal, groups=(ChannelGroup(layers=(HOSTILE,), before=6, after=3),)
            ),
        ),
    )


def unfinished(*, tuned: int = 0) -> Study:
    """LeNet while its rows are timed, or with so many amounts of zeros fine-tuned."""
    whole = small()
    assert whole.pruned is not None
    points = (
        each if place < tuned else replace(each, tuned_score=None)
        for place, each in enumerate(whole.pruned.curve)
    )
    pruned = replace(whole.pruned, curve=tuple(points), sensitivity=(), suggestion=None)
    return replace(whole, pruned=pruned, findings=(), complete=False)
