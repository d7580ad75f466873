"""The command line of the training side: what it plans. What it starts and stops is in test_launch.py."""

import subprocess
import sys
from dataclasses import replace

import pytest

from curation.cli import framework
from curation.cohorts import frozen_cohort
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import TierRule
from tests.helpers import pet_images, workspace_trainable
from training.__main__ import main
from training.jobs import execution_backend, launch, mlflow_log
from training.jobs.execution_backend import Backend
from training.jobs.study_status import StudyStatus, status
from training.settings import input_images
from training.settings.input_images import IMAGES
from training.settings.objectives import OBJECTIVES
from training.studies import planned_study


@pytest.fixture
def frozen(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments that name a workspace and both its cohorts; nothing is started."""
    workspace_trainable.make(workspace)
    monkeypatch.setattr(launch, "launch", lambda w, study_id, **_: status(w, study_id))
    pool = frozen_cohort.freeze(workspace, "pool", author="Ada")
    target = frozen_cohort.freeze(workspace, "target", author="Ada", role="target")
    return ["--workspace", str(workspace.root), "--cohort", pool.id, "--target", target.id]


def test_a_design_is_planned_with_its_shares(frozen: list[str], workspace: Workspace) -> None:
    assert main(["launch", *frozen, "--folds", "2", "--design", "sweep", "--percents", "50"]) == 0
    (study,) = planned_study.list_studies(workspace)
    assert [arm.name for arm in study.arms] == ["scratch", "all", "keep-50", "control-keep-50"]


def test_a_dose_is_planned_with_its_artefact_severities_and_scans(frozen, workspace) -> None:
    dose = ["--design", "dose", "--artefact", "blur", "--severities", "0.2", "0.8", "--of", "all"]
    assert main(["launch", *frozen, "--folds", "2", *dose]) == 0
    (study,) = planned_study.list_studies(workspace)
    names = [arm.name for arm in study.arms]
    assert names == ["scratch", "all", "all~blur-0.2", "all~blur-0.8"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--design", "dose", "--severities", "1.5"], "at most 1 (0.5); 1.5 came"),
        (["--design", "tiers", "--artefact", "blur"], "takes no artefact"),
        (["--design", "dose", "--of", "control-A"], "is no set of scans"),
        (["--arms", "A", "A~smudge-0.5"], "There is no artefact 'smudge'"),
        (["--arms", "A+B", "not-A+B"], "cannot be drawn"),
        (["--arms", "A", "A~blur-0.5", "--images", "pet"], "simulated for T1w alone"),
    ],
)
def test_arms_that_cannot_be_are_refused_and_nothing_is_planned(
    frozen: list[str], workspace: Workspace, capsys, arguments: list[str], told: str
) -> None:
    assert main(["launch", *frozen, "--folds", "2", *arguments]) == 2
    assert told in capsys.readouterr().err and not planned_study.list_studies(workspace)


@pytest.mark.parametrize("name", list(IMAGES))
def test_images_are_chosen_by_name(workspace: Workspace, frozen: list[str], name: str) -> None:
    heads = tables.read_scans(workspace).to_dict("records")
    pet_images.add(workspace, [pet_images.row(workspace, head) for head in heads])
    command = ["launch", *frozen, "--folds", "2", "--arms", "scratch", "--images", name]
    assert main([*command, "--preset", "smoke", "--set", "pretrain_epochs=7"]) == 0
    (study,) = planned_study.list_studies(workspace)
    assert input_images.images_of(study.preset).name == name
    assert study.preset.pretrain_epochs == 7


def test_images_that_are_not_there_are_refused_in_words(frozen: list[str], capsys) -> None:
    arms = ["--folds", "2", "--arms", "scratch"]
    assert main(["launch", *frozen, *arms, "--images", "together"]) == 2
    assert "20 of 20 scans have no PET" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_an_objective_is_chosen_by_name(frozen: list[str], workspace, capsys, name: str) -> None:
    command = ["launch", *frozen, "--folds", "2", "--arms", "scratch", "A", "--preset", "smoke"]
    assert main([*command, "--objective", name, "--set", "temperature=0.5"]) == 0
    (study,) = planned_study.list_studies(workspace)
    assert (study.preset.objective, study.preset.temperature) == (name, 0.5)
    assert ("tells each from 7 others" in capsys.readouterr().err) == OBJECTIVES[name].contrasts


def test_a_backbone_is_chosen_by_name_and_can_be_changed(frozen: list[str], workspace) -> None:
    command = ["launch", *frozen, "--folds", "2", "--arms", "scratch", "A", "--preset", "smoke"]
    assert main([*command, "--backbone", "unet", "--set", "hidden=64"]) == 0
    (study,) = planned_study.list_studies(workspace)
    assert (study.preset.backbone, study.preset.hidden) == ("unet", 64)
    assert (study.preset.decoder_hidden, study.preset.locality) == (4, 0.0)


def test_a_contrast_of_one_scan_a_step_is_refused_in_words(frozen: list[str], workspace, capsys):
    command = ["launch", *frozen, "--folds", "2", "--arms", "scratch", "A", "--preset", "smoke"]
    assert main([*command, "--objective", "contrast", "--set", "pretrain_batch=1"]) == 2
    assert "pretrain_batch must be 2 or more, not 1" in capsys.readouterr().err
    assert not planned_study.list_studies(workspace)


@pytest.mark.parametrize(
    ("preset", "asked", "tuned"),
    [
        ("smoke", [], False),
        ("smoke", ["--tune"], True),
        ("gpu-base", [], True),
        ("gpu-base", ["--no-tune"], False),
    ],
)
def test_tuning_is_what_was_asked_or_else_what_suits_the_preset(
    workspace: Workspace, frozen: list[str], capsys, preset: str, asked: list[str], tuned: bool
) -> None:
    command = ["launch", *frozen, "--folds", "4", "--arms", "scratch", "--preset", preset]
    assert main([*command, *asked]) == 0
    (study,) = planned_study.list_studies(workspace)
    assert (study.tuning is not None) == tuned
    # 6 trials in each of 4 folds
    assert ("tuning: 24 fine-tunings more" in capsys.readouterr().out) == tuned


SLURM = ["--slurm", "--partition", "gpu", "--at-once", "9"]
ON_SLURM = Backend("slurm", partition="gpu", at_once=9)


@pytest.mark.parametrize(
    ("ran", "command", "options", "runs"),
    [
        ([], "launch", [], None),
        ([], "launch", ["--stage", "/local"], Backend(stage="/local")),
        (["--cores", "3"], "resume", ["--mlflow"], Backend(cores=3)),
        (SLURM, "resume", [], None),
        (SLURM, "launch", ["--mlflow"], ON_SLURM),
        (SLURM, "resume", ["--mlflow"], ON_SLURM),
        (SLURM, "retry", ["--mlflow"], ON_SLURM),
        (SLURM, "resume", ["--at-once", "5"], replace(ON_SLURM, at_once=5)),
        (SLURM, "retry", ["--cores", "2"], replace(ON_SLURM, cores=2)),
        (SLURM, "launch", ["--beside"], replace(ON_SLURM, beside=True)),
        (SLURM, "resume", ["--stage", "$TMPDIR"], replace(ON_SLURM, stage="$TMPDIR")),
        (SLURM, "resume", ["--here"], Backend()),
        (SLURM, "retry", ["--here", "--cores", "2"], Backend(cores=2)),
        (["--cores", "3"], "resume", SLURM, ON_SLURM),
    ],
)
def test_options_that_do_not_say_where_it_runs_leave_a_study_where_it_ran(
    frozen: list[str], workspace: Workspace, monkeypatch, ran, command: str, options, runs
) -> None:
    started: list[Backend | None] = []

    def start(
        at: Workspace, study_id: str, *_, backend: Backend | None, mlflow, **__
    ) -> StudyStatus:
        started.append(backend)
        study = planned_study.load(at, study_id)
        execution_backend.write_backend(study, backend or execution_backend.backend_of(study))
        mlflow_log.track(study, mlflow_log.is_tracked(study) if mlflow is None else mlflow)
        return status(at, study_id)

    for name in ("launch", "resume", "retry"):
        monkeypatch.setattr(launch, name, start)
    monkeypatch.setattr(execution_backend, "refuse_unusable", lambda _: None)
    monkeypatch.setattr(mlflow_log, "refuse_lacking", lambda: None)
    main(["launch", *frozen, "--folds", "2", "--arms", "scratch", *ran])
    (study,) = planned_study.list_studies(workspace)
    execution_backend.remember_backend(workspace, Backend())  # another study, on this machine
    arm = ["scratch"] * (command == "retry")
    assert main([command, *frozen[:2], study.id, *arm, *options]) == 0
    assert started[1] == runs
    assert mlflow_log.is_tracked(study) == ("--mlflow" in options)
    assert main([command, *frozen[:2], study.id, *arm, "--at-once", "7"]) == 0
    assert mlflow_log.is_tracked(study) == ("--mlflow" in options)


def test_a_share_that_is_none_is_refused(frozen: list[str], capsys) -> None:
    with pytest.raises(SystemExit):
        main(["launch", *frozen, "--design", "sweep", "--percents", "100"])
    assert "between 1 and 99" in capsys.readouterr().err


def test_a_design_without_its_question_is_refused_and_nothing_is_planned(
    frozen: list[str], workspace: Workspace, capsys
) -> None:
    rule = TierRule(cutoffs=(99.0, 99.5))
    pool = frozen_cohort.freeze(workspace, "all-in-a", author="Ada", rule=rule)
    command = ["launch", *frozen, "--folds", "2", "--cohort", pool.id, "--design", "tiers"]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert (
        "12 scans in A, 0 scans in B, 0 scans in C" in told and "It can carry scratch, all" in told
    )
    assert planned_study.list_studies(workspace) == []


def test_what_is_doubtful_of_a_plan_is_noted(
    frozen: list[str], workspace: Workspace, capsys
) -> None:
    rule = TierRule(("A", "B"), (60.0,))
    pool = frozen_cohort.freeze(workspace, "most-in-a", author="Ada", rule=rule)
    arms = ["--arms", "scratch", "A", "all", "control-A", "--folds", "2"]
    assert main(["launch", *frozen, *arms]) == 0
    told = capsys.readouterr()
    assert "note:" not in told.err and "of the same size, sites and age tertiles" in told.out
    assert "scans of A are also in control-A" in told.out
    assert "Distortion scores of the pool: A " in told.out
    assert main(["launch", *frozen, *arms, "--cohort", pool.id, "--name", "other"]) == 0
    told = capsys.readouterr().err
    assert (
        "cut by different rules" in told
        and "A: 0 to under 60" in told
        and "A: 0 to under 25" in told
    )
    assert "more than half of the pool: its control shares most of the same scans" in told


def test_a_study_without_arms_is_refused_in_words(frozen: list[str], capsys) -> None:
    assert main(["launch", *frozen]) == 2
    assert "--arms (or --design)" in capsys.readouterr().err


def test_a_reader_who_wants_no_more_ends_it_quietly(
    frozen: list[str], workspace: Workspace
) -> None:
    main(["launch", *frozen, "--folds", "2", "--arms", "scratch"])
    command = [sys.executable, "-m", "training", "status", "--workspace", str(workspace.root)]
    unread = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    unread.stdout.close()
    assert (unread.stderr.read(), unread.wait()) == ("", framework.CLOSED)
    unread.stderr.close()
