"""Volumes staged on a local disk: the same numbers, whatever happens to that disk."""

import errno
import os
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from curation.errors import StudyError
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import execution_backend, supervisor, worker
from training.jobs.execution_backend import Backend
from training.tasks import batches, staging
from training.tasks.batches import Volumes

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(staging.ENVIRONMENT_VARIABLE, "")
    monkeypatch.setattr(batches, "HELD_BYTES", 0)
    staging._stage.cache_clear()
    staging.use(str(tmp_path / "local"))
    yield tmp_path / "local"
    staging._stage.cache_clear()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{number}.npy" for number in range(4)]
    for number, path in enumerate(made):
        np.save(path, np.full((4, 5, 4), number, np.float16))
    return made


def _values(paths: list[Path]) -> list[float]:
    return Volumes(paths).batch(range(len(paths)))[:, 0, 0, 0, 0].tolist()


def test_volumes_are_copied_once_and_read_from_there(stage: Path, paths: list[Path]) -> None:
    assert _values(paths) == [0, 1, 2, 3]
    assert sorted(path.name for path in stage.iterdir()) == [path.name for path in paths]
    np.save(stage / "2.npy", np.full((4, 5, 4), 7, np.float16))
    assert _values(paths) == [0, 1, 7, 3]


def test_a_copy_that_was_cut_off_is_made_again(stage: Path, paths: list[Path]) -> None:
    stage.joinpath("1.npy").write_bytes(
        paths[1].read_bytes()[:150]
    )  # a node that died while copying
    assert _values(paths) == [0, 1, 2, 3]
    assert stage.joinpath("1.npy").read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("full", ["before", "while"])
def test_a_full_local_disk_is_told_and_all_goes_on(
    stage: Path,
    paths: list[Path],
    full: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if full == "before":
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 2**40, 2**20))
    else:
        monkeypatch.setattr(shutil, "copyfile", _no_space)
    assert _values(paths) == [0, 1, 2, 3]
    assert list(stage.iterdir()) == []
    assert len(caplog.messages) == 1
    assert "are read from the workspace" in caplog.text


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_local_disk_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    tmp_path.joinpath("file").write_text("no folder")
    with pytest.raises(StudyError, match=r"cannot be staged in .*Name a folder of a local disk"):
        staging.Stage(tmp_path / "file" / "local")


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("$NO_SUCH_DISK/volumes", "a variable in it is not set here"),
        ("$PWD/${NO_SUCH_DISK}", "a variable in it is not set here"),
        ("volumes", "it does not begin at /"),
        ("~/volumes", "it does not begin at /"),
    ],
)
def test_a_folder_that_would_lie_where_the_job_runs_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, why: str
) -> None:
    """A job on a cluster runs in the workspace, on the shared disk."""
    monkeypatch.setenv(staging.ENVIRONMENT_VARIABLE, "")
    monkeypatch.delenv("NO_SUCH_DISK", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    staging._stage.cache_clear()
    with pytest.raises(StudyError, match=rf"cannot be staged in .*: {why}\. .*--stage"):
        staging.use(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_volume_that_was_cut_off_is_named_with_what_to_do(paths: list[Path]) -> None:
    paths[1].write_bytes(paths[1].read_bytes()[:150])
    with pytest.raises(StudyError, match=r"1\.npy.*Delete this file and resume"):
        Volumes(paths).batch([0, 1])


def test_where_the_workspaces_volume_is_cut_off_it_is_named_and_not_its_copy(
    stage: Path, paths: list[Path]
) -> None:
    whole = paths[1].read_bytes()
    paths[1].write_bytes(whole[:150])
    with pytest.raises(StudyError) as told:
        Volumes(paths).batch([0, 1])
    assert str(paths[1]) in str(told.value) and str(stage) not in str(told.value)
    paths[1].write_bytes(whole)  # it was deleted, as is advised, and prepared again
    staging._stage.cache_clear()
    assert _values(paths) == [0, 1, 2, 3]


def test_a_damaged_copy_of_a_whole_volume_harms_nothing(stage: Path, paths: list[Path]) -> None:
    assert _values(paths) == [0, 1, 2, 3]
    copy = stage / "1.npy"
    copy.write_bytes(bytes(copy.stat().st_size))
    assert _values(paths) == [0, 1, 2, 3]


def test_jobs_are_told_where_and_the_numbers_are_the_same(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace_trainable.make(workspace)
    monkeypatch.setenv(staging.ENVIRONMENT_VARIABLE, "")
    monkeypatch.setenv("NODE_DISK", str(tmp_path / "node"))
    staging._stage.cache_clear()
    study = workspace_trainable.plan(workspace)
    staged = Backend(stage="$NODE_DISK/volumes")
    assert "stage=$NODE_DISK/volumes" in supervisor.command(workspace, study, staged, [])
    execution_backend.write_backend(study, staged)
    assert execution_backend.backend_of(study) == staged
    plain, found = Backend(), []
    assert not any("stage=" in one for one in supervisor.command(workspace, study, plain, []))
    job = ["--workspace", str(workspace.root), "--study", study.id]
    for stage in ("$NODE_DISK/volumes", ""):
        one = workspace_trainable.plan(workspace, name=f"staged-{bool(stage)}")
        worker.runs.write_configs(one)
        run = [*job[:-1], one.id, "--run", "pretrain_A_seed0"]
        assert worker.main(["pretrain", *run, "--stage", stage]) == 0
        weights = worker.runs.find(one, "pretrain_A_seed0").model_path
        found.append(torch.load(weights, weights_only=True))
    assert len(list((tmp_path / "node" / "volumes").iterdir())) > 0
    assert all(torch.equal(found[0][name], value) for name, value in found[1].items())
