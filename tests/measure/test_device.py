"""Devices and the environment describe this machine, not an ideal one."""

import platform
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from efficiency.core.errors import Unavailable
from efficiency.measure.device import devices, find_device
from efficiency.measure.environment import describe
from efficiency.measure.threads import fixed_threads, steady_threads
from efficiency.measure.timing import compare


def test_the_cpu_is_always_there() -> None:
    cpu = find_device("cpu")
    assert cpu in devices()
    assert cpu.cores >= 1
    assert cpu.memory_bytes == psutil.virtual_memory().total
    assert cpu.label


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="only Linux lists CPU flags there")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="flags have other names elsewhere")
def test_features_agree_with_the_kernel() -> None:
    flags = Path("/proc/cpuinfo").read_text()
    features = find_device("cpu").features
    for ours, kernels in [
        ("avx2", "avx2"),
        ("avx512_vnni", "avx512_vnni"),
        ("avx512_bf16", "avx512_bf16"),
        ("amx_int8", "amx_int8"),
        ("f16c", "f16c"),
    ]:
        assert (ours in features) == (f" {kernels} " in flags.replace("\n", " "))


def test_an_absent_device_is_unavailable_in_one_sentence() -> None:
    with pytest.raises(Unavailable, match=r"^[^\n]*'tpu'[^\n]*use cpu[^\n]*\.$"):
        find_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(Unavailable, match="cuda"):
            describe("cuda")


def test_environment_names_what_a_reader_needs_to_repeat_it() -> None:
    with fixed_threads(1):
        here = describe("cpu")
    assert here.threads == 1
    assert here.versions["torch"] == torch.__version__
    assert here.versions["python"] == platform.python_version()
    assert here.load_during is None


def test_environment_of_a_comparison_has_its_threads_and_loads() -> None:
    found = compare({"nothing": lambda: None}, budget_seconds=0.3)
    found = replace(found, disturbed="Somebody was there.")
    here = describe("cpu", found)
    assert here.threads == found.threads == steady_threads()
    assert (here.load_before, here.load_during) == (found.load_before, found.load_during)
    assert here.disturbed == "Somebody was there."


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_cuda_features_follow_the_compute_capability() -> None:
    gpu = find_device("cuda")
    major, minor = torch.cuda.get_device_capability()
    assert f"sm_{major}{minor}" in gpu.features
    assert ("tensor_cores_bf16" in gpu.features) == (major >= 8)
