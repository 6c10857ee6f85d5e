"""The HTML file as text; tests/browser opens it in a browser."""

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from efficiency.core import serial
from efficiency.core.judgement import rule
from efficiency.core.values import Study
from efficiency.exports.columns import RANDOM_INPUTS, THIN, columns
from efficiency.exports.html import html_text, script_safe
from efficiency.exports.table import comparison_table, plain_table, study_table
from efficiency.routines import remeasure
from tests import samples


class Elements(HTMLParser):
    """Counts the elements of a document and collects what is outside scripts and styles."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] not in (["script"], ["style"]):
            self.text += data


@pytest.fixture(scope="module")
def document() -> str:
    return html_text(samples.report())


def embedded(document: str) -> Study:
    found = re.search(r'<script type="application/json" id="study">(.*?)</script>', document, re.S)
    assert found is not None
    return serial.decode(found[1])


def test_it_embeds_the_whole_study(document: str) -> None:
    assert embedded(document) == samples.report()
    assert embedded(html_text(samples.hostile())) == samples.hostile()


def test_it_loads_nothing(document: str) -> None:
    assert "default-src 'none'" in document
    assert not re.search(r"<(script|img|iframe|link)[^>]+(src|href)=\"(?!data:)", document)
    assert document.count("plotly.js v") == 1


def test_names_add_no_element() -> None:
    honest, hostile = Elements(html_text(samples.report())), Elements(html_text(samples.hostile()))
    scripts = [tags.count("script") for tags in (honest.tags, hostile.tags)]
    assert scripts[1] - scripts[0] == 2  # the two charts of the layers, none from a name
    assert "a" not in hostile.tags
    assert "em" not in hostile.tags
    assert samples.HOSTILE in hostile.text
    assert samples.MARKDOWN in hostile.text


def test_json_cannot_leave_its_script() -> None:
    escaped = script_safe(json.dumps({"name": "</script><!--"}))
    assert "<" not in escaped
    assert json.loads(escaped) == {"name": "</script><!--"}


def test_every_candidate_is_in_the_table_with_reason_or_numbers() -> None:
    study = samples.report()
    table = unescape(study_table(study))
    for row in study.rows:
        assert row.label in table
    assert "Not available here: This CPU has no fp16 arithmetic." in table
    assert "0.35×" in table
    assert "[0.34, 0.36]" in table
    assert "◀ slower" in table
    assert table.count("no measurable difference") == 7


def test_the_tables_together_show_every_kind_of_number(document: str) -> None:
    text = Elements(document).text
    for number in ("247 kB", "228 kB", "160 µs", "97.2 %", "46.1 dB", f"61{THIN}706", "estimated"):
        assert number in text


def test_it_names_the_table_behind_estimated_energy(document: str) -> None:
    source = "Horowitz, ISSCC 2014, 45 nm: arithmetic only"
    body = Elements(document).text
    assert body.count(source) == 3  # the card, the note of the column, the method
    assert source not in Elements(html_text(samples.weights())).text


def test_it_says_what_the_peak_is_held_for_and_what_was_not_counted() -> None:
    body = Elements(html_text(samples.detailed())).text
    assert "247 kB parameters, 57 kB activations, 3 kB temporary" in body
    assert "aten.gelu, aten.sort" in body
    assert "operators that work in one inference but are not part of Operations" in body


def test_it_says_what_the_score_is_a_share_of() -> None:
    over = "900 characters in 9 held-out files (as good as 70 independent ones)"
    study = replace(samples.report(), score_over=over, score_count=70)
    notes = {each.heading: each.note for each in columns(study)}
    assert notes["Accuracy"] == f"share of {over}, with its 95 % interval"
    assert "over the outputs of all held-out inputs" in notes["SQNR"]
    assert notes["Accuracy"] in Elements(html_text(study)).text


@pytest.mark.parametrize(
    ("study", "over"),
    [
        (samples.report(), "over the outputs of the 360 held-out inputs"),
        (replace(samples.report(), score_count=None), "over the outputs of 8 random inputs"),
        (samples.weights(), "over the weights"),
    ],
)
def test_it_says_what_the_noise_was_computed_on(study: Study, over: str) -> None:
    (note,) = [each.note for each in columns(study) if each.heading == "SQNR"]
    assert over in note
    assert note in Elements(html_text(study)).text


def test_the_number_of_random_inputs_is_that_of_the_measurement() -> None:
    assert RANDOM_INPUTS == remeasure.RANDOM_INPUTS


def test_what_is_not_counted_is_none_where_all_was() -> None:
    (column,) = [each for each in columns(samples.report()) if each.heading == "Not counted"]
    assert column.text(samples.report().rows[0]) == "none"
    assert column.text(samples.report().rows[-1]) == ""


def test_it_says_by_which_rule_candidates_count(document: str) -> None:
    assert rule(samples.report()) in Elements(document).text


def test_it_says_how_where_and_how_to_repeat(document: str) -> None:
    for part in ("Example CPU", "avx512_vnni", "torch 2.13.0", "bootstrap", "--workload lenet"):
        assert part in document


def test_a_disturbed_run_says_so() -> None:
    assert "The times are doubtful" in html_text(samples.hostile())


def test_control_characters_become_visible() -> None:
    assert "\x1b" not in plain_table(("",), [("\x1b[31mred",)])


def test_only_lines_that_differ_are_marked() -> None:
    table = comparison_table(("", "a", "b"), [("cores", "2", "4"), ("cpu", "same", "same")])
    assert table.count("differs>") == 1
    assert table.index("differs>") < table.index("cores")


def test_the_method_is_the_one_that_was_used() -> None:
    assert "no model was run" in html_text(samples.weights())
    assert "no model was run" not in html_text(samples.report())
