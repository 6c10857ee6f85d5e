"""The machine and the software, as they go into every study."""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import psutil
import torch

import efficiency
from efficiency.core.values import Environment
from efficiency.measure.device import find_device
from efficiency.measure.load import LoadMeter, load_of_others
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.measure.timing import Comparison

__all__ = ["LoadMeter", "describe", "fixed_threads", "load_of_others", "steady_threads"]

LIBRARIES = ("torch", "torchao", "transformers", "numpy", "scipy", "safetensors")


def describe(device: str, comparison: Comparison | None = None) -> Environment:
    """This machine now, with the threads, loads and disturbance of the comparison if there is one.

    Raises Unavailable if there is no such device.
    """
    here = find_device(device)
    cpu = here if device == "cpu" else find_device("cpu")
    return Environment(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        device=here.label,
        features=here.features,
        cpu=cpu.label,
        cores=cpu.cores,
        threads=comparison.threads if comparison else torch.get_num_threads(),
        memory_bytes=psutil.virtual_memory().total,
        platform=platform.platform(),
        versions=_versions(),
        load_before=comparison.load_before if comparison else None,
        load_during=comparison.load_during if comparison else None,
        disturbed=comparison.disturbed if comparison else None,
    )


def _versions() -> dict[str, str]:
    """Versions of Python, of this program, and of the libraries that are installed."""
    found = {"python": platform.python_version(), "efficiency": efficiency.__version__}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
