"""One candidate's own copy of the network, and the step it takes. One code path for all devices."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from efficiency.routines.mixed_precision.candidates import Candidate
from efficiency.routines.mixed_precision.task import Task

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
IEEE, TENSOR_FLOAT = "ieee", "tf32"


class Trainer:
    """Starts from the task's initial weights, which stay what they are."""

    def __init__(
        self,
        task: Task,
        candidate: Candidate,
        dtype: str,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        """`scaler`: another than the usual one, which starts at 2^16."""
        self.float32 = TENSOR_FLOAT if candidate.tf32 else IEEE
        self._candidate = candidate
        self._loss = task.loss
        self._device = task.device
        self._dtype = DTYPES[dtype]
        self.model = copy.deepcopy(task.model).train()
        self.optimizer = task.optimizer(self.model.parameters())
        self._rate = self.optimizer.param_groups[0]["lr"] if task.decay else None
        self.scaler = scaler or torch.amp.GradScaler(task.device, enabled=candidate.scaler)

    def slow_down(self, done: float) -> None:
        """Let the learning rate fall, where the task wants it. done: share of all steps, 0 to 1."""
        if self._rate is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate * (1 - done)

    def step(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """One step on one batch; the loss before it."""
        take = self._mixed_step if self._candidate.mixed else self._plain_step
        return take(inputs, targets)

    def _plain_step(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = self._loss(self.model(inputs), targets)
        self.optimizer.zero_grad(set_to_none=self._candidate.set_to_none)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _mixed_step(self, inputs: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(self._device, dtype=self._dtype, enabled=self._candidate.autocast):
            loss = self._loss(self.model(inputs), targets)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()


@contextmanager
def float32_as(precision: str) -> Iterator[None]:
    """How NVIDIA's GPUs multiply float32 inside the block: "ieee", or "tf32" with 10-bit mantissas.

    Nothing changes on a CPU.
    """
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]
    before = [switch.fp32_precision for switch in switches]
    for switch in switches:
        switch.fp32_precision = precision
    try:
        yield
    finally:
        for switch, old in zip(switches, before, strict=True):
            switch.fp32_precision = old
