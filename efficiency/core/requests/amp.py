"""A request to train with automatic mixed precision and without."""

from dataclasses import dataclass
from typing import ClassVar

from efficiency.core.errors import BadInput
from efficiency.core.requests.base import DEVICES, Request, check_known, option

AMP_WORKLOADS = ("mlp", "lenet", "cnn", "transformer")
AMP_PRESETS = ("quick", "tutorial")
AMP_DTYPES = ("bfloat16", "float16")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmpRequest(Request):
    """Training in float32 against automatic mixed precision, on the same data and weights.

    Sizes that are None are those of the preset (mlp) or of the workload.
    """

    kind: ClassVar[str] = "amp"

    workload: str = option(
        "mlp", "What to train: the tutorial's network (mlp) on random data, or one on real data."
    )
    preset: str = option(
        "quick", "Sizes and number of steps: tutorial is the tutorial's own, quick a minute's."
    )
    dtype: str = option("bfloat16", "The lower precision: bfloat16 or float16.")
    batch_size: int | None = option(None, "Examples in a step.")
    width: int | None = option(None, "Inputs and outputs of every layer of the mlp.")
    layers: int | None = option(None, "Linear layers of the mlp.")
    batches: int | None = option(None, "Steps in an epoch.")
    epochs: int | None = option(None, "Passes over the data.")
    sweep: bool = option(False, "Also find out at which batch sizes and widths it pays.")
    confirm_slow: bool = option(
        False, "Start although the prediction says that it will be very slow."
    )

    def __post_init__(self) -> None:
        check_known("workload", self.workload, AMP_WORKLOADS)
        check_known("preset", self.preset, AMP_PRESETS)
        check_known("dtype", self.dtype, AMP_DTYPES)
        check_known("device", self.device, DEVICES)
        if self.seed < 0:
            raise BadInput(f"The seed is {self.seed}; it must be 0 or more.")
        for name in ("batch_size", "width", "layers", "batches", "epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadInput(f"The {name.replace('_', ' ')} is {value}; it must be at least 1.")
