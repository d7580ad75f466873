"""What the product asks of a machine stands in ``requirements.txt``, whatever tests install besides."""

import ast
import re
from importlib import metadata

from curation.cohorts import cohort_draft
from tests.helpers.paths import ROOT
from training.report import methods

#: Asked for where they are used, in words: docs/training.md, docs/recovery.md.
_OPTIONAL = {"mlflow", "combatlearn", "psycopg"}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _closure() -> set[str]:
    """Return the names of all packages that the requirements bring."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    todo = [re.split(r"[=<>\[;~! ]", line)[0] for line in lines if line and line[0].isalpha()]
    found: set[str] = set()
    while todo:
        name = _canonical(todo.pop())
        if name in found:
            continue
        found.add(name)
        try:
            wanted = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        todo += [re.split(r"[=<>\[;~!( ]", one)[0] for one in wanted if "extra ==" not in one]
    return found


def test_versions_that_are_written_down_are_of_packages_that_are_required() -> None:
    named = {*cohort_draft.LIBRARIES, *methods.LIBRARIES}
    assert {_canonical(name) for name in named} <= _closure()


def test_every_package_that_is_imported_is_required() -> None:
    owners = metadata.packages_distributions()
    required = _closure()
    missing = set()
    for folder in ("curation", "training", "pages"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                names = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or ""]
                    if isinstance(node, ast.ImportFrom) and not node.level
                    else []
                )
                for name in names:
                    owned = {_canonical(one) for one in owners.get(name.split(".")[0], [])}
                    if owned and not owned & (required | _OPTIONAL):
                        missing.add((str(path.relative_to(ROOT)), name))
    assert missing == set()


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text().splitlines()
    return {
        _canonical(found[1]): found[2]
        for line in lines
        if (found := re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line))
    }


def test_the_lock_holds_every_package_that_is_required_in_its_version_with_hashes() -> None:
    locked = _pins("requirements.lock")
    assert _pins("requirements.txt").items() <= locked.items()
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text())[1:]
    assert len(entries) >= len(locked)
    assert all("--hash=sha256:" in entry for entry in entries)
