"""Programs that do what the rows of a quantization study did: to run anywhere, on their own.

`quantizing.py` is the program; its network, its data and its method are put in here, the method
from the module of the row's back end, and constants are those of the study.
"""

import re
from pathlib import Path

from efficiency.core.values import Row, Study
from efficiency.exports.programs.program import Program
from efficiency.exports.programs.sources import (
    architecture,
    body_of,
    docstring,
    imports_of,
    joined,
)
from efficiency.exports.quantization import measured_rows

HERE = Path(__file__).parent
TEMPLATE = "quantizing"
NETWORK, EXPERIMENT = "# --- the network\n", "# --- the experiment\n"
MODULES = {
    "dynamic-eager": "quantization_dynamic_eager",
    "dynamic-torchao": "quantization_dynamic_torchao",
    "dynamic-pt2e": "quantization_pt2e",
    "static-eager": "quantization_static_eager",
    "static-fx": "quantization_static_fx",
    "static-pt2e": "quantization_pt2e",
    "qat-fx": "quantization_qat_fx",
}
# What is trained on the digits: shape of an input; epochs, batch, rate and decay of training.
TRAINED = {
    "lenet": ((1, 28, 28), (25, 64, 0.001, False)),
    "mlp": ((784,), (25, 64, 0.001, False)),
    "lenet300": ((1, 28, 28), (25, 64, 0.001, False)),
    "cnn": ((1, 28, 28), (5, 64, 0.001, True)),
    "mobilenet": ((1, 28, 28), (8, 64, 0.06, True)),
}
# What gets random inputs: shape of an input, number of token ids.
UNTRAINED = {
    "transformer": ((64,), 4096),
    "lstm": ((64,), 97),
    "resnet50": ((3, 224, 224), 0),
    "mobilenetv2": ((3, 224, 224), 0),
    "bert": ((128,), 30522),
}
RECORDS = ("resnet50", "mobilenetv2", "bert")  # their output is a record with the logits in it
LOGITS = '''class Logits(nn.Module):
    """Takes the tensor out of the record that the model puts out."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        logits: Tensor = self.model(x).logits
        return logits'''
UNUSED_BITS = ("x86", "fbgemm")  # engines whose activations are 7 bits wide
SCHEMES = {"affine": "torch.per_tensor_affine", "symmetric": "torch.per_tensor_symmetric"}


def programs(study: Study) -> tuple[Program, ...]:
    """One for each row that has numbers; none for a file, whose code nobody knows here."""
    workload = str(study.request.get("workload"))
    return tuple(
        Program(
            title=row.label,
            file_name=f"{row.name.replace('-', '_')}.py",
            source=_program(study, row, workload),
        )
        for row in measured_rows(study)
        if row.name in MODULES and _possible(row, workload)
    )


def _possible(row: Row, workload: str) -> bool:
    """QAT needs labels."""
    return workload in TRAINED or (workload in UNTRAINED and not row.name.startswith("qat"))


def _program(study: Study, row: Row, workload: str) -> str:
    template, method = _read(TEMPLATE), _read(MODULES[row.name])
    data = _read("quantization_data" if workload in TRAINED else "quantization_random")
    network = architecture(workload)
    body = body_of(template)
    constants, _, rest = body.partition(NETWORK)
    experiment = rest.partition(EXPERIMENT)[2]
    parts = [
        constants,
        NETWORK + _network(network, workload),
        "# --- the data\n" + body_of(data),
        "# --- the method\n" + _without_repeats(body_of(method), constants),
        EXPERIMENT + experiment,
    ]
    file_name = f"{row.name.replace('-', '_')}.py"
    packages = "torch scikit-learn" if workload in TRAINED else "torch"
    packages += " transformers" if workload in RECORDS else ""
    install = f"    pip install {packages} && python {file_name}"
    head = f'"""{docstring(method)}\n\n{install}\n\n{_says(study)}\n"""'
    text = f"{head}\n\n{imports_of((template, data, method, network))}\n\n{joined(parts)}"
    return _filled(text, _constants(study, row, workload))


def _says(study: Study) -> str:
    workload = str(study.request.get("workload"))
    about = "trained on scikit-learn's digits" if workload in TRAINED else "with random weights"
    title = re.sub(r"[^\w ,.()-]", "", study.title)
    return f"The network is {title}, {about}; put your own in its place."


def _network(source: str, workload: str) -> str:
    """The architecture's own source; where its output is a record, the logits are taken out."""
    body = body_of(source)
    if workload not in RECORDS:
        return body
    return f"{LOGITS}\n\n\n{body.replace('return model', 'return Logits(model)')}"


def _without_repeats(body: str, constants: str) -> str:
    """Without constants that the program has already."""
    names = set(re.findall(r"^([A-Z_]+) = ", constants, flags=re.M))
    return "\n".join(line for line in body.splitlines() if line.partition(" = ")[0] not in names)


def _constants(study: Study, row: Row, workload: str) -> dict[str, str]:
    request = study.request
    # Where every engine was asked for, the fastest was used, and the study knows which it was.
    engine = None if study.quantized is None else study.quantized.engine
    engine = engine if engine and engine.isalnum() else "x86"
    shape, training = TRAINED.get(workload, (None, (0, 64, 0.001, False)))
    vocabulary = 0
    if shape is None:
        shape, vocabulary = UNTRAINED[workload]
    return {
        "THREADS": str(study.environment.threads),
        "SEED": _number(request, "seed", 0),
        "BATCH_SIZE": f"{study.batch_size}  # inputs in one call",
        "EPOCHS, BATCH, RATE, DECAY": ", ".join(map(str, training))
        + "  # of training; nothing is trained in 0 epochs",
        "SHAPE": f"{shape}  # of one input",
        "VOCABULARY": f"{vocabulary}  # number of token ids where inputs are tokens, else 0",
        "ENGINE": f'"{engine}"',
        "OBSERVER": f'"{request.get("observer", "histogram")}"',
        "PER_CHANNEL": str(request.get("granularity") != "per-tensor"),
        "SCHEME": SCHEMES.get(str(request.get("scheme")), SCHEMES["affine"]),
        "HIGHEST": ("127" if engine in UNUSED_BITS else "255")
        + "  # of activations; kernels of x86 and fbgemm may overflow with 255",
        "FUSION": str(not request.get("no_fusion")),
        "CALIBRATION_INPUTS, CALIBRATION_SEED": _number(request, "calibration_samples", 256)
        + ", "
        + _number(request, "calibration_seed", 0),
        "QAT_EPOCHS": _number(request, "qat_epochs", 1.0),
        "DYNAMIC": str(row.name.startswith("dynamic")),
    }


def _number(request: dict[str, object], name: str, otherwise: float) -> str:
    value = request.get(name, otherwise)
    return str(value) if isinstance(value, int | float) else str(otherwise)


def _filled(text: str, constants: dict[str, str]) -> str:
    """The text with these values instead of its own, at the start of lines."""
    for name, value in constants.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
    return text


def _read(module: str) -> str:
    return (HERE / f"{module}.py").read_text()
