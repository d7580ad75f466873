"""A workspace made by revision 26ee003, archived in ``tests/fixtures``: it opens, and its studies go on.

It holds tiny simulated heads, both cohorts, a rating, an override, a saved rule, a session, a list, a
finished study of three arms, and a study that was stopped in the middle of a pretraining.
"""

import re
import tarfile
from pathlib import Path

import pytest

from curation.cohorts import frozen_cohort
from curation.ratings import rating_log
from curation.sessions import saved_lists, session_log
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides, rule_versions
from tests.helpers.launched_studies import ended, wait
from tests.helpers.paths import ROOT
from tests.helpers.stops import StopAt
from training.jobs import launch, study_status, worker
from training.results import conclusions, study_summary
from training.studies import planned_study, runs
from training.tasks import pretrain
from training.tasks.stop_signal import Stopped

ARCHIVE = ROOT / "tests" / "fixtures" / "workspace-26ee003.tar.xz"


@pytest.fixture
def old(tmp_path: Path) -> Workspace:
    """The workspace in another place, with the paths of its images as they are there."""
    root = tmp_path / "lab"
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    workspace = Workspace.open(root)
    scans = tables.read_scans(workspace)
    here = [str(root / "images" / Path(path).name) for path in scans["path"]]
    tables.write_scans(workspace, scans.assign(path=here))
    return workspace


def _study(workspace: Workspace, name: str) -> planned_study.Study:
    return next(study for study in planned_study.list_studies(workspace) if study.name == name)


def test_its_tables_and_decisions_are_read(old: Workspace) -> None:
    scans = tables.read_scans(old)
    assert len(scans) == len(tables.read_scores(old)) == 12
    assert rating_log.list_ratings(old)["comment"].tolist() == ["clean"]
    assert overrides.list_overrides(old)["tier"].tolist() == ["C"]
    assert [rule.name for rule in rule_versions.list_rules(old)] == ["first"]
    assert len(session_log.load(old, 1).items) == 12
    assert [one.name for one in saved_lists.list_lists(old)] == ["odd ones"]
    assert {cohort.role for cohort in frozen_cohort.list_cohorts(old)} == {"pool", "target"}


def test_its_finished_study_is_finished_and_shows_its_errors(old: Workspace) -> None:
    study = _study(old, "finished")
    assert study_status.status(old, study.id).state == "finished"
    errors = study_summary.final_errors(old, study.id).set_index("arm")
    assert {"scratch", "A", "control-A"} <= set(errors.index)
    assert errors["n_subjects"].eq(6).all()


def test_what_its_models_were_calibrated_on_is_told_until_they_are_made_again(
    old: Workspace,
) -> None:
    study = _study(old, "finished")
    assert re.match("6 runs were made before Tierscope 0.4.0", conclusions.outdated([study]))
    for run in runs.runs_of(study):
        result = files.read_json(run.result_path)
        files.write_json(run.result_path, {"tierscope": "0.4.0"} | result)
    assert conclusions.outdated([study]) == ""


def _is_finished(workspace: Workspace, study: planned_study.Study) -> None:
    status = study_status.status(workspace, study.id)
    assert status.state == "finished", study.supervisor_log_path.read_text()
    assert study_summary.final_errors(workspace, study.id)["n_subjects"].eq(6).all()


def test_its_stopped_study_goes_on_where_it_was(old: Workspace) -> None:
    study = _study(old, "stopped")
    before = {run.run_id: run.epoch for run in study_status.status(old, study.id).runs}
    assert study_status.status(old, study.id).state == "stopped"
    assert before["pretrain_A_seed0"] > 0
    run = runs.find(study, "pretrain_A_seed0")
    runs.write_configs(study)
    where = ["--workspace", str(old.root), "--study", study.id]
    assert worker.main(["prepare", "--jobs", "1", *where]) == 0
    with pytest.raises(Stopped):
        pretrain.pretrain(old, study, run, StopAt(40))
    after = {run.run_id: run.epoch for run in study_status.status(old, study.id).runs}
    assert after["pretrain_A_seed0"] > before["pretrain_A_seed0"]


@pytest.mark.soak
def test_its_stopped_study_is_resumed_whole(old: Workspace) -> None:
    study = _study(old, "stopped")
    launch.resume(old, study.id)
    wait(old, study, ended, every_s=0.5)
    _is_finished(old, study)
