"""Who takes part: plain float32, mixed precision, and each of its pieces alone."""

from dataclasses import dataclass

FP16 = "float16"
# Names of rows that others ask for.
BASELINE, AMP, DISABLED, TF32 = "fp32", "amp", "disabled", "tf32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to train. `name` and `label` are those of its row.

    Without `mixed` it is the plain loop that knows nothing of mixed precision; with it, autocast
    and GradScaler are in the loop, each enabled or not.
    """

    name: str
    label: str
    mixed: bool = True
    autocast: bool = False
    scaler: bool = False
    set_to_none: bool = True
    tf32: bool = False
    note: str | None = None
    unavailable: str | None = None


def candidates(device: str, dtype: str) -> tuple[Candidate, ...]:
    """Everybody for this device and lower precision; the baseline first."""
    half = dtype == FP16
    short = "fp16" if half else "bf16"
    found = [
        Candidate(name=BASELINE, label="fp32", mixed=False),
        Candidate(
            name=AMP,
            label=f"AMP, {short}" + (" with loss scaling" if half else ""),
            autocast=True,
            scaler=half,
            note=None
            if half
            else "autocast alone: bfloat16 has the range of float32, so no loss scaling is needed.",
        ),
        Candidate(
            name="autocast",
            label=f"autocast only, {short}",
            autocast=True,
            unavailable=None if half else "In bfloat16 this is AMP itself: see that row.",
        ),
        Candidate(name="scaler", label="GradScaler only, fp32", scaler=True),
        Candidate(
            name=DISABLED,
            label="AMP with enabled=False",
            note="autocast and GradScaler are in the loop, and switched off.",
        ),
        Candidate(
            name="zero-grad",
            label="fp32, zero_grad(set_to_none=False)",
            mixed=False,
            set_to_none=False,
        ),
    ]
    if device == "cuda":
        found.append(Candidate(name=TF32, label="fp32, products in TF32", mixed=False, tf32=True))
    return tuple(found)
