"""NVIDIA's energy counter, replayed where the library begins."""

from collections.abc import Callable

import pynvml
import pytest

from efficiency.core.errors import Unavailable
from efficiency.measure.meters import read_meters
from efficiency.measure.nvml import gpu_counter
from tests.measure.replay import Machine, Part

UUID = "GPU-8a56a4bc-e184-a047-2620-be19fdf913d5"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], int]], None]:
    """Put a GPU with one UUID in the library's place; its counter is the function given."""

    def install(millijoules: Callable[[], int]) -> None:
        def handle(uuid: str) -> str:
            if uuid != UUID:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
            return "handle"

        def energy(handle: str) -> int:
            assert handle == "handle"
            return millijoules()

        monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", handle)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", energy)

    return install


def test_joules_of_a_replayed_gpu(gpu: Callable[[Callable[[], int]], None]) -> None:
    machine = Machine()
    part = Part(machine, unit=1e-3, size=2**64, pace=0.1, joules=4e6)
    gpu(lambda: part.shown)
    (found,) = read_meters(
        machine.passes(0.002),
        counters=[gpu_counter(UUID)],
        clock=machine.clock,
        sleep=machine.sleep,
    )
    assert found.joules.median == pytest.approx(0.002 * (50 - 20), rel=0.02)
    assert found.idle_watts == pytest.approx(20, rel=0.05)
    assert found.counter.startswith("GPU board (NVML")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "install it with the driver"),
        (pynvml.NVML_ERROR_NOT_SUPPORTED, "measure on a whole GPU"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "ask an administrator"),
        (pynvml.NVML_ERROR_GPU_IS_LOST, "see whether nvidia-smi works"),
    ],
)
def test_every_refusal_says_what_to_do(
    gpu: Callable[[Callable[[], int]], None], error: int, said: str
) -> None:
    def refuse() -> int:
        raise pynvml.NVMLError(error)

    gpu(refuse)
    with pytest.raises(Unavailable, match=said):
        gpu_counter(UUID)


def test_another_gpu_is_not_read_instead(gpu: Callable[[Callable[[], int]], None]) -> None:
    gpu(lambda: 1)
    with pytest.raises(Unavailable, match="nvidia-smi"):
        gpu_counter("GPU-0")


def test_without_the_driver_there_is_one_sentence() -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError_LibraryNotFound:
        pass
    else:
        pytest.skip("NVIDIA's management library is here")
    with pytest.raises(Unavailable, match=r"libnvidia-ml.*install it with the driver"):
        gpu_counter(UUID)
