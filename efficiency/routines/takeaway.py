"""The folder a user takes away: the weights, or a graph with them, and a `load_model.py` that
stands alone.

`load_model.py` is put together from the very modules that are used here: the architecture, the data
and the recipe, and what they import of ours. One file, its imports first; what is measured is what
it loads. Where the file is a graph (`model.pt2`), no architecture is needed to load it.
"""

import ast
import inspect
import platform
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

import torch
from safetensors.torch import save_file

import efficiency
from efficiency.routines.variant import Variant
from efficiency.workloads import inputs
from efficiency.workloads.catalogue import Workload
from efficiency.workloads.split import identity

WEIGHTS = "weights.safetensors"
PROGRAM = "model.pt2"

IMPORTS = """
import torch
from pathlib import Path
from torch import Tensor, nn
"""

INPUTS = '''

INPUT_SHAPE = {input_shape}
VOCABULARY = {vocabulary}


def example_inputs(batch_size: int = 1) -> Tensor:
    """A random input batch of the right shape."""
    return random_inputs((batch_size, *INPUT_SHAPE[1:]), VOCABULARY)


def load() -> nn.Module:
    """The model, ready to run."""
'''

LOAD_WEIGHTS = """\
    tensors = load_file(Path(__file__).with_name("weights.safetensors"))
    return restore(build(), tensors, example_inputs(){settings})
"""

LOAD_PROGRAM = """\
    program = torch.export.load(Path(__file__).with_name("model.pt2"))
    return restore(program.module(), {{}}, example_inputs(){settings})
"""

SCORED = '''

UNIT = "{unit}"
DATA = "{data}"


def held_out() -> Split:
    """The data; inputs and labels that are held out are what the score is taken on."""
    split = load_split()
    shaped = split.held_out_inputs.reshape(-1, *INPUT_SHAPE[1:])
    return split._replace(held_out_inputs=shaped)


if __name__ == "__main__":
    split = held_out()
    if identity(split) != DATA:
        raise SystemExit(
            "The data here ({label}) are not those that this model was trained and scored on; "
            "use Python {python}."
        )
    with torch.no_grad():
        share = score(in_chunks(load(), split.held_out_inputs), split.held_out_labels)
    print(f"{score_name}: {{share:.6f}} on {{split.held_out_labels.numel()}} held-out {{UNIT}}")
'''

UNSCORED = """

if __name__ == "__main__":
    with torch.no_grad():
        print("No data to score this model on; it ran:", type(load()(example_inputs())).__name__)
"""


def write(folder: Path, workload: Workload, variant: Variant, label: str) -> Path:
    """Save the variant and its loader in `folder`, which is made; the file with the weights."""
    folder.mkdir(parents=True)
    (folder / "load_model.py").write_text(source(workload, variant, label))
    if variant.program is not None:
        torch.export.save(variant.program, folder / PROGRAM)
        return folder / PROGRAM
    contiguous = {name: tensor.contiguous() for name, tensor in variant.tensors.items()}
    save_file(contiguous, folder / WEIGHTS)
    return folder / WEIGHTS


def source(workload: Workload, variant: Variant, label: str) -> str:
    """The text of load_model.py."""
    modules = [inputs, variant.recipe]
    statements, bodies = _imports_and_body(IMPORTS)[0], []
    if variant.program is None:
        modules.insert(0, import_module(workload.architecture))
        statements += _imports_and_body("from safetensors.torch import load_file")[0]
    if workload.data is not None:
        modules.append(import_module(workload.data.module))
    for module in _with_imported(modules):
        found, body = _imports_and_body(inspect.getsource(module))
        statements += found
        bodies.append(body)
    load_needs = _packages(statements)
    score_needs = sorted(set(_packages(_imports_within("\n".join(bodies)))) - set(load_needs))
    header = (
        f'"""{workload.label}, {label}. Run it, or `from load_model import load`.\n\n'
        f"Made by Efficiency Lab {efficiency.__version__} with Python {platform.python_version()}. "
        f"Needs {', '.join(load_needs)}"
        + (f"; to run it, {', '.join(score_needs)} too" if score_needs else "")
        + '.\n"""\n'
    )
    main = INPUTS.format(input_shape=workload.input_shape, vocabulary=workload.vocabulary)
    load = LOAD_WEIGHTS if variant.program is None else LOAD_PROGRAM
    main += load.format(settings=_arguments(variant))
    main += UNSCORED if workload.data is None else _scored(workload)
    return "\n".join([header, *_merged(statements), "", "", "\n\n\n".join(bodies), main])


def _arguments(variant: Variant) -> str:
    """The variant's settings as further keyword arguments of a call."""
    return "".join(f", {name}={value!r}" for name, value in variant.settings.items())


def _scored(workload: Workload) -> str:
    """The end of a loader that can score its model."""
    data, split = workload.data, workload.load_split()
    if data is None or split is None:
        raise AssertionError("there is nothing to score on")
    return SCORED.format(
        label=data.label,
        unit=data.unit,
        score_name=data.score_name,
        data=identity(split),
        python=platform.python_version(),
    )


def _with_imported(modules: list[ModuleType]) -> list[ModuleType]:
    """The modules, and all of ours that they import from; each once, after what it needs."""
    found: dict[str, ModuleType] = {}
    for module in modules:
        statements, _ = _imports_and_body(inspect.getsource(module))
        needed = [import_module(str(each.module)) for each in statements if _ours(each)]
        found |= {each.__name__: each for each in (*_with_imported(needed), module)}
    return list(found.values())


def _ours(statement: ast.Import | ast.ImportFrom) -> TypeGuard[ast.ImportFrom]:
    return isinstance(statement, ast.ImportFrom) and str(statement.module).startswith("efficiency")


def _imports_within(text: str) -> list[ast.Import | ast.ImportFrom]:
    """What is imported only where it is needed, inside of functions."""
    return [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def _packages(statements: list[ast.Import | ast.ImportFrom]) -> list[str]:
    """The packages to install for these imports, by the names that installers know."""
    names = {
        (str(each.module) if isinstance(each, ast.ImportFrom) else each.names[0].name)
        for each in statements
        if not _ours(each)
    }
    packages = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    return sorted("scikit-learn" if name == "sklearn" else name for name in packages)


def _merged(statements: list[ast.Import | ast.ImportFrom]) -> list[str]:
    """One line per module, sorted, without those of this package."""
    plain = {ast.unparse(each) for each in statements if isinstance(each, ast.Import)}
    names: dict[str, set[str]] = {}
    for each in statements:
        if isinstance(each, ast.ImportFrom) and not _ours(each):
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
