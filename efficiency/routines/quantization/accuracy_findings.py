"""What int8 does to the accuracy: the score, the noisiest layer, QAT, the calibration."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import mean, median

from efficiency.core.judgement import TOLERANCE, acceptable
from efficiency.core.quantization import CalibrationPoint, Quantization
from efficiency.core.units import share_text
from efficiency.core.values import Finding, Row
from efficiency.routines.quantization.calibration_study import RIGHT
from efficiency.routines.quantization.outcome import method_of

INT8 = ("dynamic", "static", "qat")
ENOUGH_DB = 1.0  # from the SQNR that the most samples give
BIT_DB = 6.0  # twice the noise's amplitude
USELESS_DB = 10.0  # below that it is not the calibration that is missing


def score(rows: Sequence[Row], found: Quantization) -> Finding | None:
    """Which rows lose more than is tolerated."""
    scored = [row for row in rows if method_of(row) in INT8 and row.score is not None]
    if not scored:
        return None
    losing = [row for row in scored if not acceptable(row, rows[0])]
    evidence = ", ".join(f"{row.label} {share_text(row.score)}" for row in scored)
    evidence = f"float32 {share_text(rows[0].score)}, {evidence}."
    if not losing:
        return Finding(
            finding="int8 keeps the score: no file loses more than "
            f"{100 * TOLERANCE:g} point of it.",
            evidence=evidence,
            next_step="Choose by speed and size.",
        )
    return Finding(
        finding=f"{_list([row.label for row in losing])} lose{'' if len(losing) > 1 else 's'} more "
        f"than {100 * TOLERANCE:g} point of the score.",
        evidence=evidence,
        next_step="A scale for each channel, another observer, more calibration inputs; if none of "
        "that helps, QAT.",
    )


def noisiest(rows: Sequence[Row], found: Quantization) -> Finding | None:
    """Where the outputs of a static row lose most from one layer to the next."""
    static = next((row for row in rows if method_of(row) == "static"), None)
    if static is None:
        return None
    layers = [
        (each.output_sqnr_db, each)
        for each in found.layers
        if each.row == static.name and each.output_sqnr_db is not None
    ]
    if len(layers) < 2:
        return None
    falls = [(before - after, before, layer) for (before, _), (after, layer) in pairwise(layers)]
    fall, before, layer = max(falls, key=lambda each: each[0])
    after = layer.output_sqnr_db or 0.0
    last = layers[-1][0]
    if fall < BIT_DB:
        return Finding(
            finding=f"Noise adds up layer by layer in {static.label}; no layer stands out.",
            evidence=f"The signal is {layers[0][0]:.0f} dB above the noise after the first layer, "
            f"{last:.0f} dB after the last; from no layer to the next it falls by {BIT_DB:g} dB, "
            "which are one bit.",
            next_step="No layer is worth leaving in float32.",
        )
    weights = (
        ""
        if layer.weight_sqnr_db is None
        else f" Its weights by themselves have {layer.weight_sqnr_db:.0f} dB."
    )
    return Finding(
        finding=f"In {static.label} noise enters most at {layer.layer}: from {before:.0f} to "
        f"{after:.0f} dB.",
        evidence=f"It is a {layer.module}, compared after what is fused with it. The last layer "
        f"has {last:.0f} dB; 6 dB are one bit.{weights}",
        next_step="If the score suffers, give each channel a scale, or keep this layer in float32.",
    )


def trained(found: Quantization) -> Finding | None:
    """QAT against static quantization over all seeds."""
    seeds = found.seeds
    if not seeds:
        return None
    better = sum(each.qat_score >= each.static_score for each in seeds)
    scores = {
        "float32": [each.float_score for each in seeds],
        "static": [each.static_score for each in seeds],
        "QAT": [each.qat_score for each in seeds],
    }
    gained = mean(scores["QAT"]) - mean(scores["static"])
    lost = mean(scores["float32"]) - mean(scores["static"])
    return Finding(
        finding=f"QAT is at least as accurate as static in {better} of {len(seeds)} networks, in "
        f"the mean by {100 * gained:+.1f} points; static loses {100 * lost:.1f}.",
        evidence="; ".join(
            f"{name} {share_text(mean(each))} in the mean ({share_text(min(each))} to "
            f"{share_text(max(each))})"
            for name, each in scores.items()
        )
        + ".",
        next_step="Train with the rounding."
        if gained > TOLERANCE
        else "Static is enough here; QAT costs training and gains nothing to speak of.",
    )


def calibration(found: Quantization) -> Iterator[Finding]:
    """How many inputs are enough, and what the wrong ones do."""
    right = [each for each in found.calibration if each.source == RIGHT]
    if not right:
        return
    most = max(each.samples for each in right)
    best = _median_db(right, most)
    counts = sorted({each.samples for each in right})
    enough = next((count for count in counts if _as_good(_median_db(right, count), best)), most)
    evidence = "; ".join(_at(right, count) for count in dict.fromkeys((1, enough, most))) + "."
    if best is not None and best < USELESS_DB:
        yield Finding(
            finding=f"More calibration inputs do not help here: with {most} the outputs have only "
            f"{best:.0f} dB.",
            evidence=evidence,
            next_step="Calibration finds the ranges of activations; look at the scales of the "
            "weights.",
        )
    else:
        yield Finding(
            finding=f"{enough} calibration inputs are as good as {most} here, within "
            f"{ENOUGH_DB:g} dB.",
            evidence=evidence,
            next_step="Spend effort on having every kind of input among them, not on their number.",
        )
    wrong = sorted({each.source for each in found.calibration} - {RIGHT})
    if wrong:
        yield Finding(
            finding="Calibration data must be like the data that follows.",
            evidence=f"With {_at(right, most)}; "
            + "; ".join(_wrong(found, source) for source in wrong)
            + ".",
            next_step="Take calibration inputs from the training data, through the very same "
            "preparation.",
        )


def _as_good(noise: float | None, best: float | None) -> bool:
    return noise is not None and best is not None and noise >= best - ENOUGH_DB


def _wrong(found: Quantization, source: str) -> str:
    own = [each for each in found.calibration if each.source == source]
    return f"with {source}: {_at(own, max(each.samples for each in own))}"


def _at(points: Sequence[CalibrationPoint], samples: int) -> str:
    here = [each for each in points if each.samples == samples]
    scores = [each.score for each in here if each.score is not None]
    noise = _median_db(points, samples)
    inputs = "input" if samples == 1 else "inputs"
    said = [f"{samples} {inputs}"]
    if scores:
        said.append(f"score {share_text(min(scores))} to {share_text(max(scores))}")
    if noise is not None:
        said.append(f"{noise:.0f} dB")
    return ", ".join(said)


def _median_db(points: Sequence[CalibrationPoint], samples: int) -> float | None:
    known = [
        each.sqnr_db for each in points if each.samples == samples and each.sqnr_db is not None
    ]
    return median(known) if known else None


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
