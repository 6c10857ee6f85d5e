"""The classic back end: integers, scales and zero points by hand, and the models they make."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.ao.quantization import get_default_qconfig

from efficiency.measure.fidelity import sqnr_db
from efficiency.routines.quantization import classic
from efficiency.routines.quantization.calibration import calibration_inputs
from efficiency.routines.quantization.kernels import engines, using
from efficiency.routines.quantization.settings import Settings
from efficiency.routines.subject import Subject
from efficiency.routines.variant import model_of
from efficiency.workloads import catalogue, training
from tests.routines.subjects import trained, untrained

X86 = Settings(engine=engines()[0])


@pytest.fixture(scope="module")
def lenet(home: Path) -> Subject:
    return trained("lenet")


@pytest.fixture(scope="module")
def images(lenet: Subject) -> Tensor:
    return calibration_inputs(lenet, 64, seed=1)


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("granularity", ["per-channel", "per-tensor"])
@pytest.mark.parametrize("engine", engines())
def test_integers_of_weights_are_weights_by_scale_rounded(
    lenet: Subject, images: Tensor, engine: str, granularity: str
) -> None:
    settings = Settings(engine=engine, granularity=granularity)
    weight = lenet.model.get_parameter("conv1.weight").detach()
    tensors = classic.static_fx(lenet, settings, images).tensors
    largest = weight.abs().amax((1, 2, 3)) if settings.per_channel else weight.abs().max()
    scale = largest / 127.5  # the 256 integers from -128 to 127, symmetric
    assert torch.equal(tensors["conv1.weight::scale"], scale)
    assert not tensors["conv1.weight::zero_point"].any()
    by_hand = (weight / scale.reshape(-1, 1, 1, 1)).round().clamp(-128, 127)
    # Kernels multiply by 1 / scale, so that a number right between two integers may go either way.
    assert (tensors["conv1.weight"] - by_hand).abs().max() <= 1
    assert (tensors["conv1.weight"] == by_hand).float().mean() > 0.95


def test_integers_of_dynamic_weights_are_weights_by_scale_rounded(lenet: Subject) -> None:
    weight = lenet.model.get_parameter("fc1.weight").detach()
    tensors = classic.dynamic(lenet, X86).tensors
    scale = weight.abs().amax(1) / 127.5
    name = "fc1._packed_params._packed_params::weight"
    assert torch.equal(tensors[f"{name}::scale"], scale)
    by_hand = (weight / scale[:, None]).round().clamp(-128, 127)
    assert (tensors[name] == by_hand).float().mean() > 0.99


def test_normalization_is_folded_before_weights_are_rounded() -> None:
    cnn = untrained("cnn")
    convolution, norm = cnn.model.get_submodule("stem").children()
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    folded = (convolution.weight * factor.reshape(-1, 1, 1, 1)).detach()
    tensors = classic.static_fx(cnn, X86, calibration_inputs(cnn, 8, 0)).tensors
    scale = tensors["stem.0.weight::scale"].reshape(-1, 1, 1, 1)
    assert torch.allclose(scale.flatten(), folded.abs().amax((1, 2, 3)) / 127.5)
    assert ((tensors["stem.0.weight"] - folded / scale).abs() <= 0.501).all()


def test_one_scale_per_tensor_costs_what_small_channels_are_worth(images: Tensor) -> None:
    model = catalogue.get("lenet").build()
    with torch.no_grad():
        model.get_parameter("conv1.weight")[0] *= 100
    loud = Subject(model=model, workload=catalogue.get("lenet"), split=None, seed=0)
    noise = {}
    for granularity in ("per-channel", "per-tensor"):
        quantized = classic.fx_model(loud, replace(X86, granularity=granularity), images)
        weight = quantized.get_submodule("conv1").weight()  # type: ignore[operator]
        reference = model.get_parameter("conv1.weight").detach()
        noise[granularity] = sqnr_db(reference[1:], weight.dequantize()[1:])
    assert noise["per-channel"] is not None
    assert noise["per-tensor"] is not None
    assert noise["per-channel"] > noise["per-tensor"] + 20


# --- activations ---------------------------------------------------------------------------------


def highest(engine: str) -> int:
    return 127 if engine in ("x86", "fbgemm") else 255


@pytest.mark.parametrize("engine", engines())
def test_activations_have_the_bits_that_pytorch_gives_the_engine(engine: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a reduced range, and of CPUs without VNNI
        usual = get_default_qconfig(engine).activation()
    assert Settings(engine=engine).highest == usual.quant_max == highest(engine)


@pytest.mark.parametrize("engine", engines())
def test_rows_with_fewer_levels_say_so(lenet: Subject, images: Tensor, engine: str) -> None:
    notes = classic.static_fx(lenet, Settings(engine=engine), images).notes
    assert any("128 levels, not 256" in note for note in notes) == (highest(engine) == 127)


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize("scheme", ["affine", "symmetric"])
def test_scale_and_zero_point_follow_from_smallest_and_largest(
    lenet: Subject, images: Tensor, engine: str, scheme: str
) -> None:
    centred = images - 0.31  # from -0.31 to 0.69
    settings = Settings(engine=engine, observer="minmax", scheme=scheme)
    tensors = classic.static_fx(lenet, settings, centred).tensors
    low, high, top = float(centred.min()), float(centred.max()), highest(engine)
    if scheme == "affine":
        scale = (high - low) / top
        zero_point = round(-low / scale)
    else:
        scale = 2 * max(-low, high) / top
        zero_point = top // 2
    assert float(tensors["conv1_input_scale_0"]) == pytest.approx(scale, rel=1e-6)
    assert int(tensors["conv1_input_zero_point_0"]) == zero_point
    with torch.no_grad():
        rectified = torch.relu(lenet.model.get_submodule("conv1")(centred))
    step = (2 if scheme == "symmetric" else 1) * float(rectified.max()) / top
    assert float(tensors["conv1.scale"]) == pytest.approx(step, rel=1e-5)


def test_a_moving_average_moves_a_hundredth_a_batch(lenet: Subject, images: Tensor) -> None:
    settings = replace(X86, observer="moving-average")
    louder = torch.cat([images[:32], 11 * images[32:]])
    tensors = classic.static_fx(lenet, settings, louder).tensors
    first, second = (float(batch.max()) for batch in louder.split(32))
    high = first + 0.01 * (second - first)
    assert float(tensors["conv1_input_scale_0"]) == pytest.approx(high / X86.highest, rel=1e-5)


def test_a_histogram_gives_up_lonely_outliers(lenet: Subject) -> None:
    inputs = calibration_inputs(lenet, 256, seed=1)
    inputs[0, 0, 0, 0] = 3.0  # all others are below 1

    def scale(observer: str) -> float:
        tensors = classic.static_fx(lenet, replace(X86, observer=observer), inputs).tensors
        return float(tensors["conv1_input_scale_0"])

    assert scale("minmax") == pytest.approx(3 / X86.highest, rel=1e-5)
    assert scale("histogram") < scale("minmax") / 2


# --- the model that comes out --------------------------------------------------------------------


@pytest.mark.parametrize("observer", ["histogram", "minmax", "moving-average"])
@pytest.mark.parametrize("fused", [True, False])
def test_static_keeps_the_score(lenet: Subject, images: Tensor, observer: str, fused: bool) -> None:
    assert lenet.split is not None
    settings = replace(X86, observer=observer, fusion=fused)
    before = training.evaluate(lenet.model, lenet.split)
    for method in (classic.static_fx, classic.static_eager):
        after = training.evaluate(model_of(method(lenet, settings, images), lenet), lenet.split)
        assert after > before - 0.02


def test_without_fusion_every_operator_is_on_its_own() -> None:
    cnn = untrained("cnn")
    inputs = calibration_inputs(cnn, 8, 0)
    fused, single = (
        {type(each).__name__ for each in classic.fx_model(cnn, settings, inputs).modules()}
        for settings in (X86, replace(X86, fusion=False))
    )
    assert "ConvReLU2d" in fused
    assert "BatchNorm2d" not in fused
    assert "ConvReLU2d" not in single
    assert {"Conv2d", "BatchNorm2d"} <= single


def test_static_file_of_lenet_is_a_third_of_the_float_file(
    lenet: Subject, images: Tensor, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    save_file(dict(lenet.model.state_dict()), tmp_path / "float")
    save_file(classic.static_fx(lenet, X86, images).tensors, tmp_path / "int8")
    assert (tmp_path / "float").stat().st_size > 3.2 * (tmp_path / "int8").stat().st_size


@pytest.mark.parametrize("method", [classic.static_fx, classic.static_eager])
def test_the_subject_and_the_engine_stay_as_they_are(
    lenet: Subject, images: Tensor, method: Callable[..., object]
) -> None:
    before = {name: tensor.clone() for name, tensor in lenet.model.state_dict().items()}
    other = engines()[-1]
    with using(other):
        method(lenet, X86, images)
        assert torch.backends.quantized.engine == other
    after = lenet.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not lenet.model._forward_hooks
    assert not any(hasattr(module, "qconfig") for module in lenet.model.modules())
