"""A model with zeros, and with channels taken out, against itself as it was.

1. What was asked, as a file with the zeros made permanent, and the same after fine-tuning.
2. Unless it shall be quick: files with ever more zeros, one that is stored and computed sparse, one
   without half of its channels. A fresh process measures all of them (`compression.py`).
3. What is inside: the module step by step, the masks, how large each file would be in CSR.
4. How accuracy follows sparsity once the network is tuned, and which layers are fragile.
"""

from dataclasses import replace
from typing import Any

from efficiency.core.context import Context
from efficiency.core.errors import BadInput
from efficiency.core.pruning import Pruning, SensitivityPoint, SparsityPoint, Stored
from efficiency.core.requests import PruneRequest
from efficiency.core.values import Environment, Study
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.routines.compression import Compression
from efficiency.routines.pruning.anatomy import tutorial_anatomy
from efficiency.routines.pruning.findings import findings
from efficiency.routines.pruning.magnitude import fine_tune, magnitude_pruned
from efficiency.routines.pruning.mask_images import mask_images
from efficiency.routines.pruning.selection import prunable
from efficiency.routines.pruning.sensitivity import AMOUNTS, left_out, sensitivity
from efficiency.routines.pruning.storage import csr_bytes
from efficiency.routines.pruning.suggestion import suggestion
from efficiency.routines.pruning.techniques import Techniques, row_of_zeros
from efficiency.routines.subject import environment_of, workload_of
from efficiency.workloads.catalogue import Workload, names
from efficiency.workloads.training import evaluate

# How far a run is, in percent, when all is timed, and when the curve is tuned.
TIMED, CURVED = 80, 90
SENSITIVITY_BUDGETS = 2  # of timing, for each layer alone; the request's help says so


def run(request: PruneRequest, context: Context) -> Study:
    """The study of the request. Raises BadInput where the model cannot be pruned as asked."""
    environment = environment_of(request)
    workload = workload_of(request)
    if workload is None:
        raise BadInput(
            "The architecture of this file is not known here, so it cannot be pruned and run; name "
            f"it ({', '.join(names())}), or ask for a report of its weights."
        )
    prune = _Prune(request, context, workload, environment)
    with fixed_threads(steady_threads()):
        prune.compress()
        prune.look_inside()
    prune.compression.measure()
    with fixed_threads(steady_threads()):
        if not request.quick:
            prune.tune_curve()
            prune.find_fragile()
    return prune.compression.study(complete=True)


class _Prune:
    """What is found out beside the rows, while both grow."""

    def __init__(
        self, request: PruneRequest, context: Context, workload: Workload, environment: Environment
    ) -> None:
        self.request = request
        self.compression = Compression(
            request, context, workload, environment, dress=self._dressed, until=TIMED
        )
        self.watch = self.compression.watch
        self.found = Pruning(technique=request.technique)

    def compress(self) -> None:
        """The trained model, and a file by every technique."""
        self.subject = self.compression.prepare()
        self.techniques = Techniques(self.request, self.subject)
        self.compression.compress(self.subject, self.techniques.all())
        self._note(
            parameters=tuple(self.techniques.masks),
            removal=self.techniques.removal,
            tuning_steps=self.techniques.tuning_steps,
            curve=() if self.request.quick else self._untuned_curve(),
        )

    def look_inside(self) -> None:
        """The module step by step, the masks, and every file's size in CSR."""
        model = self.subject.model
        self.compression.step("looking inside")
        with self.watch.phase("looking inside"):
            images, left_out = mask_images(model, self.techniques.masks)
            anatomies = (tutorial_anatomy(model, self.request.seed), self.techniques.anatomy)
            self._note(
                masks=images,
                anatomies=tuple(each for each in anatomies if each is not None),
                stored=tuple(self._stored()),
            )
        if left_out:
            self.compression.notes += (
                f"{len(left_out)} parameters are not drawn, so that the page stays light: "
                f"{', '.join(left_out)}.",
            )
        self.compression.tell()

    def tune_curve(self) -> None:
        """Accuracy with ever more zeros, once the rest is tuned."""
        points = self.found.curve  # without any zeros it is the control: just more training
        for place, point in enumerate(points):
            done = place / len(points)
            text = f"{100 * point.sparsity:.0f} % of zeros"
            self._at(TIMED + (CURVED - TIMED) * done, f"tuning with {text}")
            with self.watch.phase("training"):
                tuned = replace(point, tuned_score=self._tuned_score(point.sparsity))
            self._note(curve=(*self.found.curve[:place], tuned, *points[place + 1 :]))
            self.compression.tell()

    def find_fragile(self) -> None:
        """Each layer pruned alone, and amounts suggested from that."""
        if self.subject.split is None:
            self.compression.notes += (
                "Which layers are fragile is told by accuracy, and there is no data for this "
                "model.",
            )
            return
        parameters = prunable(self.subject.model)
        tried: list[SensitivityPoint] = []

        def tell(point: SensitivityPoint) -> None:
            tried.append(point)
            done = len(tried) / (len(parameters) * len(AMOUNTS))
            self._at(CURVED + (98 - CURVED) * done, f"{point.parameter} alone pruned")

        with self.watch.phase("sensitivity"):
            seconds = SENSITIVITY_BUDGETS * self.request.budget_seconds
            points = sensitivity(self.subject, parameters, on_point=tell, seconds=seconds)
            self._note(sensitivity=points)
            if missing := left_out(points, parameters):
                self.compression.notes += (missing,)
            self._at(98, "suggesting amounts")
            self._note(
                suggestion=suggestion(self.subject, points, epochs=self.request.tuning_epochs)
            )
        self.compression.tell()

    def _untuned_curve(self) -> tuple[SparsityPoint, ...]:
        """A point for every amount of zeros, so that the curve can grow while rows are measured."""
        return tuple(
            SparsityPoint(sparsity=share, row=row_of_zeros(share) if share else "baseline")
            for share in (0.0, *self.techniques.zeros)
        )

    def _tuned_score(self, share: float) -> float | None:
        split, epochs = self.subject.split, self.request.tuning_epochs
        if split is None or epochs == 0:
            return None
        model = magnitude_pruned(self.subject.model, share)
        fine_tune(model, self.subject, epochs)
        return evaluate(model, split)

    def _stored(self) -> list[Stored]:
        """Of every file that holds all weights under their own names, zeros too."""
        names = prunable(self.subject.model)
        total = sum(self.subject.model.get_parameter(name).numel() for name in names)
        found = []
        for row, variant in self.compression.variants.items():
            weights = [variant.tensors[name] for name in names if name in variant.tensors]
            if sum(weight.numel() for weight in weights) != total:
                continue
            left = sum(int(weight.count_nonzero()) for weight in weights)
            size = csr_bytes(variant.tensors)
            found.append(Stored(row=row, sparsity=1 - left / total, csr_bytes=size))
        return found

    def _note(self, **known: Any) -> None:
        self.found = replace(self.found, **known)

    def _dressed(self, study: Study) -> Study:
        """The rows, and what is known besides; what follows from all of it once it is complete."""
        if not study.complete:
            return replace(study, pruned=self.found)
        return replace(
            study,
            pruned=self.found,
            findings=findings(
                study.rows,
                self.found,
                batch_size=study.batch_size,
                score_count=study.score_count,
            ),
        )

    def _at(self, percent: float, step: str) -> None:
        self.compression.percent = percent
        self.compression.step(step)
