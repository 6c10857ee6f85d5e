"""How many CPU threads a measurement uses, and keeping that number fixed while it runs.

PyTorch's CPU operators split their work over OpenMP threads that wait for each other at the end
of every operator. If another process holds one of the cores, all threads wait for the one that
cannot run: LeNet at batch 1 on two cores, one of them busy, took 94 microseconds in the median with
one thread and with two, but with two threads two thirds of the wall time went into waits of many
milliseconds. So one core is left to the rest of the machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch


def usable_cores() -> int:
    """The physical cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return min(physical, allowed)


def steady_threads() -> int:
    """Threads for repeatable times: the usable cores less one, at least one."""
    return max(1, usable_cores() - 1)


@contextmanager
def fixed_threads(count: int) -> Iterator[None]:
    """Run PyTorch's operators on `count` threads inside the block; the old number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
