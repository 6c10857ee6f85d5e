"""From what a checkpoint holds to its weights by name: wrappers opened, prefixes removed.

Knows no torch: what a tensor is, is passed in. Everything that is left out is named in a note.
"""

from collections.abc import Callable, Mapping
from typing import Any

from efficiency.core.errors import BadFile
from efficiency.intake.headers import METADATA
from efficiency.intake.limits import MAX_NAME_LENGTH
from efficiency.intake.sentences import SAVE_WEIGHTS, quoted

WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net")
"""Keys under which people keep the weights, the most telling first."""

PREFIXES = {"module.": "DataParallel", "_orig_mod.": "torch.compile"}
"""Prefix of every name -> who put it there."""

Judge = Callable[[object], bool]
"""Tells tensors from everything else."""

MAX_WRAPPERS = 3
MAX_NAMED = 5  # names listed in one note


def unwrap(checkpoint: object, is_tensor: Judge) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The tensors by name, and notes. Raises BadFile if there is no state_dict to be found."""
    notes: list[str] = []
    state: Any = checkpoint
    for _ in range(MAX_WRAPPERS):
        wrapper = _wrapper(state, is_tensor)
        if wrapper is None:
            break
        notes.append(_wrapper_note(wrapper, [key for key in state if key != wrapper]))
        state = state[wrapper]
    if is_tensor(state):
        raise BadFile(
            f"The file holds one tensor without a name; save a state_dict: {SAVE_WEIGHTS}."
        )
    if not isinstance(state, Mapping):
        raise BadFile(
            f"The file holds a {type(state).__name__}, not a state_dict; save {SAVE_WEIGHTS}."
        )
    tensors = {key: value for key, value in state.items() if is_tensor(value)}
    others = [key for key, value in state.items() if not is_tensor(value)]
    if not tensors:
        _refuse_unknown_wrapper(state, is_tensor)
        notes.append("The file holds no weights.")
    if others:
        notes.append(f"Ignored entries that are not tensors: {_listed(others)}.")
    named = _with_text_names(tensors, notes)
    return _without_prefixes(named, notes), tuple(notes)


def _wrapper(state: object, is_tensor: Judge) -> str | None:
    """The key that holds the weights, or None if they are here or nowhere."""
    if not isinstance(state, Mapping) or any(is_tensor(value) for value in state.values()):
        return None
    return next((key for key in WRAPPERS if isinstance(state.get(key), Mapping)), None)


def _wrapper_note(wrapper: str, others: list[object]) -> str:
    ignored = f"; ignored {_listed(others)}" if others else ""
    return f"The weights were taken from the entry {quoted(wrapper)}{ignored}."


def _refuse_unknown_wrapper(state: Mapping[Any, Any], is_tensor: Judge) -> None:
    """With tensors one level down under names of their own, only the user can say which to take."""
    holders = [
        key
        for key, value in state.items()
        if isinstance(value, Mapping) and any(is_tensor(each) for each in value.values())
    ]
    if holders:
        raise BadFile(
            f"The file holds no tensors at its top but some in {_listed(holders)}; save the one "
            f'you mean: torch.save(checkpoint[{quoted(holders[0])}], "model.pt").'
        )


def _with_text_names(tensors: Mapping[object, Any], notes: list[str]) -> dict[str, Any]:
    numbers = [key for key in tensors if type(key) is int]
    named: dict[str, Any] = {}
    for key, tensor in tensors.items():
        name = _checked_name(str(key) if type(key) is int else key)
        if name in named:
            raise BadFile(f"The name {quoted(name)} is there as a number and as text; rename one.")
        named[name] = tensor
    if numbers:
        notes.append(f"Names that were numbers became texts: {_listed(numbers)}.")
    return named


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise BadFile(
            f"A tensor is stored under a {type(name).__name__} and names must be text; save "
            f"{SAVE_WEIGHTS}."
        )
    if len(name) > MAX_NAME_LENGTH:
        raise BadFile(
            f"The name {quoted(name)} has {len(name):,} characters and at most {MAX_NAME_LENGTH:,} "
            "are accepted; shorten it."
        )
    if name == METADATA:
        raise BadFile(f"The name {METADATA!r} is reserved in safetensors; rename the tensor.")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadFile(f"The name {quoted(name)} is not valid Unicode; rename the tensor.") from None
    return name


def _without_prefixes(named: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Strip a prefix as often as all names have it."""
    for _ in range(MAX_WRAPPERS):
        prefix = next(
            (each for each in PREFIXES if named and all(name.startswith(each) for name in named)),
            None,
        )
        if prefix is None or prefix in named:
            break
        notes.append(f"Removed {prefix!r}, which {PREFIXES[prefix]} puts before every name.")
        named = {name.removeprefix(prefix): tensor for name, tensor in named.items()}
    return named


def _listed(keys: list[Any]) -> str:
    """A few keys in quotes, and how many more there are."""
    shown = ", ".join(quoted(key) for key in keys[:MAX_NAMED])
    rest = len(keys) - MAX_NAMED
    return f"{shown} and {rest:,} more" if rest > 0 else shown
