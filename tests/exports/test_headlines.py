from dataclasses import replace

from efficiency.core.judgement import CLOSE_DB
from efficiency.core.values import BatchSpeed, Footprint, Origin, Ratio, Study, Timing, Verdict
from efficiency.exports.headlines import (
    Headline,
    accuracy_text,
    fastest,
    headlines,
    kept,
    sources,
)
from tests import samples


def time_of(study: Study) -> Headline:
    (time,) = [each for each in headlines(study) if each.saves == "Time"]
    return time


def footprint(size: int) -> Footprint:
    return Footprint(parameters=size, nonzero=size, bytes_on_disk=size, bytes_zipped=size)


def test_candidates_that_lose_more_than_a_point_do_not_count() -> None:
    names = [row.name for row in kept(samples.report())]
    assert "pruned-90" not in names
    assert "int8-static" in names
    assert "fp16" not in names


def test_the_smallest_is_named_with_its_numbers() -> None:
    size = headlines(samples.report())[0]
    assert (size.row.name, size.value) == ("int8-static", "3.3× less")
    assert size.detail == "247 kB → 75 kB"


def test_only_a_measurable_gain_makes_somebody_the_fastest() -> None:
    study = samples.report()
    assert fastest(kept(study)).name == "compiled"
    without = replace(study, rows=tuple(row for row in study.rows if row.name != "compiled"))
    assert max(r.speedup.ratio for r in without.rows if r.speedup) > 1
    assert fastest(kept(without)) is None
    assert time_of(without).value == "no gain"
    assert time_of(without).detail == (
        "nothing that keeps the accuracy is measurably faster than 160 µs"
    )


def test_without_scores_only_close_outputs_count_and_it_is_said() -> None:
    study = samples.weights()
    noisy = replace(study.rows[2], name="int4", sqnr_db=CLOSE_DB - 0.1, footprint=footprint(9))
    unknown = replace(noisy, name="int2", sqnr_db=None)
    (size,) = headlines(replace(study, rows=(*study.rows, noisy, unknown)))
    assert size.row.name == "int8"
    assert accuracy_text(study, size.row) == "accuracy not measured, SQNR 41.0 dB"


def test_a_baseline_alone_gains_nothing() -> None:
    study = samples.report()
    alone = replace(study, rows=study.rows[:1])
    assert {each.value for each in headlines(alone)} == {"no gain"}
    assert all(each.row is None for each in headlines(alone))


def test_a_fast_candidate_that_loses_accuracy_is_not_the_fastest() -> None:
    study = samples.report()
    wrong = samples.row("wrong", "Wrong", ratio=9.0, verdict=Verdict.FASTER, score=0.1)
    with_it = replace(study, rows=(*study.rows, wrong))
    assert fastest(kept(with_it)).name == "compiled"
    assert time_of(with_it).detail.endswith(
        "; Wrong is 9.00× as fast but loses 87.2 points of accuracy"
    )
    alone = replace(study, rows=(study.rows[0], wrong))
    assert time_of(alone).value == "no gain"
    assert time_of(alone).detail.endswith(
        "Wrong is 9.00× as fast but loses 87.2 points of accuracy"
    )


def test_without_scores_a_fast_candidate_with_other_outputs_is_not_the_fastest() -> None:
    study = samples.report()
    baseline = replace(study.rows[0], score=None)
    wrong = samples.row(
        "wrong", "Wrong", ratio=9.0, verdict=Verdict.FASTER, score=None, sqnr_db=7.7
    )
    time = time_of(replace(study, score_name=None, rows=(baseline, wrong)))
    assert (time.value, time.row) == ("no gain", None)
    assert "nothing that keeps the outputs is measurably faster" in time.detail
    assert time.detail.endswith(
        "Wrong is 9.00× as fast but does not keep the outputs (SQNR 7.7 dB)"
    )


def test_a_gain_at_another_batch_size_is_not_kept_secret() -> None:
    study = samples.report()
    ratio = Ratio(ratio=8.1, low=7.9, high=8.4, verdict=Verdict.FASTER)
    large = BatchSpeed(batch_size=64, timing=Timing(samples=(0.001,)), speedup=ratio)
    rows = (study.rows[0], replace(study.rows[3], at_other_batches=(large,)))
    time = time_of(replace(study, rows=rows))
    assert time.value == "no gain"
    assert "with 64 inputs a call int8, static is 8.10× as fast" in time.detail


def test_an_estimate_is_called_one() -> None:
    assert "Energy, estimated" in [each.saves for each in headlines(samples.report())]


def test_the_tables_behind_the_estimates_are_named_once() -> None:
    study = samples.report()
    table = "Horowitz, ISSCC 2014, 45 nm: arithmetic only"
    assert sources(study) == table
    first, second = (
        replace(row, energy=replace(row.energy, source=f"{table}; {more}"))
        for row, more in zip(
            study.rows[1:3], ("bf16 taken as fp16", "sums of 32 bits"), strict=True
        )
    )
    more = replace(study, rows=(study.rows[0], first, second))
    assert sources(more) == f"{table}; bf16 taken as fp16; sums of 32 bits"
    (energy,) = [each for each in headlines(more) if each.saves.startswith("Energy")]
    assert energy.source == sources(more)
    measured = replace(study.rows[0], energy=replace(study.rows[0].energy, origin=Origin.MEASURED))
    assert sources(replace(study, rows=(measured,))) == ""
