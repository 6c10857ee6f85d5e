"""All that is found out, and all that is refused, before anything long runs."""

from collections.abc import Iterable, Sequence

import torch

from efficiency.core.anatomy import Peak
from efficiency.core.errors import BadInput
from efficiency.core.mixed import CONFIRM, Prediction, TrainingSizes
from efficiency.core.requests import AmpRequest
from efficiency.core.units import seconds_text
from efficiency.core.values import Environment
from efficiency.measure.device import find_device
from efficiency.measure.peaks import find_peaks
from efficiency.measure.timing import compare
from efficiency.routines.mixed_precision.candidates import AMP, BASELINE, Candidate
from efficiency.routines.mixed_precision.forecast import PEAKS, Steps, predict, speeds_of
from efficiency.routines.mixed_precision.rehearsal import rehearse
from efficiency.routines.mixed_precision.room import check_least, check_room
from efficiency.routines.mixed_precision.trainer import DTYPES
from efficiency.routines.mixed_precision.tried import try_step

PEAK_SECONDS = 4.0
START_SECONDS = 0.3
# What a run of this kind may take (the supervisor ends it then), and of that for all but the steps.
DEADLINE_SECONDS = 40 * 60.0
BESIDES_SECONDS = 90.0


def predicted(
    request: AmpRequest,
    sizes: TrainingSizes,
    candidates: Sequence[Candidate],
    environment: Environment,
) -> Prediction:
    """The prediction for these candidates. Raises BadInput, in one sentence, for sizes that do not
    fit into memory, a dtype that the device cannot do, and what would take too long."""
    dtype = DTYPES[request.dtype]
    check_least(request.device, sizes, len(candidates))
    by_name = {each.name: each for each in candidates}
    baseline, mixed = (
        rehearse(request, sizes, by_name[name], request.dtype) for name in (BASELINE, AMP)
    )
    check_room(request.device, sizes, len(candidates), (baseline.peak, mixed.peak))
    peaks = find_peaks(request.device, seed=request.seed, budget_seconds=PEAK_SECONDS)
    check_dtype(request, dtype, peaks, environment)
    lower = sum(each.autocast for each in candidates)
    prediction = predict(
        baseline,
        mixed,
        dtype,
        speeds_of(peaks, find_device(request.device).caches, start_seconds(request.device)),
        environment.features,
        try_step(request, sizes, by_name[BASELINE], by_name[AMP]),
        Steps(baseline=sizes.steps * (len(candidates) - lower), mixed=sizes.steps * lower),
    )
    check_time(prediction, confirmed=request.confirm_slow)
    return prediction


def start_seconds(device: str) -> float:
    """Seconds that an operator takes which has next to nothing to do: one addition."""
    number = torch.zeros(1, device=device)
    timings = compare(
        {"add": lambda: number.add_(1)}, device=device, budget_seconds=START_SECONDS
    ).timings
    return timings["add"].median_seconds


def check_dtype(
    request: AmpRequest, dtype: torch.dtype, peaks: Iterable[Peak], environment: Environment
) -> None:
    """Raise BadInput if the device cannot multiply the dtype."""
    found = next((each for each in peaks if each.name == PEAKS[dtype]), None)
    if found is not None and found.per_second is None:
        other = next(name for name in DTYPES if name != request.dtype)
        raise BadInput(
            f"{environment.device} cannot multiply {request.dtype} matrices "
            f"({found.unavailable}); try {other}."
        )


def check_time(prediction: Prediction, *, confirmed: bool) -> None:
    """Raise BadInput for what would not be done by the deadline, or is slow and not confirmed."""
    seconds = prediction.seconds
    if seconds is not None and seconds + BESIDES_SECONDS > DEADLINE_SECONDS:
        raise BadInput(
            f"This would take about {seconds_text(seconds + BESIDES_SECONDS)}, and a run is "
            f"stopped after {seconds_text(DEADLINE_SECONDS)}; use fewer batches or epochs, or a "
            "smaller network."
        )
    if prediction.needs_confirmation is not None and not confirmed:
        raise BadInput(f"{prediction.needs_confirmation}; {CONFIRM}")
