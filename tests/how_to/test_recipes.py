"""Each recipe of CONTRIBUTING.md works: its steps are taken in a copy of the checkout, which then does it.

A recipe names every file that its steps touch; what must hold afterwards stands in :mod:`tests.how_to.proofs`
and is run in the copy by a process of its own.
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

RECIPES = Path(__file__).parent / "recipes"
COPIED = ("curation", "training", "pages", "assets", "tests/helpers", "tests/how_to")


@dataclass
class Checkout:
    """A copy of the checkout, in which files are written and changed as a recipe says."""

    root: Path
    touched: set[str] = field(default_factory=set)

    def put(self, path: str, recipe: str) -> None:
        """Write a new file."""
        assert not (self.root / path).exists()
        self._write(path, (RECIPES / recipe).read_text(encoding="utf-8"))

    def append(self, path: str, recipe: str) -> None:
        """Add a recipe's lines to the end of a file."""
        self._write(path, self._read(path) + (RECIPES / recipe).read_text(encoding="utf-8"))

    def replace(self, path: str, pattern: str, text: str) -> None:
        """Replace what a pattern finds, which must be one place; ``\\g<0>`` is what was found."""
        changed, count = re.subn(pattern, text, self._read(path), flags=re.MULTILINE)
        assert count == 1, f"{count} places in {path} look like {pattern!r}"
        self._write(path, changed)

    def prove(self, recipe: str) -> None:
        """See that CONTRIBUTING.md names what was touched, and what must hold now."""
        told = _section(recipe)
        assert not [path for path in self.touched if f"`{path}`" not in told]
        done = subprocess.run(
            [sys.executable, "-m", "tests.how_to.proofs", recipe, str(self.root / "made")],
            cwd=self.root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def _read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def _write(self, path: str, text: str) -> None:
        self.touched.add(path)
        (self.root / path).write_text(text, encoding="utf-8")


def _section(recipe: str) -> str:
    """Return what CONTRIBUTING.md says of adding something."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(rf"^### An? {recipe}\b.*?(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found, f"no recipe for {recipe}"
    return found[0]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of what runs, with what Python compiled of it."""
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name)
    for path in ("tests/__init__.py", "app.py"):
        shutil.copy2(ROOT / path, tmp_path / path)
    return Checkout(tmp_path)


def test_a_metric(checkout: Checkout) -> None:
    checkout.append("curation/metrics/contrast.py", "metric.py")
    path = "curation/metrics/__init__.py"
    checkout.replace(path, r"^METRICS_VERSION = .*$", r"\g<0> + 1")
    checkout.prove("metric")


def test_an_artefact(checkout: Checkout) -> None:
    checkout.append("curation/simulation/artefacts/acquisition.py", "artefact.py")
    checkout.prove("artefact")


def test_a_design(checkout: Checkout) -> None:
    path = "training/arms/designs.py"
    build = (
        "def _half(cohort: CohortHeader, _: Choices) -> list[str]:\n"
        '    return [SCRATCH, ALL, "keep-50", "control-keep-50"]\n\n\n'
    )
    question = "Is the better half worth more than as many at random?"
    entry = f'        Design("half", "The better half", "{question}", _half),\n'
    checkout.replace(path, r"^#: All designs by name", build + r"\g<0>")
    checkout.replace(path, r"^    for design in \(\n", r"\g<0>" + entry)
    checkout.prove("design")


def test_an_arm(checkout: Checkout) -> None:
    path = "training/arms/study_arms.py"
    checkout.replace(path, r"^ArmKind = Literal\[", r'\g<0>"older", ')
    named = '    if name == "older":\n        return Arm(name, "the older half", "older", tiers)\n'
    checkout.replace(path, r"^    subset = random_subset\.parse\(name\)\n", named + r"\g<0>")
    chosen = 'sorted(members.nlargest(len(members) // 2, "age_years")["scan_id"])'
    scans = f'    if arm.kind == "older":\n        return {chosen}\n'
    checkout.replace(
        "training/arms/arm_scans.py", r"^    if arm\.subset is not None:\n", scans + r"\g<0>"
    )
    checkout.prove("arm")


def test_a_preset(checkout: Checkout) -> None:
    entry = """    Preset(
        name="sketch",
        label="Smaller than a try-out: 6 mm volumes",
        spacing_mm=6.0,
        shape=(32, 32, 32),
        patch=8,
        hidden=48,
        layers=2,
        heads=4,
        mlp=96,
        decoder_hidden=24,
        decoder_layers=1,
        decoder_heads=4,
        decoder_mlp=48,
        pretrain_epochs=2,
        pretrain_steps=2,
        pretrain_batch=4,
        finetune_epochs=2,
        finetune_batch=4,
        finetune_lr=2e-3,
    ),
"""
    checkout.replace("training/settings/presets.py", r"^_ALL = \(\n", r"\g<0>" + entry)
    checkout.prove("preset")


def test_a_page(checkout: Checkout) -> None:
    entry = 'PageInfo("sites", "Sites", "Where do the scans come from?", ":material/place:"),'
    checkout.put("pages/sites.py", "page.py")
    checkout.replace("pages/ui/shell/frame.py", r'^( *)PageInfo\("present"', rf"\1{entry}\n\g<0>")
    checkout.prove("page")


def test_a_part_of_a_page(checkout: Checkout) -> None:
    checkout.put("pages/ui/cohort/age_range.py", "part.py")
    page = "pages/cohort.py"
    checkout.replace(page, r"^from pages\.ui\.cohort import ", r"\g<0>age_range, ")
    checkout.replace(
        page, r"^    people_panel\.\w+\(workspace\)$", r"\g<0>\n    age_range.show(workspace)"
    )
    checkout.prove("part")


@pytest.mark.parametrize("raised", ["METRICS_VERSION", "SCORING_VERSION"])
def test_no_test_breaks_when_a_version_is_raised_as_a_recipe_says(raised: str) -> None:
    assert f"`{raised}`" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    pinned = re.compile(rf"\b{raised}\s*==\s*\d|\b\d+\s*==\s*(\w+\.)*{raised}\b")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if pinned.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
