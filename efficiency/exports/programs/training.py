"""Training in float32 against automatic mixed precision (AMP), step by step in turn.

    pip install torch && python amp.py

Both networks start from the same weights and see the same batches. In every round each takes one
step, in random order, so that whatever else the machine does disturbs both alike.
"""

import copy
import random
import statistics
import time

import torch
from torch import Tensor, nn

DEVICE = "cpu"
DTYPE = torch.bfloat16
THREADS = 1
SEED = 0
BATCH_SIZE, BATCHES, EPOCHS = 512, 20, 3
RATE = 0.001
# --- the network, its data, its loss
WIDTH, LAYERS = 1024, 3
loss_function = nn.MSELoss()
Optimizer = torch.optim.SGD


def make_model() -> nn.Module:
    """Linear layers, all WIDTH wide, with ReLU between them."""
    layers: list[nn.Module] = []
    for _ in range(LAYERS - 1):
        layers += [nn.Linear(WIDTH, WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, WIDTH))


def make_batch() -> tuple[Tensor, Tensor]:
    """Random inputs and targets."""
    return torch.randn(BATCH_SIZE, WIDTH), torch.randn(BATCH_SIZE, WIDTH)


# --- the experiment
class Training:
    """One copy of the network, trained with or without AMP."""

    def __init__(self, model: nn.Module, use_amp: bool) -> None:
        self.model = copy.deepcopy(model)
        self.optimizer = Optimizer(self.model.parameters(), lr=RATE)
        self.use_amp = use_amp
        # float16 needs its loss scaled, bfloat16 has the range of float32 and does not.
        scaled = use_amp and DTYPE is torch.float16
        self.scaler = torch.amp.GradScaler(DEVICE, enabled=scaled)
        self.seconds: list[float] = []

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """Forward pass under autocast, backward pass and update outside of it."""
        wait()
        began = time.perf_counter()
        with torch.autocast(DEVICE, dtype=DTYPE, enabled=self.use_amp):
            loss = loss_function(self.model(inputs), targets)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        wait()
        self.seconds.append(time.perf_counter() - began)


def wait() -> None:
    """Return when the device has finished what it was given; a CPU always has."""
    if DEVICE != "cpu":
        torch.accelerator.synchronize()


def main() -> None:
    """Train both, and print how long their steps took."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    model = make_model().to(DEVICE)
    data = [[part.to(DEVICE) for part in make_batch()] for _ in range(BATCHES)]
    fp32, amp = Training(model, use_amp=False), Training(model, use_amp=True)
    for _ in range(EPOCHS):
        for batch in data:
            for training in random.sample([fp32, amp], 2):
                training.step(*batch)
    for name, training in (("fp32", fp32), ("AMP", amp)):
        step = 1000 * statistics.median(training.seconds)
        print(f"{name:5}{step:10.3f} ms a step{sum(training.seconds):10.3f} s in all")
    ratios = [a / b for a, b in zip(fp32.seconds, amp.seconds, strict=True)]
    print(f"AMP is {statistics.median(ratios):.4f} times as fast as fp32")


if __name__ == "__main__":
    main()
