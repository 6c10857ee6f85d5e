"""Where the energy of a model goes: operations and bytes counted, layers timed, counters read.

1. One pass (or one training step) is counted layer by layer; it costs what the tables say.
2. The layers are timed, and so is the whole, beside the most this machine can do.
3. Where the machine has energy counters, they are read while the same pass runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from efficiency.core.anatomy import Anatomy, LayerWork, MeterReading, Spread, Stage
from efficiency.core.context import Context
from efficiency.core.energy import FROM_DRAM, PRECISIONS, estimate
from efficiency.core.errors import BadInput, Unavailable
from efficiency.core.requests import EnergyRequest
from efficiency.core.units import bytes_text
from efficiency.core.values import (
    Energy,
    Environment,
    Footprint,
    Origin,
    Progress,
    Row,
    Study,
)
from efficiency.measure.device import ROOM, find_device, free_memory
from efficiency.measure.layer_times import layer_times
from efficiency.measure.memory import peak_memory
from efficiency.measure.meters import read_meters
from efficiency.measure.operations import Operations, count_operations, flops_of
from efficiency.measure.passes import inference, training_step
from efficiency.measure.peaks import find_peaks
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.measure.timing import Comparison, compare
from efficiency.routines import energy_findings
from efficiency.routines.recipes.packing import count_values
from efficiency.routines.stopwatch import Stopwatch
from efficiency.routines.subject import environment_of, filled, uploaded, workload_of
from efficiency.workloads import catalogue
from efficiency.workloads.inputs import random_inputs

SHOWN = ("fp32", "fp16", "int8", "int32")
LAYER_SECONDS = 6.0
WHOLE_SECONDS = 4.0


def run(request: EnergyRequest, context: Context) -> Study:
    """The study of the request. Raises BadInput where the model cannot be run as asked."""
    watch = Stopwatch()
    environment = environment_of(request)
    workload = workload_of(request)
    if workload is None:
        raise BadInput(
            "The architecture of this file is not recognised, so nothing can be run and counted; "
            f"name it if it is one of {', '.join(catalogue.names())}."
        )
    taken_apart = _Energy(request, context, workload, environment, watch)
    with fixed_threads(steady_threads()):
        taken_apart.count()
        taken_apart.time()
        taken_apart.read_counters()
    return taken_apart.study(complete=True)


class _Energy:
    """The study while it grows."""

    def __init__(
        self,
        request: EnergyRequest,
        context: Context,
        workload: catalogue.Workload,
        environment: Environment,
        watch: Stopwatch,
    ) -> None:
        self.request, self.context, self.workload = request, context, workload
        self.environment, self.watch = environment, watch
        self.caveats: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.comparison: Comparison | None = None
        self.model = self._network()

    def count(self) -> None:
        """Operations and bytes, after making sure that the batch fits into the memory."""
        self._step("estimating the memory", 0)
        with self.watch.phase("estimating the memory"):
            self._check_batch()
        self.model.to(self.request.device)
        self.batch = self._inputs(self.request.batch_size).to(self.request.device)
        self._step("counting operations", 10)
        with self.watch.phase("counting operations"):
            self.operations = counted(self.model, self.batch, training=self.request.training)
            self.footprint = self._footprint()
        self.anatomy = Anatomy(
            layers=self.operations.layers,
            uncounted=self.operations.uncounted,
            caches=find_device(self.request.device).caches,
            no_reading="The counters are read at the end of the run.",
        )
        self.context.partial(self.study(complete=False))

    def time(self) -> None:
        """Every layer, the whole, and what the machine can do at most."""
        self._step("timing the layers", 20)
        with self.watch.phase("timing the layers"):
            times = layer_times(
                self.model,
                (self.batch,),
                device=self.request.device,
                budget_seconds=LAYER_SECONDS,
                seed=self.request.seed,
            )
        self.anatomy = replace(self.anatomy, layers=timed(self.anatomy.layers, times.layers))
        self._step("timing the whole", 45)
        with self.watch.phase("timing the whole"):
            self.comparison = compare(
                {"fp32": self._call()},
                device=self.request.device,
                budget_seconds=WHOLE_SECONDS,
                seed=self.request.seed,
            )
        self.environment = replace(
            self.environment,
            threads=self.comparison.threads,
            load_before=self.comparison.load_before,
            load_during=self.comparison.load_during,
            disturbed=self.comparison.disturbed,
        )
        self.notes += (f"Timing of the whole: {self.comparison.stopped}",)
        self._step("finding the machine's peaks", 65)
        with self.watch.phase("finding the machine's peaks"):
            peaks = find_peaks(self.request.device, seed=self.request.seed)
        self.anatomy = replace(self.anatomy, peaks=peaks)
        self.context.partial(self.study(complete=False))

    def read_counters(self) -> None:
        """Joules that the machine itself counts, or the reason why there are none."""
        self._step("reading energy counters", 85)
        with self.watch.phase("reading energy counters"):
            try:
                readings = read_meters(self._call(), device=self.request.device)
                self.anatomy = replace(self.anatomy, readings=readings, no_reading=None)
            except Unavailable as reason:
                self.anatomy = replace(self.anatomy, no_reading=str(reason))

    def study(self, *, complete: bool) -> Study:
        """Everything known so far."""
        return Study(
            kind=self.request.kind,
            title=self.workload.label + (", training step" if self.request.training else ""),
            request=self.request.document(),
            environment=self.environment,
            rows=self._rows(),
            caveats=self.caveats,
            notes=self.notes,
            findings=energy_findings.findings(self.anatomy, self.request.batch_size)
            if complete
            else (),
            phases=self.watch.phases(),
            batch_size=self.request.batch_size,
            anatomy=self.anatomy,
            complete=complete,
        )

    def _rows(self) -> tuple[Row, ...]:
        flops = flops_of(self.operations)
        rows = [
            Row(
                name=name,
                label=PRECISIONS[name].label,
                energy=estimate(
                    self.anatomy.layers, {}, FROM_DRAM, self.request.batch_size, otherwise=name
                ),
                flops=flops,
            )
            for name in SHOWN
        ]
        timing = self.comparison.timings["fp32"] if self.comparison else None
        rows[0] = replace(rows[0], footprint=self.footprint, timing=timing)
        return (*rows, measured_row(self.anatomy.readings, self.anatomy.no_reading))

    def _network(self) -> nn.Module:
        if self.request.model is not None:
            tensors, self.caveats = uploaded(self.request.model, self.workload)
            return filled(self.workload, tensors)
        with torch.random.fork_rng():
            torch.manual_seed(self.request.seed)
            return self.workload.build()

    def _inputs(self, size: int) -> Tensor:
        shape = (size, *self.workload.input_shape[1:])
        return random_inputs(shape, self.workload.vocabulary, self.request.seed)

    def _check_batch(self) -> None:
        """Raise BadInput if the batch needs more memory than is free, before any of it is made.

        The need grows along a straight line with the batch: two points of it are measured.
        """
        size = self.request.batch_size
        if size < 3:
            return
        make = training_step if self.request.training else inference
        one, two = (
            peak_memory(make(self.model, (self._inputs(few),)), self.model).total for few in (1, 2)
        )
        self.model.zero_grad()
        needed, free = one + (size - 1) * (two - one), free_memory(self.request.device)
        if needed > ROOM * free:
            raise BadInput(
                f"A batch of {size} inputs needs about {bytes_text(needed)} of memory, and "
                f"{bytes_text(free)} are free; use a smaller batch."
            )

    def _call(self) -> Callable[[], object]:
        if self.request.training:
            return training_step(self.model, (self.batch,))
        return inference(self.model, (self.batch,))

    def _footprint(self) -> Footprint:
        buffers = {name for name, _ in self.model.named_buffers()}
        parameters, nonzero = count_values(self.model.state_dict(), buffers)
        peak = peak_memory(self._call(), self.model)
        return Footprint(
            parameters=parameters, nonzero=nonzero, peak_bytes=peak.total, peak_split=peak
        )

    def _step(self, step: str, percent: int) -> None:
        self.context.progress(Progress(step=step, done=percent, total=100))


def counted(model: nn.Module, batch: Tensor, *, training: bool) -> Operations:
    """The operations of one pass over the batch. Raises BadInput if none of them has a formula."""
    found = count_operations(model, (batch,), training=training)
    if not any(each.multiplications or each.additions for each in found.layers):
        raise BadInput(
            "No operation of this model has a formula, so its energy cannot be estimated; it runs "
            f"{', '.join(found.uncounted) or 'nothing'}."
        )
    return found


def timed(layers: Sequence[LayerWork], times: Mapping[str, Spread]) -> tuple[LayerWork, ...]:
    """The layers with the measured times of their forward stage."""
    return tuple(
        replace(each, seconds=times.get(each.layer)) if each.stage is Stage.FORWARD else each
        for each in layers
    )


def measured_row(readings: Sequence[MeterReading], no_reading: str | None) -> Row:
    """Joules of all counters together, or the reason why there are none."""
    name, label = "measured", "fp32, counted by this machine"
    if not readings:
        return Row(name=name, label=label, unavailable=no_reading)
    source = "; ".join(
        f"{each.counter}: {each.busy_watts:.1f} W while running, {each.idle_watts:.1f} W idle, "
        "which is subtracted"
        for each in readings
    )
    energy = Energy(
        joules=sum(each.joules.median for each in readings),
        low=sum(each.joules.low for each in readings),
        high=sum(each.joules.high for each in readings),
        origin=Origin.MEASURED,
        source=source,
    )
    return Row(name=name, label=label, energy=energy)
