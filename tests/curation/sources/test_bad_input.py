"""From bad files to rows with reasons, end to end: nothing stops the batch, and memory stays bounded."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from curation.metrics import METRICS
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers.damaged_images import STRANGE, UNREADABLE, write
from tests.helpers.paths import ROOT
from tests.helpers.phantom_heads import affine, head

#: In a process of its own, so that its memory is known; three files change after they were listed.
RUN = """
import json, sys, warnings
from pathlib import Path
from curation.assessment.assess_workspace import assess
from curation.sources.ingest import ingest
from curation.storage.workspace import Workspace

if __name__ == "__main__":
    warnings.simplefilter("error", RuntimeWarning)
    folder = Path(sys.argv[1])
    workspace = Workspace.create(sys.argv[2])
    ingest(workspace, folder, name="x")
    changes = folder / "changes_T1w.nii.gz"
    if changes.exists():
        changes.write_bytes(changes.read_bytes() + b"more")
        (folder / "vanishes_T1w.nii.gz").unlink()
        (folder / "locked_T1w.nii.gz").chmod(0)
    assess(workspace, jobs=1)
    # not ru_maxrss: that begins with what the process held that started this one
    told = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(json.dumps(int(told["VmHWM"].split()[0]) / 1e6))
"""
#: Without these rights even the superuser cannot read a file that forbids it.
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@dataclass(frozen=True)
class Outcome:
    """Tables after listing and scoring, by the file's name, and the memory that it took."""

    scans: pd.DataFrame
    metrics: pd.DataFrame
    scores: pd.DataFrame
    peak_gb: float


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Everything bad, with one good scan, in two folders that are done at the same time."""
    roots = [tmp_path_factory.mktemp("bad") for _ in range(2)]
    for root in roots:
        (root / "images").mkdir()
    for name, (make, _) in UNREADABLE.items():
        make(roots[0] / "images" / f"{name}_T1w.nii.gz")
    for number, (name, make_strange) in enumerate(STRANGE.items()):
        make_strange(roots[number % 2] / "images" / f"{name}_T1w.nii.gz")
    for seed, name in enumerate(("good", "vanishes", "locked", "changes")):
        write(roots[0] / "images" / f"{name}_T1w.nii.gz", head(seed), affine())
    halves = [_tables(root, process) for root, process in [(root, _start(root)) for root in roots]]
    made = [pd.concat(parts) for parts in zip(*(tables for tables, _ in halves), strict=True)]
    return Outcome(*made, max(peak_gb for _, peak_gb in halves))


def _start(root: Path) -> subprocess.Popen:
    privileged = os.geteuid() == 0 and shutil.which("setpriv")
    return subprocess.Popen(
        [
            *(UNPRIVILEGED if privileged else ()),
            sys.executable,
            "-c",
            RUN,
            str(root / "images"),
            str(root / "workspace"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _tables(root: Path, process: subprocess.Popen) -> tuple[list[pd.DataFrame], float]:
    said, complaint = process.communicate()
    assert process.returncode == 0, complaint
    workspace = Workspace.open(root / "workspace")
    made = [
        read(workspace).assign(name=lambda table: table["scan_id"].str[2:-4]).set_index("name")
        for read in (tables.read_scans, tables.read_metrics, tables.read_scores)
    ]
    return made, json.loads(said.splitlines()[-1])


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_is_a_row_with_its_reason_in_words(outcome: Outcome, name: str) -> None:
    row = outcome.scans.loc[name]
    assert row["status"] in {"unreadable", "missing"}
    assert UNREADABLE[name][1] in row["reason"]
    assert len(row["reason"]) < 160
    assert name not in outcome.metrics.index  # never due


NO_BRAIN = ("noise", "almost_empty", "tiny", "sliver", "negative", "swapped_header")


@pytest.mark.parametrize("name", NO_BRAIN)
def test_an_image_without_a_brain_is_told_so_and_gets_no_score(outcome: Outcome, name: str) -> None:
    assert "no brain could be found" in outcome.metrics.loc[name, "failure"]
    assert outcome.metrics.loc[name, list(METRICS)].isna().all()
    assert pd.isna(outcome.scores.loc[name, "distortion_score"])


@pytest.mark.parametrize("name", ["sphere", "smallest", "swapped_voxels"])
def test_an_image_that_is_no_good_head_scores_as_ruined(outcome: Outcome, name: str) -> None:
    assert pd.isna(outcome.metrics.loc[name, "failure"])
    assert outcome.scores.loc[name, "distortion_score"] > 60
    assert (
        outcome.scores.loc[name, "distortion_score"]
        > outcome.scores.loc["good", "distortion_score"]
    )


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_not_measured_has_its_reason(outcome: Outcome, name: str) -> None:
    row = outcome.metrics.loc[name]
    missing = {metric for metric in METRICS if pd.isna(row[metric])}
    if pd.isna(row["failure"]):
        assert set(json.loads(row["reasons"])) == missing
    assert "inside Tierscope" not in str(row["failure"])


@pytest.mark.parametrize("name", ["good", "inflating", "speckled"])
def test_a_good_head_among_them_is_scored(outcome: Outcome, name: str) -> None:
    assert pd.isna(outcome.metrics.loc[name, "failure"])
    assert outcome.scores.loc[name, "families_measured"] == 7
    assert outcome.scores.loc[name, "distortion_score"] < 50


@pytest.mark.parametrize(
    ("name", "word"), [("vanishes", "gone"), ("locked", "Permission"), ("changes", "changed since")]
)
def test_a_file_that_changes_after_it_was_listed_is_told(
    outcome: Outcome, name: str, word: str
) -> None:
    if name == "locked" and os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("the superuser may read everything")
    assert word in outcome.metrics.loc[name, "failure"]


def test_no_file_costs_more_memory_than_a_large_scan(outcome: Outcome) -> None:
    assert outcome.peak_gb < 1.5
