"""Which names the pickle of a state_dict may use, and what the others mean.

Only names that torch.save writes for plain tensors in plain containers are allowed; they are
fewer than torch.load(weights_only=True) lets through. A file with any other name is refused
before torch sees it.
"""

from efficiency.core.errors import BadFile
from efficiency.intake.pickles import Call, Reading
from efficiency.intake.sentences import SAVE_WEIGHTS, quoted

ITEM_BYTES = {
    "torch.BoolStorage": 1,
    "torch.ByteStorage": 1,
    "torch.CharStorage": 1,
    "torch.ShortStorage": 2,
    "torch.HalfStorage": 2,
    "torch.BFloat16Storage": 2,
    "torch.IntStorage": 4,
    "torch.FloatStorage": 4,
    "torch.LongStorage": 8,
    "torch.DoubleStorage": 8,
    "torch.ComplexFloatStorage": 8,
    "torch.ComplexDoubleStorage": 16,
    "torch.storage.UntypedStorage": 1,
}
"""Bytes of one element in each storage class that a pickle may name."""

DTYPE_BYTES = {
    "torch.uint16": 2,
    "torch.uint32": 4,
    "torch.uint64": 8,
    "torch.float8_e4m3fn": 1,
    "torch.float8_e4m3fnuz": 1,
    "torch.float8_e5m2": 1,
    "torch.float8_e5m2fnuz": 1,
}
"""Types without a storage class of their own, which torch.save therefore names."""

OTHER_DTYPES = frozenset(
    f"torch.{name}"
    for name in (
        *("float16", "float32", "float64", "bfloat16", "complex32", "complex64", "complex128"),
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
    )
)
"""Types that a checkpoint may mention beside its tensors."""

TENSOR_CALLS = frozenset(
    f"torch._utils.{name}"
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
)
OTHER_CALLS = frozenset(
    (
        "collections.OrderedDict",
        "torch._utils._rebuild_parameter",
        "torch.Size",
        "torch.device",
        "builtins.set",
        "__builtin__.set",
    )
)
CALLS = TENSOR_CALLS | OTHER_CALLS
ALLOWED = CALLS | OTHER_DTYPES | ITEM_BYTES.keys() | DTYPE_BYTES.keys()

KINDS = {
    "torch._utils._rebuild_sparse_tensor": ("sparse tensor", "make it dense with .to_dense()"),
    "torch._utils._rebuild_qtensor": ("quantized tensor", "save the model before quantizing it"),
    "torch._utils._rebuild_nested_tensor": ("nested tensor", "save its parts with .unbind()"),
    "torch.nested._internal.nested_tensor._rebuild_njt": (
        "nested tensor",
        "save its parts with .unbind()",
    ),
    "torch._utils._rebuild_meta_tensor_no_storage": (
        "meta tensor, a shape without data",
        "load the weights before saving",
    ),
    "torch._utils._rebuild_wrapper_subclass": (
        "tensor subclass",
        "save the plain tensors of the model as it was before conversion",
    ),
    "torch._tensor._rebuild_from_type_v2": (
        "tensor subclass or a tensor with attributes",
        "save plain tensors",
    ),
    "torch._utils._rebuild_parameter_with_state": (
        "parameter with attributes",
        "save plain tensors",
    ),
    "torch._utils._rebuild_device_tensor_from_numpy": (
        "tensor of another kind of device",
        "move the model to the CPU with .cpu() before saving",
    ),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": (
        "tensor of another kind of device",
        "move the model to the CPU with .cpu() before saving",
    ),
}
"""Tensors that are not plain memory: what they are called and what to do instead."""

DANGEROUS = frozenset(
    (
        *("os", "posix", "nt", "sys", "subprocess", "commands", "pty", "platform", "signal"),
        *("builtins", "__builtin__", "importlib", "imp", "runpy", "code", "codeop", "types"),
        *("ctypes", "operator", "marshal", "pickle", "cPickle", "_pickle", "shutil", "tempfile"),
        *("socket", "urllib", "http", "webbrowser", "asyncio", "multiprocessing", "threading"),
        *("timeit", "pdb", "bdb", "profile", "cProfile", "pip", "io"),
    )
)
"""Modules, by first name, that no description of weights needs and that can do harm."""


def check_names(reading: Reading) -> None:
    """Refuse every name and call beyond plain tensors. Raises BadFile with what the file is."""
    foreign = [each for each in reading.globals if each.path not in ALLOWED]
    for each in foreign:
        if each.module.split(".")[0] in DANGEROUS:
            raise BadFile(
                f"The file is refused because opening it as a pickle would use "
                f"{_plain(each.path)}, which can run programs (nothing was run); get the weights "
                f"from their author as a state_dict: {SAVE_WEIGHTS}."
            )
    if module := _whole_module(reading):
        raise BadFile(
            f"The file is a whole pickled module ({_plain(module)}), which is code as well as "
            f"weights; save only its weights: {SAVE_WEIGHTS}."
        )
    for call in reading.calls:
        if call.path in KINDS:
            kind, remedy = KINDS[call.path]
            raise BadFile(f"{layer_of(call)} is a {kind}, which is not supported; {remedy}.")
    if foreign:
        raise BadFile(
            f"Besides weights the file holds a {_plain(foreign[0].path)}, which cannot be read "
            f"without running code; save only the weights: {SAVE_WEIGHTS}."
        )
    for call in reading.calls:
        if call.path not in CALLS or call.states:
            raise BadFile(
                f"The file is refused because its pickle calls {_plain(call.path)} in a way that "
                f"torch.save never writes (nothing was run); save again: {SAVE_WEIGHTS}."
            )


def check_protocol(reading: Reading) -> None:
    """Refuse pickles in another protocol than torch.save's own. Raises BadFile."""
    if reading.protocol != 2:
        raise BadFile(
            f"The file uses pickle protocol {reading.protocol} and only torch.save's own, 2, is "
            f"read; save again without pickle_protocol: {SAVE_WEIGHTS}."
        )


def layer_of(call: Call) -> str:
    """The layer that a tensor belongs to, at the start of a sentence."""
    return "A tensor" if call.layer is None else f"Tensor {quoted(call.layer)}"


def _whole_module(reading: Reading) -> str | None:
    for stored in reading.stored:
        if isinstance(stored.identifier, tuple) and stored.identifier[:1] in (
            ("module",),
            (b"module",),
        ):
            return getattr(stored.identifier[1], "path", "a module")
    for call in reading.calls:
        for state in call.states:
            if isinstance(state, dict) and {"_parameters", "_modules"} <= state.keys():
                return call.path
    for each in reading.globals:
        if each.module.startswith("torch.nn.modules."):
            return each.path
    return None


def _plain(path: str) -> str:
    """A dotted name from the file without control characters, cut to one line."""
    return "".join(each if each.isprintable() else "?" for each in path)[:100]
