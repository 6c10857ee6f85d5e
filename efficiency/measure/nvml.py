"""The energy counter of NVIDIA's GPUs, read through their management library (NVML).

It counts millijoules since the driver was loaded, from Volta (2017) on. nvidia-ml-py is enough: it
is all that would be used of zeus (`rapl.py` says why), which brings seven more packages.
"""

from functools import partial

import pynvml  # type: ignore[import-untyped]
import torch

from efficiency.core.errors import Unavailable
from efficiency.measure.counters import Counter, Register


def nvml_counters(device: str) -> tuple[Counter, ...]:
    """The counter of that CUDA device. Raises Unavailable."""
    # CUDA and NVML number GPUs differently; the UUID is the same.
    return (gpu_counter(f"GPU-{torch.cuda.get_device_properties(device).uuid}"),)


def gpu_counter(uuid: str) -> Counter:
    """The counter of the GPU with that UUID. Raises Unavailable."""
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        read = partial(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        read()
    except pynvml.NVMLError as error:
        raise Unavailable(_why_none(error)) from None
    return Counter(
        part="GPU board",
        note="NVML; with its memory, without the CPU that feeds it",
        registers=(Register(read=read, joules_per_count=1e-3, size=2**64),),
    )


def _why_none(error: pynvml.NVMLError) -> str:
    match error.value:
        case pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            return (
                "NVIDIA's management library (libnvidia-ml), which reads the GPU's energy counter, "
                "is not here; install it with the driver, or hand it on to the container."
            )
        case pynvml.NVML_ERROR_NOT_SUPPORTED:
            return (
                "This GPU shows no energy counter; NVIDIA's have one from Volta (2017) on, unless "
                "a virtual GPU or a MIG slice hides it: measure on a whole GPU."
            )
        case pynvml.NVML_ERROR_NO_PERMISSION:
            return (
                "This user may not read the GPU's energy counter; ask an administrator for access "
                "to NVIDIA's management library (nvidia-smi)."
            )
        case _:
            return (
                f"The GPU's energy counter cannot be read ({error}); see whether nvidia-smi works."
            )
