"""A network that is pruned: how many zeros, how large, how fast, and what it loses."""

import copy
import io
import random
import statistics
import time
import zlib

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from efficiency.exports.programs.pruning_zeros import finish, shrink
from efficiency.exports.programs.quantization_data import load

THREADS = 1
SEED = 0
BATCH_SIZE = 1  # inputs in one call
EPOCHS, BATCH, RATE, DECAY = 25, 64, 0.001, False  # of training; nothing is trained in 0 epochs
TUNING_EPOCHS = 3.0  # after pruning, zeros stay zero
ROUNDS = 40


# --- the network
def build() -> nn.Module:
    """Put your own here."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 10))


# --- the experiment
def fit(model: nn.Module, inputs: Tensor, labels: Tensor, epochs: float) -> None:
    """Train in place; with DECAY the rate falls to zero."""
    steps = max(1, round(epochs * -(-len(inputs) // BATCH)))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0 if DECAY else 1.0, steps)
    order: list[Tensor] = []
    model.train()
    for _ in range(steps):
        order = order or list(torch.randperm(len(inputs)).split(BATCH))
        batch = order.pop()
        optimizer.zero_grad()
        logits = model(inputs[batch])
        cross_entropy(logits.flatten(0, -2), labels[batch].flatten()).backward()
        optimizer.step()
        schedule.step()
    model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, inputs: Tensor, labels: Tensor) -> str:
    """The share of right answers."""
    return f"{100 * (model(inputs).argmax(-1) == labels).float().mean():.2f} %"


def sizes(model: nn.Module) -> str:
    """Bytes of the saved weights, and of the same file zipped."""
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    zipped = len(zlib.compress(file.getvalue()))
    return f"{len(file.getvalue()) / 1e3:.1f} kB, zipped {zipped / 1e3:.1f} kB"


def zeros(model: nn.Module) -> str:
    """How many of all numbers are zero, sparse matrices by what they leave out."""
    tensors = list(model.state_dict().values())
    count = sum(each.numel() for each in tensors)
    left = sum(
        int((each.values() if each.layout == torch.sparse_csr else each).count_nonzero())
        for each in tensors
    )
    return f"{count - left} of {count} numbers"


def seconds(model: nn.Module, batch: Tensor) -> float:
    """How long one call takes, the shortest of three."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        model(batch)
        found.append(time.perf_counter() - began)
    return min(found)


def main() -> None:
    """Train if there are data, prune, train on, compare."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    train_inputs, train_labels, inputs, labels = load()
    model = build()
    if EPOCHS:
        fit(model, train_inputs, train_labels, EPOCHS)
    model.eval()
    pruned = shrink(copy.deepcopy(model), inputs[:2])
    if EPOCHS:
        before, after = (accuracy(each, inputs, labels) for each in (model, pruned))
        print(f"accuracy  {before} -> {after} as pruned")
    if EPOCHS and TUNING_EPOCHS:
        fit(pruned, train_inputs, train_labels, TUNING_EPOCHS)
        print(f"accuracy  {accuracy(pruned, inputs, labels)} fine-tuned")
    pruned = finish(pruned.eval())
    for name, each in (("before", model), ("pruned", pruned)):
        print(f"{name}    {zeros(each)} are zero, {sizes(each)}")
    # In turn and in random order, so that whatever else the machine does disturbs both alike.
    times: dict[nn.Module, list[float]] = {model: [], pruned: []}
    with torch.no_grad():
        for _ in range(ROUNDS):
            for each in random.sample([model, pruned], 2):
                times[each].append(seconds(each, inputs[:BATCH_SIZE]))
    slow, fast = times.values()
    first, then = (1e3 * statistics.median(each) for each in (slow, fast))
    print(f"one call  {first:.3f} -> {then:.3f} ms")
    ratio = statistics.median(a / b for a, b in zip(slow, fast, strict=True))
    print(f"pruned is {ratio:.4f} times as fast")


if __name__ == "__main__":
    main()
