"""The devices of this machine and what their hardware can do, as data."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from efficiency.core.anatomy import Cache
from efficiency.core.errors import Unavailable

# Instruction sets that decide how fast small numbers are multiplied, by the names PyTorch uses.
_DECISIVE = ("avx", "amx", "fma", "f16c", "neon", "sve", "bf16", "i8mm", "dot")
# The compute capability from which NVIDIA's tensor cores multiply each format.
_TENSOR_CORES = {"fp16": (7, 0), "int8": (7, 2), "bf16": (8, 0), "tf32": (8, 0), "fp8": (8, 9)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Something that runs models. `name` is what requests say, `label` what people read.

    `features` are instruction sets of a CPU (`avx512_vnni`), or the compute capability and tensor
    core formats of a GPU (`sm_90`, `tensor_cores_bf16`). `cores` are physical cores of a CPU,
    multiprocessors of a GPU.
    """

    name: str
    label: str
    features: tuple[str, ...]
    caches: tuple[Cache, ...]
    cores: int
    memory_bytes: int


def devices() -> tuple[Device, ...]:
    """Every device of this machine: the CPU, and the CUDA device if there is one."""
    return (_cpu(), _cuda()) if torch.cuda.is_available() else (_cpu(),)


def find_device(name: str) -> Device:
    """The device called `name`. Raises Unavailable if this machine has none."""
    here = {device.name: device for device in devices()}
    if name not in here:
        raise Unavailable(
            f"This machine has no device called {name!r} that PyTorch can use; "
            f"use {' or '.join(here)}."
        )
    return here[name]


# The share of the free memory that a run may take.
ROOM = 0.8


def free_memory(name: str) -> int:
    """Bytes that the device called `name` has free now."""
    if name == "cpu":
        return psutil.virtual_memory().available
    free: int = torch.accelerator.get_memory_info(name)[0]
    return free


def _cpu() -> Device:
    can = torch.cpu.get_capabilities()
    sizes = {"L1 data": can.get("l1d_cache_size", 0), "L2": can.get("l2_cache_size", 0)}
    return Device(
        name="cpu",
        label=_cpu_label(str(can.get("cpu_name", ""))),
        features=tuple(
            sorted(
                flag
                for flag, present in can.items()
                if present is True and any(word in flag for word in _DECISIVE)
            )
        ),
        caches=tuple(Cache(name=name, bytes=int(size)) for name, size in sizes.items() if size),
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
    )


def _cpu_label(otherwise: str) -> str:
    """The maker's name of the CPU: Linux tells the whole of it, other systems PyTorch's short."""
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return otherwise or platform.processor() or platform.machine()


def _cuda() -> Device:
    facts = torch.cuda.get_device_properties(torch.cuda.current_device())
    capability = (facts.major, facts.minor)
    formats = [name for name, since in _TENSOR_CORES.items() if capability >= since]
    return Device(
        name="cuda",
        label=facts.name,
        features=(
            f"sm_{facts.major}{facts.minor}",
            *(f"tensor_cores_{name}" for name in formats),
        ),
        caches=(Cache(name="L2", bytes=facts.L2_cache_size, shared=True),),
        cores=facts.multi_processor_count,
        memory_bytes=facts.total_memory,
    )
