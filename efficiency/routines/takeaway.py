"""The folder a user takes away: `weights.safetensors` and a `load_model.py` that stands alone.

`load_model.py` is put together from the very modules that are used here: the architecture, the data
and the recipe. One file, its imports first; what is measured is what it loads.
"""

import ast
import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

from safetensors.torch import save_file
from torch import Tensor

import efficiency
from efficiency.routines.recipes import packing
from efficiency.workloads import inputs
from efficiency.workloads.catalogue import Workload

WEIGHTS = "weights.safetensors"

IMPORTS = """
import torch
from pathlib import Path
from torch import Tensor, nn
from safetensors.torch import load_file
"""

MAIN = '''

INPUT_SHAPE = {input_shape}
VOCABULARY = {vocabulary}


def example_inputs(batch_size: int = 1) -> Tensor:
    """A random input batch of the right shape."""
    return random_inputs((batch_size, *INPUT_SHAPE[1:]), VOCABULARY)


def load() -> nn.Module:
    """The model, ready to run."""
    tensors = load_file(Path(__file__).with_name("weights.safetensors"))
    return restore(build(), tensors, example_inputs())
'''

SCORED = '''

def held_out() -> tuple[Tensor, Tensor]:
    """Inputs and labels that the score is taken on."""
    split = load_split()
    return split.held_out_inputs.reshape(-1, *INPUT_SHAPE[1:]), split.held_out_labels


if __name__ == "__main__":
    model = load()
    inputs, labels = held_out()
    with torch.no_grad():
        share = score(model(inputs), labels)
    print(f"{score_name}: {{share:.6f}} on {{len(labels)}} held-out inputs")
'''

UNSCORED = """

if __name__ == "__main__":
    with torch.no_grad():
        print("No data to score this model on; it ran:", type(load()(example_inputs())).__name__)
"""


def write(
    folder: Path, workload: Workload, recipe: ModuleType, tensors: dict[str, Tensor], label: str
) -> None:
    """Save the tensors and the loader in `folder`, which is made."""
    folder.mkdir(parents=True)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / WEIGHTS)
    (folder / "load_model.py").write_text(source(workload, recipe, label))


def source(workload: Workload, recipe: ModuleType, label: str) -> str:
    """The text of load_model.py."""
    modules = [import_module(workload.architecture), inputs]
    if workload.data is not None:
        modules.append(import_module(workload.data))
    if hasattr(recipe, "unpack"):
        modules.append(packing)
    modules.append(recipe)
    needs = "torch, safetensors"
    if workload.data is not None:
        needs += ", scikit-learn"
    if "transformers" in inspect.getsource(modules[0]):
        needs += ", transformers"
    header = (
        f'"""{workload.label}, {label}. Run it, or `from load_model import load`.\n\n'
        f"Made by Efficiency Lab {efficiency.__version__}. Needs {needs}.\n"
        '"""\n'
    )
    statements, bodies = _imports_and_body(IMPORTS)[0], []
    for module in modules:
        found, body = _imports_and_body(inspect.getsource(module))
        statements += found
        bodies.append(body)
    fields = {
        "input_shape": workload.input_shape,
        "vocabulary": workload.vocabulary,
        "score_name": workload.score_name,
    }
    main = MAIN.format(**fields) + (SCORED if workload.data else UNSCORED).format(**fields)
    return "\n".join([header, *_merged(statements), "", "", "\n\n\n".join(bodies), main])


def _merged(statements: list[ast.Import | ast.ImportFrom]) -> list[str]:
    """One line per module, sorted, without those of this package."""
    plain = {ast.unparse(each) for each in statements if isinstance(each, ast.Import)}
    names: dict[str, set[str]] = {}
    for each in statements:
        if isinstance(each, ast.ImportFrom) and not str(each.module).startswith("efficiency"):
            names.setdefault(str(each.module), set()).update(alias.name for alias in each.names)
    chosen = (
        f"from {module} import {', '.join(sorted(names[module]))}" for module in sorted(names)
    )
    return [*sorted(plain), *chosen]


def _imports_and_body(text: str) -> tuple[list[ast.Import | ast.ImportFrom], str]:
    """The import statements of a module, and the text of everything else that it defines."""
    imports, body = [], []
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            first = min(
                [node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))]
            )
            body.append("\n".join(lines[first - 1 : node.end_lineno]))
    return imports, "\n\n\n".join(body)
