"""Training in float32 against automatic mixed precision, and why it does or does not pay here.

1. The step is rehearsed without numbers: what it needs and what it does. With the machine's own
   peaks that is a prediction, and the reason to refuse what would not fit or take too long.
2. One real step of every candidate is looked at: memory, and the dtype of every operator.
3. All candidates train side by side from the same weights on the same batches.
4. The gradients and the life of a gradient scaler; on request, where it pays.
"""

import time
from dataclasses import replace
from functools import partial

from efficiency.core.context import Context
from efficiency.core.mixed import MixedPrecision
from efficiency.core.requests import AmpRequest
from efficiency.core.units import BAND_TEXT
from efficiency.core.values import Environment, Progress, Study
from efficiency.measure.load import LoadMeter, disturbance, load_of_others
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.routines.mixed_precision import rows
from efficiency.routines.mixed_precision.candidates import AMP, BASELINE, candidates
from efficiency.routines.mixed_precision.checks import predicted
from efficiency.routines.mixed_precision.experiment import Records, curve, timing, train
from efficiency.routines.mixed_precision.findings import findings
from efficiency.routines.mixed_precision.gradients import gradients_of
from efficiency.routines.mixed_precision.observed import step_operators, step_peak
from efficiency.routines.mixed_precision.scaler_life import scaler_life
from efficiency.routines.mixed_precision.sizes import sizes_of
from efficiency.routines.mixed_precision.sweep import sweep
from efficiency.routines.mixed_precision.task import Task, task_of
from efficiency.routines.mixed_precision.trainer import Trainer
from efficiency.routines.stopwatch import Stopwatch
from efficiency.routines.subject import environment_of

# How far a run is, in percent, when each part begins.
LOOKING, TRAINING, GRADIENTS, SWEEP = 10, 15, 85, 90
NEWS_SECONDS = 2.0


def run(request: AmpRequest, context: Context) -> Study:
    """The study of the request. Raises BadInput for what cannot or should not be started."""
    environment = environment_of(request)
    with fixed_threads(steady_threads()):
        amp = _Amp(request, context, replace(environment, threads=steady_threads()))
        amp.predict()
        amp.look()
        amp.train()
        amp.scale()
        if request.sweep:
            amp.sweep()
        return amp.study(complete=True)


class _Amp:
    """The study while it grows."""

    def __init__(self, request: AmpRequest, context: Context, environment: Environment) -> None:
        self.request, self.context, self.environment = request, context, environment
        self.watch = Stopwatch()
        self.sizes = sizes_of(request)
        self.candidates = {each.name: each for each in candidates(request.device, request.dtype)}
        self.taking_part = {
            name: each for name, each in self.candidates.items() if each.unavailable is None
        }
        self.rows = {name: rows.named(each) for name, each in self.candidates.items()}
        self.score_count: int | None = None
        self.news = 0.0

    def predict(self) -> None:
        """Say what can be gained; refuse what does not fit, takes too long, or is very slow."""
        self._step("predicting", 0)
        with self.watch.phase("predicting"):
            prediction = predicted(
                self.request, self.sizes, tuple(self.taking_part.values()), self.environment
            )
        self.mixed = MixedPrecision(
            dtype=self.request.dtype, prediction=prediction, sizes=self.sizes
        )
        with self.watch.phase("making the data"):
            self.task: Task = task_of(self.request, self.sizes)
        self.context.partial(self.study(complete=False))

    def look(self) -> None:
        """Memory of one step of every candidate, and the dtypes of the mixed one."""
        dtype = self.request.dtype
        with self.watch.phase("looking at a step"):
            for name, candidate in self.taking_part.items():
                self._step(f"one step: {candidate.label}", LOOKING)
                peak = step_peak(self.task, candidate, dtype)
                self.rows[name] = rows.weighed(self.rows[name], self.task.model, peak)
            operators = step_operators(self.task, self.candidates[AMP], dtype)
        self.mixed = replace(self.mixed, operators=operators)
        self.context.partial(self.study(complete=False))

    def train(self) -> None:
        """The experiment."""
        trainers = {
            name: Trainer(self.task, each, self.request.dtype)
            for name, each in self.taking_part.items()
        }
        with self.watch.phase("training"):
            before, meter = load_of_others(), LoadMeter()
            records = train(self.task, trainers, seed=self.request.seed, on_round=self._after_round)
        load = meter.share()
        self.environment = replace(
            self.environment,
            load_before=before,
            load_during=load,
            disturbed=disturbance(load, timing(records[BASELINE])),
        )
        self._take(records, final=True)
        self._score(trainers, records)
        model = trainers[BASELINE].model
        trainers.clear()  # the others' memory is needed
        self._step("looking at the gradients", GRADIENTS)
        with self.watch.phase("gradients"):
            own, flowing = gradients_of(model, self.task.loss, next(self.task.batches()))
        self.mixed = replace(self.mixed, gradients=own, activation_gradients=flowing)
        self.context.partial(self.study(complete=False))

    def scale(self) -> None:
        """A gradient scaler that meets overflow."""
        self._step("a scaler's life", GRADIENTS)
        with self.watch.phase("scaler"):
            self.mixed = replace(self.mixed, scaler=scaler_life(self.task))

    def sweep(self) -> None:
        """Over batch sizes and widths."""

        def tell(done: int, total: int) -> None:
            self._step(f"sweep, size {done + 1} of {total}", SWEEP + 10 * done // total)

        with self.watch.phase("sweep"):
            baseline, mixed = self.candidates[BASELINE], self.candidates[AMP]
            found = sweep(self.request, baseline, mixed, on_point=tell)
        self.mixed = replace(self.mixed, sweep=found)

    def study(self, *, complete: bool) -> Study:
        """Everything known so far."""
        shown = tuple(self.rows.values())
        return Study(
            kind=self.request.kind,
            title=f"{self.task.label}, fp32 against {self.request.dtype}",
            request=self.request.document(),
            environment=self.environment,
            rows=shown,
            notes=(
                f"{self.sizes.batches} batches of {self.sizes.batch_size} in {self.sizes.epochs} "
                "epochs; in every round each candidate takes one step on the same batch.",
                f"Intervals allow {BAND_TEXT} for what differs in the next process.",
            ),
            findings=findings(shown, self.mixed, self.score_count) if complete else (),
            phases=self.watch.phases(),
            score_name=self.task.score_name,
            score_count=self.score_count,
            batch_size=self.sizes.batch_size,
            mixed=self.mixed,
            complete=complete,
        )

    def _after_round(self, records: Records) -> None:
        """Now and then, tell how far it is; between two rounds, so that no step is disturbed."""
        now = time.perf_counter()
        if now - self.news < NEWS_SECONDS:
            return
        self.news = now
        done, total = len(records[BASELINE].seconds), self.sizes.steps
        spent = sum(sum(record.seconds) for record in records.values())
        self._take(records, final=False)
        self._step(
            f"step {done} of {total}",
            TRAINING + (GRADIENTS - TRAINING) * done // total,
            left=spent / done * (total - done),
        )
        self.context.partial(self.study(complete=False))

    def _take(self, records: Records, *, final: bool) -> None:
        timed = partial(rows.timed, baseline=records[BASELINE], seed=self.request.seed, final=final)
        for name, record in records.items():
            self.rows[name] = timed(self.rows[name], record)
        curves = tuple(curve(name, record) for name, record in records.items())
        self.mixed = replace(self.mixed, curves=curves)

    def _score(self, trainers: dict[str, Trainer], records: Records) -> None:
        weights, split = trainers[BASELINE].model.state_dict(), self.task.split
        for name, trainer in trainers.items():
            row = rows.ended(self.rows[name], trainer, records[name], weights)
            if split is not None:
                row, self.score_count = rows.scored(row, trainer.model, split, self.task.device)
            self.rows[name] = row

    def _step(self, step: str, percent: int, left: float | None = None) -> None:
        self.context.progress(Progress(step=step, done=percent, total=100, seconds_left=left))
