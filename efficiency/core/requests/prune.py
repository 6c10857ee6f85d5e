"""A request to prune a model."""

from dataclasses import dataclass
from typing import ClassVar

from efficiency.core.errors import BadInput
from efficiency.core.requests.base import TimedRequest, check_known, option

PRUNING_TECHNIQUES = (
    "l1_unstructured",
    "random_unstructured",
    "ln_structured",
    "random_structured",
    "global_unstructured",
    "identity",
    "every_nth",
    "threshold",
)
STRUCTURED = ("ln_structured", "random_structured")
SCOPES = ("layer", "global")
NORMS = ("1", "2", "inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest(TimedRequest):
    """A model with weights set to zero, and with channels taken out, against itself as it was."""

    kind: ClassVar[str] = "prune"

    technique: str = option(
        "l1_unstructured",
        "Which weights go: the smallest (l1_unstructured), any (random_unstructured), the channels "
        "of smallest norm (ln_structured), any channels (random_structured), the smallest of all "
        "layers together (global_unstructured), none (identity), every n-th (every_nth), those "
        "below a threshold (threshold).",
    )
    amount: str = option(
        "0.5",
        "How much to prune: a share with a point, like 0.3, or a count, like 3; of each parameter, "
        "or of all together with scope global.",
    )
    scope: str = option(
        "layer", "Compare weights within each layer, or of all layers together (global)."
    )
    parameters: tuple[str, ...] = option(
        (), "Only these, like conv1.weight,conv1.bias; all weights of layers if left out."
    )
    iterations: int = option(
        1, "Prune in so many steps, each takes the amount of what the step before has left."
    )
    norm: str = option("2", "Norm of a channel, for ln_structured: 1, 2 or inf.")
    dim: int = option(0, "Channels of structured pruning: 0 for outputs, 1 for inputs.")
    every: int = option(2, "For every_nth: every how many-th weight is pruned.")
    threshold: float = option(0.05, "For threshold: weights of smaller magnitude are pruned.")
    tuning_epochs: float | None = option(
        None,
        "Passes over the training data after pruning, zeros stay zero; 0 for none, an eighth of "
        "the training if left out.",
    )
    channels: float = option(
        0.5, "Share of the channels that structural removal takes out of every layer."
    )
    budget_seconds: float = option(
        30.0,
        "Seconds to spend in the timing loops; more gives narrower intervals. Pruning each layer "
        "alone gets twice as many.",
    )
    quick: bool = option(
        False,
        "Only this technique: no curve over sparsities, no sensitivity, no channels taken out.",
    )

    def __post_init__(self) -> None:
        TimedRequest.__post_init__(self)
        check_known("technique", self.technique, PRUNING_TECHNIQUES)
        check_known("scope", self.scope, SCOPES)
        check_known("norm", self.norm, NORMS)
        pruning_amount(self.amount)
        if self.scope == "global" and self.technique in STRUCTURED:
            raise BadInput(
                "PyTorch prunes whole channels layer by layer only; use scope layer with "
                f"{self.technique}."
            )
        if not 1 <= self.iterations <= 20:
            raise BadInput(f"{self.iterations} iterations is not between 1 and 20.")
        if self.dim not in (0, 1):
            raise BadInput(f"The dim is {self.dim}; it is 0 for output or 1 for input channels.")
        if self.every < 2:
            raise BadInput(f"Every {self.every}: it must be at least 2, or nothing is left.")
        if not 0 <= self.threshold < float("inf"):
            raise BadInput(f"The threshold is {self.threshold}; it must be 0 or more.")
        if self.tuning_epochs is not None and not 0 <= self.tuning_epochs <= 100:
            raise BadInput("Fine-tuning takes between 0 and 100 epochs.")
        if not 0 < self.channels < 1:
            raise BadInput("The share of channels must lie between 0 and 1, like 0.5.")


def pruning_amount(text: str) -> float | int:
    """A share (float, 0 to below 1) or a count (int), as `torch.nn.utils.prune` takes it.

    Raises BadInput, also for pruning everything; whether there are as many weights as a count
    asks for only the model can tell.
    """
    try:
        amount: float | int = int(text)
    except ValueError:
        try:
            amount = float(text)
        except ValueError:
            raise BadInput(
                f"{text!r} is not an amount; write a share like 0.3 or a count like 3."
            ) from None
    if not amount >= 0:  # NaN too
        raise BadInput(f"The amount is {text}; it must be 0 or more.")
    if isinstance(amount, float) and amount > 1:
        raise BadInput(f"The amount is {text}; a share is at most 1, a count has no point.")
    if isinstance(amount, float) and amount == 1:
        raise BadInput("An amount of 1.0 prunes everything; leave some, like 0.99.")
    return amount
