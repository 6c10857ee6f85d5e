"""The table behind every chart, as HTML that is safe in a page and in a file: all text escaped."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from efficiency.core.values import Row, Study, Verdict
from efficiency.exports.columns import THIN, Column, columns

STYLE = Path(__file__).with_name("parts.css").read_text()

VERDICT_MARK = {
    Verdict.FASTER: ("▶", "faster"),
    Verdict.SAME: ("●", "same"),
    Verdict.SLOWER: ("◀", "slower"),
}


def literal(text: object) -> str:
    """Any text as HTML shows it literally; control characters become visible."""
    shown = "".join(
        each if each.isprintable() or each in f"\n\t{THIN}" else "\N{REPLACEMENT CHARACTER}"
        for each in str(text)
    )
    return escape(shown)


def study_table(study: Study, *, details: bool = False) -> str:
    """The candidates with the main columns, or with the details; reasons where there are none."""
    shown = [each for each in columns(study) if each.heading and each.main != details]
    head = "".join(_heading(each) for each in shown)
    body = "".join(
        _row(row, shown, baseline=row is study.rows[0], notes=not details) for row in study.rows
    )
    return _table(f"<th>Candidate</th>{head}", body)


def plain_table(headings: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """A table of texts: the first column names the line, the others hold words."""
    head = "".join(f'<th class="words">{literal(each)}</th>' for each in headings)
    body = "".join(
        f"<tr><th>{literal(line[0])}</th>"
        + "".join(f'<td class="words">{literal(each)}</td>' for each in line[1:])
        + "</tr>"
        for line in lines
    )
    return _table(head, body)


def number_table(headings: Sequence[str], lines: Sequence[Sequence[object]], words: int = 1) -> str:
    """A table of numbers: the first `words` columns are text, the others align on the right.

    A cell that is a pair has its second text small below the first.
    """
    head = "".join(
        f"<th{' class=words' if place < words else ''}>{literal(each)}</th>"
        for place, each in enumerate(headings)
    )
    body = ""
    for line in lines:
        cells = "".join(
            f"<td{' class=words' if place < words else ''}>{_pair(each)}</td>"
            for place, each in enumerate(line[1:], start=1)
        )
        body += f"<tr><th>{literal(line[0])}</th>{cells}</tr>"
    return _table(head, body)


def _pair(cell: object) -> str:
    text, below = cell if isinstance(cell, tuple) else (cell, "")
    return literal(text) + (f"<small>{literal(below)}</small>" if below else "")


def fact(title: str, value: str, detail: str = "") -> str:
    """A smaller number, for several of them in a line."""
    return (
        f"<div><span>{literal(title)}</span><strong>{literal(value)}</strong>"
        f"<span>{literal(detail)}</span></div>"
    )


def card(title: str, value: str, *details: str) -> str:
    """One number with its title above and what belongs to it below."""
    below = "".join(f"<span>{literal(each)}</span>" for each in details if each)
    return (
        f'<div class="lab-card"><span>{literal(title)}</span>'
        f"<strong>{literal(value)}</strong>{below}</div>"
    )


def comparison_table(headings: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """Like `plain_table`, with the lines marked whose values are not all equal."""
    head = "".join(f'<th class="words">{literal(each)}</th>' for each in headings)
    body = ""
    for line in lines:
        differs = len(set(map(str, line[1:]))) > 1
        name = f"{literal(line[0])}{'<small>≠ differs</small>' if differs else ''}"
        cells = "".join(f'<td class="words">{literal(each)}</td>' for each in line[1:])
        body += f"<tr{' class=differs' if differs else ''}><th>{name}</th>{cells}</tr>"
    return _table(head, body)


def _table(head: str, body: str) -> str:
    return (
        '<div class="lab-scroll" tabindex="0"><table class="lab-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _heading(column: Column) -> str:
    return f"<th{_kind(column)}>{literal(column.heading)}</th>"


def _kind(column: Column) -> str:
    return ' class="words"' if column.words else ""


def _row(row: Row, shown: Sequence[Column], *, baseline: bool, notes: bool) -> str:
    remarks = "".join(f"<small>{literal(note)}</small>" for note in row.notes if notes)
    name = f"<th>{literal(row.label)}{remarks}</th>"
    if row.unavailable is not None:
        reason = f"Not available here: {row.unavailable}"
        return f'<tr>{name}<td class="words" colspan="{len(shown)}">{literal(reason)}</td></tr>'
    cells = "".join(f"<td{_kind(column)}>{_cell(row, column)}</td>" for column in shown)
    return f"<tr{' class=baseline' if baseline else ''}>{name}{cells}</tr>"


def _cell(row: Row, column: Column) -> str:
    text, small = literal(column.text(row)), literal(column.small(row))
    if small:
        text += f'<small class="beside">{small}</small>'
    if below := column.below(row):
        text += f"<small>{literal(below)}</small>"
    if (verdict := column.verdict(row)) is not None:
        mark, kind = VERDICT_MARK[verdict]
        text += f'<small class="{kind}">{mark} {verdict.value}</small>'
    return text
