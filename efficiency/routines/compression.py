"""What every study of compressed files shares: make them, save them, measure them, keep the rows.

Each technique writes a folder with the compressed weights and their loader; one fresh process then
loads all folders and measures them against each other. Rows grow in the order of the techniques,
and whoever listens is shown them as they grow.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from efficiency.core.context import Context
from efficiency.core.energy import estimate
from efficiency.core.errors import Unavailable
from efficiency.core.requests import TimedRequest
from efficiency.core.units import ratio_text
from efficiency.core.values import (
    BatchSpeed,
    Environment,
    Footprint,
    Progress,
    Ratio,
    Row,
    Study,
)
from efficiency.measure.operations import Operations, count_operations, flops_of
from efficiency.measure.size import file_sizes
from efficiency.measure.timing import Comparison
from efficiency.routines import takeaway
from efficiency.routines.recipes.packing import count_values
from efficiency.routines.remeasure import Facts, Task, Times, remeasured
from efficiency.routines.stopwatch import Stopwatch
from efficiency.routines.subject import Subject, check_room, example_input, prepare
from efficiency.routines.variant import Technique, Variant, model_of
from efficiency.workloads.catalogue import Workload

# How far a run is, in percent: model trained, files made, all but the times known.
TRAINED, COMPRESSED, KNOWN = 10, 30, 40


class Compression:
    """The rows of a study while they grow. Call `prepare`, `compress` and `measure` in this order.

    dress: gives a study what the routine knows besides. until: how far the run is, in percent, when
    all is timed. rows, variants (what was made) and files (what was saved): by name.
    bf16_arithmetic: how fast bfloat16 matrix products are on the machine by themselves, once that
    is measured, if it is.
    """

    def __init__(
        self,
        request: TimedRequest,
        context: Context,
        workload: Workload,
        environment: Environment,
        *,
        dress: Callable[[Study], Study] = lambda study: study,
        until: int = 99,
    ) -> None:
        self.request, self.context, self.workload = request, context, workload
        self.environment, self.watch = environment, Stopwatch()
        self.dress, self.until = dress, until
        self.rows: dict[str, Row] = {}
        self.caveats: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.score_count: int | None = None
        self.score_over: str | None = None
        self.bf16_arithmetic: Ratio | None = None
        self.variants: dict[str, Variant] = {}
        self.files: dict[str, Path] = {}
        self.percent = 0.0

    def prepare(self) -> Subject:
        """The trained model. Raises BadInput where it cannot be run as asked."""
        with self.watch.phase("training"):
            subject, self.caveats = prepare(self.request, self.workload, self._trained)
        self.workload = subject.workload
        return subject

    def compress(self, subject: Subject, techniques: Sequence[Technique]) -> None:
        """Apply every technique; each leaves a folder, or a row with the reason why not."""
        check_room(subject.model, len(techniques), self.context.folder)
        with self.watch.phase("counting operations"):
            operations = count_operations(subject.model, (example_input(self.workload),))
        left = COMPRESSED - self.percent
        for technique in techniques:
            self.step(f"compressing: {technique.label}", left / len(techniques))
            with self.watch.phase(technique.phase):
                try:
                    if technique.cpu_only and self.request.device != "cpu":
                        raise Unavailable("PyTorch has these int8 kernels for CPUs only.")
                    variant = technique.apply(subject)
                except Unavailable as reason:
                    self.rows[technique.name] = Row(
                        name=technique.name, label=technique.label, unavailable=str(reason)
                    )
                    continue
            self.variants[technique.name] = variant
            with self.watch.phase("saving"):
                self.rows[technique.name] = self._saved(subject, technique, variant, operations)
            self.tell()

    def measure(self, *, bf16_arithmetic: bool = False) -> None:
        """Load every folder in a fresh process; score, weigh and time what was loaded.

        bf16_arithmetic: time bfloat16 matrix products by themselves too, which explains rows that
        compute in bfloat16.
        """
        task = Task(
            folder=str(self.context.folder),
            names=tuple(row.name for row in self.rows.values() if row.unavailable is None),
            batch_size=self.request.batch_size,
            budget_seconds=self.request.budget_seconds,
            seed=self.request.seed,
            device=self.request.device,
            bf16_arithmetic=bf16_arithmetic,
            unit="inputs" if self.workload.data is None else self.workload.data.unit,
        )
        self.step("loading all files in a fresh process")
        messages = remeasured(task, self.workload.load_split())
        with self.watch.phase("process starts"):
            next(messages)
        phase = "score, SQNR and memory"
        while True:
            with self.watch.phase(phase):
                message = next(messages, None)
            if message is None:
                break
            if message.facts is not None:
                label = self.rows[message.facts.name].label
                self.step(f"score and memory: {label}", (KNOWN - COMPRESSED) / len(task.names))
                self._add_facts(message.facts)
                phase = "timing loops" if message.facts.name == task.names[-1] else phase
            if message.bf16_arithmetic is not None:
                self._add_arithmetic(message.bf16_arithmetic)
            if message.times is not None:
                self._add_times(message.times)
                self._step_in_time(message.times)
            self.tell()

    def tell(self) -> None:
        """Show what is known so far to whoever listens."""
        self.context.partial(self.study(complete=False))

    def study(self, *, complete: bool) -> Study:
        """Everything known so far."""
        study = Study(
            kind=self.request.kind,
            title=self.workload.label,
            request=self.request.document(),
            environment=self.environment,
            rows=tuple(self.rows.values()),
            caveats=self.caveats,
            notes=self.notes,
            phases=self.watch.phases(),
            score_name=self.workload.score_name,
            score_count=self.score_count,
            score_over=self.score_over,
            batch_size=self.request.batch_size,
            complete=complete,
        )
        return self.dress(study)

    def _saved(
        self, subject: Subject, technique: Technique, variant: Variant, operations: Operations
    ) -> Row:
        folder = self.context.folder / technique.name
        file = takeaway.write(folder, self.workload, variant, technique.label)
        self.files[technique.name] = file
        on_disk, zipped = file_sizes(file)
        buffers = {name for name, _ in subject.model.named_buffers()}
        parameters, nonzero = count_values(variant.tensors, buffers)
        if variant.reshaped:
            with self.watch.phase("counting operations"):
                operations = count_operations(
                    model_of(variant, subject), (example_input(self.workload),)
                )
        kept = dict.fromkeys((each.layer for each in variant.coverage.skipped), "fp32")
        energy = estimate(
            operations.layers,
            kept | dict.fromkeys(variant.coverage.changed, variant.precision),
            otherwise=variant.precision if variant.whole_model else "fp32",
        )
        return Row(
            name=technique.name,
            label=technique.label,
            footprint=Footprint(
                parameters=parameters,
                nonzero=nonzero,
                bytes_on_disk=on_disk,
                bytes_zipped=zipped,
            ),
            flops=flops_of(operations),
            energy=energy,
            coverage=variant.coverage,
            notes=variant.notes,
        )

    def _add_facts(self, facts: Facts) -> None:
        row = self.rows[facts.name]
        if row.footprint is None:
            raise AssertionError("a measured row was saved before")
        peak = facts.peak
        self.score_count, self.score_over = facts.score_count, facts.score_over
        self.rows[facts.name] = replace(
            row,
            score=facts.score,
            sqnr_db=facts.sqnr_db,
            footprint=replace(
                row.footprint, peak_bytes=None if peak is None else peak.total, peak_split=peak
            ),
            notes=(*row.notes, *facts.notes),
        )

    def _add_arithmetic(self, ratio: Ratio) -> None:
        self.bf16_arithmetic = ratio
        note = f"bfloat16 matrix products against float32 on this machine: {ratio_text(ratio)}."
        self.notes = (*self.notes, note)

    def _add_times(self, times: Times) -> None:
        """Put the comparison so far into the rows; the request's own batch size is the main one."""
        comparison = times.comparison
        main = times.batch_size == self.request.batch_size
        for name, timing in comparison.timings.items():
            row, speedup = self.rows[name], comparison.speedups[name]
            if main:
                self.rows[name] = replace(row, timing=timing, speedup=speedup)
            else:
                other = BatchSpeed(batch_size=times.batch_size, timing=timing, speedup=speedup)
                self.rows[name] = replace(row, at_other_batches=(other,))
        if times.final:
            self._add_circumstances(comparison)
            note = f"Timing at batch size {times.batch_size}: {comparison.stopped}"
            self.notes = (*self.notes, note)

    def _add_circumstances(self, comparison: Comparison) -> None:
        """Threads and load; of two comparisons the more disturbed one is what people must know."""
        known = self.environment
        loads = [each for each in (known.load_during, comparison.load_during) if each is not None]
        self.environment = replace(
            known,
            threads=comparison.threads,
            load_before=comparison.load_before if known.load_before is None else known.load_before,
            load_during=max(loads, default=None),
            disturbed=known.disturbed or comparison.disturbed,
        )

    def _step_in_time(self, times: Times) -> None:
        """Progress by the seconds spent in the timing loops, which have a budget."""
        budget, spent = self.request.budget_seconds, self.watch.seconds("timing loops")
        self.percent = max(self.percent, KNOWN + (self.until - KNOWN) * min(1.0, spent / budget))
        self.step(f"timing at batch size {times.batch_size}", seconds_left=max(0.0, budget - spent))

    def _trained(self, step: str, share: float) -> None:
        self.percent = TRAINED * share
        self.step(step)

    def step(self, step: str, percent: float = 0, seconds_left: float | None = None) -> None:
        """Say what is done next, and how many percent of the run that is."""
        self.context.progress(
            Progress(step=step, done=int(self.percent), total=100, seconds_left=seconds_left)
        )
        self.percent += percent
