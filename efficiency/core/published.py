"""What others have published and where. None of it was measured here."""

from dataclasses import dataclass

TUTORIAL = "Technion EE 046211, tutorial on training and inference efficiency"
NVIDIA = (
    "NVIDIA, DeepLearningExamples, ResNet50 v1.5 for PyTorch, README, containers 20.12 and 21.03"
)
PYTORCH = (
    "M. Huang, C. Tekur, M. Carilli, Introducing native PyTorch automatic mixed precision, "
    "PyTorch blog, 2020"
)
PYTORCH_QUANTIZATION = (
    "R. Krishnamoorthi, J. Reed, M. Ni, C. Gottbrath, S. Weidman, Introduction to quantization on "
    "PyTorch, PyTorch blog, 2020; quoted by the Technion EE 046211 tutorial"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedQuantization:
    """An int8 network against float32 on other people's machines.

    `before` and `after` are seconds a call; `score_before` and `score_after` shares, in
    `score_name`. `workload` is the same architecture here, with random weights, and `trained` a
    smaller relative of it that is trained here.
    """

    what: str
    workload: str
    trained: str
    method: str
    before: float
    after: float
    gain: float
    score_name: str
    score_before: float
    score_after: float
    device: str
    source: str
    year: int


QUANTIZATION = (
    PublishedQuantization(
        what="BERT",
        workload="bert",
        trained="transformer",
        method="dynamic",
        before=0.581,
        after=0.313,
        gain=1.8,
        score_name="F1",
        score_before=0.902,
        score_after=0.895,
        device="Xeon D-2191, 1.6 GHz",
        source=PYTORCH_QUANTIZATION,
        year=2020,
    ),
    PublishedQuantization(
        what="ResNet-50",
        workload="resnet50",
        trained="cnn",
        method="static",
        before=0.214,
        after=0.103,
        gain=2,
        score_name="top-1 accuracy",
        score_before=0.761,
        score_after=0.759,
        device="Xeon D-2191, 1.6 GHz",
        source=PYTORCH_QUANTIZATION,
        year=2020,
    ),
    PublishedQuantization(
        what="MobileNetV2",
        workload="mobilenetv2",
        trained="mobilenet",
        method="qat",
        before=0.097,
        after=0.017,
        gain=5.7,
        score_name="top-1 accuracy",
        score_before=0.719,
        score_after=0.716,
        device="Samsung Galaxy S9",
        source=PYTORCH_QUANTIZATION,
        year=2020,
    ),
)
