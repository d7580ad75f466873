"""Where a study stands, as lines on a terminal."""

import time

from curation import durations
from curation.workspace import Workspace
from training import standing
from training.standing import StudyStatus


def print_status(study_id: str, status: StudyStatus, *, runs: bool = False) -> None:
    """Print where a study stands, and where each of its runs does."""
    left = "" if status.eta_s is None else f", about {durations.in_words(status.eta_s)} left"
    print(
        f"{study_id}: {status.state}, {status.fraction:.0%}, "
        f"{status.done} of {status.total} runs finished{left}"
    )
    if status.message:
        print(f"  {status.message}")
    for run in status.runs if runs else []:
        numbers = [f"loss {run.loss:.3f}"] if run.loss is not None else []
        if run.age_mae_years is not None:
            numbers.append(f"age error {run.age_mae_years:.2f} years")
        text = ", ".join(numbers + [run.message] * bool(run.message))
        print(f"  {run.state:9} {run.epoch:4}/{run.epochs} epochs  {run.run_id:36} {text}")


def follow(workspace: Workspace, study_id: str) -> int:
    """Print it again and again until the study ends; return 0 where it finished, else 1."""
    while (status := standing.status(workspace, study_id)).going:
        time.sleep(2)
        print_status(study_id, status)
    print_status(study_id, status, runs=True)
    return 0 if status.state == "finished" else 1
