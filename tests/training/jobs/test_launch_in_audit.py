"""Who started a study, or runs of it again, stands in the audit; stopping what does not run does not."""

import getpass
from pathlib import Path

import pytest

from curation.decisions import audit_trail
from tests.helpers import workspace_full
from training.jobs import launch


def test_starting_and_doing_again_leave_a_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_full.make(tmp_path / "w")
    finished, half = workspace_full.add_studies(workspace)
    monkeypatch.setattr(launch, "_start", lambda *args, **named: None)
    launch.launch(workspace, finished.id)  # is finished, and left as it is
    launch.launch(workspace, half.id)
    launch.retry(workspace, half.id, ["A"])
    launch.stop(workspace, half.id)
    told = audit_trail.history(workspace)
    told = told[told["subject"].isin([finished.id, half.id])]
    assert told["what"].tolist() == ["runs started again", "study started"]
    assert set(told["who"]) == {getpass.getuser()} and set(told["subject"]) == {half.id}
    assert "runs: A; how: from where they were" in told["detail"].iloc[0]
