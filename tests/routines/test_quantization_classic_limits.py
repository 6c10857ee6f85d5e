"""The classic back end: eager mode, coverage, the choice of engine, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from efficiency.core.errors import BadInput, Unavailable
from efficiency.core.quantization import EngineSpeed
from efficiency.core.requests import ENGINES, QuantizeRequest
from efficiency.measure.fidelity import sqnr_db
from efficiency.routines.quantization import classic, fusion
from efficiency.routines.quantization.calibration import calibration_inputs
from efficiency.routines.quantization.engines import engine_speeds, fastest
from efficiency.routines.quantization.kernels import engines
from efficiency.routines.quantization.settings import Settings, settings_of
from efficiency.routines.subject import Subject
from efficiency.routines.variant import model_of
from tests.routines.subjects import bare, trained, untrained

X86 = Settings(engine=engines()[0])


@pytest.fixture(scope="module")
def lenet(home: Path) -> Subject:
    return trained("lenet")


@pytest.fixture(scope="module")
def images(lenet: Subject) -> Tensor:
    return calibration_inputs(lenet, 64, seed=1)


def held_out(subject: Subject) -> Tensor:
    assert subject.split is not None
    return subject.split.held_out_inputs


# --- eager mode ----------------------------------------------------------------------------------


def test_eager_mode_runs_from_end_to_end_where_the_code_can(lenet: Subject, images: Tensor) -> None:
    variant = classic.static_eager(lenet, X86, images)
    assert variant.settings["by_layer"] is False
    assert variant.whole_model
    assert variant.notes[0] == "Calibrated on 64 training inputs."
    assert not any("Every layer quantizes" in note for note in variant.notes)
    assert variant.coverage.skipped == ()


def test_eager_mode_goes_layer_by_layer_where_the_code_adds() -> None:
    cnn = untrained("cnn")
    variant = classic.static_eager(cnn, X86, calibration_inputs(cnn, 32, 0))
    assert variant.settings["by_layer"] is True
    assert not variant.whole_model
    assert "add has no int8 kernel" in variant.notes[-1]
    assert ("stem.0", "stem.1") in variant.settings["fused"]  # type: ignore[operator]
    assert variant.coverage.skipped == ()
    quantized = model_of(variant, cnn)
    with torch.no_grad():
        noise = sqnr_db(cnn.model(held_out(cnn)), quantized(held_out(cnn)))
    assert noise is not None
    assert noise > 15


def test_a_layer_between_its_ends_answers_for_itself() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, stride=2)

        def forward(self, x: Tensor) -> Tensor:
            padded = nn.functional.pad(x, (0, self.conv.stride[0] - 1))
            return torch.exp(self.conv(padded))  # exp has no int8 kernel

    reader = bare(Reader())
    quantized, structure, _ = classic.eager_model(reader, X86, calibration_inputs(reader, 2, 0))
    assert structure["by_layer"] is True
    assert quantized(calibration_inputs(reader, 1, 1)).shape[1] == 4


class Shared(nn.Module):
    """One ReLU for two convolutions, and a third whose neighbour does not follow it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        return y


class Apart(nn.Module):
    """A normalization that stands behind the convolution, and comes before it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)
        nn.init.uniform_(self.norm.weight)
        nn.init.uniform_(self.norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(self.norm(x).exp())
        return y


def test_only_what_changes_no_output_is_fused() -> None:
    example = torch.randn(2, 3, 12, 12)
    chain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
    assert fusion.fusible(chain, example) == (("0", "1", "2"),)
    assert fusion.fusible(Shared().eval(), example) == (("conv1", "bn1"), ("conv2", "bn2"))
    assert fusion.fusible(Apart().eval(), example) == ()


# --- coverage ------------------------------------------------------------------------------------


def test_coverage_gives_the_reason_for_each_layer() -> None:
    lstm, cnn = untrained("lstm"), untrained("cnn")
    dynamic = classic.dynamic(lstm, X86).coverage
    assert dynamic.changed == ("lstm", "head")
    assert [each.layer for each in dynamic.skipped] == ["embedding"]
    assert dynamic.skipped[0].reason == "Embedding: its rows are looked up, nothing is multiplied"
    static = classic.static_fx(lstm, X86, calibration_inputs(lstm, 4, 0)).coverage
    assert static.changed == ("head",)
    assert {each.layer for each in static.skipped} == {"embedding", "lstm"}
    assert any("its kernels are dynamic ones" in each.reason for each in static.skipped)
    of_cnn = classic.dynamic(cnn, X86).coverage
    assert of_cnn.changed == ("head",)
    assert "no dynamic kernels for convolutions" in of_cnn.skipped[0].reason


def test_attention_with_fused_projections_is_named() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.head = nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(2)[..., :8]
            y: Tensor = self.head(self.attention(x, x, x)[0])
            return y

    coverage = classic.dynamic(bare(Attending()), X86).coverage
    assert coverage.changed == ("head",)
    assert any("its three projections" in each.reason for each in coverage.skipped)


# --- engines -------------------------------------------------------------------------------------


def test_engines_of_the_machine_are_timed_against_each_other(
    lenet: Subject, images: Tensor
) -> None:
    before = torch.backends.quantized.engine
    speeds = engine_speeds(lenet, X86, images, 0.5, batch_size=4)
    assert tuple(each.engine for each in speeds) == engines()
    assert set(engines()) <= {*ENGINES, *torch.backends.quantized.supported_engines}
    assert all(each.seconds is not None and each.seconds > 0 for each in speeds)
    assert torch.backends.quantized.engine == before


def test_a_model_that_no_engine_can_take_has_reasons_and_the_default() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.exp()

    speeds = engine_speeds(bare(Odd()), X86, calibration_inputs(bare(Odd()), 1, 0), 0.1)
    assert all(each.seconds is None and each.unavailable for each in speeds)
    assert fastest(speeds) == engines()[0]


@pytest.mark.skipif(len(engines()) < 3, reason="needs a machine with three engines")
def test_the_default_engine_is_left_only_for_one_that_is_clearly_faster() -> None:
    usual, *others = engines()

    def speeds(default: float | None, *seconds: float) -> tuple[EngineSpeed, ...]:
        of_others = zip(others, seconds, strict=False)
        return (
            EngineSpeed(engine=usual, seconds=default),
            *(EngineSpeed(engine=name, seconds=each) for name, each in of_others),
        )

    assert fastest(speeds(1.1, 1.0, 2.0)) == usual
    assert fastest(speeds(1.2, 1.1, 1.0)) == others[1]
    assert fastest(speeds(None, 3.0, 2.0)) == others[1]


# --- what is refused -----------------------------------------------------------------------------


def test_an_engine_that_the_machine_lacks_is_named_with_those_it_has() -> None:
    request = QuantizeRequest(workload="lenet")
    with pytest.raises(BadInput, match=f"no engine 'npu' on this machine; it has {engines()[0]}"):
        settings_of(request, "npu")


def test_settings_are_those_of_the_request() -> None:
    request = QuantizeRequest(
        workload="lenet", observer="minmax", granularity="per-tensor", no_fusion=True
    )
    assert settings_of(request, engines()[-1]) == Settings(
        engine=engines()[-1],
        observer="minmax",
        granularity="per-tensor",
        scheme="affine",
        fusion=False,
    )


@pytest.mark.parametrize("method", [classic.static_fx, classic.static_eager])
def test_calibration_that_does_not_fit_is_refused(
    lenet: Subject, images: Tensor, method: Callable[..., object]
) -> None:
    broken = images.clone()
    broken[3, 0, 0, 0] = torch.nan
    broken[5, 0, 0, 0] = torch.inf
    for calibration, sentence in (
        (images[:0], "There are no calibration inputs"),
        (
            images[..., :20],
            r"shape \(64, 1, 28, 20\) do not fit LeNet; they must be \(N, 1, 28, 28\)",
        ),
        (images[0], r"shape \(1, 28, 28\) do not fit"),
        (broken, "2 of 64 calibration inputs hold NaN or infinite values"),
        ((255 * images).to(torch.uint8), "float32 numbers, not uint8; convert"),
        (images.double(), "float32 numbers, not float64"),
    ):
        with pytest.raises(BadInput, match=sentence):
            method(lenet, X86, calibration)


def test_token_ids_beyond_the_vocabulary_are_refused() -> None:
    lstm = untrained("lstm")
    ids = calibration_inputs(lstm, 2, 0)
    for wrong in (ids + 97, ids - 97, ids.float()):
        with pytest.raises(BadInput, match="whole numbers from 0 to 96"):
            classic.static_fx(lstm, X86, wrong)


def test_calibration_inputs_are_chosen_by_their_seed(lenet: Subject) -> None:
    first, again, other = (calibration_inputs(lenet, 16, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert lenet.split is not None
    known = {tuple(each.flatten().tolist()) for each in lenet.split.train_inputs}
    assert {tuple(each.flatten().tolist()) for each in first} <= known
    with pytest.raises(BadInput, match=r"2,000 calibration inputs are more than the 1,437"):
        calibration_inputs(lenet, 2000, 0)
    with pytest.raises(BadInput, match="give at least 1"):
        calibration_inputs(lenet, 0, 0)


def test_models_without_data_are_calibrated_on_random_inputs_and_say_so() -> None:
    network = bare(nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU()))
    inputs = calibration_inputs(network, 256, 0)
    assert inputs.shape == (32, 3, 224, 224)
    variant = classic.static_fx(network, X86, inputs[:2])
    assert "2 random inputs, as there are no data" in variant.notes[0]


def test_what_cannot_be_quantized_says_why() -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x) if x.sum() > 0 else x
            return y

    branching = bare(Branching())
    inputs = calibration_inputs(branching, 1, 0)
    with pytest.raises(Unavailable, match=r"cannot trace this model .*control flow"):
        classic.static_fx(branching, X86, inputs)
    with pytest.raises(Unavailable, match="no linear or recurrent layer"):
        classic.dynamic(branching, X86)
    with pytest.raises(Unavailable, match="PReLU or ELU, which PyTorch cannot save"):
        classic.static_fx(bare(nn.Sequential(nn.Conv2d(3, 3, 1), nn.PReLU())), X86, inputs)
    with pytest.raises(Unavailable, match="finds no layer of this model"):
        classic.static_eager(bare(nn.Sequential(nn.Softsign())), X86, inputs)


def test_a_model_whose_calls_differ_is_not_trusted(lenet: Subject) -> None:
    with pytest.raises(Unavailable, match="two calls of this model in int8 differ"):
        classic.running(lenet, X86, lambda: nn.Dropout(0.5).train())
