"""A model in int8 by every method it can take, against itself in float32, and what came of it.

1. Where its time and its bytes are: the advice, said before anything is quantized.
2. Inputs to calibrate on, and the engine that is the fastest on this machine.
3. Every technique makes a file; a fresh process measures all of them (`compression.py`).
4. What is inside: noise layer by layer, the graph before and after, where the time of a call goes.
5. How accuracy follows calibration; on request, how far networks of other seeds vary.
"""

from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.fx import GraphModule

from efficiency.core.context import Context
from efficiency.core.errors import BadInput
from efficiency.core.quantization import LayerNoise, MethodAdvice, Quantization
from efficiency.core.requests import QuantizeRequest
from efficiency.core.values import Environment, Study
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.routines.compression import Compression
from efficiency.routines.quantization.advisor import advise
from efficiency.routines.quantization.calibration import calibration_inputs
from efficiency.routines.quantization.calibration_study import calibration_study
from efficiency.routines.quantization.classic import fx_model, model_of
from efficiency.routines.quantization.engines import engine_speeds, fastest
from efficiency.routines.quantization.file_parts import file_parts
from efficiency.routines.quantization.findings import findings
from efficiency.routines.quantization.graph_noise import graph_noise
from efficiency.routines.quantization.graphs import graph_steps
from efficiency.routines.quantization.kernels import usual_engine
from efficiency.routines.quantization.layer_noise import layer_noise
from efficiency.routines.quantization.operator_times import operator_times
from efficiency.routines.quantization.outcome import outcome
from efficiency.routines.quantization.qat import qat_fx
from efficiency.routines.quantization.samples import layer_samples
from efficiency.routines.quantization.seeds import qat_seeds
from efficiency.routines.quantization.settings import Settings, settings_of
from efficiency.routines.quantization.techniques import techniques
from efficiency.routines.subject import Subject, environment_of, workload_of
from efficiency.routines.variant import Variant
from efficiency.workloads.catalogue import Workload, names
from efficiency.workloads.inputs import random_inputs

# How far a run is, in percent, when all is timed; the calibration study; the networks of all seeds.
TIMED, CALIBRATED = 80, 90
ENGINE_SECONDS = 3.0
# Inputs that layers are compared on; random ones, for full-size networks, take their time.
LOOKED_AT, LOOKED_AT_RANDOM = 32, 4
FASTEST = "fastest"
FLOAT = ("baseline", "compiled")
NO_SEEDS = (
    "No networks of other seeds were trained: they are compared in static quantization by FX, "
    "which is not part of this run, or not possible with this model."
)
GRAPHS = ("static-fx", "qat-fx", "static-eager", "dynamic-eager")  # the first of them is shown


def run(request: QuantizeRequest, context: Context) -> Study:
    """The study of the request. Raises BadInput where the model cannot be quantized as asked."""
    environment = environment_of(request)
    workload = workload_of(request)
    if workload is None:
        raise BadInput(
            "The architecture of this file is not known here, so it cannot be run in int8; name it "
            f"({', '.join(names())}), or ask for a report of its weights."
        )
    quantize = _Quantize(request, context, workload, environment)
    with fixed_threads(steady_threads()):
        quantize.compress()
        quantize.look_inside()
    quantize.compression.measure()
    with fixed_threads(steady_threads()):
        quantize.look_at_time()
        quantize.calibrate()
        quantize.train_seeds()
    return quantize.compression.study(complete=True)


class _Quantize:
    """What is found out beside the rows, while both grow."""

    def __init__(
        self,
        request: QuantizeRequest,
        context: Context,
        workload: Workload,
        environment: Environment,
    ) -> None:
        self.request = request
        self.compression = Compression(
            request, context, workload, environment, dress=self._dressed, until=TIMED
        )
        self.watch = self.compression.watch
        self.found = Quantization(engine=None)

    def compress(self) -> None:
        """The trained model, the advice, and a file by every technique."""
        compression, request = self.compression, self.request
        self.subject = compression.prepare()
        compression.step("looking where the time goes")
        with self.watch.phase("advice"):
            self._note(advice=self._advice())
        with self.watch.phase("calibration"):
            inputs = calibration_inputs(
                self.subject, request.calibration_samples, request.calibration_seed
            )
        self.calibration = inputs
        self.settings = self._settings()
        compression.compress(
            self.subject, techniques(request, self.settings, inputs, self._training)
        )

    def look_inside(self) -> None:
        """Noise of every layer, the graph, and some numbers to look at, in this process."""
        model = self.subject.model
        inputs = self._held_out(LOOKED_AT_RANDOM if self.subject.split is None else LOOKED_AT)
        self.compression.step("looking inside")
        with self.watch.phase("looking inside"):
            self._note(
                samples=layer_samples(model, self.calibration),
                graph_before=graph_steps(model, inputs[:1]),
            )
            for name, variant in self.compression.variants.items():
                if name not in FLOAT:
                    self._note(layers=(*self.found.layers, *self._noise(name, variant, inputs)))
            shown = next((name for name in GRAPHS if name in self.compression.variants), None)
            if shown is not None:
                self._note(graph_after=graph_steps(self._model(shown), inputs[:1]))
        self.compression.tell()

    def look_at_time(self) -> None:
        """Operators of one call of every classic row, at the batch size of the request."""
        inputs = self._held_out(self.request.batch_size)
        self.compression.step("looking where the time of a call goes")
        with self.watch.phase("operators"):
            for name in ("baseline", *self._classic()):
                times = operator_times(name, self._model(name), inputs)
                self._note(operators=(*self.found.operators, *times))
        self.compression.tell()

    def calibrate(self) -> None:
        """Accuracy against the number of calibration inputs, where static quantization is asked."""
        if not self._static_works():
            return
        with self.watch.phase("calibration study"):
            points = calibration_study(
                self.subject,
                partial(fx_model, self.subject, self.settings),
                on_point=self._calibrating,
            )
        self._note(calibration=points)
        self.compression.tell()

    def train_seeds(self) -> None:
        """Networks of other seeds, as many as the request asks for."""
        if not self.request.seeds:
            return
        if not self._static_works():
            self.compression.notes += (NO_SEEDS,)
            return
        with self.watch.phase("networks of other seeds"):
            seeds = qat_seeds(
                self.subject,
                self._static_of_seed,
                self._qat_of_seed,
                seeds=range(self.request.seeds),
                on_step=self._seeding,
            )
        self._note(seeds=seeds)

    def _settings(self) -> Settings:
        """The request's choices, with the fastest engine if none is named."""
        named = None if self.request.engine == FASTEST else self.request.engine
        settings = settings_of(self.request, named or usual_engine())
        if self.request.back_end not in ("all", "classic"):
            return settings
        self.compression.step("comparing engines")
        with self.watch.phase("engines"):
            speeds = engine_speeds(
                self.subject,
                settings,
                self.calibration,
                ENGINE_SECONDS,
                batch_size=self.request.batch_size,
            )
        engine = named or fastest(speeds)
        self._note(engines=speeds, engine=engine)
        return replace(settings, engine=engine)

    def _advice(self) -> MethodAdvice:
        return advise(
            self.subject.model,
            self._held_out(self.request.batch_size),
            granularity=self.request.granularity,
            trainable=self.subject.split is not None,
            seed=self.request.seed,
        )

    def _held_out(self, count: int) -> Tensor:
        """Inputs that nothing was trained or calibrated on; random ones where there are no data."""
        workload, split = self.compression.workload, self.subject.split
        if split is None or count > len(split.held_out_inputs):
            return random_inputs((count, *workload.input_shape[1:]), workload.vocabulary)
        return split.held_out_inputs[:count]

    def _noise(self, name: str, variant: Variant, inputs: Tensor) -> tuple[LayerNoise, ...]:
        model = self.subject.model
        if variant.program is None:
            return layer_noise(name, model, self._model(name), inputs)
        graph = variant.program.module()
        if not isinstance(graph, GraphModule):
            raise AssertionError("an exported program is a graph")
        return graph_noise(name, model, graph, variant.tensors, inputs)

    def _classic(self) -> tuple[str, ...]:
        """Rows whose models are modules with the float model's paths."""
        made = self.compression.variants
        return tuple(name for name in made if name.endswith(("-eager", "-fx")))

    def _static_works(self) -> bool:
        return "static-fx" in self.compression.variants

    def _model(self, name: str) -> nn.Module:
        return model_of(self.compression.variants[name], self.subject)

    def _static_of_seed(self, subject: Subject) -> nn.Module:
        inputs = calibration_inputs(
            subject, self.request.calibration_samples, self.request.calibration_seed
        )
        return fx_model(subject, self.settings, inputs)

    def _qat_of_seed(self, subject: Subject) -> nn.Module:
        return model_of(qat_fx(subject, self.settings, self.request.qat_epochs), subject)

    def _note(self, **known: Any) -> None:
        self.found = replace(self.found, **known)

    def _dressed(self, study: Study) -> Study:
        """The rows, and what is known besides; what follows from all of it once it is complete."""
        if not study.complete:
            return replace(study, quantized=self.found)
        found = self.found
        if found.advice is not None:
            found = replace(found, advice=outcome(found.advice, study.rows))
        files = {name: file_parts(path) for name, path in self.compression.files.items()}
        return replace(
            study,
            quantized=found,
            findings=findings(study.rows, found, files, batch_size=study.batch_size),
        )

    def _training(self, percent: int) -> None:
        self.compression.step(f"training with fake quantization, {percent} % done")

    def _calibrating(self, done: int, total: int) -> None:
        self._at(TIMED + (CALIBRATED - TIMED) * done / total, f"calibration {done} of {total}")

    def _seeding(self, step: str, share: float) -> None:
        self._at(CALIBRATED + (99 - CALIBRATED) * share, step)

    def _at(self, percent: float, step: str) -> None:
        self.compression.percent = percent
        self.compression.step(step)
