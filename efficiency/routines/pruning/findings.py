"""What a pruning study says: what zeros bought, in time and in bytes, and what removal did.

Every sentence is filled from the rows; where an interval does not tell, the sentence says so.
"""

from collections.abc import Mapping, Sequence

from efficiency.core.pruning import ChannelRemoval, Pruning
from efficiency.core.units import bytes_text, ratio_text, share_text, smaller_text
from efficiency.core.values import Finding, Row, Verdict, wilson_interval

ALONE = 0.9  # of one layer, to compare layers by


def findings(
    rows: Sequence[Row], found: Pruning, *, batch_size: int, score_count: int | None
) -> tuple[Finding, ...]:
    """The findings that the rows allow, the most asked first.

    score_count: of how many independent trials the scores are shares, None where there are none.
    """
    by_name = {row.name: row for row in rows if row.unavailable is None}
    inputs = "1 input" if batch_size == 1 else f"{batch_size} inputs"
    said = (
        _time(by_name, found, inputs),
        _sparse_time(by_name),
        _file(by_name, found),
        _removal(by_name, found.removal, inputs),
        _accuracy(by_name, found, score_count),
        _fragile(found),
    )
    return tuple(each for each in said if each is not None)


def _time(rows: Mapping[str, Row], found: Pruning, inputs: str) -> Finding | None:
    """Zeros in dense tensors: the most of them that was measured."""
    zeros = [row for name, row in rows.items() if name.startswith("zeros-") and row.speedup]
    row = zeros[-1] if zeros else rows.get("pruned")
    shares = {each.row: share_text(each.sparsity) for each in found.stored}
    if row is None or row.speedup is None or row.name not in shares:
        return None
    verdicts = {each.speedup.verdict for each in (*zeros, row) if each.speedup is not None}
    outcome = (
        "make a call neither faster nor slower"
        if verdicts == {Verdict.SAME}
        else f"change the time of a call: {ratio_text(row.speedup)}"
    )
    return Finding(
        finding=f"{shares[row.name]} zeros {outcome}.",
        evidence=f"{row.label}: {ratio_text(row.speedup)} with {inputs} a call. The tensors keep "
        "their shapes, so the same multiplications are done, with a zero or without.",
        next_step="Take whole channels out, or use kernels that skip zeros (CSR at very high "
        "sparsity, 2:4 on NVIDIA GPUs from Ampere on).",
    )


def _sparse_time(rows: Mapping[str, Row]) -> Finding | None:
    row = rows.get("csr-90")
    if row is None or row.speedup is None:
        return None
    others = [each.speedup for each in row.at_other_batches if each.speedup is not None]
    verdicts = {each.verdict for each in (row.speedup, *others)}
    if verdicts == {Verdict.FASTER}:
        outcome, next_step = "is faster", "Check it at your own batch size and sparsity."
    elif Verdict.FASTER in verdicts:
        outcome, next_step = "is faster at one batch size only", "Use it at that batch size."
    else:
        outcome = "is not faster"
        next_step = (
            "A dense kernel multiplies a row of neighbours at once; a sparse one has to look up by "
            "its index where each number belongs, one after another, which costs more than the "
            "products saved. It pays at higher sparsity and in larger layers than these."
        )
    return Finding(
        finding=f"Computing with the nonzeros alone (CSR) {outcome}.",
        evidence=" ".join(
            [
                f"{row.label}: {ratio_text(row.speedup)}.",
                *(
                    f"With {each.batch_size} inputs a call: {ratio_text(each.speedup)}."
                    for each in row.at_other_batches
                ),
            ]
        ),
        next_step=next_step,
    )


def _file(rows: Mapping[str, Row], found: Pruning) -> Finding | None:
    """Dense, zipped and CSR bytes at 90 % zeros, or of what was asked."""
    name = next((each for each in ("zeros-90", "pruned") if each in rows), None)
    before, row = rows["baseline"].footprint, rows[name].footprint if name else None
    stored = {each.row: each for each in found.stored}
    if name is None or row is None or before is None or name not in stored:
        return None
    if before.bytes_on_disk is None or row.bytes_on_disk is None or row.bytes_zipped is None:
        return None
    csr = stored[name]
    best = min(row.bytes_zipped, csr.csr_bytes)
    smaller = row.bytes_on_disk < before.bytes_on_disk
    return Finding(
        finding=f"{share_text(csr.sparsity)} zeros leave the file "
        f"{'smaller' if smaller else 'as large as it was'}; zipped it is "
        f"{smaller_text(before.bytes_on_disk / row.bytes_zipped)}, in CSR "
        f"{smaller_text(before.bytes_on_disk / csr.csr_bytes)}.",
        evidence=f"Dense {bytes_text(before.bytes_on_disk)} before and "
        f"{bytes_text(row.bytes_on_disk)} after; zipped {bytes_text(row.bytes_zipped)}, CSR "
        f"{bytes_text(csr.csr_bytes)}. Unpruned and zipped: {bytes_text(before.bytes_zipped)}.",
        next_step="A zero takes 4 bytes like any other float32. "
        + (
            "Zip the file where it lies or travels; in memory it is as large as before."
            if best == row.bytes_zipped
            else "Store it sparse where it lies or travels."
        ),
    )


def _removal(
    rows: Mapping[str, Row], removal: ChannelRemoval | None, inputs: str
) -> Finding | None:
    """Whole channels gone."""
    if removal is None or removal.row not in rows:
        return None
    row = rows[removal.row]
    if row.speedup is None:
        return None
    macs = removal.macs_before / removal.macs_after
    size = removal.parameters_before / removal.parameters_after
    outcome = {
        Verdict.FASTER: f"a call is {row.speedup.ratio:.2f} times as fast",
        Verdict.SLOWER: f"a call is slower, {row.speedup.ratio:.2f} times as fast",
        Verdict.SAME: "a call takes as long as before, as far as can be told",
    }[row.speedup.verdict]
    return Finding(
        finding=f"With {share_text(removal.share)} of the channels taken out {outcome}.",
        evidence=f"{ratio_text(row.speedup)} with {inputs} a call, by {macs:.1f} times fewer "
        f"multiplications and {size:.1f} times fewer parameters"
        + ("" if row.score is None else f"; score {share_text(row.score)}")
        + ".",
        next_step="The layers really are smaller, so every kernel does less. Where the time falls "
        "less than the multiplications do, the rest is the fixed cost of starting each layer.",
    )


def _accuracy(rows: Mapping[str, Row], found: Pruning, score_count: int | None) -> Finding | None:
    """Up to which sparsity the tuned network is as accurate as the tuned dense one."""
    points = [each for each in found.curve if each.tuned_score is not None]
    if len(points) < 2 or not score_count:
        return None
    dense = points[0].tuned_score or 0.0
    low, _ = wilson_interval(dense, score_count)
    held = [each for each in points[1:] if each.tuned_score is not None and each.tuned_score >= low]
    lost = [each for each in points[1:] if each not in held]
    scores = ", ".join(
        f"{_percent(each.sparsity)} {share_text(rows[each.row].score)} and "
        f"{share_text(each.tuned_score)}"
        for each in points[1:]
        if each.row in rows
    )
    return Finding(
        finding=(
            f"With fine-tuning, {_percent(held[-1].sparsity)} zeros cost no accuracy that can be "
            "told from the dense network's."
            if held
            else "Even the fewest zeros tried cost accuracy, fine-tuned or not."
        ),
        evidence=f"Dense and tuned for as long: {share_text(dense)}; over {score_count} trials "
        f"anything above {share_text(low)} could be chance. Zeros, score before and after "
        f"fine-tuning: {scores}.",
        next_step=(
            f"At {_percent(lost[0].sparsity)} it is lost; prune in several steps with training "
            "between, or let fragile layers keep more."
            if lost
            else "There is room for more."
        ),
    )


def _fragile(found: Pruning) -> Finding | None:
    """Which layer loses most when it alone is pruned, and whether amounts by layer helped."""
    suggestion = found.suggestion
    whole = {each.parameter: each.score for each in found.sensitivity if each.amount == 0}
    alone = {
        each.parameter: whole[each.parameter] - each.score
        for each in found.sensitivity
        if each.amount == ALONE and each.parameter in whole
    }
    if suggestion is None or len(alone) < 2:
        return None
    most, least = max(alone, key=alone.__getitem__), min(alone, key=alone.__getitem__)
    by_layer, uniform = suggestion.tuned_score, suggestion.uniform_tuned_score
    if by_layer is None or uniform is None:
        by_layer, uniform = suggestion.score, suggestion.uniform_score
    return Finding(
        finding=f"{most} is the most fragile: it alone pruned by {_percent(ALONE)} costs "
        f"{share_text(alone[most])} of the score, {least} costs {share_text(alone[least])}.",
        evidence=suggestion.outcome,
        next_step=(
            "Give each layer an amount of its own, from such a curve."
            if by_layer > uniform
            else "What layers stand alone does not add up when all are pruned. Let all weights "
            "compete in one (scope global), prune in several steps, and fine-tune."
        ),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
