"""The command line: the same requests, runs and results as the pages.

Exit codes: 0 done, 2 bad input (one sentence on stderr), 1 our fault. With --json, stdout is
exactly one JSON document; progress always goes to stderr.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

import msgspec

from efficiency import intake, jobs
from efficiency.core import paths
from efficiency.core.errors import BadInput, EfficiencyError, RunFailed
from efficiency.core.lottery import Lottery, Measure
from efficiency.core.requests import (
    AmpRequest,
    EnergyRequest,
    LotteryRequest,
    ModelRequest,
    PruneRequest,
    QuantizeRequest,
    ReportRequest,
    Request,
    parse_names,
    parse_shape,
)
from efficiency.core.units import share_text
from efficiency.core.values import Row, Study
from efficiency.exports.html import html_text
from efficiency.exports.text import command_line, csv_text, json_bytes, numbers
from efficiency.jobs import Run, State
from efficiency.workloads import catalogue, idx, recognise


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        options = _parser().parse_args(arguments)
        options.command(options)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except EfficiencyError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage lines around it."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message[:1].upper()}{message[1:]}; --help shows what there is.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m efficiency",
        description="Measure what makes neural networks cheaper, on this machine.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[Any], None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", help="print one JSON document")
        sub.set_defaults(command=run)
        return sub

    command("devices", _devices, "The devices of this machine and what they can do.")
    command("workloads", _workloads, "The example networks and known architectures.")
    command("runs", _runs, "The runs kept on this machine, newest first.")
    show = command("show", _show, "The result of one run.")
    show.add_argument("run", help="the run's id, as `runs` prints it")
    for kind, text in (
        (EnergyRequest, "What one pass through a model costs in energy, layer by layer."),
        (AmpRequest, "Training with automatic mixed precision against training in float32."),
        (QuantizeRequest, "A model in int8 by every method that it can take."),
        (PruneRequest, "A model with zeros, and with channels taken out, against itself."),
        (LotteryRequest, "Winning tickets: do pruned networks learn as well as dense ones?"),
        (ReportRequest, "A compression report of a file or of an example network."),
    ):
        _asking(command(kind.kind, _measure, text), kind)
    return parser


def _asking(parser: argparse.ArgumentParser, kind: type[Request]) -> None:
    """The fields of the request as options, with the help texts that the pages show too."""
    parser.set_defaults(kind=kind)
    types = get_type_hints(kind)
    for field in fields(kind):
        text, option = field.metadata["help"], f"--{field.name.replace('_', '-')}"
        known = "" if field.default is None else f" Default: {field.default}."
        if field.name == "model":
            text = "a .safetensors, .pt or .pth state dict"
            parser.add_argument("file", nargs="?", type=Path, help=text)
        elif field.name == "input_shape":
            parser.add_argument(option, type=parse_shape, help=text)
        elif types[field.name] == tuple[str, ...]:
            parser.add_argument(option, type=parse_names, default=field.default, help=text)
        elif types[field.name] is bool:
            parser.add_argument(option, action="store_true", help=text)
        else:
            number = next((each for each in (int, float) if each in _parts(types[field.name])), str)
            parser.add_argument(option, type=number, default=field.default, help=text + known)
    parser.add_argument(
        "--again", action="store_true", help="measure anew what was measured before"
    )
    parser.add_argument("--out", type=Path, help="copy report and files to this folder")


def _parts(hint: Any) -> tuple[Any, ...]:
    """int | None is int and None."""
    return get_args(hint) or (hint,)


def _measure(options: argparse.Namespace) -> None:
    """Submit the request that the options make, follow it, print what came out."""
    asked = {field.name: getattr(options, field.name, None) for field in fields(options.kind)}
    if options.out is not None:
        _make(options.out)
    file = getattr(options, "file", None)
    if options.kind is LotteryRequest:
        asked["data"] = _data(options.data)
    if issubclass(options.kind, ModelRequest):
        _check_names(options)
        shape = options.input_shape
        if shape and options.batch_size == 1:
            asked["batch_size"] = shape[0]
        asked["model"] = None if file is None else _accepted(options)
    run = jobs.submit(options.kind(**asked), again=options.again)
    if run.study is not None and not run.active and not options.json:
        when = run.study.environment.measured_at
        print(f"Measured earlier, at {when}; --again measures anew.", file=sys.stderr)
    study = _followed(run)
    if options.out is not None:
        _write_out(study, run.id, options.out)
    _print_study(study, run.id, options.json, str(file or ""))


def _check_names(options: argparse.Namespace) -> None:
    """Say what is wrong before a file is read for it."""
    if (options.file is None) == (options.workload is None):
        raise BadInput("Give a file or --workload NAME, not both and not neither.")
    for name in (options.workload, options.architecture):
        if name is not None:
            catalogue.get(name)


def _data(data: str) -> str:
    """The name of the data, or the whole path of their folder: runs are carried out elsewhere."""
    if data in (idx.DIGITS, *idx.NAMES):
        return data
    folder = Path(data).expanduser()
    return str(folder.resolve()) if folder.is_dir() else data


def _accepted(options: argparse.Namespace) -> str:
    """The id under which the intake keeps the file; what people should know of it on stderr."""
    accepted = intake.accept(options.file, options.file.name)
    for note in accepted.notes:
        print(note, file=sys.stderr)
    recognised = options.architecture or recognise.recognise(accepted.shapes)
    if options.kind is ReportRequest and recognised is None:
        print(
            "The architecture is not recognised, so this is a weights report; name it with "
            f"--architecture ({', '.join(catalogue.names())}) for the full one.",
            file=sys.stderr,
        )
    return accepted.model


def _followed(run: Run) -> Study:
    """Wait for the run, telling on stderr how far it is; Ctrl-C cancels it."""
    last = ""

    def tell(now: Run) -> None:
        nonlocal last
        step = now.progress.step if now.progress else now.state.value
        if step != last:
            last = step
            print(f"[{now.id}] {step}", file=sys.stderr)

    try:
        run = jobs.wait(run.id, tell)
    except KeyboardInterrupt:
        jobs.cancel(run.id)
        raise RunFailed(f"Cancelled; run {run.id} was stopped.") from None
    return _result(run)


def _result(run: Run) -> Study:
    if run.state is State.DONE and run.study is not None:
        return run.study
    sentence = run.error or f"Run {run.id} is {run.state.value} and has no result yet."
    raise (BadInput if run.bad_input else RunFailed)(sentence)


def _make(folder: Path) -> None:
    """The folder for the results, before anything is measured for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"The folder {str(folder)!r} cannot be made ({error.strerror}); choose another."
        ) from None


def _write_out(study: Study, run: str, folder: Path) -> None:
    """The compressed files, and the report as HTML, JSON and CSV."""
    if paths.run_folder(run).exists():
        shutil.copytree(paths.run_folder(run), folder, dirs_exist_ok=True)
    (folder / "report.html").write_text(html_text(study))
    (folder / "report.json").write_bytes(json_bytes(study))
    (folder / "report.csv").write_text(csv_text(study), newline="")


def _print_study(study: Study, run: str, as_json: bool, file: str = "MODEL_FILE") -> None:
    if as_json:
        print(json_bytes(study).decode())
        return
    print(
        f"{study.title}, run {run}: {study.environment.cpu}, threads: {study.environment.threads}"
    )
    for caveat in study.caveats:
        print(f"  Note: {caveat}")
    if study.lottery is not None:
        _print_lottery(study.lottery)
    else:
        for row in study.rows:
            print(f"  {row.label:<26} {_line(row)}")
    for finding in study.findings:
        print(f"\n{finding.finding}\n  {finding.evidence}\n  {finding.next_step}")
    print(f"\nAgain: {command_line(study, file)}")


def _line(row: Row) -> str:
    if row.unavailable is not None:
        return row.unavailable
    noise = [] if row.sqnr_db is None else [f"{row.sqnr_db:.1f} dB"]
    return " | ".join([*numbers(row), *noise])


def _print_lottery(found: Lottery) -> None:
    """A line a level with the accuracies at the end and the early stops; then the verdict."""
    print(f"  {found.data}")
    for level in found.levels:
        means = {
            (each.start.value, each.measure): each.mean
            for each in found.outcomes
            if each.level == level.level
        }
        said = ", ".join(
            f"{start if level.level else 'dense'} {share_text(mean)} "
            f"(best at {means[start, Measure.STOP_ITERATION]:.0f})"
            for (start, measure), mean in means.items()
            if measure is Measure.END_SCORE
        )
        print(f"  level {level.level}, {share_text(level.kept)} left: {said}")
    print(f"\n{found.verdict}")


def _show(options: argparse.Namespace) -> None:
    _print_study(_result(jobs.get(options.run)), options.run, options.json)


def _runs(options: argparse.Namespace) -> None:
    runs = jobs.recent()
    if options.json:
        rows = [
            {
                "run": run.id,
                "kind": run.kind,
                "state": run.state.value,
                "created": run.created,
                "finished": run.finished,
                "request": run.request.document(),
                "error": run.error,
            }
            for run in runs
        ]
        print(msgspec.json.encode(rows).decode())
        return
    for run in runs:
        print(f"{run.id}  {run.state.value:<9}  {run.title or run.kind}")


def _workloads(options: argparse.Namespace) -> None:
    if options.json:
        print(msgspec.json.encode(list(catalogue.WORKLOADS.values())).decode())
        return
    for workload in catalogue.WORKLOADS.values():
        print(f"{workload.name:<12} {workload.label}: {workload.description}")


def _devices(options: argparse.Namespace) -> None:
    from efficiency.measure.device import devices  # torch: only where it is needed

    found = devices()
    if options.json:
        print(msgspec.json.encode(list(found)).decode())
        return
    for device in found:
        print(
            f"{device.name}: {device.label} ({', '.join(device.features) or 'no special features'})"
        )
