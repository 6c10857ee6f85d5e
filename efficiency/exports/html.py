"""A Study as one HTML file that needs nothing else: no network, charts inside, light and dark.

A content security policy in the file forbids every request, so a name that slipped through could
neither load nor send anything.
"""

from functools import cache
from pathlib import Path
from string import Template

import plotly.io
import plotly.offline

from efficiency.charts.chart import Chart
from efficiency.charts.family import charts
from efficiency.core import serial
from efficiency.core.judgement import rule
from efficiency.core.units import BAND_TEXT, INTERVAL_TEXT, bytes_text, seconds_text, share_text
from efficiency.core.values import Environment, Study
from efficiency.exports import energy, energy_layers, lottery, mixed, pruning, quantization
from efficiency.exports.columns import columns
from efficiency.exports.headlines import accuracy_text, headlines, sources
from efficiency.exports.lottery import lottery_head
from efficiency.exports.lottery_sections import lottery_sections
from efficiency.exports.mixed_sections import mixed_sections
from efficiency.exports.pruning_sections import pruning_head, pruning_sections
from efficiency.exports.quantization_sections import quantization_head, quantization_sections
from efficiency.exports.quantization_tables import coverage_table
from efficiency.exports.table import STYLE, literal, plain_table, study_table
from efficiency.exports.text import command_line

METHOD = (
    "Every candidate is saved, loaded again in a fresh process, and called in every round, in "
    "shuffled order, so that a disturbance hits all of them alike. The speed is the median of the "
    f"ratios within the rounds; its interval holds {INTERVAL_TEXT} of what a bootstrap over "
    "the rounds gives. A candidate is called faster or slower only where the whole interval is "
    f"more than {BAND_TEXT} away from 1: two copies of one model differ by up to "
    "that, since they lie elsewhere in memory. All else is no measurable difference. What is not "
    "measured is called estimated."
)

METHOD_OF_WEIGHTS = (
    "Bytes and noise are computed from the stored weights themselves; no model was run. The noise "
    "(SQNR) compares the weights rounded to each precision with the weights as they are stored."
)
COVERAGE_HEADINGS = ("Candidate", "changed", "skipped")
LAYER_HEADINGS = (
    "Layer",
    "shape",
    "type",
    "parameters",
    "zeros",
    "not finite",
    "mean ± std",
    "costs",
)


def html_text(study: Study) -> str:
    """The whole document."""
    parts = (
        _disturbed(study.environment),
        *(f'<p class="quiet">{literal(each)}</p>' for each in study.caveats),
        *_numbers_and_reasons(study),
        _section(
            "All candidates" if study.anatomy is None else "Every precision, and what was measured",
            study_table(study) + _legend(study),
        ),
        _section("More numbers", study_table(study, details=True) + _legend(study, details=True)),
        _coverage(study),
        _layers(study),
        _section("Notes", _list(study.notes)) if study.notes else "",
        _section("How this was measured", f"<p>{literal(method_text(study))}</p>"),
        _section(
            "Machine and software", plain_table(("", ""), environment_lines(study.environment))
        ),
        _phases(study),
        _section("Do it again", f"<pre>{literal(command_line(study))}</pre>"),
    )
    return Template(_file("report.html")).substitute(
        title=literal(study.title),
        style=_file("report.css") + STYLE,
        plotly=plotly_script(),
        origin=literal(origin_text(study.environment)),
        body="\n".join(part for part in parts if part),
        json=script_safe(serial.encode(study).decode()),
        script=_file("report.js"),
    )


def _numbers_and_reasons(study: Study) -> tuple[str, ...]:
    """Headlines, charts and why; of a model that was taken apart, its layers too."""
    pictures = "".join(_chart(each) for each in charts(study))
    if study.mixed is not None:
        parts = (_section(title, body) for title, body in mixed_sections(study))
        return mixed.amp_cards(study), pictures, _findings(study), *parts
    if study.quantized is not None:
        parts = (_section(title, body) for title, body in quantization_sections(study))
        return quantization_head(study), pictures, *parts, _findings(study, "What to do")
    if study.pruned is not None:
        parts = (_section(title, body) for title, body in pruning_sections(study))
        return pruning_head(study), pictures, *parts, _findings(study, "What to do")
    if study.lottery is not None:
        parts = (_section(title, body) for title, body in lottery_sections(study))
        return lottery_head(study), pictures, *parts, _findings(study, "What to do")
    if study.anatomy is None:
        judged = f'<p class="quiet">{literal(rule(study))}</p>' if headlines(study) else ""
        return headline_cards(study), judged, pictures, _findings(study)
    found = energy.account(study)
    said = (*energy.why(found), energy.formula(found))
    reasons = "".join(f"<p>{literal(each)}</p>" for each in said)
    return (
        energy.energy_cards(found),
        pictures,
        _section("Why?", reasons),
        _findings(study, energy.FINDINGS_TITLE),
        _section("Measured energy", _list(energy.meter_text(study.anatomy))),
        _section(
            "Every layer",
            f"<p>{literal(energy_layers.LAYER_NOTE)}</p>{energy_layers.layer_table(found)}",
        ),
        _section("The most that the machine did", energy_layers.peaks_table(study.anatomy)),
    )


def headline_cards(study: Study) -> str:
    """The headlines side by side, each with the candidate it belongs to."""
    cards = ""
    for each in headlines(study):
        who = ""
        if each.row is not None:
            who = f"<b>{literal(each.row.label)}</b>, {literal(accuracy_text(study, each.row))}"
        cards += (
            f'<div class="lab-card"><span>{literal(each.saves)}</span>'
            f"<strong>{literal(each.value)}</strong>"
            f"<span>{literal(each.detail)}</span><span>{who}</span>"
            + (f"<small>{literal(each.source)}</small>" if each.source else "")
            + "</div>"
        )
    return f'<div class="lab-cards">{cards}</div>' if cards else ""


def method_text(study: Study) -> str:
    """How the numbers of this study came about, as plain text."""
    if study.anatomy is not None:
        return energy.METHOD
    if study.mixed is not None:
        return mixed.METHOD
    method = METHOD if study.rows[0].timing is not None else METHOD_OF_WEIGHTS
    if study.quantized is not None:
        method = quantization.METHOD
    if study.pruned is not None:
        method = pruning.METHOD
    if study.lottery is not None:
        method = lottery.METHOD
    estimated = sources(study)
    return f"{method} Energy is estimated: {estimated}." if estimated else method


def origin_text(environment: Environment) -> str:
    """Where and when the numbers were measured, in one line."""
    return f"Measured on {environment.cpu}, {environment.device}, {environment.measured_at[:16]}"


def environment_lines(environment: Environment) -> tuple[tuple[str, str], ...]:
    """Name and value of everything that is known about the machine and the software."""
    versions = ", ".join(f"{name} {number}" for name, number in environment.versions.items())
    return (
        ("Measured at", environment.measured_at),
        ("Device", environment.device),
        ("Processor", environment.cpu),
        ("Cores", str(environment.cores)),
        ("Threads used", str(environment.threads)),
        ("Memory", bytes_text(environment.memory_bytes)),
        ("Features", ", ".join(environment.features) or "none known"),
        ("System", environment.platform),
        ("Versions", versions),
        ("Others' load before", share_text(environment.load_before)),
        ("Others' load during", share_text(environment.load_during)),
        ("Disturbed", environment.disturbed or "no"),
    )


def coverage_lines(study: Study) -> tuple[tuple[str, str, str], ...]:
    """Candidate, the layers it changed, and those it skipped with the reason."""
    return tuple(
        (
            row.label,
            ", ".join(row.coverage.changed) or "none",
            "; ".join(f"{each.layer}: {each.reason}" for each in row.coverage.skipped) or "none",
        )
        for row in study.rows
        if row.coverage is not None
    )


def layer_lines(study: Study) -> tuple[tuple[object, ...], ...]:
    """Every stored tensor with its statistics and its cost in each precision."""
    return tuple(
        (
            each.name,
            "×".join(map(str, each.shape)) or "scalar",
            each.dtype,
            each.parameters,
            each.zeros,
            each.not_finite,
            "none finite" if each.std is None else f"{each.mean:.3g} ± {each.std:.3g}",
            "; ".join(
                f"{cost.precision} {bytes_text(cost.bytes)}"
                + ("" if cost.sqnr_db is None else f" {cost.sqnr_db:.1f} dB")
                for cost in each.precisions
            ),
        )
        for each in study.layers
    )


def script_safe(json: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def plotly_script() -> str:
    """plotly.js, as plotly ships it."""
    script: str = plotly.offline.get_plotlyjs()
    return script


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text()


def _section(title: str, body: str) -> str:
    return f"<section><h2>{literal(title)}</h2>{body}</section>"


def _list(lines: tuple[str, ...]) -> str:
    return "<ul>" + "".join(f"<li>{literal(line)}</li>" for line in lines) + "</ul>"


def _disturbed(environment: Environment) -> str:
    if environment.disturbed is None:
        return ""
    return f'<p class="warning">The times are doubtful: {literal(environment.disturbed)}</p>'


def _findings(study: Study, title: str = "Why?") -> str:
    if not study.findings:
        return ""
    body = "".join(
        f"<p><b>{literal(each.finding)}</b><br>{literal(each.evidence)}<br>"
        f"Next: {literal(each.next_step)}</p>"
        for each in study.findings
    )
    return _section(title, body)


def _chart(chart: Chart) -> str:
    picture = plotly.io.to_html(
        chart.figure,
        include_plotlyjs=False,
        full_html=False,
        config={"responsive": True, "displaylogo": False},
        div_id=f"chart-{chart.name}",
    )
    return _section(
        chart.title, f'<p class="quiet">{literal(chart.reading)}</p><figure>{picture}</figure>'
    )


def _legend(study: Study, *, details: bool = False) -> str:
    shown = [each for each in columns(study) if each.heading and each.main != details]
    return _list(tuple(f"{each.heading}: {each.note}." for each in shown if each.note))


def _coverage(study: Study) -> str:
    if study.quantized is not None:
        return _section("Which layers changed", coverage_table(study))
    lines = coverage_lines(study)
    if not lines:
        return ""
    return _section("Which layers changed", plain_table(COVERAGE_HEADINGS, lines))


def _layers(study: Study) -> str:
    if not study.layers:
        return ""
    body = plain_table(LAYER_HEADINGS, layer_lines(study))
    return f"<details><summary>Every layer ({len(study.layers)})</summary>{body}</details>"


def _phases(study: Study) -> str:
    if not study.phases:
        return ""
    lines = [(each.name, seconds_text(each.seconds)) for each in study.phases]
    return _section("Where the time went", plain_table(("Part", "wall time"), lines))
