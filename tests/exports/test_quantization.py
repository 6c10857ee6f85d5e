"""What is said of a quantization study: headline, why, tables, advice, published numbers."""

from dataclasses import replace

import pytest

from efficiency.core.published import QUANTIZATION
from efficiency.core.quantization import EngineSpeed, LayerNoise, MethodAdvice, Quantization
from efficiency.core.requests import QuantizeRequest, parse
from efficiency.core.units import bytes_text, share_text
from efficiency.core.values import Study
from efficiency.exports import quantization_tables as tables
from efficiency.exports.html import html_text, method_text
from efficiency.exports.quantization import (
    METHOD,
    best,
    chosen,
    compiled,
    in_short,
    lede,
    measured_rows,
    method_of,
    quantization_cards,
    times_smaller,
)
from efficiency.exports.quantization_methods import advised, decision_table, published_table
from efficiency.exports.quantization_sections import quantization_sections
from efficiency.exports.quantization_why import why
from efficiency.exports.text import command_line
from tests import samples
from tests import samples_quantization as quantized

SMALL, LOSING, UNTRAINED = quantized.small(), quantized.losing(), quantized.untrained()


def found(study: Study) -> Quantization:
    assert study.quantized is not None
    return study.quantized


def named(study: Study, name: str) -> object:
    return next(row for row in study.rows if row.name == name)


def test_rows_are_of_the_method_that_their_name_begins_with() -> None:
    methods = {row.name: method_of(row) for row in SMALL.rows}
    assert methods["baseline"] is methods["compiled"] is None
    assert methods["static-pt2e"] == "static"
    assert [row.name for row in measured_rows(SMALL, "static")] == ["static-fx", "static-pt2e"]


def test_the_headline_is_the_fastest_of_the_advised_method_that_keeps_the_accuracy() -> None:
    assert chosen(SMALL) is named(SMALL, "static-pt2e")
    assert lede(SMALL) == (
        "The numbers of static (pt2e, compiled): the fastest static model that keeps the accuracy."
    )
    assert chosen(UNTRAINED) is named(UNTRAINED, "dynamic-pt2e")


def test_a_row_that_loses_accuracy_is_no_headline_however_fast() -> None:
    advice = MethodAdvice(method="static", reasons=())
    study = replace(LOSING, quantized=replace(found(LOSING), advice=advice))
    assert best(study, "static") is named(study, "static-fx")
    assert chosen(study) is named(study, "qat-fx")
    none = replace(study, rows=study.rows[:2])
    assert chosen(none) is named(none, "static-fx")
    assert "no candidate keeps the accuracy" in lede(none)


def test_without_int8_rows_there_is_nothing_to_say() -> None:
    study = replace(SMALL, rows=SMALL.rows[:1])
    assert chosen(study) is None
    assert why(study) == ()
    assert quantization_cards(study) == ""


def test_cards_have_size_both_batches_accuracy_and_the_prediction() -> None:
    cards = quantization_cards(SMALL, (("file, times smaller", 4.0),))
    assert "File</span><strong>3.2× smaller</strong><span>247 kB → 76.4 kB" in cards
    assert "A call with 1 input</span><strong>1.72× as fast</strong><span>[1.67, 1.77]" in cards
    assert "A call with 256 inputs</span><strong>2.61× as fast" in cards
    assert "Accuracy</span><strong>97.2 %" in cards
    assert "You predicted: file, times smaller</span><strong>4×" in cards
    assert "You predicted" not in quantization_cards(SMALL)


def test_without_a_score_the_card_says_that_accuracy_was_not_measured() -> None:
    assert "SQNR 27.1 dB</strong><span>accuracy not measured" in quantization_cards(UNTRAINED)


def test_what_keeps_the_file_from_a_quarter_is_said_in_bytes() -> None:
    size = dict(why(SMALL))["Size"]
    row = chosen(SMALL)
    assert row is not None
    assert row.footprint is not None
    assert row.footprint.bytes_on_disk is not None
    rest = row.footprint.bytes_on_disk - row.footprint.parameters
    assert f"{times_smaller(SMALL.rows[0], row):.2f} times smaller" in size
    assert f"the other {bytes_text(rest)}" in size
    assert "Left in float32: bert.embeddings.word" in dict(why(UNTRAINED))["Size"]


def test_slower_at_one_input_and_faster_at_many_is_said_with_the_reason() -> None:
    speed = dict(why(SMALL))["Speed"]
    assert (
        "Slower than float32 at batch 1: static (FX) is 0.35× as fast, but 1.93× at batch" in speed
    )
    assert "costs that are the same for one input and for many" in speed
    assert "VNNI" in speed
    plain = replace(SMALL, environment=samples.environment(features=()))
    assert "VNNI" not in dict(why(plain))["Speed"]
    assert "No int8 candidate is measurably slower" in dict(why(UNTRAINED))["Speed"]


def test_many_slow_rows_are_told_together() -> None:
    rows = [row for row in SMALL.rows if row.name != "static-pt2e"]
    slow = next(row for row in rows if row.name == "static-fx")
    more = tuple(replace(slow, name=f"static-{i}", label=f"slow {i}") for i in range(4))
    speed = dict(why(replace(SMALL, rows=(*rows, *more))))["Speed"]
    assert "At batch 1, 6 of the 8 int8 candidates are slower than float32, 0.35 to 0.36×" in speed
    assert "; at batch 256, 7 are faster, static (FX) 1.93×" in speed


def test_where_nothing_is_faster_the_headline_is_the_smallest_file() -> None:
    slow = ("baseline", "dynamic-eager", "static-fx", "qat-fx")
    study = replace(SMALL, rows=tuple(row for row in SMALL.rows if row.name in slow))
    assert chosen(study) is named(study, "dynamic-eager")  # 5 % smaller than the others
    without = replace(study, rows=(study.rows[0], *study.rows[2:]))
    assert chosen(without) is named(without, "static-fx")  # not QAT, which has to be trained
    assert "this one has the smallest file" in lede(without)
    assert "0.35× as fast" in quantization_cards(without)


def test_of_a_compiled_row_the_compiler_s_share_is_taken_off() -> None:
    said = dict(why(SMALL))["Compiling"]
    assert f"int8 itself is worth {1.72 / 1.58:.2f}×" in said
    assert "At batch 256 the compiler alone makes float32 1.22× as fast" in said
    assert f"int8 itself is worth {2.61 / 1.22:.2f}×" in said
    without = replace(SMALL, rows=SMALL.rows[:-1])
    assert compiled(without) is None
    assert "Compiling" not in dict(why(without))


def test_the_time_is_told_of_the_slowest_row_where_the_chosen_one_was_not_timed() -> None:
    assert (
        "In static (FX) the time of a call goes into 48 % int8 arithmetic, 19 %"
        in dict(why(SMALL))["Where the time goes"]
    )


def test_what_an_operator_costs_in_int8_stands_beside_what_it_costs_in_float32() -> None:
    each, calls = (96 + 42 + 77) / 6, (62 + 41 + 24 + 16) / 11
    said = dict(why(SMALL))["Where the time goes"]
    assert f"int8 operators take {each:.1f} µs each, those of float32 {calls:.1f} µs" in said


def test_an_accuracy_within_the_interval_is_no_difference() -> None:
    assert "no difference that these data could show" in dict(why(SMALL))["Accuracy"]
    losing = replace(LOSING, rows=LOSING.rows[:2])
    said = dict(why(losing))["Accuracy"]
    assert "\N{MINUS SIGN}6.1 points" in said
    assert "more than chance" in said
    assert "SQNR says how far" in dict(why(UNTRAINED))["Accuracy"]


def test_noise_is_told_as_a_share_of_the_outputs() -> None:
    assert (
        f"SQNR of 30.9 dB: its error is {share_text(10 ** (-30.9 / 20))}"
        in dict(why(SMALL))["Noise"]
    )


def test_every_table_has_a_line_for_each_number() -> None:
    study = found(SMALL)
    assert tables.noise_table(SMALL, study).count("<tr>") == 1 + len(quantized.LAYERS)
    assert tables.noise_table(SMALL, study).count(tables.EXACT) == 4
    assert tables.operator_table(SMALL, study).count("<tr>") == 1 + len(study.operators)
    assert tables.engine_table(study).count("<tr>") == 1 + len(study.engines)
    assert tables.calibration_table(SMALL, study).count("<tr>") == 1 + 6
    assert tables.seed_table(SMALL, study).count("<tr>") == 1 + 5
    covered = [row for row in SMALL.rows if row.coverage]
    assert tables.coverage_table(SMALL).count("<tr>") == 1 + len(covered)


def test_operators_are_sorted_by_time_and_shares_are_of_their_row() -> None:
    table = tables.operator_table(SMALL, found(SMALL))
    first = table.split("<tr>")[2]
    assert "baseline (fp32)" in first
    assert "mkldnn_convolution" in first
    assert share_text(62 / (62 + 41 + 24 + 16 + 9), 0) in first


def test_layers_left_out_are_counted_and_reasons_said_once() -> None:
    table = tables.coverage_table(UNTRAINED)
    assert "72: bert.encoder.layer.0.attention.query" in table
    assert "and 66 more" in table
    assert table.count("Embedding: stays in float32") == 2  # one for each of two rows


def test_the_graph_is_two_columns_that_tell_int8_from_conversions() -> None:
    study = found(SMALL)
    columns = tables.graph_columns(study)
    assert columns.count("<li>") == len(study.graph_before) + len(study.graph_after)
    assert columns.count('class="conversion"') == 2
    assert columns.count('class="float"') == len(study.graph_before)
    assert "12 steps in float32 became 10, of which 2 only convert" in tables.fused(study)


def test_the_decision_table_marks_the_advised_case_and_shows_what_each_method_came_to() -> None:
    table = decision_table(SMALL)
    assert table.count("▶ Advised.") == 1
    advised_line = next(line for line in table.split("<tr>") if "▶ Advised." in line)
    assert "<th>CNN</th>" in advised_line
    assert "static (pt2e, compiled): 1.72× as fast" in advised_line
    assert "QAT (FX): 0.36× as fast" in table
    bert = decision_table(UNTRAINED)
    assert bert.count("▶ Advised.") == 1
    assert "not available: torch.fx cannot trace this model." in bert
    assert "not part of this run" in bert


@pytest.mark.parametrize(("held", "said"), [(True, "It held."), (False, "It did not hold here.")])
def test_advice_says_whether_it_held(held: bool, said: str) -> None:
    advice = MethodAdvice(method="qat", reasons=("Because.",), held=held, outcome="So it was.")
    study = replace(SMALL, quantized=replace(found(SMALL), advice=advice))
    assert advised(study) == ("For this model: QAT.", "Because.", "So it was.")
    study = replace(SMALL, quantized=replace(found(SMALL), advice=replace(advice, outcome="")))
    assert advised(study)[-1] == said
    assert advised(quantized.bare()) == ()


def test_the_published_lines_are_the_tutorial_s() -> None:
    numbers = {
        each.what: (each.before, each.after, each.score_before, each.score_after, each.gain)
        for each in QUANTIZATION
    }
    assert numbers == {
        "BERT": (0.581, 0.313, 0.902, 0.895, 1.8),
        "ResNet-50": (0.214, 0.103, 0.761, 0.759, 2),
        "MobileNetV2": (0.097, 0.017, 0.719, 0.716, 5.7),
    }
    for each in QUANTIZATION:
        assert each.source
        assert each.year == 2020
        assert each.before / each.after == pytest.approx(each.gain, rel=0.05)


def test_published_numbers_stand_beside_measured_ones_or_the_words_that_there_are_none() -> None:
    table = published_table({"bert": UNTRAINED, "mobilenet": LOSING})
    assert table.count("published in 2020") == 3
    assert "1.8×<small>581 → 313 ms" in table
    assert "not measured<small>random weights, SQNR 27.1 dB" in table
    assert "97.5 % → 97.2 %<small>accuracy" in table
    assert "ResNet-50, the same architecture (resnet50)" in table
    assert table.count("has not been run here yet") == 4
    assert table.count("↳") == 6


def test_a_row_in_short_has_speed_file_and_accuracy() -> None:
    row = best(SMALL, "static")
    assert row is not None
    assert in_short(SMALL, row) == "1.72× as fast, 76.4 kB, accuracy 97.2 % (+0.0 points)"


def test_the_html_report_has_every_part_and_no_markup_of_a_file() -> None:
    text = html_text(SMALL)
    for title, _ in quantization_sections(SMALL):
        assert f"<h2>{title}" in text.replace("&#x27;", "'")
    assert METHOD.split(",")[0] in text
    assert method_text(SMALL) == METHOD
    hostile = html_text(quantized.hostile())
    body = hostile.partition("<body>")[2]
    assert samples.HOSTILE not in body
    for study in (LOSING, UNTRAINED, quantized.bare()):
        assert "<h2>Why?" in html_text(study)


def test_only_what_was_recorded_is_a_part() -> None:
    titles = [title for title, _ in quantization_sections(quantized.bare())]
    assert "Noise of every layer" not in titles
    assert "QAT over seeds" not in titles
    assert list(quantization_sections(replace(SMALL, quantized=None))) == []


def test_the_command_line_asks_for_the_same() -> None:
    request = QuantizeRequest(
        workload="cnn", method="static", engine="onednn", no_fusion=True, calibration_samples=8
    )
    line = command_line(replace(SMALL, request=request.document()))
    for part in ("quantize --workload cnn", "--method static", "--engine onednn", "--no-fusion"):
        assert part in line
    assert "--calibration-samples 8" in line
    assert parse(request.document()) == request


def test_numbers_that_are_missing_break_nothing() -> None:
    few = Quantization(
        engine=None,
        engines=(EngineSpeed(engine="x86", seconds=None),),
        layers=(
            LayerNoise(row="gone", layer="x", module="y", weight_sqnr_db=None, output_sqnr_db=None),
        ),
    )
    study = replace(SMALL, quantized=few)
    assert "not measured" in tables.engine_table(few)
    assert tables.EXACT in tables.noise_table(study, few)
    assert html_text(study)
