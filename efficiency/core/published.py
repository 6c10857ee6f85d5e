"""What others have published about mixed precision, and where. None of it was measured here."""

from dataclasses import dataclass

TUTORIAL = "Technion EE 046211, tutorial on training and inference efficiency"
NVIDIA = (
    "NVIDIA, DeepLearningExamples, ResNet50 v1.5 for PyTorch, README, containers 20.12 and 21.03"
)
PYTORCH = (
    "M. Huang, C. Tekur, M. Carilli, Introducing native PyTorch automatic mixed precision, "
    "PyTorch blog, 2020"
)
INTEL = (
    "A. Rodriguez and others, Intel and Facebook accelerate PyTorch performance with 3rd Gen "
    "Intel Xeon processors, Intel"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTraining:
    """Training with mixed precision against `baseline` on other people's machines.

    `before` and `after` are seconds of the whole run, or examples a second (`unit` says which);
    None where only the gain was published: `low` to `high` times as fast, or up to `high` where
    `low` is None.
    `bytes_before` and `bytes_after` are peak memory by tensors; `accuracy` is empty where none was
    published.
    """

    what: str
    hardware: str
    baseline: str
    lower: str
    low: float | None
    high: float
    source: str
    unit: str = ""
    before: float | None = None
    after: float | None = None
    bytes_before: int | None = None
    bytes_after: int | None = None
    accuracy: str = ""


MIXED_PRECISION = (
    PublishedTraining(
        what="MLP, 3 layers 4096 wide, 150 steps of 512",
        hardware="an older GPU, not named",
        baseline="fp32",
        lower="fp16",
        unit="s",
        before=13.958,
        after=14.081,
        low=13.958 / 14.081,
        high=13.958 / 14.081,
        bytes_before=1_493_322_752,
        bytes_after=1_585_620_992,
        source=TUTORIAL,
    ),
    PublishedTraining(
        what="ResNet-50 v1.5 on ImageNet",
        hardware="one V100, 16 GB",
        baseline="fp32",
        lower="fp16",
        unit="images/s",
        before=367,
        after=1200,
        low=3.26,
        high=3.26,
        source=NVIDIA,
        accuracy="77.01 % in fp32, 76.88 % mixed (90 epochs on eight)",
    ),
    PublishedTraining(
        what="ResNet-50 v1.5 on ImageNet",
        hardware="one A100, 80 GB",
        baseline="tf32",
        lower="fp16",
        unit="images/s",
        before=938,
        after=2470,
        low=2.63,
        high=2.63,
        source=NVIDIA,
        accuracy="76.95 % in tf32, 77.12 % mixed (90 epochs on eight)",
    ),
    PublishedTraining(
        what="several networks",
        hardware="eight V100",
        baseline="fp32",
        lower="fp16",
        low=1.5,
        high=5.5,
        source=PYTORCH,
        accuracy="the same",
    ),
    PublishedTraining(
        what="vision networks",
        hardware="CPU with AVX-512 BF16 (Cooper Lake)",
        baseline="fp32",
        lower="bf16",
        low=None,
        high=1.64,
        source=INTEL,
    ),
)
