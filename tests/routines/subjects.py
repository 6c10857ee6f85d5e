"""Models to compress in tests: trained ones, and others that need no training."""

from functools import cache

import torch
from torch import nn

from efficiency.routines.subject import Subject
from efficiency.workloads import catalogue, training


@cache
def trained(name: str) -> Subject:
    """The workload trained with seed 0; the weights are kept in the home of the session."""
    workload = catalogue.get(name)
    model = workload.build()
    model.load_state_dict(training.trained(workload, 0))
    return Subject(model=model, workload=workload, split=workload.load_split(), seed=0)


@cache
def untrained(name: str) -> Subject:
    """The workload with random weights and its data."""
    workload = catalogue.get(name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = workload.build()
    training.settle_batch_norm(model, workload)
    return Subject(model=model, workload=workload, split=workload.load_split(), seed=0)


def bare(model: nn.Module) -> Subject:
    """A model of (N, 3, 224, 224) images without data."""
    return Subject(model=model.eval(), workload=catalogue.get("resnet50"), split=None, seed=0)
