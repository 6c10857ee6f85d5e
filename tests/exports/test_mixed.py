"""What is said of a mixed-precision study: cards, shares, dtypes, published numbers."""

from dataclasses import replace

import pytest

from efficiency.charts.amp import amp_charts
from efficiency.core.mixed import MixedPrecision, OperatorDtype
from efficiency.core.published import MIXED_PRECISION
from efficiency.exports.html import html_text
from efficiency.exports.mixed import amp_cards, last_loss, published_table, row_of, scales_table
from efficiency.exports.mixed_sections import mixed_sections
from efficiency.exports.operators import assertions, conversions, holds, operator_table
from efficiency.exports.text import command_line
from tests import samples_amp
from tests.samples_amp import FLOAT32, LOWER, WIDEST, operator


def recorded(*operators: OperatorDtype, dtype: str = "bfloat16") -> MixedPrecision:
    found = samples_amp.losing().mixed
    assert found is not None
    return replace(found, operators=operators, dtype=dtype)


def test_a_row_without_numbers_is_no_row() -> None:
    assert row_of(samples_amp.losing(), "autocast") is None
    assert row_of(samples_amp.bare()) is None


def test_the_visitor_s_prediction_is_shown_where_there_is_one() -> None:
    study = samples_amp.losing()
    assert "Your prediction</span><strong>1.5×" in amp_cards(study, 1.5)
    assert "Your prediction" not in amp_cards(study)


def test_an_unknown_prediction_says_why() -> None:
    assert "unknown</strong><span>Not known." in amp_cards(samples_amp.bare())


def test_how_far_the_prediction_was_off_is_measured_over_predicted() -> None:
    assert f"the measurement is {0.556 / 0.58:.2f} times that" in amp_cards(samples_amp.losing())


def test_the_last_loss_is_that_of_the_last_step() -> None:
    study = samples_amp.losing()
    assert study.mixed is not None
    assert last_loss(study, "amp") == study.mixed.curves[1].losses[-1]
    assert last_loss(study, "nobody") is None
    assert last_loss(samples_amp.bare(), "amp") is None


def test_the_table_of_scales_has_a_line_for_each_and_the_shares_of_the_study() -> None:
    found = samples_amp.losing().mixed
    assert found is not None
    assert found.gradients is not None
    table = scales_table(found)
    assert table.count("<tr>") == 1 + 33
    flushed, overflowed = found.gradients.flushed, found.gradients.overflowed
    total = sum(found.gradients.counts)
    small = f"{100 * flushed[0] / total:.2g} %"
    assert f"<th>2^0</th><td>{small}</td><td>none</td>" in table
    large = f"{100 * overflowed[32] / total:.2g} %"
    assert f"<th>2^32</th><td>none</td><td>{large}</td>" in table


@pytest.mark.parametrize(
    ("listed", "dtype", "expected"),
    [
        (LOWER, "bfloat16", True),
        (LOWER, "bfloat16 → bfloat16 + float32", True),
        (LOWER, "float32", False),
        (FLOAT32, "float32", True),
        (FLOAT32, "bfloat16", False),
        (FLOAT32, "bfloat16 + float32 → float32", False),
        (WIDEST, "float32", None),
        (None, "bfloat16", None),
    ],
)
def test_a_promise_holds_where_the_operator_was_given_that_dtype(
    listed: str | None, dtype: str, expected: bool | None
) -> None:
    assert holds(operator("x", dtype, 1, function="x", listed=listed), "bfloat16") is expected


def test_the_assertions_look_at_what_comes_out_and_not_at_conversions() -> None:
    linear, loss = assertions(recorded(*samples_amp.operators()))
    assert (linear.holds, loss.holds) == (True, True)
    assert linear.code == "assert output.dtype is torch.bfloat16"
    assert linear.evidence == "linear: 3 × bfloat16"
    other = operator("addmm", "bfloat16 → float32", 2, function="linear")
    linear, _ = assertions(recorded(*samples_amp.operators(), other))
    assert linear.holds is False
    assert linear.evidence == "linear: 3 × bfloat16, 2 × float32"


def test_an_assertion_about_what_did_not_run_is_open() -> None:
    linear, loss = assertions(recorded(operator("mm", "float32", backward=4)))
    assert (linear.holds, loss.holds) == (None, None)


def test_conversions_are_counted_by_calls() -> None:
    found = recorded(
        operator("_to_copy", "float32 → bfloat16", 2, function="linear"),
        operator("mm", "bfloat16", backward=5),
        operator("add_", "float32", update=3),
    )
    assert conversions(found).startswith("2 of the 10 operator calls")
    assert conversions(recorded()) == "No operators were recorded."


def test_every_operator_has_its_line() -> None:
    table = operator_table(recorded(*samples_amp.many_operators()))
    assert table.count("<tr>") == 1 + 60
    assert "conversion (_to_copy)" in table
    assert "<script" not in operator_table(recorded(samples_amp.operator(samples_amp.HOSTILE, "x")))


def test_published_gains_agree_with_the_published_numbers() -> None:
    for each in MIXED_PRECISION:
        assert each.source
        if each.before and each.after:
            seconds = each.unit == "s"
            ratio = each.before / each.after if seconds else each.after / each.before
            assert each.high == pytest.approx(ratio, rel=0.005)  # published with two decimals


def test_the_table_begins_with_this_study_and_then_is_published() -> None:
    table = published_table(samples_amp.losing())
    assert table.count("published: ") == len(MIXED_PRECISION)
    assert "measured in this run" in table.split("published: ")[0]
    assert "up to 1.64×" in table
    assert "1.5 to 5.5×" in table
    assert published_table(samples_amp.bare()).count("measured in this run") == 0


def test_the_parts_of_a_report_hold_only_what_was_recorded_and_no_markup_of_it() -> None:
    whole = dict(mixed_sections(samples_amp.losing()))
    assert list(whole) == [
        "How it was predicted",
        "What float16 loses at every scale",
        "What autocast did",
        "Published beside measured",
        "The program that does just this",
    ]
    assert "Holds here: linear: 3 × bfloat16." in whole["What autocast did"]
    assert list(dict(mixed_sections(samples_amp.bare()))) == [
        "How it was predicted",
        "Published beside measured",
    ]
    assert list(mixed_sections(replace(samples_amp.losing(), mixed=None))) == []
    assert "<script" not in "".join(dict(mixed_sections(samples_amp.hostile())).values())


def test_the_command_line_says_all_that_was_asked() -> None:
    line = command_line(samples_amp.winning())
    assert line.startswith("python -m efficiency amp --workload mlp")
    for words in ("--preset tutorial", "--dtype float16", "--device cuda"):
        assert words in line
    assert "--width" not in line
    assert "--sweep" not in line
    assert command_line(samples_amp.losing()).endswith("--sweep")


def test_the_report_of_a_training_has_its_charts_its_parts_and_its_method() -> None:
    text = html_text(samples_amp.losing())
    for chart in amp_charts(samples_amp.losing()):
        assert f'id="chart-{chart.name}"' in text
    for title, _ in mixed_sections(samples_amp.losing()):
        assert f"<h2>{title}</h2>" in text
    assert "each takes one step on the same batch" in text
    assert "median of one training step with 512 inputs" in text
    assert "<script>document" not in html_text(samples_amp.hostile())
