"""A module step by step while it is pruned, as HTML: parameters, buffers, attributes and hooks.

What is new or changed is marked with a word and a colour, what is gone is struck through.
"""

from collections.abc import Iterator

from efficiency.core.pruning import AnatomyStep, HookState, ModuleAnatomy, Role, TensorState
from efficiency.exports.columns import grouped
from efficiency.exports.table import literal

COLUMNS = (
    (Role.PARAMETER, "Parameters", "named_parameters()", "training changes them"),
    (Role.BUFFER, "Buffers", "named_buffers()", "saved, but not trained"),
    (Role.ATTRIBUTE, "Attributes", "module.weight …", "computed before each forward pass"),
)
SHOWN = 60  # numbers of a tensor that are written out
MOST_WIDE = 6  # numbers side by side
KERNEL = 2  # dimensions that are drawn as one block of numbers


def anatomy_step(anatomy: ModuleAnatomy, place: int) -> str:
    """The module after the step at that place, beside what the step before had."""
    step = anatomy.steps[place]
    before = anatomy.steps[place - 1] if place else None
    columns = "".join(
        f"<section><h4>{title}</h4><small><code>{literal(call)}</code>: {note}</small>"
        f"{''.join(_tensors(step, before, role)) or '<p>none</p>'}</section>"
        for role, title, call, note in COLUMNS
    )
    return f'<div class="lab-anatomy">{columns}{_hooks(step, before)}</div>'


def whole_anatomy(anatomy: ModuleAnatomy) -> str:
    """All steps one below the other, for a file."""
    parts = []
    for place, step in enumerate(anatomy.steps):
        parts.append(
            f"<h3>{place + 1}. {literal(step.title)}</h3><pre>{literal(step.code)}</pre>"
            f"<p>{literal(step.said)}</p>{anatomy_step(anatomy, place)}"
        )
    name = f"{anatomy.title}: {anatomy.module} ({anatomy.module_type})"
    return f"<details><summary>{literal(name)}</summary>{''.join(parts)}</details>"


def _tensors(step: AnatomyStep, before: AnatomyStep | None, role: Role) -> Iterator[str]:
    """The tensors of one role, then the names that were there before and are not any more."""
    here = [each for each in step.tensors if each.role == role]
    earlier = () if before is None else before.tensors
    known = {each.name for each in earlier if each.role == role}
    for each in here:
        word = "" if not each.changed else "changed" if each.name in known else "new"
        yield _tensor(each, word)
    left = {each.name for each in here}
    for each in earlier:
        if each.role == role and each.name not in left:
            moved = next((now.role for now in step.tensors if now.name == each.name), None)
            where = "" if moved is None else f", {_article(moved)} now"
            name = f"<del>{literal(each.name)}</del>"
            yield f"<article class=gone>{name} <em>gone{where}</em></article>"


def _article(role: Role) -> str:
    return f"an {role.value}" if role == Role.ATTRIBUTE else f"a {role.value}"


def _tensor(each: TensorState, word: str) -> str:
    count = 1
    for size in each.shape:
        count *= size
    zeros = count - each.nonzero
    shape = " × ".join(map(str, each.shape)) or "one number"
    mark = f" <em>{word}</em>" if word else ""
    said = f"{shape}, {grouped(zeros)} of {grouped(count)} zero" if zeros else shape
    return (
        f"<article{' class=changed' if word else ''}><b>{literal(each.name)}</b>{mark}"
        f"<small>{said}</small>{_values(each)}</article>"
    )


def _values(each: TensorState) -> str:
    """The numbers of a small tensor: a block for each kernel, zeros marked."""
    if not each.values or len(each.values) > SHOWN:
        return ""
    width = each.shape[-1] if each.shape else 1
    wide = min(width, MOST_WIDE)
    height = each.shape[-2] if len(each.shape) >= KERNEL else 1
    size = max(1, width * height)
    whole = all(value in (0.0, 1.0) for value in each.values)
    blocks = ""
    for start in range(0, len(each.values), size):
        cells = "".join(_number(value, whole=whole) for value in each.values[start : start + size])
        blocks += f'<span style="--wide:{wide}">{cells}</span>'
    return f"<div>{blocks}</div>"


def _number(value: float, *, whole: bool) -> str:
    if value == 0:
        return "<i class=zero>0</i>"
    text = f"{value:.0f}" if whole else f"{value:.2f}"
    return f"<i>{text.replace('-', chr(0x2212))}</i>"


def _hooks(step: AnatomyStep, before: AnatomyStep | None) -> str:
    known = {each.key for each in before.hooks} if before is not None else set()
    lines = "".join(_hook(each, known) for each in step.hooks)
    if step.hooks_gone:
        lines += (
            f"<article class=gone><del>{'a hook' if step.hooks_gone == 1 else 'hooks'}</del> "
            f"<em>{step.hooks_gone} gone</em></article>"
        )
    return (
        "<section class=hooks><h4>Hooks</h4><small><code>_forward_pre_hooks</code>: run before "
        f"each forward pass</small>{lines or '<p>none</p>'}</section>"
    )


def _hook(each: HookState, known: set[int]) -> str:
    word = "" if not each.changed else "changed" if each.key in known else "new"
    mark = f" <em>{word}</em>" if word else ""
    inside = f", with {', then '.join(each.inside)} inside" if each.inside else ""
    tensor = f"{each.tensor} = {each.tensor}_orig × {each.tensor}_mask{inside}"
    return (
        f"<article{' class=changed' if word else ''}><b>{each.key}: {literal(each.hook)}</b>{mark}"
        f"<small>computes {literal(tensor)}</small></article>"
    )
