"""Measure saved files in a process of its own: every file is loaded with the loader beside it.

`python -m efficiency.routines.remeasure` reads one Task as JSON from standard input and writes one
JSON object a line to the descriptor it was given: first what is known of each file (score, SQNR,
peak memory, how long it was compiled), then the growing comparison of all of them, interleaved.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from math import ceil, log2
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import msgspec
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from efficiency.core.errors import RunFailed
from efficiency.core.quiet import quiet
from efficiency.core.units import seconds_text
from efficiency.core.values import PeakMemory, Ratio
from efficiency.measure.arithmetic import bf16_speed
from efficiency.measure.fidelity import sqnr_db
from efficiency.measure.memory import peak_memory
from efficiency.measure.outputs import output_tensor
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.measure.timing import MINIMUM_ROUNDS, Comparison, compare
from efficiency.routines.quantization import inductor
from efficiency.routines.trials import independent_trials
from efficiency.workloads.inputs import CHUNK, in_chunks
from efficiency.workloads.split import Split, score

RANDOM_INPUTS = 8
LARGE_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Which files to measure (folders below `folder`, the baseline first) and how.

    bf16_arithmetic: time bfloat16 matrix products by themselves, too. held_out: the file with what
    scores are taken on, if there is any, and unit, what one of these predictions is called.
    """

    folder: str
    names: tuple[str, ...]
    batch_size: int
    budget_seconds: float
    seed: int
    device: str
    bf16_arithmetic: bool = False
    held_out: str | None = None
    unit: str = "inputs"


class HeldOut(NamedTuple):
    """The held-out part of a `Split`."""

    inputs: Tensor
    labels: Tensor
    files: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What needs no clock. `sqnr_db` is None for the baseline and where outputs are identical.

    `score_over` says what the score is a share of, `score_count` how many independent trials that
    is worth for its interval (see `trials.py`); both are None without a score. `peak` is None for
    compiled code, which asks for memory past all that can be watched. `notes` say how the model was
    compiled, or why not.
    """

    name: str
    score: float | None
    score_count: int | None
    score_over: str | None
    sqnr_db: float | None
    peak: PeakMemory | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The comparison at one batch size so far; `final` when it has ended."""

    batch_size: int
    comparison: Comparison
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of output: exactly one of the fields is set."""

    ready: bool = False
    facts: Facts | None = None
    bf16_arithmetic: Ratio | None = None
    times: Times | None = None


def remeasured(task: Task, split: Split | None = None) -> Iterator[Message]:
    """Run the task in a fresh process and yield what it says, line by line.

    split: scores are taken on what it holds out. Every loader could make it again, but to import
    what that needs takes longer than to score all files.
    """
    if split is None:
        yield from _messages(task)
        return
    file = Path(task.folder) / "held_out.safetensors"
    held_out = HeldOut(split.held_out_inputs, split.held_out_labels, split.held_out_files)
    tensors = {name: each for name, each in held_out._asdict().items() if each is not None}
    save_file(tensors, file)
    try:
        yield from _messages(replace(task, held_out=str(file)))
    finally:
        file.unlink()


def _messages(task: Task) -> Iterator[Message]:
    command = [sys.executable, "-m", "efficiency.routines.remeasure"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | inductor.environment(),
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both were asked for")
        process.stdin.write(msgspec.json.encode(task))
        process.stdin.close()
        for line in process.stdout:
            yield msgspec.json.decode(line, type=Message)
    if process.returncode != 0:
        raise RunFailed(
            f"The measuring process ended with code {process.returncode}; run it again, with a "
            "smaller batch if the machine is short of memory."
        )


def main() -> None:
    """Carry out the task on standard input. Libraries may print, so results have their own copy."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    task = msgspec.json.decode(sys.stdin.read(), type=Task)

    def send(message: Message) -> None:
        output.write(msgspec.json.encode(message).decode() + "\n")
        output.flush()

    measure(task, send)


def measure(task: Task, send: Callable[[Message], None]) -> None:
    """Load every file, then say what each is like, then time them against each other."""
    with quiet():
        loaders = {name: _loader(Path(task.folder) / name) for name in task.names}
        models = {name: loader.load().to(task.device) for name, loader in loaders.items()}
    send(Message(ready=True))
    with torch.inference_mode():
        with fixed_threads(steady_threads()):
            _tell_facts(task, loaders[task.names[0]], models, send)
        if task.bf16_arithmetic:
            send(Message(bf16_arithmetic=bf16_speed(task.device, seed=task.seed)))
        _tell_times(task, loaders[task.names[0]], models, send)


def _tell_facts(
    task: Task, first: ModuleType, models: dict[str, nn.Module], send: Callable[[Message], None]
) -> None:
    held_out = None if task.held_out is None else HeldOut(**load_file(task.held_out))
    if held_out is None:
        inputs = first.example_inputs(task.batch_size * ceil(RANDOM_INPUTS / task.batch_size))
    else:
        inputs = held_out.inputs
    inputs = inputs.to(task.device)
    example = first.example_inputs(task.batch_size).to(task.device)
    reference = _outputs(models[task.names[0]], inputs, task)
    count, over = None, None
    if held_out is not None:
        right = reference.argmax(-1) == held_out.labels
        count = independent_trials(right, held_out.files)
        over = _scored_over(held_out, task.unit, count)
    for name, model in models.items():
        notes = _compile(model, example)
        outputs = _outputs(model, inputs, task)
        send(
            Message(
                facts=Facts(
                    name=name,
                    score=None if held_out is None else score(outputs, held_out.labels),
                    score_count=count,
                    score_over=over,
                    sqnr_db=None if name == task.names[0] else sqnr_db(reference, outputs),
                    peak=None if _compiles(model) else _peak(model, example),
                    notes=notes,
                )
            )
        )


def _compiles(model: nn.Module) -> bool:
    """Whether the model is one that is compiled when it is called."""
    return getattr(model, "uncompiled", "not meant to be") is None


def _compile(model: nn.Module, example: Tensor) -> tuple[str, ...]:
    """Have the model compiled for the example if it is to be; what is to be told of it."""
    began = time.perf_counter()
    model(example)
    seconds = seconds_text(time.perf_counter() - began)
    if _compiles(model):
        return (
            f"Compiled for this batch size in {seconds} when it was first called.",
            "Peak memory is not known: compiled code takes its memory where nobody can watch it.",
        )
    reason = getattr(model, "uncompiled", None)
    return () if reason is None else (f"Not compiled, so its speed means nothing. {reason}",)


def _outputs(model: nn.Module, inputs: Tensor, task: Task) -> Tensor:
    """The outputs for all inputs, in batches of few sizes, as a model may be compiled for each."""

    def call(chunk: Tensor) -> Tensor:
        return output_tensor(model(chunk))

    if task.held_out is not None:
        return in_chunks(call, inputs)
    return torch.cat([call(each) for each in inputs.split(task.batch_size)])


def _scored_over(held_out: HeldOut, unit: str, trials: int) -> str:
    """What the score is a share of, and what that is worth where it is worth less."""
    count = held_out.labels.numel()
    if held_out.files is None:
        return f"{count} held-out {unit}"
    files = len(held_out.files.unique())
    return (
        f"{count} {unit} in {files} held-out files (those of one file resemble each other, so the "
        f"interval is that of {trials} independent ones)"
    )


def _tell_times(
    task: Task, first: ModuleType, models: dict[str, nn.Module], send: Callable[[Message], None]
) -> None:
    """Half of the budget for the batch size asked for, half for a larger one that fits in it."""

    def compared(batch_size: int) -> Comparison:
        def tell(comparison: Comparison, *, final: bool = False) -> None:
            send(Message(times=Times(batch_size=batch_size, comparison=comparison, final=final)))

        example = first.example_inputs(batch_size).to(task.device)
        comparison = compare(
            {name: _call(model, example) for name, model in models.items()},
            device=task.device,
            budget_seconds=task.budget_seconds / 2,
            seed=task.seed,
            on_round=tell,
        )
        tell(comparison, final=True)
        return comparison

    larger = _larger_batch(task, compared(task.batch_size))
    # To compile for one more batch size may take minutes; for scoring, all were compiled already.
    compiled_already = larger == CHUNK and task.held_out is not None
    if larger is not None and (compiled_already or not any(map(_compiles, models.values()))):
        compared(larger)


def _larger_batch(task: Task, comparison: Comparison) -> int | None:
    """The largest power of two up to LARGE_BATCH whose rounds fit in half the budget.

    None if that is not at least four times the batch size measured before.
    """
    round_seconds = sum(timing.median_seconds for timing in comparison.timings.values())
    # Twice the rounds: warming up and repeating what was interrupted take their time, too.
    affordable = task.budget_seconds / 2 / (2 * MINIMUM_ROUNDS * round_seconds) * task.batch_size
    largest = min(LARGE_BATCH, 2 ** int(log2(affordable))) if affordable >= 1 else 0
    return largest if largest >= 4 * task.batch_size else None


def _call(model: nn.Module, example: Tensor) -> Callable[[], object]:
    return lambda: model(example)


def _peak(model: nn.Module, example: Tensor) -> PeakMemory:
    return peak_memory(_call(model, example), model)


def _loader(folder: Path) -> ModuleType:
    """The load_model.py of a folder, as a module of its own."""
    spec = spec_from_file_location(
        f"loader_{folder.name.replace('-', '_')}", folder / "load_model.py"
    )
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder / "load_model.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
