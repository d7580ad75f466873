"""The demo: a study whose answer was planted beside heads that are scored, each out of the other's way."""

import subprocess
import sys
from pathlib import Path

import pytest

from curation.assessment import assess_workspace, pending
from curation.cohorts import frozen_cohort
from curation.imaging import prepared_volume
from curation.references import reference_library
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.cli import demo
from training.jobs import launch
from training.studies import planned_study, prepare_volumes
from training.world import planted
from training.world.anatomy import SHAPE
from training.world.dials import Dials


@pytest.fixture
def started(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A workspace of heads in which the demo's study was planned; the ids of the studies launched."""
    workspace_trainable.make(workspace)
    ids: list[str] = []
    monkeypatch.setattr(demo, "DIALS", Dials(pool=80, labels=8, dose=1.0, artefacts=("blur",)))
    monkeypatch.setattr(demo, "_stand_back", lambda: None)
    monkeypatch.setattr(assess_workspace, "assess", lambda workspace, **_: None)
    monkeypatch.setattr(launch, "launch", lambda workspace, study_id: ids.append(study_id))
    brain = prepared_volume.np.zeros(SHAPE, bool)
    brain[2:-2, 3:-3, 2:-2] = True
    monkeypatch.setattr(prepared_volume, "template_brain", lambda preset: brain)  # seconds
    demo.train_demo_study(workspace)
    return ids


def test_the_demo_plans_and_starts_its_study_once(workspace: Workspace, started: list[str]) -> None:
    (study_id,) = started
    study = planned_study.load(workspace, study_id)
    assert [arm.name for arm in study.arms] == ["scratch", "A", "all", "control-A"]
    assert study.analysis.primary == ("A", "all") and study.preset.name == "world"
    study.supervisor_path.write_text('{"pid": 1, "started": 0, "command": []}')
    assert demo.train_demo_study(workspace) == study_id
    assert started == [study_id]


def test_what_was_planted_is_told_of_its_study_alone(
    workspace: Workspace, started: list[str]
) -> None:
    study = planned_study.load(workspace, started[0])
    found = planted.of_cohort(workspace, study.cohort_id)
    assert found is not None and found.harm == "distorted scans harm"
    assert planted.of_cohort(workspace, "demo-pool-12345678") is None


def test_scans_of_the_world_are_on_no_list_of_heads_and_their_volumes_can_be_prepared(
    workspace: Workspace, started: list[str]
) -> None:
    study = planned_study.load(workspace, started[0])
    scans = tables.read_scans(workspace)
    assert (scans["status"] == "world").sum() == 80 + 16
    for role, count in (("pool", 12), ("target", 8)):
        assert len(tables.read_usable(workspace, role)) == count
    headers = frozen_cohort.list_cohorts(workspace)
    assert {h.size for h in headers if h.id.startswith("demo-")} == {12, 8}
    due = pending.scoring_state(workspace).due
    assert not set(due["scan_id"]) & set(scans.loc[scans["status"] == "world", "scan_id"])
    reference_library.rescore(workspace)
    assert len(tables.read_usable(workspace, "pool")) == 12
    (path,) = prepare_volumes.volume_paths(workspace, study, study.pool()["scan_id"].tolist()[:1])
    assert path.exists()


@pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(),
    reason="the processor is not shared out by sessions here",
)
@pytest.mark.parametrize("own", [True, False])
def test_the_scoring_stands_back_behind_the_study_and_never_makes_a_terminal_slow(
    own: bool,
) -> None:
    did = "import os; from training.cli import demo; demo._stand_back(); print(os.nice(0))"
    told = f"{did}; print(open('/proc/self/autogroup').read())"
    shell = f'trap : 0; {sys.executable} -c "{told}"'  # the session is the shell's
    command = [sys.executable, "-c", told] if own else ["sh", "-c", shell]
    done = subprocess.run(command, start_new_session=True, capture_output=True, text=True)
    process, session = done.stdout.splitlines()[:2]
    assert process == "19", done.stderr
    assert session.endswith("nice 19" if own else "nice 0")
