"""Whether the advice held, told from what was measured afterwards: rows in, a sentence out."""

from collections.abc import Sequence
from dataclasses import replace

from efficiency.core.judgement import acceptable
from efficiency.core.quantization import MethodAdvice
from efficiency.core.units import ratio_text, share_text
from efficiency.core.values import EQUIVALENCE_BAND, Ratio, Row, Verdict

COMPILED = ("-pt2e", "-torchao")
CONTROL = "compiled"


def outcome(advice: MethodAdvice, rows: Sequence[Row]) -> MethodAdvice:
    """The advice with `held` and `outcome`; rows[0] is the float model."""
    told = {"none": _none, "qat": _qat}.get(advice.method, _fastest)
    held, sentence = told(advice.method, rows)
    return replace(advice, held=held, outcome=sentence)


def method_of(row: Row) -> str:
    """dynamic, static or qat; the row's own name for float ones."""
    return row.name.partition("-")[0]


def control_of(row: Row, rows: Sequence[Row]) -> Row:
    """The float model as the row's back end runs it: compiled for a compiled one."""
    if row.name.endswith(COMPILED):
        return next((each for each in rows if each.name == CONTROL and each.speedup), rows[0])
    return rows[0]


def faster_than_control(row: Row, rows: Sequence[Row]) -> bool:
    """Whether the row is measurably faster than the float model in the same back end."""
    control = control_of(row, rows)
    if row.speedup is None:
        return False
    if control.speedup is None:  # the baseline, which all ratios are to
        return row.speedup.verdict is Verdict.FASTER
    return row.speedup.low > EQUIVALENCE_BAND * control.speedup.high


def _measured(rows: Sequence[Row], *methods: str) -> list[tuple[Row, Ratio]]:
    return [
        (row, row.speedup)
        for row in rows
        if method_of(row) in methods and row.unavailable is None and row.speedup is not None
    ]


def _none(method: str, rows: Sequence[Row]) -> tuple[bool | None, str]:
    made = _measured(rows, "dynamic", "static", "qat")
    if not made:
        return None, "It cannot be told: nothing in int8 was timed."
    better = [
        (row, ratio) for row, ratio in made if _counts(row, rows) and faster_than_control(row, rows)
    ]
    if not better:
        return True, (
            "It held: nothing in int8 is measurably faster here than float32 in the same back end."
        )
    row, ratio = max(better, key=lambda pair: pair[1].ratio)
    return False, (f"It did not hold: {row.label} is {ratio_text(ratio)}, and {_accuracy(rows)}.")


def _qat(method: str, rows: Sequence[Row]) -> tuple[bool | None, str]:
    """QAT is advised for accuracy, so accuracy decides."""
    trained = _best_score(rows, "qat")
    static = _best_score(rows, "static")
    if trained is None or static is None:
        return None, "It cannot be told: it takes a score of QAT and one of static quantization."
    scores = (
        f"{trained.label} scores {share_text(trained.score)}, {static.label} "
        f"{share_text(static.score)}, float32 {share_text(rows[0].score)}"
    )
    if acceptable(static, rows[0]):
        return False, f"It did not hold: static quantization keeps the accuracy, too. {scores}."
    held = (trained.score or 0.0) > (static.score or 0.0)
    return held, f"It {'held' if held else 'did not hold'}: {scores}."


def _best_score(rows: Sequence[Row], method: str) -> Row | None:
    """Of the classic back end, whose granularity is that of the request."""
    scored = [
        row
        for row in rows
        if method_of(row) == method and row.score is not None and not row.name.endswith(COMPILED)
    ]
    return max(scored, key=lambda row: row.score or 0.0, default=None)


def _fastest(method: str, rows: Sequence[Row]) -> tuple[bool | None, str]:
    """Dynamic or static are advised for speed that keeps the accuracy."""
    own = _measured(rows, method)
    if not own:
        return None, f"It cannot be told: nothing {method} was timed."
    usable = [pair for pair in own if _counts(pair[0], rows)]
    if not usable:
        return False, f"It did not hold: no {method} file keeps the accuracy."
    row, ratio = max(usable, key=lambda pair: pair[1].ratio)
    best = f"{row.label} is {ratio_text(ratio)}"
    if not faster_than_control(row, rows):
        return False, f"It did not hold: {best}, no gain over float32 in the same back end."
    rivals = [
        pair
        for pair in _measured(rows, *{"dynamic", "static"} - {method})
        if _counts(pair[0], rows)
    ]
    if not rivals:
        return True, f"It held: {best}; nothing else was there to compare with."
    rival, other = max(rivals, key=lambda pair: pair[1].ratio)
    against = f"{best}, {rival.label} {ratio_text(other)}"
    held = other.low <= ratio.high
    unknown = "" if rows[0].score is not None else f"; {_accuracy(rows)}"
    return held, f"It {'held' if held else 'did not hold'}: {against}{unknown}."


def _counts(row: Row, rows: Sequence[Row]) -> bool:
    """Whether the row keeps the accuracy, or nobody can tell: then its speed is all there is."""
    return rows[0].score is None or acceptable(row, rows[0])


def _accuracy(rows: Sequence[Row]) -> str:
    if rows[0].score is None:
        return "its accuracy is not known, as there are no data to score it on"
    return "its accuracy is kept"
