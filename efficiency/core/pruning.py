"""Pruning: what was set to zero, what was taken out, and what each of it buys.

All of it is read off the trained model and the pruned ones. `efficiency.core.values.Study` carries
one Pruning beside its rows; `row` is always the name of a row of that study.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a tensor of a module is to PyTorch."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorState:
    """One tensor of a module after a step. `values` are flattened, () where there are too many.

    `changed` is whether it is new, or holds other numbers than after the step before.
    """

    name: str
    role: Role
    shape: tuple[int, ...]
    nonzero: int
    values: tuple[float, ...] = ()
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HookState:
    """An entry of `_forward_pre_hooks`: its key, the class, the tensor that it computes.

    `inside` names the methods of a PruningContainer, in the order they were applied.
    """

    key: int
    hook: str
    tensor: str
    inside: tuple[str, ...] = ()
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomyStep:
    """A module after one line of `code`: all that it holds, and the names that are gone.

    Tensors are in the order in which PyTorch lists them: `named_parameters`, `named_buffers`, then
    plain attributes. `said` explains the step in a sentence.
    """

    title: str
    code: str
    said: str
    tensors: tuple[TensorState, ...]
    hooks: tuple[HookState, ...] = ()
    gone: tuple[str, ...] = ()
    hooks_gone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleAnatomy:
    """One module of the model, step by step, while it is pruned."""

    title: str
    module: str
    module_type: str
    steps: tuple[AnatomyStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskImage:
    """The weights of one parameter as a picture, and which of them are left.

    The picture has rows x columns cells; a convolution is a grid of kernels, `tile_rows` x
    `tile_columns` cells each (0 x 0 where there are no tiles). A cell stands for `block_rows` x
    `block_columns` weights, fewer at the lower and the right edge: 1 x 1 where all are shown.
    `weights` and `kept` are base64 of arrays in row-major order: int16, little-endian, to be
    multiplied with `scale` (a cell's weight, or the mean magnitude of its block; unpruned), and
    uint8, 0 to 255 for the share of the cell's weights that is left. `parameters` and `nonzero`
    count the true numbers.
    """

    parameter: str
    module_type: str
    shape: tuple[int, ...]
    parameters: int
    nonzero: int
    rows: int
    columns: int
    tile_rows: int
    tile_columns: int
    block_rows: int
    block_columns: int
    scale: float
    weights: str
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The file of one row if its matrices were stored in CSR: bytes, and the share of zeros.

    `sparsity` is over the weights that are pruned (0 to 1), not over biases and norms.
    """

    row: str
    sparsity: float
    csr_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SparsityPoint:
    """One amount of zeros: `row` was measured with it, without fine-tuning.

    `tuned_score` is the score after `Pruning.tuning_steps` steps with the zeros kept, None where
    there are no data.
    """

    sparsity: float
    row: str
    tuned_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityPoint:
    """One parameter alone pruned by `amount` (0 to 1), all others as they were; 0 is the model.

    The score is that of half of the held-out data, the half that amounts are chosen on.
    """

    parameter: str
    amount: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedAmount:
    """What sensitivity suggests for one parameter."""

    parameter: str
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Amounts by layer against one amount for all, with as many zeros in total.

    Scores are those of all layers pruned together, before and after fine-tuning; `tolerance` is
    the loss of score a single layer was allowed. `outcome` says in words which one is better;
    `chosen_on` and `judged_on` name the halves of the held-out data.
    """

    amounts: tuple[SuggestedAmount, ...]
    sparsity: float
    tolerance: float
    score: float
    uniform_score: float
    tuned_score: float | None = None
    uniform_tuned_score: float | None = None
    outcome: str = ""
    chosen_on: str = ""
    judged_on: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelGroup:
    """Layers whose channels could only be taken out together, and how many there were and are.

    `layers` are all of the group, the one that decides first.
    """

    layers: tuple[str, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRemoval:
    """What structural pruning took out of the model of `row`.

    `promised_macs` is computed from the shapes that the plan leaves, `macs_after` counted while
    the smaller model runs. `untuned_score` is the score before fine-tuning.
    """

    row: str
    share: float
    groups: tuple[ChannelGroup, ...]
    macs_before: int
    macs_after: int
    promised_macs: int
    parameters_before: int
    parameters_after: int
    untuned_score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """All that was found out beside the rows of a pruning study.

    `technique` is the name of what was asked, `parameters` the names of what it was applied to.
    """

    technique: str
    parameters: tuple[str, ...] = ()
    anatomies: tuple[ModuleAnatomy, ...] = ()
    masks: tuple[MaskImage, ...] = ()
    stored: tuple[Stored, ...] = ()
    curve: tuple[SparsityPoint, ...] = ()
    tuning_steps: int | None = None
    sensitivity: tuple[SensitivityPoint, ...] = ()
    suggestion: Suggestion | None = None
    removal: ChannelRemoval | None = None
