"""A pickle read as data: what it would build and call, without building or calling anything.

The opcodes (named by `pickletools`) are replayed on a stack of inert values. A global becomes a
`Global`, a call a `Call`, a persistent id a `Stored`; nothing is imported. Dictionaries, lists and
tuples stay themselves, so that the arguments of the calls can be checked.
"""

import pickletools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from efficiency.core.errors import BadFile
from efficiency.intake.limits import MAX_DESCRIPTION_BYTES, MAX_STACK, MAX_TENSORS
from efficiency.intake.sentences import SAVE_WEIGHTS, damaged


@dataclass(frozen=True, slots=True)
class Global:
    """A name that unpickling would import."""

    module: str
    name: str

    @property
    def path(self) -> str:
        """As one dotted name."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True, eq=False)
class Call:
    """A call that unpickling would make.

    `layer` is the first key under which the result is stored; `states` is what unpickling would
    set on the result.
    """

    function: object
    arguments: object
    layer: str | None = None
    states: list[object] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The dotted name of what is called."""
        return self.function.path if isinstance(self.function, Global) else "a computed function"


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A reference to something kept outside the pickle, in torch's files a storage."""

    identifier: object


@dataclass(slots=True)
class Reading:
    """Everything that happens in one pickle, in order."""

    value: object = None
    protocol: int = 0
    globals: list[Global] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)


def read(file: BinaryIO) -> Reading:
    """Replay the pickle that starts here and leave the file just behind it. Raises BadFile."""
    machine, begin = _Machine(), file.tell()
    try:
        for opcode, argument, position in pickletools.genops(file):
            if (position or 0) - begin > MAX_DESCRIPTION_BYTES:
                raise BadFile(
                    "The part of the file that describes its tensors is longer than "
                    f"{MAX_DESCRIPTION_BYTES:,} bytes; save only the weights: {SAVE_WEIGHTS}."
                )
            machine.step(opcode.name, argument)
    except (ValueError, LookupError, TypeError, OverflowError):
        raise damaged("its pickle ends early or makes no sense") from None
    return machine.reading


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, type] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}
_NO_EFFECT = ("FRAME", "STOP_FRAME", "READONLY_BUFFER")


class _Machine:
    """The pickle machine with inert values; `step` carries out one opcode."""

    def __init__(self) -> None:
        self.reading = Reading()
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.tensors = 0

    def step(self, name: str, argument: Any) -> None:
        if handler := getattr(self, f"op_{name.lower()}", None):
            handler(argument)
        elif name in _CONSTANTS:
            self.push(_CONSTANTS[name])
        elif name in _EMPTY:
            self.push(_EMPTY[name]())
        elif argument is not None:  # all kinds of numbers, text and bytes
            self.push(argument)
        elif name not in _NO_EFFECT:
            raise ValueError(name)

    def push(self, value: object) -> None:
        if len(self.stack) >= MAX_STACK:
            raise BadFile(
                f"The file nests more than {MAX_STACK:,} unfinished containers, which no "
                f"state_dict does; save only the weights: {SAVE_WEIGHTS}."
            )
        self.stack.append(value)

    def pop_group(self) -> list[Any]:
        """The items above the last mark, which goes too."""
        items = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def pop_tuple(self, count: int) -> None:
        items = [self.stack.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    # Control and memo.

    def op_proto(self, version: int) -> None:
        self.reading.protocol = version

    def op_frame(self, _: int) -> None:
        pass

    def op_stop(self, _: None) -> None:
        self.reading.value = self.stack.pop()

    def op_mark(self, _: None) -> None:
        self.push(_MARK)

    def op_pop(self, _: None) -> None:
        self.stack.pop()

    def op_pop_mark(self, _: None) -> None:
        self.pop_group()

    def op_dup(self, _: None) -> None:
        self.push(self.stack[-1])

    def op_get(self, index: int) -> None:
        self.push(self.memo[index])

    op_binget = op_long_binget = op_get

    def op_put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    op_binput = op_long_binput = op_put

    def op_memoize(self, _: None) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    # Containers.

    def op_tuple(self, _: None) -> None:
        self.push(tuple(self.pop_group()))

    def op_tuple1(self, _: None) -> None:
        self.pop_tuple(1)

    def op_tuple2(self, _: None) -> None:
        self.pop_tuple(2)

    def op_tuple3(self, _: None) -> None:
        self.pop_tuple(3)

    def op_list(self, _: None) -> None:
        self.push(self.pop_group())

    op_frozenset = op_list

    def op_dict(self, _: None) -> None:
        items = self.pop_group()
        self.push({})
        self.set_items(items)

    def op_append(self, _: None) -> None:
        item = self.stack.pop()
        self.extend([item])

    def op_appends(self, _: None) -> None:
        self.extend(self.pop_group())

    op_additems = op_appends

    def extend(self, items: Iterable[object]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def op_setitem(self, _: None) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def op_setitems(self, _: None) -> None:
        self.set_items(self.pop_group())

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str | bytes | int):
                if isinstance(target, dict):
                    target[key] = value
                if isinstance(value, Call) and value.layer is None:
                    value.layer = key if isinstance(key, str) else str(key)

    # Globals and calls.

    def use(self, path: Global) -> Global:
        self.reading.globals.append(path)
        return path

    def op_global(self, names: str) -> None:
        module, _, name = names.partition(" ")
        self.push(self.use(Global(module, name)))

    def op_stack_global(self, _: None) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.push(self.use(Global(str(module)[:200], str(name)[:200])))

    def op_ext1(self, code: int) -> None:
        self.push(self.use(Global("copyreg", f"extension_{code}")))

    op_ext2 = op_ext4 = op_ext1

    def op_reduce(self, _: None) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.call(function, arguments)

    op_newobj = op_reduce

    def op_newobj_ex(self, _: None) -> None:
        keywords, arguments, function = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.call(function, (arguments, keywords))

    def op_inst(self, names: str) -> None:
        module, _, name = names.partition(" ")
        self.call(self.use(Global(module, name)), tuple(self.pop_group()))

    def op_obj(self, _: None) -> None:
        function, *arguments = self.pop_group()
        self.call(function, tuple(arguments))

    def call(self, function: object, arguments: object) -> None:
        made = Call(function, arguments)
        self.reading.calls.append(made)
        if made.path == "collections.OrderedDict":
            self.push({})
            self.set_items(_pairs(arguments))
            return
        if made.path.startswith("torch._utils._rebuild_tensor"):
            self.tensors += 1
            if self.tensors > MAX_TENSORS:
                raise BadFile(
                    f"The file holds more than {MAX_TENSORS:,} tensors, the most that is "
                    f"accepted; save only the weights: {SAVE_WEIGHTS}."
                )
        if made.path == "torch._utils._rebuild_parameter" and isinstance(arguments, tuple):
            self.push(arguments[0])  # the tensor itself, so that it gets the layer's name
        else:
            self.push(made)

    def op_build(self, _: None) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Call):
            self.stack[-1].states.append(state)
        elif not isinstance(self.stack[-1], dict):
            self.call(Global("an object", "__setstate__"), (state,))

    def op_persid(self, identifier: object) -> None:
        self.push(Stored(identifier))
        self.reading.stored.append(self.stack[-1])

    def op_binpersid(self, _: None) -> None:
        self.op_persid(self.stack.pop())


def _pairs(arguments: object) -> list[Any]:
    """Keys and values, alternating, of OrderedDict([[key, value], ...]) as Python 2 pickled it."""
    if not (isinstance(arguments, tuple) and arguments and isinstance(arguments[0], list)):
        return []
    return [part for pair in arguments[0] for part in pair]
