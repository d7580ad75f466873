"""Scoring a workspace: every scan gets a row, bad files too; runs resume; worker counts change nothing."""

import errno
import json
import os
import shutil
import signal
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from curation.assessment import assess_scan, assess_workspace, metric_shards
from curation.assessment.assess_workspace import AssessmentSummary, assess, due_scans
from curation.assessment.pending import progress_of
from curation.imaging import volumes
from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES
from curation.scoring.distortion_score import score
from curation.scoring.reference_population import ABOUT
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers.phantom_heads import affine, copy, fill, head


@pytest.fixture
def filled(tmp_path: Path) -> Workspace:
    """Nothing measured yet."""
    return fill(tmp_path)


@pytest.fixture
def done(measured: tuple[Workspace, AssessmentSummary, list], tmp_path: Path) -> Workspace:
    """A measured workspace of one's own."""
    return copy(measured[0], tmp_path / "copy")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, one_head: tuple) -> None:
    """Let every head measure as one does, at once: for tests of what is done around measuring."""
    monkeypatch.setattr(assess_scan, "assess_volume", lambda volume: one_head)


@pytest.fixture(scope="module")
def one_head(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    path = tmp_path_factory.mktemp("one") / "head.nii.gz"
    nib.save(nib.Nifti1Image(head(0), affine()), path)
    return assess_scan.assess_volume(volumes.conform(volumes.load(path)))


def test_every_readable_scan_gets_a_row_and_bad_files_a_reason(
    measured: tuple[Workspace, AssessmentSummary, list],
) -> None:
    workspace, summary, seen = measured
    assert (summary.assessed, summary.skipped, summary.failed) == (3, 0, 2)
    assert seen == [(done, 5) for done in range(6)]
    metrics = tables.read_metrics(workspace).set_index("scan_id")
    assert list(metrics.index) == ["s0", "s1", "s2", "s3", "s4"]
    assert "cut off" in metrics.loc["s3", "failure"]
    assert "changed" in metrics.loc["s4", "failure"]
    assert metrics.loc[["s0", "s1", "s2"], "failure"].isna().all()
    assert set(METRICS) <= set(metrics.columns)
    assert metrics.loc["s3", list(METRICS)].isna().all()
    affine = np.reshape(metrics.loc["s0", "template_affine"], (4, 4))
    assert np.abs(affine @ [0, -18, 10, 1] - [0, -18, 10, 1]).max() < 5


def test_what_kind_of_image_a_scan_is_stands_beside_its_metrics(done: Workspace) -> None:
    metrics = tables.read_metrics(done).set_index("scan_id")
    assert set(metrics["measured_by"]) == {"tierscope"}
    flags = metrics["flags"].map(json.loads)
    assert set(flags["s0"]) == {"low_resolution"}  # 4 mm
    assert set(flags["s2"]) == {"low_resolution", "not_t1w", "name_contradicted"}
    assert "T2w" in flags["s2"]["not_t1w"]
    assert flags["s3"] == {}  # nothing could be read


def test_scores_follow_from_the_metrics_and_what_is_known_of_the_scans_alone(
    done: Workspace,
) -> None:
    scores, metrics = tables.read_scores(done), tables.read_metrics(done)
    scans = tables.read_scans(done).set_index("scan_id").reindex(metrics["scan_id"])
    again = score(metrics, about=scans[list(ABOUT)].set_axis(metrics.index))
    pd.testing.assert_frame_equal(scores, again, check_dtype=False)
    scored = scores.set_index("scan_id")
    assert scored.loc["s1", "noise"] > scored.loc["s0", "noise"]
    assert scored.loc[["s3", "s4"], "distortion_score"].isna().all()
    assert set(FAMILIES) <= set(scores.columns)
    # a T2w is measured where it is asked for, and no reference of T1w holds for it
    assert "T2w" in json.loads(scored.loc["s2", "score_flags"])["no_reference"]


def test_every_scored_scan_has_a_thumbnail(done: Workspace) -> None:
    for name in ("s0", "s1", "s2"):
        assert done.preview_path(name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not done.preview_path("s3").exists()


def test_a_second_run_measures_nothing_anew(done: Workspace) -> None:
    before = tables.read_metrics(done)
    summary = assess(done)
    assert (summary.assessed, summary.skipped, summary.failed) == (0, 5, 0)
    pd.testing.assert_frame_equal(tables.read_metrics(done), before)


@pytest.mark.usefixtures("quick")
def test_an_interrupted_run_goes_on_where_it_stopped(filled: Workspace) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assess(filled, progress=stop)
    assert progress_of(filled).done == 2
    assert assess(filled).skipped == 2
    assert progress_of(filled).done == 5


def test_a_changed_file_is_measured_again(done: Workspace, tmp_path: Path) -> None:
    scans = tables.read_scans(done)
    path = tmp_path / "new.nii.gz"
    nib.save(nib.Nifti1Image(head(50, 40), affine()), path)
    scans.loc[scans["scan_id"] == "s0", ["path", "sha256"]] = [str(path), files.sha256_of(path)]
    tables.write_scans(done, scans)
    before = tables.read_metrics(done).set_index("scan_id").loc["s0", "noise_wm"]
    assert assess(done).assessed == 1
    assert tables.read_metrics(done).set_index("scan_id").loc["s0", "noise_wm"] > 2 * before


@pytest.mark.usefixtures("quick")
def test_only_the_named_scans_are_measured(filled: Workspace) -> None:
    assert assess(filled, scan_ids=["s1"]).assessed == 1
    progress = progress_of(filled)
    assert (progress.done, progress.total, progress.failed) == (1, 5, 0)


@pytest.mark.parametrize(
    ("heads", "jobs"),
    [(2, 2), *(pytest.param(5, jobs, marks=pytest.mark.soak) for jobs in (2, 3, 5))],
)
def test_worker_counts_change_no_bit(done: Workspace, heads: int, jobs: int) -> None:
    alone = tables.read_metrics(done).drop(columns="seconds").head(heads)
    shutil.rmtree(done.metrics_dir)
    assess(done, jobs=jobs, scan_ids=list(alone["scan_id"]))
    together = tables.read_metrics(done).drop(columns="seconds")
    pd.testing.assert_frame_equal(alone, together, check_exact=True)


@pytest.mark.usefixtures("quick")
def test_a_file_that_was_gone_is_measured_when_it_is_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "scan.nii.gz"
    nib.save(nib.Nifti1Image(head(0), affine()), path)
    row = {"scan_id": "s", "path": str(path), "sha256": files.sha256_of(path), "status": "ok"}
    tables.write_scans(workspace, pd.DataFrame([row | {"simulated": True}]))
    away = path.rename(tmp_path / "away")
    assert assess(workspace).failed == 1
    assert "gone" in tables.read_metrics(workspace)["failure"][0]
    assert assess(workspace).skipped == 1
    away.rename(path)
    assert assess(workspace).assessed == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("trouble", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_a_failure_of_the_moment_is_tried_again_and_one_of_the_file_when_asked(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fails(_path: Path) -> str:
        raise trouble

    with monkeypatch.context() as patched:
        patched.setattr(files, "sha256_of", fails)
        assert assess(filled).failed == 5
        progress = progress_of(filled)
        assert (progress.done, progress.failed, progress.again) == (5, 5, 5)
    summary = assess(filled)
    assert (summary.assessed, summary.skipped, summary.failed) == (3, 0, 2)
    summary = assess(filled)
    assert (summary.assessed, summary.skipped, summary.failed_before) == (0, 5, 2)
    assert progress_of(filled).again == 0
    summary = assess(filled, again=True)
    assert (summary.assessed, summary.skipped, summary.failed) == (0, 3, 2)


#: What stood in the tables of earlier versions, and whether the next pass tries it again.
FAILURES = {
    "the file cannot be opened: Permission denied": True,
    "the file cannot be read: Input/output error": True,
    "the process that measured it was ended by the system: perhaps for want of memory": True,
    "an error inside Tierscope: ZeroDivisionError('x')": True,
    "the file is cut off: 5 of 10 voxels are there; copy or download it again": False,
    "the file has changed since it was ingested; ingest it again": False,
    "no brain could be found: nothing in this image agrees with one": False,
    "this is not a NIfTI image, whatever its name says": False,
}


def test_which_failures_of_earlier_versions_are_tried_again(done: Workspace) -> None:
    scans = tables.read_scans(done).query("status == 'ok'").head(1)
    rows = pd.concat([scans.assign(scan_id=f"f{n}") for n in range(len(FAILURES))])
    tables.write_scans(done, rows)
    sha256 = scans["sha256"].iloc[0]
    made = [
        assess_scan.empty_row(scan_id, sha256) | {"failure": failure}
        for scan_id, failure in zip(rows["scan_id"], FAILURES, strict=True)
    ]
    metric_shards.write(done.metrics_dir / "part-older.parquet", pd.DataFrame(made))
    due = [failure for failure, again in FAILURES.items() if again]
    assert [made[int(scan_id[1:])]["failure"] for scan_id in _due(done)] == due


def _due(workspace: Workspace) -> list[str]:
    return assess_workspace.due_scans(workspace)["scan_id"].tolist()


def test_what_failed_before_is_tried_last(done: Workspace) -> None:
    scans = tables.read_scans(done)
    late = scans[scans["scan_id"] == "s2"].assign(scan_id="s9")
    tables.write_scans(done, pd.concat([scans, late]))
    made = assess_scan.empty_row("s1", scans.set_index("scan_id")["sha256"]["s1"])
    failure = assess_scan.ENDED  # whatever ends its process again shall not hold up the others
    metric_shards.write(
        metric_shards.shard_path(done, "s1"), pd.DataFrame([made | {"failure": failure}])
    )
    assert _due(done) == ["s9", "s1"]


def test_a_pipe_that_was_a_file_is_not_waited_for(filled: Workspace) -> None:
    path = Path(tables.read_scans(filled).set_index("scan_id")["path"]["s0"])
    path.unlink()
    os.mkfifo(path)
    assert assess(filled, scan_ids=["s0"]).failed == 1
    assert "no longer a file" in tables.read_metrics(filled)["failure"][0]


def test_a_scan_that_ends_its_process_becomes_a_row_and_the_others_are_measured(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assess_workspace, "_assess_to_shard", _dies_on_s1)
    summary = assess(filled, jobs=2)
    assert (summary.assessed, summary.failed) == (4, 1)
    failures = tables.read_metrics(filled).set_index("scan_id")["failure"]
    assert "ended by the system" in failures["s1"]


def _dies_on_s1(task: tuple) -> str | None:
    if task[1] == "s1":
        os.kill(os.getpid(), signal.SIGKILL)
    metric_shards.write(task[-1], pd.DataFrame([assess_scan.empty_row(*task[1:3])]))
    return None


def test_what_is_written_while_parts_are_gathered_is_kept(
    done: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def row(seconds: float) -> None:
        made = assess_scan.empty_row("s9", "0" * 64) | {"seconds": seconds}
        metric_shards.write(metric_shards.shard_path(done, "s9"), pd.DataFrame([made]))

    def read(workspace: Workspace) -> pd.DataFrame:
        table = read_metrics(workspace)
        row(2.0)  # another batch writes this scan anew, after its part was read
        return table

    read_metrics = tables.read_metrics
    row(1.0)
    monkeypatch.setattr(tables, "read_metrics", read)
    metric_shards.compact(done)
    monkeypatch.undo()
    assert tables.read_metrics(done).set_index("scan_id").loc["s9", "seconds"] == 2.0
    assert len(tables.read_metrics(done)) == 6


@pytest.mark.parametrize("hours", [-48, 48])
def test_which_measurement_is_newest_does_not_depend_on_clocks(
    done: Workspace, hours: float
) -> None:
    made = assess_scan.empty_row("s0", "f" * 64)
    own = metric_shards.shard_path(done, "s0")
    metric_shards.write(own, pd.DataFrame([made]))
    moment = own.stat().st_mtime + 3600 * hours  # of another machine, or after the clock was set
    os.utime(own, (moment, moment))
    for _ in range(2):
        assert tables.read_metrics(done).set_index("scan_id").loc["s0", "sha256"] == "f" * 64
        metric_shards.compact(done)
        assert not own.exists()


def test_parts_of_an_older_tierscope_are_read_and_measured_anew(done: Workspace) -> None:
    (part,) = done.metrics_dir.glob("part-*.parquet")
    old = pd.read_parquet(part).drop(columns=["measured_by", "flags", "noise_wm"])
    files.write_parquet(part, old.assign(metrics_version=0))
    metrics = tables.read_metrics(done)
    assert set(metrics["measured_by"]) == {"tierscope"}
    assert set(metrics["flags"]) == {"{}"}
    assert progress_of(done).done == 0


def test_scans_that_an_earlier_version_measured_are_measured_anew(done: Workspace) -> None:
    (part,) = done.metrics_dir.glob("part-*.parquet")
    old = pd.read_parquet(part)
    before = progress_of(done).done
    first = old["scan_id"] == "s0"
    files.write_parquet(part, old.assign(metrics_version=old["metrics_version"].where(~first, 6)))
    assert progress_of(done).done == before - 1
    assert "s0" in set(due_scans(done)["scan_id"])


def test_parts_with_other_columns_and_types_are_read_as_one_table(done: Workspace) -> None:
    older = {"scan_id": "s7", "sha256": "0" * 64, "metrics_version": 1.0, "failure": None, "cjv": 1}
    files.write_parquet(done.metrics_dir / "part-older.parquet", pd.DataFrame([older]))
    before = tables.read_metrics(done).set_index("scan_id")
    assert (before.loc["s7", "cjv"], before.loc["s7", "flags"]) == (1, "{}")
    assert pd.isna(before.loc["s7", "failure"])
    metric_shards.compact(done)
    pd.testing.assert_frame_equal(
        tables.read_metrics(done).set_index("scan_id"), before, check_dtype=False
    )


def test_scans_without_an_image_are_never_due(workspace: Workspace) -> None:
    row = {"scan_id": "imported", "sha256": "0" * 64, "status": "table", "simulated": False}
    tables.write_scans(workspace, pd.DataFrame([row]))
    assert assess_workspace.due_scans(workspace).empty
    assert assess(workspace).assessed == 0


@pytest.mark.usefixtures("quick")
def test_an_error_inside_one_scan_does_not_end_the_batch(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = assess_scan.assess_volume

    def breaks_once(volume):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(assess_scan, "assess_volume", real)
        raise ZeroDivisionError("for the test")

    monkeypatch.setattr(assess_scan, "assess_volume", breaks_once)
    summary = assess(filled)
    assert (summary.assessed, summary.failed) == (2, 3)
    failures = tables.read_metrics(filled).set_index("scan_id")["failure"]
    assert failures.str.contains("ZeroDivisionError", na=False).sum() == 1
    assert assess(filled).assessed == 1


def test_scoring_removes_what_killed_processes_left(workspace: Workspace) -> None:
    left = [
        workspace.root / ".scans.parquet.a.tmp",
        workspace.metrics_dir / ".part-a.parquet.b.tmp",
    ]
    workspace.metrics_dir.mkdir()
    for path in left:
        path.touch()
        os.utime(path, (0, 0))
    assess(workspace)
    assert not any(path.exists() for path in left)


def test_an_empty_workspace_has_nothing_to_do(workspace: Workspace) -> None:
    assert assess(workspace).assessed == 0
    assert progress_of(workspace).total == 0
    assert tables.read_scores(workspace).empty


def test_the_finished_parts_lie_in_one_file(done: Workspace) -> None:
    assert len(list(done.metrics_dir.glob("part-*.parquet"))) == 1


def test_raw_scans_of_ds000011_score_low(workspace: Workspace, shared_data: Path) -> None:
    path = shared_data / "ds000011" / "sub-03" / "anat" / "sub-03_T1w.nii.gz"
    row = {"scan_id": "real", "path": str(path), "sha256": files.sha256_of(path), "status": "ok"}
    tables.write_scans(workspace, pd.DataFrame([row | {"simulated": False}]))
    assert assess(workspace).assessed == 1
    scores = tables.read_scores(workspace).iloc[0]
    assert scores["families_measured"] == 7
    assert scores["distortion_score"] < 20
