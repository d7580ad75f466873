"""What the import contracts cannot see: what is really loaded when a page's modules are."""

import subprocess
import sys

import pytest

from tests import architecture
from tests.helpers.paths import ROOT

#: Loaded by workers only; each takes seconds.
HEAVY = ("torch", "monai", "lightning_fabric", "snakemake", "matplotlib", "pptx")


def _modules(*folders: str) -> list[str]:
    paths = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in paths
        if path.name not in {"__init__.py", "__main__.py"}
    ]


@pytest.fixture(scope="module")
def loaded() -> list[set[str]]:
    """What is loaded by the modules of curation, and by these and those of the screen."""
    curation, screen = _modules("curation"), _modules("pages/ui")
    code = f"import sys, importlib\nfor names in {(curation, screen)!r}:\n"
    code += "    for name in names: importlib.import_module(name)\n"
    code += "    print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_screen_code_loads_nothing_that_belongs_to_workers(loaded: list[set[str]]) -> None:
    assert "pages" in loaded[1]
    assert loaded[1].isdisjoint(HEAVY)


def test_curation_loads_neither_screen_nor_model_code(loaded: list[set[str]]) -> None:
    assert "curation" in loaded[0]
    assert loaded[0].isdisjoint({*HEAVY, "pages", "streamlit", "plotly"})


def test_of_training_only_the_files_of_a_report_and_its_theme_draw() -> None:
    training = ROOT / "training"
    for path in sorted({*training.rglob("*.py")} - {training / "theme.py"}):
        if path.parent.name == "report_files":
            continue
        text = path.read_text()
        assert not any(f"import {name}" in text for name in ("plotly", "matplotlib", "pptx")), path


def test_folders_modules_and_functions_are_within_their_bounds_and_nothing_goes_in_circles() -> (
    None
):
    assert architecture.main() == 0


def test_a_circle_would_be_counted() -> None:
    chain = {("a", "b"), ("b", "c")}
    assert architecture.circles(chain) == 0
    assert architecture.circles(chain | {("c", "a"), ("d", "e"), ("e", "d")}) == 2


@pytest.mark.parametrize("folder", ["curation", "training", "pages"])
def test_no_module_reads_or_writes_pickles(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        text = path.read_text()
        assert "import pickle" not in text, path
        assert "read_pickle" not in text, path
        assert "allow_pickle=True" not in text, path
        assert "weights_only=False" not in text, path
