"""The program that does what an AMP study did, with its sizes: to run it anywhere, on its own.

`training.py` is that program for the tutorial's network; its constants are filled in here, and for
another workload its network is put in place of the mlp.
"""

import ast
import re
from pathlib import Path

from efficiency.core.mixed import MLP_RATE, TrainingSizes
from efficiency.core.values import Study
from efficiency.exports.programs.sources import architecture, constants_of

FILE_NAME = "amp.py"
TEMPLATE = Path(__file__).with_name("training.py")
# Inputs and classes of the workloads on real data.
INPUTS = {
    "lenet": ("torch.rand(BATCH_SIZE, 1, 28, 28)", 10),
    "cnn": ("torch.rand(BATCH_SIZE, 1, 28, 28)", 10),
    "transformer": ("torch.randint(4096, (BATCH_SIZE, 64))", 6),
}
RATE = 1e-3  # of the workloads on real data
NETWORK = re.compile(
    r"(?<=# --- the network, its data, its loss\n).*(?=# --- the experiment\n)", re.S
)
OTHER_NETWORK = '''{source}

loss_function = nn.CrossEntropyLoss()
Optimizer = torch.optim.Adam
make_model = build


def make_batch() -> tuple[Tensor, Tensor]:
    """Random inputs and labels: how long a step takes does not depend on what they are."""
    return {inputs}, torch.randint({classes}, (BATCH_SIZE,))


'''


def amp_program(study: Study) -> str:
    """The source of the program for an AMP study."""
    sizes = None if study.mixed is None else study.mixed.sizes
    if sizes is None:
        raise ValueError("only a study of mixed precision has sizes to train with")
    workload = str(study.request["workload"])
    text = TEMPLATE.read_text()
    if workload in INPUTS:
        network = _network(workload)
        text = NETWORK.sub(lambda _: network, text)
    return _filled(text, _constants(study, sizes, workload))


def _constants(study: Study, sizes: TrainingSizes, workload: str) -> dict[str, str]:
    return {
        "DEVICE": f'"{study.request["device"]}"',
        "DTYPE": f"torch.{study.request['dtype']}",
        "THREADS": str(study.environment.threads),
        "SEED": str(study.request["seed"]),
        "BATCH_SIZE, BATCHES, EPOCHS": f"{sizes.batch_size}, {sizes.batches}, {sizes.epochs}",
        "RATE": str(RATE if workload in INPUTS else MLP_RATE),
        "WIDTH, LAYERS": f"{sizes.width}, {sizes.layers}",
    }


def _filled(text: str, constants: dict[str, str]) -> str:
    """The text with these values instead of its own, at the start of lines."""
    for name, value in constants.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
    return text


def _network(workload: str) -> str:
    """The workload's own source without what it says about itself, and what the program needs."""
    source = architecture(workload)
    lines = source.splitlines()
    first, *statements = ast.parse(source).body
    for each in statements:
        if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("efficiency."):
            lines[each.lineno - 1] = constants_of(each)
    inputs, classes = INPUTS[workload]
    body = "\n".join(lines[first.end_lineno :]).strip()
    return OTHER_NETWORK.format(source=body, inputs=inputs, classes=classes)
