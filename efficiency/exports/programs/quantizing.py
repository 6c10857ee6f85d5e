"""A network in int8: how much smaller, how much faster, and what it loses."""

import copy
import io
import random
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from efficiency.exports.programs.quantization_data import load
from efficiency.exports.programs.quantization_static_fx import quantize

THREADS = 1
SEED = 0
BATCH_SIZE = 1  # inputs in one call
EPOCHS, BATCH, RATE, DECAY = 25, 64, 0.001, False  # of training; nothing is trained in 0 epochs
ROUNDS = 40


# --- the network
def build() -> nn.Module:
    """Put your own here."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))


# --- the experiment
def fit(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    epochs: float,
    rate: float,
    decay: bool,
    late: Callable[[], object] = lambda: None,
) -> None:
    """Train in place; with `decay` the rate falls to zero. `late` is called after two thirds."""
    steps = max(1, round(epochs * -(-len(inputs) // BATCH)))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0 if decay else 1.0, steps)
    order: list[Tensor] = []
    for step in range(steps):
        if step == round(2 / 3 * steps):
            late()
        order = order or list(torch.randperm(len(inputs)).split(BATCH))
        batch = order.pop()
        optimizer.zero_grad()
        cross_entropy(model(inputs[batch]), labels[batch]).backward()
        optimizer.step()
        schedule.step()


def outputs(model: nn.Module, inputs: Tensor) -> Tensor:
    """What the model says of all inputs, BATCH_SIZE at a time, as it is compiled for."""
    whole = len(inputs) // BATCH_SIZE * BATCH_SIZE
    return torch.cat([model(batch) for batch in inputs[:whole].split(BATCH_SIZE)])


def file_bytes(model: nn.Module) -> int:
    """Bytes of the saved weights."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return file.tell()


def seconds(model: nn.Module, batch: Tensor) -> float:
    """How long one call takes, the shortest of three."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        model(batch)
        found.append(time.perf_counter() - began)
    return min(found)


def main() -> None:
    """Train if there are data, quantize, compare."""
    warnings.simplefilter("ignore")  # torch.ao announces its successor, torchao
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    train_inputs, train_labels, inputs, labels = load()
    model = build()
    if EPOCHS:
        model.train()
        fit(model, train_inputs, train_labels, epochs=EPOCHS, rate=RATE, decay=DECAY)
    model.eval()
    quantized = quantize(copy.deepcopy(model), train_inputs, train_labels)
    with torch.no_grad():
        before, after = outputs(model, inputs), outputs(quantized, inputs)
        sqnr = 10 * torch.log10(before.square().sum() / (before - after).square().sum())
        print(f"weights   {file_bytes(model) / 1e3:.1f} -> {file_bytes(quantized) / 1e3:.1f} kB")
        print(f"SQNR      {sqnr:.1f} dB")
        if EPOCHS:
            right = [
                (each.argmax(-1) == labels[: len(each)]).float().mean() for each in (before, after)
            ]
            print(f"accuracy  {100 * right[0]:.1f} -> {100 * right[1]:.1f} %")
        # In turn and in random order, so that whatever else the machine does disturbs both alike.
        times: dict[nn.Module, list[float]] = {model: [], quantized: []}
        for _ in range(ROUNDS):
            for each in random.sample([model, quantized], 2):
                times[each].append(seconds(each, inputs[:BATCH_SIZE]))
        slow, fast = times.values()
        first, then = (1e3 * statistics.median(each) for each in (slow, fast))
        print(f"one call  {first:.3f} -> {then:.3f} ms")
        ratio = statistics.median(a / b for a, b in zip(slow, fast, strict=True))
        print(f"int8 is {ratio:.4f} times as fast as float32")


if __name__ == "__main__":
    main()
