"""Which method suits which model, and what others have published, both beside what was measured."""

from collections.abc import Iterator, Mapping

from efficiency.core.published import QUANTIZATION, PublishedQuantization
from efficiency.core.units import seconds_text, share_text
from efficiency.core.values import Row, Study
from efficiency.exports.quantization import METHODS, best, in_short
from efficiency.exports.table import number_table

DECISION_HEADINGS = ("Model", "method", "this model")
PUBLISHED_HEADINGS = ("Model", "times as fast", "accuracy", "where")
NOT_MEASURED = "not measured"
# The tutorial's table of preferred methods; the reasons are in our words.
DECISIONS = (
    (
        "LSTM, RNN",
        "dynamic",
        "reading the weights takes the time, so that is what must shrink; activations are few and "
        "change their range from step to step",
    ),
    (
        "BERT, transformer",
        "dynamic",
        "linear layers take the time, for their weights; ranges of activations differ widely from "
        "input to input",
    ),
    (
        "CNN",
        "static",
        "activations are large, and moving them takes the time: they must stay in int8 from layer "
        "to layer, so their scales must be known before",
    ),
    (
        "CNN that loses accuracy so",
        "qat",
        "weights that were trained with the rounding sit where it does no harm",
    ),
)
Line = tuple[str | tuple[str, str], ...]  # of a table; the second of a pair stands below
RECURRENT, ATTENTION = ("lstm",), ("bert", "transformer")


def decision_table(study: Study) -> str:
    """The four cases; the one that this model is advised, and what each method came to here."""
    advice = None if study.quantized is None else study.quantized.advice
    lines = []
    for case, method, reason in DECISIONS:
        row = best(study, method)
        here = (
            f"{row.label}: {in_short(study, row)}" if row is not None else _why_not(study, method)
        )
        if advice is not None and advice.method == method and _fits(study, case):
            here = f"▶ Advised. {here}"
        lines.append((case, (METHODS[method], f"because {reason}"), here))
    return number_table(DECISION_HEADINGS, lines, words=3)


def _fits(study: Study, case: str) -> bool:
    """Of the two cases with one method, the one that this model is; both where that is unknown."""
    workload = study.request.get("workload")
    if workload in RECURRENT:
        return case == DECISIONS[0][0]
    if workload in ATTENTION:
        return case == DECISIONS[1][0]
    return True


def _why_not(study: Study, method: str) -> str:
    """The reason why a method has no numbers here."""
    for row in study.rows:
        if row.name.startswith(f"{method}-") and row.unavailable is not None:
            return f"not available: {row.unavailable}"
    return "not part of this run"


def advised(study: Study) -> tuple[str, ...]:
    """The advice as sentences, said before measuring, and whether it held."""
    advice = None if study.quantized is None else study.quantized.advice
    if advice is None:
        return ()
    name = METHODS.get(advice.method, "none of them is faster")
    held = {True: "It held.", False: "It did not hold here.", None: ""}[advice.held]
    outcome = advice.outcome or held
    return (f"For this model: {name}.", *advice.reasons, *((outcome,) if outcome else ()))


def published_table(studies: Mapping[str, Study]) -> str:
    """Each published line, the same architecture here, and a trained relative; HTML.

    `studies` are by workload: those that were measured here.
    """
    lines = []
    for each in QUANTIZATION:
        lines.append(_published(each))
        lines += _measured(each, studies)
    return number_table(PUBLISHED_HEADINGS, lines, words=4)


def sources() -> str:
    """Who published the lines of the table, each once."""
    named = "; ".join(dict.fromkeys(each.source for each in QUANTIZATION))
    return f"Published: {named}."


def _published(each: PublishedQuantization) -> Line:
    return (
        f"{each.what}, {METHODS[each.method]}",
        (f"{each.gain:g}×", f"{1e3 * each.before:.0f} → {1e3 * each.after:.0f} ms"),
        (f"{share_text(each.score_before)} → {share_text(each.score_after)}", each.score_name),
        f"published in {each.year}: {each.device}",
    )


def _measured(each: PublishedQuantization, studies: Mapping[str, Study]) -> Iterator[Line]:
    """The architecture itself with random weights, and what a trained one loses."""
    for workload, trained in ((each.workload, False), (each.trained, True)):
        study = studies.get(workload)
        row = None if study is None else best(study, each.method) or best(study)
        if study is None or row is None:
            small = f"↳ a small relative, trained here ({workload})"
            name = small if trained else f"↳ {each.what}, the same architecture ({workload})"
            said = "has not been run here yet"
            yield name, NOT_MEASURED, NOT_MEASURED, said
            continue
        yield _own(study, row)


def _own(study: Study, row: Row) -> Line:
    baseline = study.rows[0]
    times = ""
    if baseline.timing is not None and row.timing is not None:
        before, after = (
            seconds_text(each.median_seconds) for each in (baseline.timing, row.timing)
        )
        times = f"{before} → {after}"
    noise = "" if row.sqnr_db is None else f", SQNR {row.sqnr_db:.1f} dB"
    accuracy = NOT_MEASURED, f"random weights{noise}"
    if row.score is not None and baseline.score is not None:
        change = f"{share_text(baseline.score)} → {share_text(row.score)}"
        accuracy = change, study.score_name or "score"
    gain = NOT_MEASURED if row.speedup is None else f"{row.speedup.ratio:.2f}×"
    environment = study.environment
    where = f"measured {environment.measured_at[:10]} on {environment.cpu}"
    return f"↳ {study.title}, {row.label}", (gain, times), accuracy, where
