"""Numbers as people read them; everything inside the program is in SI units."""

from efficiency.core.values import EQUIVALENCE_BAND, INTERVAL_LEVEL, Ratio, Verdict

ALIKE = 1.05  # files that differ by a smaller factor count as equally large


def bytes_text(count: float | None) -> str:
    """Bytes with decimal prefixes (1 kB = 1000 B), three significant digits."""
    return _scaled(count, "B", ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, "")))


def seconds_text(seconds: float | None) -> str:
    """A duration from nanoseconds to minutes, three significant digits."""
    if seconds is not None and seconds >= 120:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return _scaled(seconds, "s", ((1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")))


def joules_text(joules: float | None) -> str:
    """An energy from picojoules up, three significant digits."""
    return _scaled(
        joules, "J", ((1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))
    )


def watt_hours_text(kwh: float) -> str:
    """An energy as bills have it, from nanowatt-hours up, three significant digits."""
    return _scaled(
        1e3 * kwh,
        "Wh",
        ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")),
    )


def grams_text(grams: float) -> str:
    """A mass from nanograms to tonnes, three significant digits."""
    if grams >= 1e6:
        return _scaled(grams / 1e6, "t", ((1, ""),))
    return _scaled(grams, "g", ((1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")))


def rate_text(per_second: float, unit: str) -> str:
    """So many operations or bytes a second, three significant digits."""
    return _scaled(
        per_second, f"{unit}/s", ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))
    )


def share_text(share: float | None, digits: int = 1) -> str:
    """A share as a percentage, with one decimal or as many as that."""
    return "not measured" if share is None else f"{100 * share:.{digits}f} %"


INTERVAL_TEXT = share_text(INTERVAL_LEVEL, 0)
BAND_TEXT = share_text(EQUIVALENCE_BAND - 1, 0)


def smaller_text(times: float) -> str:
    """How many times smaller a file is, or larger, or that it is neither."""
    if 1 / ALIKE < times < ALIKE:
        return "no smaller"
    return f"{times:.2g}× smaller" if times > 1 else f"{1 / times:.2g}× larger"


def ratio_text(ratio: Ratio | None) -> str:
    """A speed ratio with its interval, or the words that there is no difference."""
    if ratio is None:
        return "not measured"
    numbers = f"{ratio.ratio:.2f}× [{ratio.low:.2f}, {ratio.high:.2f}]"
    return f"{numbers} {Verdict(ratio.verdict).value}"


def _scaled(value: float | None, unit: str, prefixes: tuple[tuple[float, str], ...]) -> str:
    if value is None:
        return "not measured"
    for size, prefix in prefixes:
        if abs(value) >= size or (size, prefix) == prefixes[-1]:
            scaled = value / size
            digits = (
                0 if abs(scaled) >= 100 or scaled == int(scaled) else 1 if abs(scaled) >= 10 else 2
            )
            return f"{scaled:.{digits}f} {prefix}{unit}"
    raise AssertionError("prefixes is never empty")
