"""The demo's small study: score what is not scored, freeze both cohorts, plan and launch."""

import os
import sys

from curation import background, cohorts, terminal
from curation.background import Process
from curation.workspace import Workspace
from training import launch
from training import study as studies
from training.arms import ALL, SCRATCH, available_arms
from training.standing import status

NAME = "demo"
AUTHOR = "Tierscope demo"
SEEDS = [0, 1]
FOLDS = 3


def train_demo_study(workspace: Workspace) -> str:
    """Do all of it in this process (the study itself runs in the background) and return the study's id.

    What is there already is not made again, so it may be interrupted and called again.
    """
    from curation import assess  # brings SimpleITK: not for 'status' and the pages

    with terminal.bar("scoring") as progress:
        assess.assess(workspace, jobs=os.cpu_count() or 1, progress=progress)
    pool = cohorts.freeze(workspace, "demo-pool", author=AUTHOR)
    target = cohorts.freeze(workspace, "demo-target", author=AUTHOR, role="target")
    names = [arm.name for arm in available_arms(pool)]
    best = next((name for name in names if name not in (SCRATCH, ALL)), None)
    wanted = [SCRATCH, best, ALL, f"control-{best}"]
    planned = studies.plan(
        workspace,
        name=NAME,
        cohort_id=pool.id,
        target_id=target.id,
        arms=[name for name in wanted if name in names],
        seeds=SEEDS,
        folds=FOLDS,
        preset="smoke",
    )
    if status(workspace, planned.id).state == "planned":
        launch.launch(workspace, planned.id)
    return planned.id


def start_demo_study(workspace: Workspace) -> Process:
    """Do all of it in a background process; one that runs already is left alone."""
    state = workspace.tasks_dir / "demo-study.json"
    return background.running(state) or background.start(
        [sys.executable, "-m", "training", "demo-study", "--workspace", str(workspace.root)],
        log=workspace.tasks_dir / "demo-study.log",
        state=state,
        environment={"PYTHONPATH": launch.import_path()},
    )
