"""The compression report: every technique applied, saved, loaded again elsewhere, measured.

1. The model comes from an example workload or from an accepted file whose architecture is known;
   other files get the weights report.
2. Each technique writes a folder with the compressed weights and their loader.
3. One fresh process loads all folders and measures them against each other.
4. The numbers become rows, the rows become advice.
"""

from dataclasses import replace

from efficiency import intake
from efficiency.core.context import Context
from efficiency.core.energy import estimate
from efficiency.core.errors import BadInput, Unavailable
from efficiency.core.requests import ReportRequest
from efficiency.core.units import ratio_text
from efficiency.core.values import (
    BatchSpeed,
    Environment,
    Finding,
    Footprint,
    Progress,
    Ratio,
    Row,
    Study,
)
from efficiency.measure.environment import describe
from efficiency.measure.operations import Operations, count_operations, flops_of
from efficiency.measure.size import file_sizes
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.measure.timing import Comparison
from efficiency.routines import advice, takeaway, weights
from efficiency.routines.recipes.packing import count_values
from efficiency.routines.remeasure import Facts, Task, Times, remeasured
from efficiency.routines.stopwatch import Stopwatch
from efficiency.routines.subject import Subject, check_room, example_input, prepare, workload_of
from efficiency.routines.variants import TECHNIQUES, Technique, Variant
from efficiency.workloads import catalogue

# How far a run is, in percent: model trained, files made, all but the times known.
TRAINED, COMPRESSED, KNOWN = 10, 30, 40


def run(request: ReportRequest, context: Context) -> Study:
    """The study of the request. Raises BadInput where the model cannot be run as asked."""
    watch = Stopwatch()
    try:
        environment = describe(request.device)
    except Unavailable as error:
        raise BadInput(str(error)) from None
    workload = workload_of(request)
    if workload is None:
        return _weights_only(request, environment, watch)
    report = _Report(request, context, workload, environment, watch)
    # Training too: with a thread on every core it waits for whatever else runs there, at times
    # fifty times as long.
    with fixed_threads(steady_threads()):
        report.compress()
    report.measure()
    return report.study(complete=True)


class _Report:
    """The rows of a report while they grow, in the order of the techniques."""

    def __init__(
        self,
        request: ReportRequest,
        context: Context,
        workload: catalogue.Workload,
        environment: Environment,
        watch: Stopwatch,
    ) -> None:
        self.request, self.context, self.workload = request, context, workload
        self.environment, self.watch = environment, watch
        self.rows: dict[str, Row] = {}
        self.caveats: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.score_count: int | None = None
        self.score_over: str | None = None
        self.bf16_arithmetic: Ratio | None = None
        self.percent = 0.0

    def compress(self) -> None:
        """Apply every technique; each leaves a folder, or a row with the reason why not."""
        with self.watch.phase("training"):
            subject, self.caveats = prepare(self.request, self.workload, self._trained)
            self.workload = subject.workload
        check_room(subject.model, len(TECHNIQUES), self.context.folder)
        with self.watch.phase("counting operations"):
            operations = count_operations(subject.model, (example_input(self.workload),))
        left = COMPRESSED - self.percent
        for technique in TECHNIQUES:
            self._step(f"compressing: {technique.label}", left / len(TECHNIQUES))
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
            with self.watch.phase("saving"):
                self.rows[technique.name] = self._saved(subject, technique, variant, operations)
            self.context.partial(self.study(complete=False))

    def measure(self) -> None:
        """Load every folder in a fresh process; score, weigh and time what was loaded."""
        task = Task(
            folder=str(self.context.folder),
            names=tuple(row.name for row in self.rows.values() if row.unavailable is None),
            batch_size=self.request.batch_size,
            budget_seconds=self.request.budget_seconds,
            seed=self.request.seed,
            device=self.request.device,
        )
        self._step("loading all files in a fresh process")
        messages = remeasured(task)
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
                self._step(f"score and memory: {label}", (KNOWN - COMPRESSED) / len(task.names))
                self._add_facts(message.facts)
                phase = "timing loops" if message.facts.name == task.names[-1] else phase
            if message.bf16_arithmetic is not None:
                self._add_arithmetic(message.bf16_arithmetic)
            if message.times is not None:
                self._add_times(message.times)
                self._step_in_time(message.times)
            self.context.partial(self.study(complete=False))

    def study(self, *, complete: bool) -> Study:
        """Everything known so far."""
        rows = tuple(self.rows.values())
        return Study(
            kind=self.request.kind,
            title=self.workload.label,
            request=self.request.document(),
            environment=self.environment,
            rows=rows,
            caveats=self.caveats,
            notes=self.notes,
            findings=self._findings(rows) if complete else (),
            phases=self.watch.phases(),
            score_name=self.workload.score_name,
            score_count=self.score_count,
            score_over=self.score_over,
            batch_size=self.request.batch_size,
            complete=complete,
        )

    def _findings(self, rows: tuple[Row, ...]) -> tuple[Finding, ...]:
        return advice.findings(rows, self.score_count, self.bf16_arithmetic)

    def _saved(
        self, subject: Subject, technique: Technique, variant: Variant, operations: Operations
    ) -> Row:
        folder = self.context.folder / technique.name
        takeaway.write(folder, self.workload, variant.recipe, variant.tensors, technique.label)
        on_disk, zipped = file_sizes(folder / takeaway.WEIGHTS)
        buffers = {name for name, _ in subject.model.named_buffers()}
        parameters, nonzero = count_values(variant.tensors, buffers)
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
        footprint = replace(row.footprint, peak_bytes=facts.peak.total, peak_split=facts.peak)
        self.score_count, self.score_over = facts.score_count, facts.score_over
        self.rows[facts.name] = replace(
            row, score=facts.score, sqnr_db=facts.sqnr_db, footprint=footprint
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
        self.percent = max(self.percent, KNOWN + (99 - KNOWN) * min(1.0, spent / budget))
        self._step(
            f"timing at batch size {times.batch_size}", seconds_left=max(0.0, budget - spent)
        )

    def _trained(self, step: str, share: float) -> None:
        self.percent = TRAINED * share
        self._step(step)

    def _step(self, step: str, percent: float = 0, seconds_left: float | None = None) -> None:
        self.context.progress(
            Progress(step=step, done=int(self.percent), total=100, seconds_left=seconds_left)
        )
        self.percent += percent


def _weights_only(request: ReportRequest, environment: Environment, watch: Stopwatch) -> Study:
    """What can be told of a file from its weights alone."""
    if request.model is None:
        raise AssertionError("an example always has an architecture")
    path = intake.weights_path(request.model)
    with watch.phase("reading weights"):
        layers = weights.layer_weights(path)
        rows = weights.precision_rows(layers, path)
    return Study(
        kind=request.kind,
        title="Weights report",
        request=request.document(),
        environment=environment,
        rows=rows,
        layers=layers,
        caveats=intake.load(request.model).notes,
        findings=(advice.architecture_unknown(),),
        phases=watch.phases(),
    )
