import json
from dataclasses import asdict
from pathlib import Path

import pytest

from curation.assessment import snakemake_profiles
from curation.errors import ProfileError, StudyError
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import execution_backend, launch, slurm, supervisor
from training.jobs.execution_backend import Backend
from training.studies.planned_study import Study


@pytest.fixture
def study(workspace: Workspace) -> Study:
    return workspace_trainable.plan(workspace_trainable.make(workspace))


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put commands of Slurm in the way of this machine's own."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")

    def put(name: str, said: str = "") -> None:
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
        program.chmod(0o755)

    return put


def _profile(study: Study, backend: Backend) -> dict:
    folder = execution_backend.snakemake_profile(study, backend)
    assert folder is not None
    return json.loads((folder / "config.yaml").read_text())


def test_what_is_asked_of_slurm_stands_in_the_profile(study: Study, commands) -> None:
    commands("scontrol", "AccountingStorageType   = accounting_storage/slurmdbd")
    profile = _profile(
        study,
        Backend("slurm", partition="gpu", account="lab", hours=1.5, memory_gb=8, gres="gpu:a100:1"),
    )
    assert profile["executor"] == "slurm"
    assert profile["default-resources"] == {
        "mem_mb": 8000,
        "runtime": 90,
        "slurm_partition": "gpu",
        "slurm_account": "lab",
    }
    assert profile["set-resources"] == {
        "pretrain": {"gres": "gpu:a100:1"},
        "finetune": {"gres": "gpu:a100:1"},
    }
    assert profile["slurm-status-command"] == "sacct"


@pytest.mark.parametrize("kind", ["accounting_storage/none", "(null)"])
def test_where_slurm_keeps_no_accounts_its_queue_is_asked(study, commands, kind: str) -> None:
    commands("scontrol", f"AccountingStorageType   = {kind}")
    profile = _profile(study, Backend("slurm"))
    assert profile["slurm-status-command"] == "squeue"
    assert set(profile["default-resources"]) == {"mem_mb", "runtime"}


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A profile that runs a program of its own as soon as Snakemake reads it."""
    folder = tmp_path / "evil"
    folder.mkdir()
    run = f"__import__('os').system('touch {tmp_path}/ran') + 100"
    (folder / "config.yaml").write_text(f'cores: 1\ndefault-resources:\n  - "mem_mb={run}"\n')
    return folder


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a profile that was set up, by the name 'lab'."""
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "config.yaml").write_text("jobs: 2\n")
    monkeypatch.setenv(snakemake_profiles.ENVIRONMENT_VARIABLE, f"lab:{folder}")
    return folder


def test_on_this_machine_there_is_no_profile_and_one_is_found_by_its_name(study, lab) -> None:
    assert execution_backend.snakemake_profile(study, Backend()) is None
    assert execution_backend.snakemake_profile(study, Backend("profile", profile="lab")) == lab


def test_no_path_becomes_a_profile_be_it_asked_for_or_stored(
    study: Study, workspace: Workspace, lab: Path, evil: Path
) -> None:
    backend = Backend("profile", profile=str(evil))
    with pytest.raises(ProfileError, match=r"no Snakemake profile named .*there is: lab"):
        launch.launch(workspace, study.id, backend=backend)
    execution_backend.write_backend(
        study, backend
    )  # as an older Tierscope did, or whoever may write there
    execution_backend.remember_backend(workspace, backend)
    assert execution_backend.backend_of(study) == backend
    assert "evil" in execution_backend.remembered_backend(workspace).words
    with pytest.raises(ProfileError, match="TIERSCOPE_PROFILES"):
        launch.resume(workspace, study.id)
    with pytest.raises(ProfileError, match="TIERSCOPE_PROFILES"):
        supervisor.command(workspace, study, execution_backend.backend_of(study), [])
    assert not (evil.parent / "ran").exists()


def test_a_place_survives_being_written_down_and_is_offered_the_next_time(study, workspace) -> None:
    backend = Backend("slurm", partition="long", gres="gpu:1", at_once=3)
    assert execution_backend.backend_of(study) == Backend()
    execution_backend.write_backend(study, backend)
    assert execution_backend.backend_of(study) == backend
    assert execution_backend.remembered_backend(workspace) == Backend()
    execution_backend.remember_backend(workspace, backend)
    assert execution_backend.remembered_backend(workspace) == backend
    assert Backend.from_dict(asdict(backend) | {"unknown": 1}) == backend
    execution_backend.remember_backend(workspace, Backend(cores=2, beside=True))
    known = execution_backend.remembered_backend(workspace)
    assert (known.kind, known.cores, known.beside) == ("here", 2, False)
    assert (known.partition, known.gres, known.at_once) == ("long", "gpu:1", 3)


def test_what_snakemake_is_told_of_each_place(study: Study, workspace, commands, lab) -> None:
    commands("scontrol")

    def told(backend: Backend) -> str:
        return " ".join(supervisor.command(workspace, study, backend, ["../result.json"]))

    here = told(Backend(cores=3))
    assert "--cores 3" in here
    assert "slots=3" in here
    assert " --profile" not in here
    slurm = told(Backend("slurm"))
    assert f"--profile {study.folder}/workflow/profile" in slurm
    assert "slots=0 gpus=0" in slurm
    assert "--cores" not in slurm
    assert f"--profile {lab}" in told(Backend("profile", profile="lab"))
    assert "../result.json" in slurm
    assert "--workflow-profile none" in here  # none that lies in the folder that someone is in


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "cloud"}, "one of here, slurm, profile"),
        ({"partition": "a b"}, "no name of a Slurm partition"),
        ({"account": "x;rm"}, "no name of a Slurm account"),
        ({"gres": "gpu:1 --wrap"}, "no resource of Slurm"),
        ({"hours": 0}, "above 0"),
        ({"hours": float("inf")}, "above 0"),
        ({"at_once": 0}, "above 0"),
        ({"cores": 0}, "one processor core"),
    ],
)
def test_a_place_that_cannot_be_is_refused_in_words(values: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        Backend(**values)


def test_what_slurm_lacks_is_said_before_anything_starts(commands, monkeypatch, tmp_path) -> None:
    commands("sbatch")
    assert slurm.lacks() is None
    monkeypatch.setattr(slurm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match="plugin"):
        execution_backend.refuse_unusable(Backend("slurm"))
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(StudyError, match="sbatch is not found"):
        execution_backend.refuse_unusable(Backend("slurm"))
