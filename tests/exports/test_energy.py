"""What an energy study says in numbers: the page, the HTML, the CSV and the JSON agree."""

import csv
import io
import json
import re
import shlex
from dataclasses import replace
from html import unescape

import pytest

from efficiency.charts.energy import SHOWN_PRECISIONS
from efficiency.core import serial
from efficiency.core.energy import FROM_DRAM, NO_REUSE, find_reuse
from efficiency.core.roofline import limit
from efficiency.core.units import joules_text
from efficiency.core.values import Finding, Study
from efficiency.exports.columns import THIN, columns, grouped
from efficiency.exports.energy import account, energy_cards, formula, measured, meter_text, why
from efficiency.exports.energy_layers import layer_table, layers_csv, peaks_table
from efficiency.exports.html import html_text
from efficiency.exports.text import command_line, csv_text
from tests import samples
from tests.exports.test_html import Elements, embedded

DEEP = samples.energy(tuple(samples.deep_layers()), title="Deep", batch_size=4)


def numbers(html: str) -> list[str]:
    """What is printed large on the cards and in the line of counts."""
    return [unescape(each) for each in re.findall(r"<strong>(.*?)</strong>", html)]


def lines(study: Study) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(layers_csv(study))))


@pytest.mark.parametrize("study", [samples.energy(), DEEP, samples.energy(training=True)])
def test_the_exact_counts_are_those_of_the_json(study: Study) -> None:
    layers = json.loads(serial.encode(study))["anatomy"]["layers"]
    sums = [sum(each[name] for each in layers) for name in ("macs", "multiplications", "additions")]
    shown = numbers(energy_cards(account(study)))
    for count in (*sums, study.rows[0].footprint.parameters):
        assert f"{count:,}".replace(",", THIN) in shown


@pytest.mark.parametrize("study", [samples.energy(), DEEP, samples.energy(training=True)])
def test_the_account_is_the_estimate_of_the_rows(study: Study) -> None:
    for row, precision in zip(study.rows, SHOWN_PRECISIONS, strict=False):
        found = account(study, precision)
        assert found.whole.total.middle * 1e-12 == pytest.approx(row.energy.joules)
        assert joules_text(row.energy.joules) in numbers(energy_cards(found))


def test_a_study_without_an_anatomy_has_no_account() -> None:
    with pytest.raises(ValueError, match="taken apart"):
        account(samples.report())


def test_why_names_what_precision_saves_and_the_layer_that_takes_most() -> None:
    where, precision, largest = why(account(samples.energy()))
    found = account(samples.energy())
    times = found.at("fp32").total.middle / found.at("int8").total.middle
    assert "61\N{NARROW NO-BREAK SPACE}706 weights" in where
    assert "everything from DRAM" in where
    assert precision == (
        "From fp32 to int8 the arithmetic takes 15.3 times less, the movement 4 times less "
        f"(4 bytes become 1), both together {times:.3g} times less."
    )
    assert largest.startswith("fc1 takes most")


def test_why_follows_precision_and_assumption() -> None:
    study = samples.energy()
    where, precision, _ = why(account(study, "int32", NO_REUSE))
    assert "nothing is reused" in where
    assert "the movement as much (4 bytes stay 4)" in precision
    cached = account(study, "int8", find_reuse("cache-l2", study.anatomy.caches))
    assert "0.2 pJ + additions × 0.1 pJ" in formula(cached)
    assert "nJ in L2" in formula(cached)


def test_nothing_is_divided_by_nothing() -> None:
    idle = tuple(
        replace(each, macs=0, multiplications=0, additions=0, weights=0, inputs=0, outputs=0)
        for each in samples.lenet_layers()
    )
    found = account(samples.energy(idle))
    assert why(found) == ()
    assert "0.0 %" in numbers(energy_cards(found))
    assert layer_table(found).count("<tr>") == 1 + len(idle)


def test_the_csv_of_layers_adds_up_to_the_counts_and_the_estimates() -> None:
    for study in (samples.energy(), DEEP, samples.energy(training=True, batch_size=8)):
        written = lines(study)
        assert len(written) == len(study.anatomy.layers)
        for name in ("macs", "multiplications", "additions", "weights", "inputs", "outputs"):
            expected = sum(getattr(each, name) for each in study.anatomy.layers)
            assert sum(int(each[name]) for each in written) == expected
        for row, name in zip(study.rows, SHOWN_PRECISIONS, strict=False):
            low = sum(float(each[f"{name} movement_low (J)"]) for each in written)
            high = sum(float(each[f"{name} movement_high (J)"]) for each in written)
            arithmetic = sum(float(each[f"{name} arithmetic (J)"]) for each in written)
            assert arithmetic + low == pytest.approx(row.energy.low)
            assert arithmetic + high == pytest.approx(row.energy.high)
        assert {each["reuse"] for each in written} == {FROM_DRAM.name}


def test_the_csv_of_layers_has_times_where_there_are_any() -> None:
    written = lines(samples.energy(training=True))
    assert {bool(each["median (s)"]) for each in written if each["stage"] == "forward"} == {True}
    assert {each["median (s)"] for each in written if each["stage"] != "forward"} == {""}


def test_hostile_layers_are_harmless_in_every_export() -> None:
    study = samples.hostile_energy()
    assert any(each["layer"] == f"'{samples.FORMULA}" for each in lines(study))
    page = Elements(html_text(study))
    assert samples.HOSTILE in page.text
    assert samples.MARKDOWN in page.text
    assert "em" not in page.tags
    assert "a" not in page.tags
    assert page.tags.count("script") == Elements(html_text(samples.energy())).tags.count("script")


def test_the_layer_table_has_every_layer_with_estimate_time_and_share_of_the_roofs() -> None:
    study = samples.energy()
    table = unescape(layer_table(account(study)))
    for each in study.anatomy.layers:
        assert f"<th>{each.layer or '(the model itself)'}</th>" in table
    fc1 = table.partition("<th>fc1</th>")[2].partition("</tr>")[0]
    layer = study.anatomy.layers[4]
    share = (layer.multiplications + layer.additions) / layer.seconds.median / samples.FP32_PEAK
    assert f"{100 * share:.1f} %" in fc1
    assert "<small>DRAM</small>" in fc1
    assert f"<small>{limit(study.anatomy, layer).value}</small>" in fc1
    assert grouped(48_000) in fc1
    assert "stage" not in table.partition("</thead>")[0]
    assert "stage" in layer_table(account(samples.energy(training=True)))


def test_peaks_are_listed_with_the_reason_where_there_is_none() -> None:
    table = peaks_table(samples.energy().anatomy)
    assert "157 Gop/s" in table
    assert "12 GB/s" in table
    assert "This CPU has no fp16 arithmetic." in table


def test_a_measurement_is_shown_beside_the_estimate_and_its_absence_is_said() -> None:
    metered, not_metered = samples.metered(), samples.energy()
    assert measured(not_metered) is None
    assert meter_text(not_metered.anatomy) == (samples.NO_COUNTER,)
    assert "2.40 mJ" in numbers(energy_cards(account(metered)))
    (said,) = meter_text(metered.anatomy)
    for part in ("RAPL package", "quartiles 2.30 mJ to 2.60 mJ", "26.0 W busy, 11.0 W idle"):
        assert part in said


def test_the_html_file_says_what_the_page_says() -> None:
    finding = Finding(finding="Found.", evidence="Evident.", next_step="Go on.")
    study = replace(DEEP, findings=(finding,))
    document = html_text(study)
    text = Elements(document).text
    found = account(study)
    assert embedded(document) == study
    for sentence in (*why(found), formula(found), samples.NO_COUNTER, "Found.", "45 nm chip"):
        assert sentence in text
    assert set(numbers(energy_cards(found))) <= set(numbers(document))
    assert document.count('class="plotly-graph-div"') == 5
    assert "Only candidates that lose" not in text  # the rule of reports has nothing to judge here


def test_the_columns_say_what_the_numbers_are_of() -> None:
    study = samples.energy(training=True, batch_size=8)
    notes = {each.heading: each.note for each in columns(study) if each.heading}
    assert notes["Energy"].startswith("of one training step with 8 inputs")
    assert notes["Operations"].startswith("in one training step with 8 inputs")
    (report,) = [each.note for each in columns(samples.report()) if each.heading == "Operations"]
    assert report.startswith("in one inference")
    first = next(csv.DictReader(io.StringIO(csv_text(study))))
    assert float(first["energy_low (J)"]) < float(first["energy (J)"])
    assert float(first["energy_high (J)"]) > float(first["energy (J)"])


def test_the_command_line_repeats_the_batch_and_the_training_step() -> None:
    words = shlex.split(command_line(samples.energy(training=True, batch_size=8)))
    assert words[3:6] == ["energy", "--workload", "lenet"]
    assert words[words.index("--batch-size") + 1] == "8"
    assert "--training" in words
    assert "--training" not in command_line(samples.energy())
    assert "--budget-seconds" not in words
