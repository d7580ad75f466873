import pytest

from curation.assessment import assess_workspace
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.cli import studies
from training.jobs import launch
from training.studies import planned_study


def test_the_demo_plans_and_starts_its_study_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_trainable.make(workspace)
    started: list[str] = []
    monkeypatch.setattr(assess_workspace, "assess", lambda workspace, **_: None)
    monkeypatch.setattr(launch, "launch", lambda workspace, study_id: started.append(study_id))
    study_id = studies.train_demo_study(workspace)
    planned = planned_study.load(workspace, study_id)
    assert [arm.name for arm in planned.arms] == ["scratch", "A", "all", "control-A"]
    assert planned.preset.name == "smoke"
    assert started == [study_id]
    planned.supervisor_path.write_text('{"pid": 1, "started": 0, "command": []}')
    assert studies.train_demo_study(workspace) == study_id
    assert started == [study_id]
