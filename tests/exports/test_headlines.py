from dataclasses import replace

from efficiency.core.values import BatchSpeed, Ratio, Timing, Verdict
from efficiency.exports.headlines import accuracy_text, fastest, headlines, kept
from tests import samples


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
    assert fastest(study).name == "compiled"
    without = replace(study, rows=tuple(row for row in study.rows if row.name != "compiled"))
    assert max(r.speedup.ratio for r in without.rows if r.speedup) > 1
    assert fastest(without) is None
    assert [each.value for each in headlines(without) if each.saves == "Time"] == ["no gain"]


def test_without_scores_everybody_counts_and_it_is_said() -> None:
    study = samples.weights()
    (size,) = headlines(study)
    assert size.row.name == "int8"
    assert accuracy_text(study, size.row) == "accuracy not measured"


def test_a_baseline_alone_gains_nothing() -> None:
    study = samples.report()
    alone = replace(study, rows=study.rows[:1])
    assert {each.value for each in headlines(alone)} == {"no gain"}
    assert all(each.row is None for each in headlines(alone))


def test_a_fast_candidate_that_loses_accuracy_is_not_the_fastest() -> None:
    study = samples.report()
    wrong = samples.row("wrong", "w", ratio=9.0, verdict=Verdict.FASTER, score=0.1)
    assert fastest(replace(study, rows=(*study.rows, wrong))).name == "compiled"


def test_a_gain_at_another_batch_size_is_not_kept_secret() -> None:
    study = samples.report()
    ratio = Ratio(ratio=8.1, low=7.9, high=8.4, verdict=Verdict.FASTER)
    large = BatchSpeed(batch_size=64, timing=Timing(samples=(0.001,)), speedup=ratio)
    rows = (study.rows[0], replace(study.rows[3], at_other_batches=(large,)))
    (time,) = [each for each in headlines(replace(study, rows=rows)) if each.saves == "Time"]
    assert time.value == "no gain"
    assert "with 64 inputs a call int8, static is 8.10× as fast" in time.detail


def test_an_estimate_is_called_one() -> None:
    assert "Energy, estimated" in [each.saves for each in headlines(samples.report())]
