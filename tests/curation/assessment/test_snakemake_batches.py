"""Batches by Snakemake: the same numbers as one process, only what is left, nothing beside the workspace."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from curation.assessment import snakemake_batches
from curation.assessment.assess_workspace import assess_batch, due_scans
from curation.assessment.pending import Batch
from curation.errors import TierscopeError
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers.phantom_heads import copy


@pytest.fixture
def alone(measured: tuple) -> Workspace:
    """Measured by one process, in one go."""
    return measured[0]


@pytest.fixture
def unmeasured(alone: Workspace, tmp_path: Path) -> Workspace:
    """The same scans, nothing measured yet, in a folder with a difficult name."""
    return copy(alone, tmp_path / "a {b} 'c' ü", measured=False)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, which must stay empty."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert list(folder.iterdir()) == []


def values(workspace: Workspace) -> pd.DataFrame:
    return tables.read_metrics(workspace).drop(columns="seconds")


@pytest.mark.soak  # shares that come together: test_assess_workspace.py
def test_three_batches_after_an_interruption_make_the_numbers_of_one_process(
    alone: Workspace, unmeasured: Workspace, elsewhere: Path
) -> None:
    # a batch that died after its first scan
    batch = next(b for k in (1, 2, 3) if len(_due(unmeasured, b := Batch(k, 3))) > 1)
    with pytest.raises(KeyboardInterrupt):
        assess_batch(unmeasured, batch, progress=_stop_after_one)
    left = len(due_scans(unmeasured))
    assert left == 4
    assert not unmeasured.scores_path.exists()  # gathering does that

    done = snakemake_batches.run(unmeasured, 3, cores=2)
    assert (done.measured, done.left, done.complete) == (left, 0, True)
    pd.testing.assert_frame_equal(values(unmeasured), values(alone), check_exact=True)
    pd.testing.assert_frame_equal(
        tables.read_scores(unmeasured), tables.read_scores(alone), check_exact=True
    )
    assert len(list(unmeasured.metrics_dir.glob("part-*"))) == 1
    assert snakemake_batches.run(unmeasured, 3).measured == 0


def _due(workspace: Workspace, batch: Batch) -> pd.DataFrame:
    due = due_scans(workspace)
    return due[batch.holds(due["scan_id"])]


def _stop_after_one(done: int, _total: int) -> None:
    if done == 1:
        raise KeyboardInterrupt


def test_a_batch_that_fails_leaves_a_log_and_the_others_their_scores(
    unmeasured: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snakemake_batches, "_run", lambda command: 1)
    done = snakemake_batches.run(unmeasured, 2)
    assert not done.complete
    assert "5 left; run the same command to go on" in str(done)


def test_two_calls_at_once_are_refused(workspace: Workspace) -> None:
    with (
        files.lock(workspace.batches_dir / "lock"),
        pytest.raises(TierscopeError, match="already"),
    ):
        snakemake_batches.run(workspace, 2)


def test_a_path_is_no_profile_whatever_lies_there(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("executor: slurm\n")
    with pytest.raises(TierscopeError, match="TIERSCOPE_PROFILES"):
        snakemake_batches.run(workspace, 2, profile=str(tmp_path))
