"""The tables behind the charts of a lottery ticket study, as HTML."""

from efficiency.charts.lottery_contests import difference_text
from efficiency.charts.lottery_levels import interval_text, outcome, value_text
from efficiency.charts.lottery_looks import LOOKS, percent
from efficiency.core.lottery import CONTROLS, Level, Lottery, Measure, Start
from efficiency.exports.columns import grouped
from efficiency.exports.table import number_table, plain_table

NO_VALUE = "not yet"


def outcome_table(found: Lottery) -> str:
    """Every level and start: the three measures with their intervals over the seeds."""
    headings = ("Weights left", "start", *(each.value for each in Measure))
    lines = [
        (
            f"{percent(level.kept)} %",
            _name(level, start),
            *(_measured(found, level, start, measure) for measure in Measure),
        )
        for level in found.levels
        for start in (Start if level.level else (Start.TICKET,))
    ]
    return number_table(headings, lines, words=2)


def contest_table(found: Lottery) -> str:
    """Ticket minus control at every level and over all: difference, interval, who is better."""
    kept = {each.level: f"{percent(each.kept)} %" for each in found.levels}
    headings = ("Weights left", "control", "measure", "ticket minus control", "interval of", "says")
    lines = [
        (
            "all levels" if each.level is None else kept.get(each.level, str(each.level)),
            LOOKS[each.control].name,
            each.measure.value,
            difference_text(each),
            "no interval" if each.low is None else f"{100 * each.confidence:.4g} %",
            each.winner.value,
        )
        for measure in Measure
        for control in CONTROLS
        for each in found.contests
        if (each.measure, each.control) == (measure, control)
    ]
    return plain_table(headings, lines)


def layer_table(found: Lottery) -> str:
    """How many weights are left in every layer, at every level."""
    names = [name for name, _, _ in found.levels[0].by_layer] if found.levels else []
    headings = ("Weights left", *names, "all")
    lines = [
        (
            f"{percent(level.kept)} %",
            *(
                (grouped(left), f"{percent(left / count)} %" if count else "")
                for _, left, count in level.by_layer
            ),
            grouped(level.left),
        )
        for level in found.levels
    ]
    return number_table(headings, lines)


def settings_lines(found: Lottery) -> tuple[tuple[str, str], ...]:
    """How the networks were trained and pruned: name and value."""
    asked = found.settings
    train, validation, test = (grouped(each) for each in found.images)
    by_layer = asked.scope == "layer"
    rewound = "the first weights"
    if asked.rewind_iteration:
        rewound = f"those after iteration {asked.rewind_iteration}"
    lines = [
        ("Network", found.network),
        ("Data", found.data),
        ("Images", f"{train} to train on, {validation} to validate, {test} to test"),
        ("Iterations", f"{grouped(asked.iterations)} of {asked.batch_size} images each"),
        ("Optimizer", f"Adam, rate {asked.learning_rate:g}"),
        ("Looked at", f"every {grouped(asked.check_every)} iterations"),
        ("Rounds of pruning", str(asked.rounds)),
        ("Pruned a round", f"{100 * asked.rate:g} % of what is left"),
        ("Compared", "within each layer" if by_layer else "over all layers together"),
        ("Rewound to", rewound),
        ("Seeds", str(asked.seeds)),
    ]
    if by_layer:
        lines.insert(8, ("In the output layer", f"{100 * asked.output_rate:g} % of what is left"))
    if found.steps_per_second is not None:
        speed = f"{grouped(found.steps_per_second)} a second, over all networks"
        lines.append(("Training steps", speed))
    return tuple(lines)


def settings_table(found: Lottery) -> str:
    """The same as HTML."""
    return plain_table(("", ""), settings_lines(found))


def _name(level: Level, start: Start) -> str:
    return LOOKS[start].name if level.level else "dense"


def _measured(
    found: Lottery, level: Level, start: Start, measure: Measure
) -> str | tuple[str, str]:
    each = outcome(found, level.level, start, measure)
    if each is None:
        return NO_VALUE
    return value_text(each.mean, measure), interval_text(each)
