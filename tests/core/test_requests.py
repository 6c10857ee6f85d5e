"""Requests: what they refuse, and that they survive being plain data."""

import pytest

from efficiency.core.errors import BadInput
from efficiency.core.requests import (
    AmpRequest,
    EnergyRequest,
    LotteryRequest,
    PruneRequest,
    ReportRequest,
    Request,
    parse,
)

LENET = {"workload": "lenet"}


@pytest.mark.parametrize(
    "request_",
    [
        EnergyRequest(workload="lenet", training=True),
        EnergyRequest(workload="resnet50", batch_size=4, input_shape=(4, 3, 160, 160)),
        ReportRequest(model="ab" * 32),
        AmpRequest(preset="tutorial", width=1024),
        PruneRequest(workload="lenet", amount="3", parameters=("conv1.weight", "conv1.bias")),
        LotteryRequest(workload="lenet300", rounds=5, rate=0.2),
    ],
)
def test_a_request_is_plain_data(request_: Request) -> None:
    again = parse(request_.document())
    assert again == request_
    assert again.key() == request_.key()


def test_inference_and_training_are_different_questions() -> None:
    keys = {EnergyRequest(workload="lenet", training=choice).key() for choice in (False, True)}
    assert len(keys) == 2
    assert ReportRequest(workload="lenet").key() not in keys


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (EnergyRequest, {}, "either an example workload or a file"),
        (EnergyRequest, {"workload": "lenet", "model": "a"}, "either an example workload"),
        (EnergyRequest, {"workload": "lenet", "batch_size": 0}, "at least 1"),
        (EnergyRequest, {"workload": "lenet", "seed": -1}, "0 or more"),
        (EnergyRequest, {"workload": "lenet", "device": "cudo"}, "cuda"),
        (EnergyRequest, {"workload": "lenet", "input_shape": (1, 0)}, "at least 1"),
        (EnergyRequest, {"workload": "lenet", "input_shape": (2, 1, 28, 28)}, "the same"),
        (ReportRequest, {"workload": "lenet", "budget_seconds": 0.5}, "between 1 and 600"),
        (AmpRequest, {"workload": "resnet"}, "try"),
        (AmpRequest, {"preset": "quik"}, "quick"),
        (AmpRequest, {"dtype": "bf16"}, "bfloat16"),
        (AmpRequest, {"width": 0}, "width is 0"),
        (AmpRequest, {"batch_size": -8}, "batch size is -8"),
        (PruneRequest, LENET | {"amount": "-0.1"}, "0 or more"),
        (PruneRequest, LENET | {"amount": "-3"}, "0 or more"),
        (PruneRequest, LENET | {"amount": "nan"}, "0 or more"),
        (PruneRequest, LENET | {"amount": "1.5"}, "at most 1"),
        (PruneRequest, LENET | {"amount": "1.0"}, "everything"),
        (PruneRequest, LENET | {"amount": "half"}, "share like 0.3"),
        (PruneRequest, LENET | {"technique": "l2_unstructured"}, "l1_unstructured"),
        (PruneRequest, LENET | {"technique": "ln_structured", "scope": "global"}, "layer by layer"),
        (PruneRequest, LENET | {"iterations": 0}, "between 1 and 20"),
        (PruneRequest, LENET | {"dim": 2}, "0 for output"),
        (PruneRequest, LENET | {"every": 1}, "at least 2"),
        (PruneRequest, LENET | {"threshold": float("nan")}, "0 or more"),
        (PruneRequest, LENET | {"tuning_epochs": -1.0}, "between 0 and 100"),
        (PruneRequest, LENET | {"channels": 1.0}, "between 0 and 1"),
        (LotteryRequest, {"workload": "resnet50"}, "lenet300"),
        (LotteryRequest, {"preset": "big"}, "classroom"),
        (LotteryRequest, {"rate": 0.0}, "between 0 and 1"),
        (LotteryRequest, {"output_rate": 1.0}, "between 0 and 1"),
        (LotteryRequest, {"rounds": 0}, "between 1 and 40"),
        (LotteryRequest, {"seeds": 21}, "between 1 and 20"),
        (LotteryRequest, {"rewind_iteration": -1}, "0 or more"),
        (LotteryRequest, {"data": ""}, "digits"),
    ],
)
def test_bad_fields_are_one_sentence(kind: type[Request], fields: dict, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadInput, match=said) as caught:
        kind(**fields)
    assert "\n" not in str(caught.value)
