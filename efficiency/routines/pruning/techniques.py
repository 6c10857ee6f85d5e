"""The rows of a pruning study: what was asked, ever more zeros, sparse storage, fewer channels."""

import copy
from collections.abc import Sequence
from functools import partial

from efficiency.core.pruning import ChannelRemoval
from efficiency.core.requests import PruneRequest
from efficiency.routines.pruning.anatomy import pruned_with_anatomy
from efficiency.routines.pruning.channels import without_channels
from efficiency.routines.pruning.magnitude import (
    fine_tune,
    magnitude_pruned,
    with_zeros,
    zeros,
)
from efficiency.routines.pruning.semi_structured import semi_structured
from efficiency.routines.pruning.storage import csr_variant
from efficiency.routines.pruning.unstructured import make_permanent
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Technique, Variant, baseline

ZEROS = (0.5, 0.8, 0.9, 0.95, 0.99)
ZEROS_OF_LARGE = (0.9,)
LARGE = 20_000_000  # parameters: a file of that many takes seconds to write, zip and load
SPARSE = 0.9  # of the row that is computed sparse


class Techniques:
    """Makes the rows of one request, and keeps what else comes to light on the way.

    masks and anatomy: of what was asked. removal: of the row without channels, once it is made.
    tuning_steps: of every fine-tuned row, None where there was none.
    """

    def __init__(self, request: PruneRequest, subject: Subject) -> None:
        self.request = request
        self.model, self.masks, self.anatomy = pruned_with_anatomy(subject.model, request)
        self.removal: ChannelRemoval | None = None
        self.tuning_steps: int | None = None
        size = sum(parameter.numel() for parameter in subject.model.parameters())
        self.zeros = ZEROS if size < LARGE else ZEROS_OF_LARGE

    def all(self) -> Sequence[Technique]:
        """The rows in the order that people see them."""
        request, said = self.request, asked(self.request)
        techniques = [
            Technique(
                name="baseline", label="baseline (fp32)", apply=baseline, phase="compression"
            ),
            Technique(name="pruned", label=said, apply=self._asked, phase="compression"),
        ]
        if request.tuning_epochs != 0:
            techniques.append(
                Technique(
                    name="pruned-tuned",
                    label=f"{said}, fine-tuned",
                    apply=self._tuned,
                    phase="training",
                )
            )
        if request.quick:
            return techniques
        techniques += [
            Technique(
                name=row_of_zeros(share),
                label=f"{100 * share:.0f} % zeros",
                apply=partial(zeros, share=share),
                phase="compression",
            )
            for share in self.zeros
        ]
        percent = f"{100 * request.channels:.0f}"
        return [
            *techniques,
            Technique(
                name="csr-90", label="90 % zeros, sparse (CSR)", apply=_sparse, phase="compression"
            ),
            Technique(
                name=f"channels-{percent}",
                label=f"{percent} % of channels taken out",
                apply=self._narrowed,
                phase="training",
            ),
            Technique(
                name="semi-structured",
                label="2:4 semi-structured",
                apply=partial(semi_structured, device=request.device),
                phase="compression",
            ),
        ]

    def _asked(self, subject: Subject) -> Variant:
        return with_zeros(copy.deepcopy(self.model), subject, self.masks)

    def _tuned(self, subject: Subject) -> Variant:
        model = copy.deepcopy(self.model)
        self.tuning_steps = fine_tune(model, subject, self.request.tuning_epochs)
        return with_zeros(model, subject, self.masks)

    def _narrowed(self, subject: Subject) -> Variant:
        variant, self.removal = without_channels(
            subject, self.request.channels, epochs=self.request.tuning_epochs
        )
        return variant


def row_of_zeros(share: float) -> str:
    """The name of the row with that share of zeros."""
    return f"zeros-{100 * share:.0f}"


def asked(request: PruneRequest) -> str:
    """What the request asks for, in a few words."""
    if request.technique == "identity":
        return "identity (nothing pruned)"
    size = {"every_nth": f"every {request.every}", "threshold": f"below {request.threshold:g}"}
    where = ", global" if request.scope == "global" else ""
    times = f", {request.iterations} times" if request.iterations > 1 else ""
    return f"{request.technique} {size.get(request.technique, request.amount)}{where}{times}"


def _sparse(subject: Subject) -> Variant:
    model = magnitude_pruned(subject.model, SPARSE)
    make_permanent(model)
    return csr_variant(subject, model)
