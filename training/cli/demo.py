"""Command ``demo-study``: a study with a planted answer, and the scores of the demo's heads."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

from curation.cli import framework
from curation.cli.framework import Command
from curation.cohorts import frozen_cohort
from curation.storage import processes
from curation.storage.processes import Process
from curation.storage.workspace import Workspace
from training.cli import world
from training.cli.studies import follow, print_status
from training.jobs import launch
from training.jobs.study_status import status
from training.world import world_workspace
from training.world.dials import Dials

#: What is planted: two of three scans to pretrain on are distorted, and that harms.
DIALS = Dials(pool=400, dose=1.0)
#: Encoders of one arm differ by most of a year: with half as many the harm stays unresolved.
SEEDS = (0, 1, 2, 3, 4, 5)
#: A network half as wide as the preset's, pretrained for little more than half as long: it gains less by
#: pretraining, and finds the harm within minutes.
OVERRIDES = {
    "hidden": 48,
    "mlp": 96,
    "masking_ratio": 0.8,
    "pretrain_lr": 8e-3,
    "pretrain_epochs": 6,
}
NAME = "planted"
AUTHOR = "Tierscope demo"
#: How far the scoring of heads stands back behind the study.
_BEHIND = 19
_SESSION = Path("/proc/self/autogroup")


def train_demo_study(workspace: Workspace) -> str:
    """Plant a world and start the study in it, then score the demo's heads; return the study's id.

    The study runs in the background, and its curves wait for no score. What is there already is not made
    again, so it may be interrupted and called again.
    """
    from curation.assessment import assess_workspace  # brings what measures scans

    study_id = start_planted(workspace)
    _stand_back()
    with framework.bar("scoring") as progress:
        assess_workspace.assess(workspace, jobs=os.cpu_count() or 1, progress=progress)
    frozen_cohort.freeze(workspace, "demo-pool", author=AUTHOR)
    frozen_cohort.freeze(workspace, "demo-target", author=AUTHOR, role="target")
    return study_id


def start_planted(workspace: Workspace) -> str:
    """Make a world beside the demo's heads, plan a study in it and launch it; return its id."""
    planted = world_workspace.make(workspace.root / "world", DIALS)
    pool, target = world_workspace.lend(planted, workspace)
    study = world.plan_on(workspace, pool, target, name=NAME, seeds=SEEDS, overrides=OVERRIDES)
    if status(workspace, study.id).state == "planned":
        launch.launch(workspace, study.id)
    return study.id


def _stand_back() -> None:
    """Take what the study leaves of the processor.

    Where Linux shares it out by sessions (sched(7), *autogroup*), a process is nice to its own session alone;
    so the session is made nice, if it is our own and no terminal's.
    """
    os.nice(_BEHIND)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # not every kernel does, and none but Linux
            _SESSION.write_text(str(_BEHIND))


def start_demo_study(workspace: Workspace) -> Process:
    """Do all of it in a background process; one that runs already is left alone."""
    state = workspace.tasks_dir / "demo-study.json"
    return processes.running(state) or processes.start(
        [sys.executable, "-m", "training", "demo-study", "--workspace", str(workspace.root)],
        log=workspace.tasks_dir / "demo-study.log",
        state=state,
        environment={"PYTHONPATH": launch.import_path()},
    )


def _add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--detach", action="store_true", help="do all of it in the background")
    command.add_argument("--follow", action="store_true", help="show the study until it ends")


def _run(chosen: argparse.Namespace) -> int:
    workspace = Workspace.open(chosen.workspace)
    if chosen.detach:
        start_demo_study(workspace)
        print("In the background a study with a planted answer begins, and the heads are scored.")
        return 0
    study_id = train_demo_study(workspace)
    print_status(study_id, status(workspace, study_id))
    return follow(workspace, study_id) if chosen.follow else 0


DEMO_COMMAND = Command(
    "demo-study",
    "plant a world beside the demo's heads, start its study, and score the heads",
    _run,
    _add_options,
)
