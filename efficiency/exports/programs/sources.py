"""Python modules put together to one program: imports merged, what is in them one after another."""

import ast
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ARCHITECTURES = Path(__file__).parents[2] / "workloads"
OWN = "efficiency"


def architecture(module: str) -> str:
    """The source of a workload's network."""
    return (ARCHITECTURES / f"{module}.py").read_text()


def constants_of(wanted: ast.ImportFrom) -> str:
    """The assignments of what is imported from another workload's module, and of what they use."""
    assigned = [
        (each, _names(each.targets[0]))
        for each in ast.parse(architecture(str(wanted.module).rpartition(".")[2])).body
        if isinstance(each, ast.Assign)
    ]
    needed, found = {each.name for each in wanted.names}, []
    for each, names in reversed(assigned):  # what is used stands before
        if names & needed:
            needed |= _names(each.value)
            found.append(ast.unparse(each))
    return "\n".join(reversed(found))


def _names(tree: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}


def body_of(source: str) -> str:
    """A module without its docstring and imports; what it takes from other workloads is in it."""
    tree, lines = ast.parse(source), source.splitlines()
    for each in tree.body:
        if isinstance(each, ast.Import | ast.ImportFrom) or each is tree.body[0]:
            lines[each.lineno - 1 : each.end_lineno] = [""] * (
                (each.end_lineno or each.lineno) - each.lineno + 1
            )
            module = getattr(each, "module", None) or ""
            if module.startswith(f"{OWN}.workloads."):
                assert isinstance(each, ast.ImportFrom)  # noqa: S101 - only they have a module
                lines[each.lineno - 1] = constants_of(each)
    return "\n".join(lines).strip()


def imports_of(sources: Iterable[str]) -> str:
    """All imports of these modules, each once: the standard library's first, none of our own."""
    plain: set[str] = set()
    named: dict[str, set[str]] = {}
    for source in sources:
        for each in ast.parse(source).body:
            if isinstance(each, ast.Import):
                plain |= {ast.unparse(ast.Import([name])) for name in each.names}
            elif isinstance(each, ast.ImportFrom) and not str(each.module).startswith(OWN):
                named.setdefault(str(each.module), set()).update(map(ast.unparse, each.names))
    lines = sorted(plain) + [_named(module, names) for module, names in sorted(named.items())]
    standard = [line for line in lines if line.split()[1].split(".")[0] in sys.stdlib_module_names]
    others = [line for line in lines if line not in standard]
    return "\n".join(standard) + "\n\n" + "\n".join(others)


def _named(module: str, names: Iterable[str]) -> str:
    line = f"from {module} import {', '.join(sorted(names))}"
    if len(line) <= 100:
        return line
    listed = "".join(f"    {name},\n" for name in sorted(names))
    return f"from {module} import (\n{listed})"


def docstring(source: str) -> str:
    """What a module says about itself."""
    return ast.get_docstring(ast.parse(source)) or ""


def joined(parts: Sequence[str]) -> str:
    """Bodies one after another, with two empty lines between them."""
    return "\n\n\n".join(part.strip() for part in parts) + "\n"
