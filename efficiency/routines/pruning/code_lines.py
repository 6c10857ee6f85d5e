"""The line of Python that does a step of pruning, as a student would type it.

`model`, `module` and `parameters` are names in those lines; `prune` is `torch.nn.utils.prune`.
"""

from collections.abc import Sequence

from efficiency.core.requests import PruneRequest
from efficiency.routines.pruning.unstructured import ALL_TOGETHER, arguments, is_global

MOST_PARAMETERS = 12  # listed one by one


def module_line(path: str) -> str:
    """How to get hold of the module, like `module = model.layer1[0].conv1`."""
    steps = "".join(
        f"[{part}]" if part.isdigit() else f".{part}" for part in path.split(".") if part
    )
    return f"module = model{steps}"


def parameters_lines(names: Sequence[str]) -> str:
    """The list that `global_unstructured` takes; of very many, a comment says how many more."""
    pairs = (name.rpartition(".") for name in names[:MOST_PARAMETERS])
    lines = [
        f'    ({module_line(path).removeprefix("module = ")}, "{name}"),' for path, _, name in pairs
    ]
    if len(names) > MOST_PARAMETERS:
        lines.append(f"    # and {len(names) - MOST_PARAMETERS} more")
    return "\n".join(("parameters = [", *lines, "]"))


def pruning_lines(request: PruneRequest, names: Sequence[str]) -> str:
    """One iteration of the request: a line for each parameter of `module`, or one for all."""
    settings = "".join(f", {name}={_text(value)}" for name, value in arguments(request).items())
    if is_global(request):
        method = ALL_TOGETHER[request.technique]
        owner = "prune." if method.__module__.startswith("torch") else ""
        return f"prune.global_unstructured(parameters, {owner}{method.__name__}{settings})"
    owner = "" if request.technique in ("every_nth", "threshold") else "prune."
    return "\n".join(f'{owner}{request.technique}(module, "{name}"{settings})' for name in names)


def remove_lines(names: Sequence[str]) -> str:
    """What makes the zeros of these parameters of `module` permanent."""
    return "\n".join(f'prune.remove(module, "{name}")' for name in names)


def _text(value: object) -> str:
    return 'float("inf")' if value == float("inf") else repr(value)
