"""Measures of the code's structure, held within bounds by ``make check``: ``python -m tests.architecture``.

Prints one JSON line. A module is a Python file of the product other than ``__init__.py``; a folder is one
that holds modules. A circle is a set of modules (or folders) each of which imports, through others or not,
every other one. Lengths are in lines, of functions with their docstring.
"""

import ast
import json
import sys
from collections import Counter
from pathlib import Path

import grimp
from scipy import sparse
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).parents[1]
PACKAGES = ("curation", "training", "pages")
#: The most that each measure may be.
BOUNDS = {
    "modules": 480,
    "largest_folder": 20,
    "module_circles": 0,
    "folder_circles": 0,
    "longest_module": 350,
    "longest_function": 75,
    "fmt_skips": 20,
}


def main() -> int:
    """Print the measures; return 1 where one is out of bounds."""
    found = measures()
    print(json.dumps(found))
    beyond = [
        f"{name} {found[name]} > {most}" for name, most in BOUNDS.items() if found[name] > most
    ]
    if beyond:
        print(f"out of bounds: {', '.join(beyond)}", file=sys.stderr)
    return bool(beyond)


def measures() -> dict[str, int]:
    """Return every measure of :data:`BOUNDS`."""
    modules = [path for path in sources() if path.name != "__init__.py"]
    folders = Counter(path.parent for path in modules)
    imports = imports_between_modules()
    between = {(folder_of(one), folder_of(other)) for one, other in imports}
    everything = [*sources(), *(ROOT / "tests").rglob("*.py")]
    return {
        "modules": len(modules),
        "largest_folder": max(folders.values()),
        "module_circles": circles(imports),
        "folder_circles": circles({(one, other) for one, other in between if one != other}),
        "longest_module": max(len(path.read_text().splitlines()) for path in modules),
        "longest_function": max(map(longest_function, modules)),
        "fmt_skips": sum(path.read_text().count("# fmt: " + "skip") for path in everything),
    }


def sources() -> list[Path]:
    """Return the product's Python files."""
    inside = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return [ROOT / "app.py", *inside]


def imports_between_modules() -> set[tuple[str, str]]:
    """Return which module imports which, also inside functions, but not for types alone."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    return {
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }


def folder_of(module: str) -> str:
    """Return the folder of a module in dots, such as ``curation.metrics``; a package is in itself.

    ``__main__`` is where a command line begins: it stands above every folder, a folder of its own.
    """
    if module.endswith(".__main__"):
        return module
    path = ROOT / module.replace(".", "/")
    return module if path.is_dir() else module.rpartition(".")[0]


def circles(edges: set[tuple[str, str]]) -> int:
    """Count the strongly connected components of more than one node."""
    names = sorted({name for edge in edges for name in edge})
    place = {name: number for number, name in enumerate(names)}
    rows, columns = zip(*[(place[one], place[other]) for one, other in edges], strict=True)
    matrix = sparse.coo_array(([1] * len(rows), (rows, columns)), shape=(len(names), len(names)))
    _, labels = connected_components(matrix, directed=True, connection="strong")
    return sum(count > 1 for count in Counter(labels.tolist()).values())


def longest_function(path: Path) -> int:
    """Return the lines of the longest function of a file, 0 where there is none."""
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return max(((node.end_lineno or 0) - node.lineno + 1 for node in functions), default=0)


if __name__ == "__main__":
    sys.exit(main())
