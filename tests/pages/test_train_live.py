"""Train: what a live, a failed and a waiting study show, and what people can ask for."""

import dataclasses
import os
import socket
from collections.abc import Iterator

import pytest

from curation.cohorts import frozen_cohort
from curation.storage import files, processes
from curation.storage.processes import Process
from curation.storage.workspace import Workspace
from pages.ui.shell import state
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, words
from tests.helpers.workspace_full import FullWorkspace
from training.jobs import execution_backend, launch, slurm
from training.jobs.execution_backend import Backend
from training.jobs.study_status import status
from training.studies import planned_study, runs
from training.studies.planned_study import Study

pytestmark = pytest.mark.usefixtures("few_draws")

GPU = {
    "uuid": "GPU-1",
    "name": "Made GPU",
    "memory_used_mb": 10240.0,
    "memory_total_mb": 81920.0,
    "use_percent": 87.0,
}


@pytest.fixture
def half(ours: FullWorkspace) -> Iterator[tuple[Workspace, Study]]:
    """A study that seems to run half-way."""
    own, _, made = ours
    process = workspace_full.pretend_running(made)
    yield own, made
    processes.stop(process)


def _status(made: Study, run_id: str, state_: str, **values: object) -> runs.Run:
    run = runs.find(made, run_id)
    earlier = files.read_json(run.status_path) or {}
    here = {"host": socket.gethostname(), **dataclasses.asdict(Process.of(os.getpid()))}
    files.write_json(run.status_path, earlier | here | {"state": state_} | values)
    return run


def test_a_live_study_shows_loss_speed_memory_gpu_and_time_left(half, run) -> None:
    workspace, made = half
    going = _status(
        made, "pretrain_A_seed0", "running", loss=0.4321, volumes_per_s=12.5, epoch=6, seconds=60.0
    )
    files.write_json(going.usage_path, {"memory_mb": 2048, "gpus": [GPU]})
    said = words(run("train", workspace, **{state.STUDY: made.id}))
    for part in (
        "Pretraining A, seed 0",
        "0.432",
        "12.5",
        "2.0 GB",
        "87 %",
        "Made GPU: 10 of 80 GB",
        "6 of 24",
        "3 min",
    ):
        assert part in said, part
    assert socket.gethostname() not in said  # on this machine that is no news
    execution_backend.write_backend(made, Backend("slurm"))
    assert socket.gethostname() in words(run("train", workspace, **{state.STUDY: made.id}))


def test_without_a_gpu_nothing_is_made_up(half, run) -> None:
    workspace, made = half
    going = _status(made, "pretrain_A_seed0", "running")
    files.write_json(going.usage_path, {"memory_mb": 512, "gpus": []})
    said = words(run("train", workspace, **{state.STUDY: made.id}))
    assert "no run computes on a GPU" in said


def test_a_run_that_failed_says_why_and_can_be_done_again(half, run, monkeypatch) -> None:
    workspace, made = half
    failed = _status(made, "pretrain_A_seed1", "failed", message="The disk <b>is</b> full.")
    files.write_text(failed.log_path, "first line\nTraceback: the last line\n")
    asked = []
    monkeypatch.setattr(
        launch, "retry", lambda _, study_id, names, anew: asked.append((names, anew))
    )
    page = run("train", workspace, **{state.STUDY: made.id})
    said = words(page)
    assert "Pretraining A, seed 1 failed" in [part.label for part in page.expander]
    assert "the last line" in page.code[0].value
    told = [one.value for one in page.markdown if "The disk" in one.value]
    assert len(told) == 1 and "The disk \\<b\\>is" in told[0]  # text, not markup
    assert "these follow once the rest is through" in said
    checked(button(page, "Do them again").click().run())
    assert asked == [([failed.id], False)]


def test_a_study_in_the_queue_says_so_and_can_be_taken_out(half, run) -> None:
    workspace, made = half
    ticket = {"since": 1.0, **dataclasses.asdict(Process.of(os.getpid()))}
    files.write_json(made.ticket_path, ticket)
    page = run("train", workspace, **{state.STUDY: made.id})
    assert "in the queue" in words(page)
    checked(button(page, "Take it out of the queue").click().run())
    assert status(workspace, made.id).state == "stopped"


@pytest.fixture
def frozen(own: Workspace) -> Workspace:
    frozen_cohort.freeze(own, "pool", author="tests")
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    return own


def _choose(page, label: str, value: str):
    group = next(group for group in page.button_group if group.label == label)
    return checked(group.set_value(value).run())


def test_a_sweep_and_fewer_labels_are_planned_by_their_question(frozen, run, monkeypatch) -> None:
    monkeypatch.setattr(launch, "launch", lambda *_, **__: None)
    page = _choose(run("train", frozen), "Question", "sweep")
    assert "as many at random" in words(page)
    page.multiselect[0].set_value([60, 30]).run()
    checked(button(page, "Launch the study").click().run())
    (planned,) = planned_study.list_studies(frozen)
    assert planned.name == "sweep"
    assert [arm.name for arm in planned.arms] == [
        "scratch",
        "all",
        "keep-60",
        "keep-30",
        "control-keep-60",
        "control-keep-30",
    ]


def test_slurm_is_offered_with_what_it_lacks_and_keeps_its_settings(
    frozen, run, monkeypatch
) -> None:
    monkeypatch.setattr(slurm, "lacks", lambda: "There is no Slurm on this machine.")
    page = _choose(run("train", frozen), "Where it runs", "slurm")
    assert "There is no Slurm on this machine" in words(page)
    assert button(page, "Launch the study").disabled

    monkeypatch.setattr(slurm, "lacks", lambda: None)
    launched = []
    monkeypatch.setattr(launch, "launch", lambda *_, backend, mlflow: launched.append(backend))
    page = _choose(run("train", frozen), "Where it runs", "slurm")
    fields = {field.label: field for field in page.text_input}
    fields["Partition"].set_value("gpu")
    fields["Resource of a training run"].set_value("gpu:1")
    checked(page.run())
    checked(button(page, "Launch the study").click().run())
    assert launched == [Backend("slurm", partition="gpu", gres="gpu:1")]
    assert execution_backend.remembered_backend(frozen).partition == "gpu"


def test_a_wrong_resource_is_refused_before_the_launch(frozen, run, monkeypatch) -> None:
    monkeypatch.setattr(slurm, "lacks", lambda: None)
    page = _choose(run("train", frozen), "Where it runs", "slurm")
    next(f for f in page.text_input if f.label == "Resource of a training run").set_value("a b")
    checked(page.run())
    assert "is no resource of Slurm" in words(page)
    assert button(page, "Launch the study").disabled
