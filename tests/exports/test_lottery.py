"""What is said of a lottery ticket study: cards, sentences, tables, published numbers, files."""

import csv
import io
from dataclasses import replace
from math import sqrt
from statistics import mean, stdev

import pytest
from scipy.stats import t

from efficiency.charts.lottery import lottery_charts
from efficiency.charts.lottery_contests import difference_text
from efficiency.core.lottery import CONTROLS, Lottery, Measure, Start, Winner
from efficiency.core.values import Study
from efficiency.exports import lottery_tables as tables
from efficiency.exports.headlines import headlines
from efficiency.exports.html import html_text
from efficiency.exports.lottery import (
    METHOD,
    in_short,
    lottery_cards,
    lottery_head,
    overall,
    sentences,
    verdict,
)
from efficiency.exports.lottery_dense import (
    QUANTILES,
    against_dense,
    nearest_level,
    smallest_as_accurate,
)
from efficiency.exports.lottery_published import published_table
from efficiency.exports.lottery_sections import lottery_sections
from efficiency.exports.lottery_why import formula, why
from efficiency.exports.table import study_table
from efficiency.exports.text import command_line, csv_text
from efficiency.routines.tickets.contests import matches
from tests import samples_lottery


def recorded(study: Study) -> Lottery:
    assert study.lottery is not None
    return study.lottery


STUDY = samples_lottery.won()
WON = recorded(STUDY)


def losing(level: int) -> Lottery:
    """The ticket loses ten points from this level on."""
    return replace(
        WON,
        trainings=tuple(
            replace(each, end_score=each.end_score - 0.1)
            if each.start is Start.TICKET and each.level >= level
            else each
            for each in WON.trainings
        ),
    )


def test_the_quantiles_are_student_s() -> None:
    for freedom, quantile in enumerate(QUANTILES, start=1):
        assert quantile == pytest.approx(float(t.ppf(0.975, freedom)), abs=5e-4)


def test_ticket_and_dense_are_compared_in_pairs_of_the_same_seed() -> None:
    ends = {
        (each.level, each.seed): each.end_score
        for each in WON.trainings
        if each.start is Start.TICKET
    }
    for each in against_dense(WON, Measure.END_SCORE):
        gaps = [ends[each.level.level, seed] - ends[0, seed] for seed in range(3)]
        assert each.difference == pytest.approx(mean(gaps))
        spread = max(stdev(gaps), 1 / WON.images[2] / sqrt(6))  # one image, on both sides
        half = float(t.ppf(0.975, 2)) * spread / sqrt(3)
        assert each.low == pytest.approx(mean(gaps) - half, abs=1e-6)
        assert each.high == pytest.approx(mean(gaps) + half, abs=1e-6)


@pytest.mark.parametrize("level", [1, 3, 5, 7])
def test_the_smallest_ticket_is_the_one_that_the_verdict_names(level: int) -> None:
    found = losing(level)
    best = smallest_as_accurate(found)
    step = 1 / found.images[2]
    last = 0
    while last < 6 and matches(found.trainings, last + 1, step):
        last += 1
    assert (0 if best is None else best.level.level) == last == min(level - 1, 6)


def test_the_cards_say_the_smallest_ticket_and_both_controls_with_their_intervals() -> None:
    best = smallest_as_accurate(WON)
    assert best is not None
    cards = lottery_cards(STUDY, (("who", "ticket"),))
    assert f"{100 * best.level.kept:.3g} % left" in cards
    for control in CONTROLS:
        each = overall(WON, control, Measure.END_SCORE)
        assert each is not None
        middle, interval = difference_text(each).split(" [")
        assert f"<strong>{middle}</strong><span>[{interval} over all levels" in cards
    assert "You predicted: who</span><strong>ticket" in cards
    assert sentences(STUDY)[0] in lottery_head(STUDY)


def test_a_ticket_that_loses_at_once_says_at_which_share() -> None:
    study = replace(STUDY, lottery=losing(1))
    cards = lottery_cards(study)
    assert "Smallest ticket as accurate as dense</span><strong>none" in cards
    assert f"with {100 * WON.levels[1].kept:.3g} % left it already loses" in cards
    assert smallest_as_accurate(recorded(study)) is None
    assert in_short(study).endswith(verdict(study))


def test_one_line_about_a_study_has_the_share_and_both_accuracies() -> None:
    best = smallest_as_accurate(WON)
    assert best is not None
    said = in_short(STUDY)
    for number in (best.ticket, best.dense):
        assert f"{100 * number:.1f} %" in said


def test_without_a_verdict_it_says_that_there_is_none() -> None:
    assert verdict(samples_lottery.unfinished()).startswith("There is no verdict yet")
    assert verdict(replace(STUDY, lottery=None)).startswith("There is no verdict yet")


def test_with_one_seed_nothing_is_claimed() -> None:
    alone = samples_lottery.alone()
    assert "so no interval" in lottery_cards(alone)
    said = dict(why(alone))
    assert "cannot be compared" in said["Against the dense network"]
    assert "cannot be told" in said["The first weights"]
    assert smallest_as_accurate(recorded(alone)) is None


@pytest.mark.parametrize(
    ("winner", "about", "says"),
    [
        (Winner.TICKET, "The first weights", "it is the weights that the ticket was drawn with"),
        (Winner.CONTROL, "The first weights", "does not explain how the ticket learns"),
        (Winner.NEITHER, "The first weights", "does not show that the first weights matter"),
        (Winner.TICKET, "The mask", "it matters which weights are left"),
        (Winner.CONTROL, "The mask", "found nothing special"),
        (Winner.NEITHER, "The mask", "does not show that it matters which"),
        (Winner.CONTROL, "How fast it learns", "later than its mask"),
        (Winner.NEITHER, "How fast it learns", "cannot be told apart"),
    ],
)
def test_the_reasons_follow_the_intervals(winner: Winner, about: str, says: str) -> None:
    turned = replace(WON, contests=tuple(replace(each, winner=winner) for each in WON.contests))
    assert says in dict(why(replace(STUDY, lottery=turned)))[about]


def test_the_reasons_hold_the_numbers_of_the_study() -> None:
    said = dict(why(STUDY))
    last = WON.levels[-1]
    assert f"after 6 rounds {100 * last.kept:.3g} % remain" in said["What is left"]
    assert "7 trainings of the same 200 iterations" in said["What it costs"]
    assert "experiment 57 networks" in said["What it costs"]
    assert "one test image is already 0.28 points" in said["The data"]
    assert "(1 - 0.4)^6 = 4.67 %" in formula(WON)
    assert "in the output layer (1 - 0.2)^k" in formula(WON)
    together = replace(WON, settings=samples_lottery.settings(scope="global"))
    assert "output layer" not in formula(together)


def test_what_an_untrained_ticket_can_do_is_said() -> None:
    assert "Untrained, with 22.5 %" in dict(why(STUDY))["Before the first step"]
    assert "supermasks" not in dict(why(STUDY))["Before the first step"]
    able = tuple(
        replace(each, scores=(0.9, *each.scores[1:])) if each.start is Start.TICKET else each
        for each in WON.trainings
    )
    said = dict(why(replace(STUDY, lottery=replace(WON, trainings=able))))
    assert "the ticket has 90.0 % of the test images right" in said["Before the first step"]
    assert "supermasks" in said["Before the first step"]
    late = replace(WON, settings=samples_lottery.settings(rewind_iteration=5))
    assert "Before the first step" not in dict(why(replace(STUDY, lottery=late)))


def test_a_large_data_set_is_not_called_small() -> None:
    large = replace(WON, images=(55_000, 5_000, 10_000))
    assert "So few" not in dict(why(replace(STUDY, lottery=large)))["The data"]


def test_published_numbers_stand_beside_the_nearest_level_s() -> None:
    table = published_table(WON)
    for published in ("3.6 % of the weights left", "38 % earlier", "2.51 times", "0.3 points"):
        assert published in table
    level = nearest_level(WON, 0.21)
    assert level is not None
    stops = {
        each.start: each.mean
        for each in WON.outcomes
        if (each.level, each.measure) == (level.level, Measure.STOP_ITERATION)
    }
    times = stops[Start.REINITIALISED] / stops[Start.TICKET]
    assert f"{times:.2f} times as early at {100 * level.kept:.3g} % left" in table


def test_where_no_level_lies_near_the_published_share_it_says_so() -> None:
    few = replace(WON, levels=WON.levels[:2], outcomes=WON.outcomes[:12])
    assert published_table(few).count("no level near") == 4
    assert nearest_level(few, 0.2) is None


def test_every_table_has_a_line_for_all_that_is_drawn() -> None:
    assert tables.outcome_table(WON).count("<tr>") == 1 + 1 + 6 * 3
    assert tables.contest_table(WON).count("<tr>") == 1 + len(WON.contests)
    layers = tables.layer_table(WON)
    assert layers.count("<tr>") == 1 + 7
    assert "1\N{NARROW NO-BREAK SPACE}400<small>4.67 %</small>" in layers
    unfinished = recorded(samples_lottery.unfinished())
    assert "not yet" in tables.outcome_table(unfinished)


def test_the_settings_name_both_rates_only_where_both_are_used() -> None:
    names = dict(tables.settings_lines(WON))
    assert names["Pruned a round"] == "40 % of what is left"
    assert names["In the output layer"] == "20 % of what is left"
    assert names["Rewound to"] == "the first weights"
    other = replace(WON, settings=samples_lottery.settings(scope="global", rewind_iteration=50))
    names = dict(tables.settings_lines(other))
    assert "In the output layer" not in names
    assert names["Rewound to"] == "those after iteration 50"


def test_csv_and_command_line_hold_what_a_study_without_times_has() -> None:
    lines = list(csv.DictReader(io.StringIO(csv_text(STUDY))))
    assert [each["name"] for each in lines[:3]] == ["dense", "ticket-1", "re-initialised-1"]
    assert float(lines[1]["accuracy (share)"]) == pytest.approx(STUDY.rows[1].score or 0)
    assert int(lines[1]["nonzero"]) == WON.levels[1].left
    assert headlines(STUDY) == ()
    assert study_table(STUDY).count("<tr") == 1 + len(STUDY.rows)
    line = command_line(STUDY)
    assert line.startswith("python -m efficiency lottery --workload lenet300")
    assert "--rounds 6 --rate 0.4" in line


def test_the_report_has_its_charts_its_parts_and_its_method() -> None:
    text = html_text(STUDY)
    for chart in lottery_charts(STUDY):
        assert f'id="chart-{chart.name}"' in text
    parts = dict(lottery_sections(STUDY))
    assert list(parts) == [
        "Why?",
        "Published beside measured",
        "Every level",
        "Ticket against its controls",
        "Weights left in every layer",
        "How the networks were trained",
        "The same in PyTorch",
    ]
    for title in parts:
        assert f"<h2>{title}</h2>" in text
    assert METHOD[:60] in text
    assert lottery_head(STUDY) in text


@pytest.mark.parametrize(
    "study",
    [
        samples_lottery.drawn(),
        samples_lottery.alone(),
        samples_lottery.unfinished(),
        samples_lottery.nothing_yet(),
        replace(STUDY, lottery=None),
    ],
    ids=["drawn", "alone", "unfinished", "nothing", "unrecorded"],
)
def test_studies_of_every_form_can_be_exported(study: Study) -> None:
    assert "</html>" in html_text(study)
    assert csv_text(study)
    dict(lottery_sections(study))


def test_no_markup_of_a_study_reaches_a_file() -> None:
    hostile = samples_lottery.hostile()
    assert "<script>document" not in html_text(hostile)
    assert "<script" not in lottery_head(hostile) + "".join(
        dict(lottery_sections(hostile)).values()
    )
