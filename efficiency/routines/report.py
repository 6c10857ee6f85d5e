"""The compression report: every technique applied, saved, loaded again elsewhere, measured.

The model comes from an example workload or from an accepted file whose architecture is known; other
files get the weights report. How the files are made and measured is `compression.py`; here the
numbers become advice.
"""

from dataclasses import replace

from efficiency import intake
from efficiency.core.context import Context
from efficiency.core.requests import ReportRequest
from efficiency.core.values import Environment, Study
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.routines import advice, weights
from efficiency.routines.compression import Compression
from efficiency.routines.stopwatch import Stopwatch
from efficiency.routines.subject import environment_of, workload_of
from efficiency.routines.techniques import TECHNIQUES


def run(request: ReportRequest, context: Context) -> Study:
    """The study of the request. Raises BadInput where the model cannot be run as asked."""
    environment = environment_of(request)
    workload = workload_of(request)
    if workload is None:
        return _weights_only(request, environment)
    report = Compression(request, context, workload, environment)
    # Training too: with a thread on every core it waits for whatever else runs there, at times
    # fifty times as long.
    with fixed_threads(steady_threads()):
        report.compress(report.prepare(), TECHNIQUES)
    report.measure(bf16_arithmetic=True)
    study = report.study(complete=True)
    return replace(
        study, findings=advice.findings(study.rows, study.score_count, report.bf16_arithmetic)
    )


def _weights_only(request: ReportRequest, environment: Environment) -> Study:
    """What can be told of a file from its weights alone."""
    watch = Stopwatch()
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
