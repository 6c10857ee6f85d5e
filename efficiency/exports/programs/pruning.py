"""Programs that do what the rows of a pruning study did: to run anywhere, on their own.

`pruning_experiment.py` is the program; its network, its data and its method are put in here, and
constants are those of the request.
"""

import ast
import re
from pathlib import Path

from efficiency.core.errors import BadInput
from efficiency.core.requests import PRUNING_TECHNIQUES, pruning_amount
from efficiency.core.values import Row, Study
from efficiency.exports.programs.program import Program
from efficiency.exports.programs.quantization import LOGITS, RECORDS, TRAINED, UNTRAINED
from efficiency.exports.programs.sources import (
    architecture,
    body_of,
    docstring,
    imports_of,
    joined,
)

HERE = Path(__file__).parent
METHODS_FILE = HERE.parents[1] / "routines" / "pruning" / "methods.py"
NETWORK, EXPERIMENT = "# --- the network\n", "# --- the experiment\n"
CUSTOM = {"every_nth": ("EveryNth", "every_nth"), "threshold": ("Threshold", "threshold")}
# The classes that torch.nn.utils.prune has for its functions.
CLASSES = {
    "l1_unstructured": "L1Unstructured",
    "random_unstructured": "RandomUnstructured",
    "ln_structured": "LnStructured",
    "random_structured": "RandomStructured",
    "global_unstructured": "L1Unstructured",
    "identity": "Identity",
}
NORMS = {"1": "1", "2": "2", "inf": 'float("inf")'}
# Networks whose channels may all go but those of the last layer; attention needs more care.
CHANNELS = ("lenet", "lenet300", "mlp", "cnn", "mobilenet", "resnet50", "mobilenetv2")
RECURRENT = ("lstm",)  # its matrices are not those of linear layers


def programs(study: Study) -> tuple[Program, ...]:
    """One for each row that has numbers; none for a file, whose code nobody knows here."""
    workload = str(study.request.get("workload"))
    if workload not in TRAINED and workload not in UNTRAINED:
        return ()
    return tuple(
        Program(
            title=row.label,
            file_name=f"{row.name.replace('-', '_')}.py",
            source=_program(study, row, module, workload),
        )
        for row in study.rows
        if row.unavailable is None and (module := _module(row, workload)) is not None
    )


def method_source(technique: str) -> str | None:
    """The text of a method of our own, class and function; None for those of PyTorch."""
    if technique not in CUSTOM:
        return None
    text = METHODS_FILE.read_text()
    parts = [
        ast.get_source_segment(text, each) or ""
        for each in ast.parse(text).body
        if isinstance(each, ast.ClassDef | ast.FunctionDef) and each.name in CUSTOM[technique]
    ]
    return "\n\n\n".join(parts)


def _module(row: Row, workload: str) -> str | None:
    """The file with the row's method; None where there is no program for it."""
    if row.name in ("pruned", "pruned-tuned") or row.name.startswith("zeros-"):
        return None if row.name == "pruned-tuned" and workload not in TRAINED else "pruning_zeros"
    if row.name.startswith("csr-"):
        return None if workload in RECURRENT else "pruning_sparse"
    if row.name.startswith("channels-"):
        return "pruning_channels" if workload in CHANNELS else None
    return None


def _program(study: Study, row: Row, module: str, workload: str) -> str:
    template, method = _read("pruning_experiment"), _read(module)
    data = _read("quantization_data" if workload in TRAINED else "quantization_random")
    network = architecture(workload)
    own = (method_source(str(study.request.get("technique"))) or "") if _asked(row) else ""
    constants, _, rest = body_of(template).partition(NETWORK)
    parts = [
        constants,
        NETWORK + _network(network, workload),
        "# --- the data\n" + body_of(data),
        "# --- the method\n" + "\n\n\n".join(filter(None, (own, _once(body_of(method))))),
        EXPERIMENT + rest.partition(EXPERIMENT)[2],
    ]
    file_name = f"{row.name.replace('-', '_')}.py"
    packages = "torch scikit-learn" if workload in TRAINED else "torch"
    packages += " torch-pruning" if module == "pruning_channels" else ""
    packages += " transformers" if workload in RECORDS else ""
    about = "trained on scikit-learn's digits" if workload in TRAINED else "with random weights"
    title = re.sub(r"[^\w ,.()-]", "", study.title)
    head = (
        f'"""{docstring(method)}\n\n    pip install {packages} && python {file_name}\n\n'
        f'The network is {title}, {about}; put your own in its place.\n"""'
    )
    needs = ("from typing import ClassVar",) if own else ()
    imports = imports_of((template, data, method, network, *needs))
    return _filled(f"{head}\n\n{imports}\n\n{joined(parts)}", _constants(study, row, workload))


def _asked(row: Row) -> bool:
    """Whether the row is what the request asked for, not one of the curve."""
    return row.name.startswith("pruned")


def _network(source: str, workload: str) -> str:
    """The architecture's own source; where its output is a record, the logits are taken out."""
    body = body_of(source)
    if workload not in RECORDS:
        return body
    return f"{LOGITS}\n\n\n{body.replace('return model', 'return Logits(model)')}"


def _once(method: str) -> str:
    """Without the seed, which the program has already."""
    return "\n".join(line for line in method.splitlines() if not line.startswith("SEED = "))


def _constants(study: Study, row: Row, workload: str) -> dict[str, str]:
    request = study.request
    shape, training = TRAINED.get(workload, (None, (0, 64, 0.001, False)))
    vocabulary = 0
    if shape is None:
        shape, vocabulary = UNTRAINED[workload]
    tuned = row.name == "pruned-tuned" or row.name.startswith("channels-")
    found = {
        "THREADS": str(study.environment.threads),
        "SEED": _number(request, "seed", 0),
        "BATCH_SIZE": f"{study.batch_size}  # inputs in one call",
        "EPOCHS, BATCH, RATE, DECAY": ", ".join(map(str, training))
        + "  # of training; nothing is trained in 0 epochs",
        "TUNING_EPOCHS": (_number(request, "tuning_epochs", training[0] / 8) if tuned else "0.0")
        + "  # after pruning, zeros stay zero",
        "SHAPE": f"{shape}  # of one input",
        "VOCABULARY": f"{vocabulary}  # number of token ids where inputs are tokens, else 0",
        "CHANNELS": f"{_number(request, 'channels', 0.5)}  # share of each layer's channels",
    }
    return found | (_technique(request) if _asked(row) else _magnitude(row))


def _magnitude(row: Row) -> dict[str, str]:
    """The curve's rows: the smallest of all layers together; the share is in the row's name."""
    percent = row.name.rpartition("-")[2]
    share = int(percent) / 100 if percent.isdigit() else 0.0
    return {"TOGETHER": "True", "SETTINGS": f'{{"amount": {share}}}', "AMOUNT": str(share)}


def _technique(request: dict[str, object]) -> dict[str, str]:
    """What the request asks of `torch.nn.utils.prune`, in Python."""
    technique = str(request.get("technique"))
    technique = technique if technique in PRUNING_TECHNIQUES else "l1_unstructured"
    together = request.get("scope") == "global" or technique == "global_unstructured"
    if technique in CUSTOM:
        method, function = CUSTOM[technique]
    else:
        method = f"prune.{CLASSES[technique]}"
        plain = "l1_unstructured" if technique == "global_unstructured" else technique
        function = f"prune.{plain}"
    asked = request.get("parameters")
    names = asked if isinstance(asked, list | tuple) else ()
    return {
        "PARAMETERS": f"{tuple(map(str, names))!r}",
        "FUNCTION": function,
        "METHOD": f"{method}  # the same, where weights of all layers are compared",
        "TOGETHER": f"{together}  # compare the weights of all layers with each other",
        "SETTINGS": _settings(request, technique),
        "ITERATIONS": _number(request, "iterations", 1),
    }


def _settings(request: dict[str, object], technique: str) -> str:
    try:
        amount = repr(pruning_amount(str(request.get("amount", "0.5"))))
    except BadInput:
        amount = "0.5"
    dim = _number(request, "dim", 0)
    settings = {
        "identity": "{}",
        "every_nth": f'{{"every": {_number(request, "every", 2)}}}',
        "threshold": f'{{"threshold": {_number(request, "threshold", 0.05)}}}',
        "random_structured": f'{{"amount": {amount}, "dim": {dim}}}',
        "ln_structured": f'{{"amount": {amount}, "n": '
        f'{NORMS.get(str(request.get("norm")), "2")}, "dim": {dim}}}',
    }
    return settings.get(technique, f'{{"amount": {amount}}}')


def _number(request: dict[str, object], name: str, otherwise: float) -> str:
    value = request.get(name, otherwise)
    return str(value) if isinstance(value, int | float) else str(otherwise)


def _filled(text: str, constants: dict[str, str]) -> str:
    """The text with these values instead of its own, at the start of lines; types stay."""
    for name, value in constants.items():
        text = re.sub(
            rf"^({re.escape(name)}(?:: [^=]+)?) = .*$",
            lambda found, value=value: f"{found[1]} = {value}",  # type: ignore[misc]
            text,
            flags=re.M,
        )
    return text


def _read(module: str) -> str:
    return (HERE / f"{module}.py").read_text()
