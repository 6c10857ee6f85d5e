"""Why it came out as it did: what each control takes away, filled with the numbers of a study."""

from collections.abc import Iterator

from efficiency.charts.lottery_contests import difference_text
from efficiency.charts.lottery_learning import curve, middle_level
from efficiency.charts.lottery_looks import percent
from efficiency.core.lottery import Contest, Lottery, Measure, Start, Winner
from efficiency.core.units import share_text
from efficiency.core.values import Study
from efficiency.exports.columns import grouped
from efficiency.exports.lottery import overall
from efficiency.exports.lottery_dense import against_dense, smallest_as_accurate

MNIST_TRAINING = 55_000  # images that the paper trains on
KNOWS = 0.3  # a share of right answers that is far from a guess among ten classes
LARGE = 10_000  # data with fewer images to train on is called small


def why(study: Study) -> Iterator[tuple[str, str]]:
    """What each sentence is about, and the sentence; only what was measured."""
    found = study.lottery
    if found is None or not found.levels:
        return
    yield "What is left", _left(found)
    first = overall(found, Start.REINITIALISED, Measure.END_SCORE)
    if first is not None:
        yield "The first weights", _first_weights(first)
    mask = overall(found, Start.RANDOM_MASK, Measure.END_SCORE)
    if mask is not None:
        yield "The mask", _mask(mask)
    if begun := _begun(found):
        yield "Before the first step", begun
    stop = overall(found, Start.REINITIALISED, Measure.STOP_ITERATION)
    if stop is not None:
        yield "How fast it learns", _speed(stop)
    if compared := _dense(found):
        yield "Against the dense network", compared
    yield "The data", _data(found)
    yield "What it costs", _cost(found)


def formula(found: Lottery) -> str:
    """The share that is left after k rounds, with the study's rates."""
    asked = found.settings
    rate, output = f"{asked.rate:g}", f"{asked.output_rate:g}"
    lines = [f"left after k rounds = (1 - {rate})^k"]
    if asked.scope == "layer" and asked.output_rate != asked.rate:
        lines[0] += f"      in the output layer (1 - {output})^k"
    last = found.levels[-1].level if found.levels else asked.rounds
    lines.append(f"(1 - {rate})^{last} = {percent((1 - asked.rate) ** last)} %")
    lines.append("interval of a mean over n seeds = mean ± t(n - 1) × standard deviation ÷ √n")
    return "\n".join(lines)


def _left(found: Lottery) -> str:
    asked, last = found.settings, found.levels[-1]
    output = ""
    if asked.scope == "layer" and asked.output_rate != asked.rate:
        output = f" ({100 * asked.output_rate:g} % in the output layer, which is small)"
    whole = sum(count for _, _, count in last.by_layer)
    rounds = "1 round" if last.level == 1 else f"{last.level} rounds"
    return (
        f"Every round prunes the smallest {100 * asked.rate:g} % of the weights that are left"
        f"{output}: after {rounds} {percent(last.kept)} % remain, {grouped(last.left)} of "
        f"{grouped(whole)}."
    )


def _first_weights(each: Contest) -> str:
    gap = difference_text(each)
    if each.winner is Winner.TICKET:
        return (
            f"New random weights under the same mask end less accurate; ticket minus control is "
            f"{gap} over all levels. Both have the same connections, so it is the weights that the "
            "ticket was drawn with that help it."
        )
    if each.winner is Winner.CONTROL:
        return (
            f"New random weights under the same mask do better; ticket minus control is {gap} over "
            "all levels. What the first weights were does not explain how the ticket learns."
        )
    return (
        f"New random weights under the same mask cannot be told from the ticket; the difference is "
        f"{gap} over all levels. Here this experiment does not show that the first weights matter."
    )


def _mask(each: Contest) -> str:
    gap = difference_text(each)
    if each.winner is Winner.TICKET:
        return (
            f"The same number of weights in each layer, at random places, ends less accurate; "
            f"ticket minus control is {gap} over all levels. So it matters which weights are left, "
            "not only how many."
        )
    if each.winner is Winner.CONTROL:
        return (
            f"A random mask does better; ticket minus control is {gap} over all levels. Pruning "
            "the smallest weights found nothing special here."
        )
    return (
        f"A random mask cannot be told from the ticket; the difference is {gap} over all levels. "
        "Here it does not show that it matters which weights are left."
    )


def _begun(found: Lottery) -> str:
    """What each start can do before it is trained; empty where it was trained before."""
    level = middle_level(found)
    first = {start: curve(found, level or 0, start, losses=False).means[:1] for start in Start}
    if found.settings.rewind_iteration or level is None or not all(first.values()):
        return ""
    kept = next(each.kept for each in found.levels if each.level == level)
    ticket, new, shuffled = (share_text(first[start][0]) for start in Start)
    said = (
        f"Untrained, with {percent(kept)} % of its weights left, the ticket has {ticket} of the "
        f"test images right; its mask with new weights {new}, a random mask {shuffled}."
    )
    if first[Start.TICKET][0] < KNOWS:
        return said
    return (
        f"{said} A guess has about 10 %, so choosing which weights become 0 is itself a way to "
        "learn: the ticket does not start from nothing (Zhou and others, NeurIPS 2019, arXiv "
        "1905.01067, call such masks supermasks)."
    )


def _speed(each: Contest) -> str:
    said = {
        Winner.TICKET: "The ticket reaches its smallest validation loss earlier than its mask with "
        "new weights",
        Winner.CONTROL: "The ticket reaches its smallest validation loss later than its mask with "
        "new weights",
        Winner.NEITHER: "When the smallest validation loss is reached cannot be told apart from "
        "the mask with new weights",
    }[each.winner]
    return f"{said}: {difference_text(each)} over all levels."


def _dense(found: Lottery) -> str:
    compared = against_dense(found, Measure.END_SCORE)
    if not compared:
        return ""
    if compared[0].low is None:
        return "With one seed there is no interval, so ticket and dense network cannot be compared."
    best = smallest_as_accurate(found)
    worse = next((each for each in compared if each.worse), None)
    said = []
    if best is not None:
        said.append(
            f"Down to {percent(best.level.kept)} % of the weights the ticket is not clearly less "
            f"accurate than the network it came from ({share_text(best.ticket)} and "
            f"{share_text(best.dense)})"
        )
    if worse is not None:
        points = f"{-100 * worse.difference:.1f}"
        said.append(
            f"with {percent(worse.level.kept)} % it is, by {points} points "
            f"[{-100 * (worse.high or 0.0):.1f}, {-100 * (worse.low or 0.0):.1f}]"
        )
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}. Intervals of these differences are 95 % at each level."


def _data(found: Lottery) -> str:
    train, _, test = found.images
    said = f"Learned here: {found.data}."
    if train >= LARGE:
        return said
    step = 100 / test if test else 0.0
    return (
        f"{said} The paper trains on {grouped(MNIST_TRAINING)} of MNIST. So few and so easy images "
        "are learned by very small networks too, so accuracies at the end lie close together, and "
        f"one test image is already {step:.2f} points."
    )


def _cost(found: Lottery) -> str:
    asked = found.settings
    networks = asked.seeds * (1 + 3 * asked.rounds)
    tickets = 1 + asked.rounds
    return (
        f"A ticket is known only after training: the last one took {tickets} trainings of the "
        f"same {grouped(asked.iterations)} iterations, and the whole experiment "
        f"{grouped(networks)} networks. And a network of zeros is not faster by itself; that is "
        "what the Pruning page measures. A ticket says what could be saved, it does not save it."
    )
