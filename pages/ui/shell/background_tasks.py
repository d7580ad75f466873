"""Background tasks: commands of the command line, started, watched and stopped from a page."""

import os
import re
import sys
import time
from pathlib import Path

from curation.access import acting, guard
from curation.access.actions import Action
from curation.errors import OPTION
from curation.storage import processes
from curation.storage.processes import Process
from curation.storage.workspace import Workspace
from pages.ui.shell import cache
from pages.ui.shell.frame import ROOT
from training.studies import planned_study

SCORING, INGEST, IMPORT, EXAMPLE = "assess", "ingest", "import-mriqc", "example"
#: A DICOM folder looked through, and its series made into images.
DICOM_LOOK, DICOM = "dicom-look", "dicom"
#: One scan through a model, and every scan.
LOOK, LOOK_AT_ALL = "reconstruct", "reconstruct-errors"
#: The files of a study's report.
REPORT = "report"
#: What the command for the demo started.
DEMO_STUDY = "demo-study"

_WORKSPACE = "--workspace"
#: What scoring tells of itself: how many scans of how many that were due when it began.
_SCORED = re.compile(r"^scoring: ([\d,]+) of ([\d,]+) scan", re.MULTILINE)
_TOLD_LINES = 20
#: From fewer scans no pace is told; nor before each process has scored two.
_FEW = 5

#: The action that each task takes.
ACTIONS: dict[str, Action] = {
    SCORING: Action.SCORE,
    INGEST: Action.INGEST,
    DICOM_LOOK: Action.INGEST,
    DICOM: Action.INGEST,
    IMPORT: Action.INGEST,
    EXAMPLE: Action.INGEST,
    LOOK: Action.LOOK_THROUGH_MODEL,
    LOOK_AT_ALL: Action.LOOK_THROUGH_MODEL,
    REPORT: Action.WRITE_REPORT,
}

#: Tasks by the name of their state file -> what the screen calls them.
LABELS: dict[str, str] = {
    SCORING: "Scoring",
    INGEST: "Reading a source",
    DICOM_LOOK: "Looking through a DICOM folder",
    DICOM: "Making images of DICOM files",
    IMPORT: "Importing an MRIQC table",
    EXAMPLE: "Taking in a real example",
    LOOK: "Looking through a model",
    REPORT: "Writing a report",
    LOOK_AT_ALL: "Measuring reconstruction errors",
    DEMO_STUDY: "A study with a planted answer, then the scores",
    "demo": "Growing the demo's people",
}


def start(
    workspace: Workspace,
    name: str,
    *arguments: str,
    room: str = "curation",
    command: str | None = None,
) -> None:
    """Start a command for the workspace, unless the task runs already.

    Parameters
    ----------
    workspace : Workspace
        Given to the command.
    name : str
        Of the task, a key of :data:`ACTIONS`; one of a name runs at a time.
    *arguments : str
        Of the command.
    room : {'curation', 'training'}
        Whose command line.
    command : str, optional
        The command, where it is not called as the task is.

    Raises
    ------
    AccessError
        When whoever is signed in may not do it.
    """
    guard.require(ACTIONS[name])
    if running(workspace, name):
        return
    program = [sys.executable, "-m", room, command or name, _WORKSPACE, str(workspace.root)]
    log_path(workspace, name).unlink(missing_ok=True)
    processes.start(
        [*program, *arguments],
        log=log_path(workspace, name),
        state=_state_path(workspace, name),
        environment={
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **acting.environment(),
        },
    )


def stop(workspace: Workspace, name: str) -> None:
    """Stop a task; its finished parts stay."""
    guard.require(ACTIONS[name])
    process = running(workspace, name)
    if process:
        processes.stop(process)


def running(workspace: Workspace, name: str) -> Process | None:
    """Return the process of a task while it is alive."""
    return processes.running(_state_path(workspace, name))


def all_running(workspace: Workspace) -> list[str]:
    """Return the names of all tasks of the workspace that are alive."""
    names = sorted(path.stem for path in workspace.tasks_dir.glob("*.json"))
    return [name for name in names if running(workspace, name)]


def stands_back(workspace: Workspace) -> bool:
    """Return whether the scoring of the demo runs, and takes only what a study leaves of the processor."""
    if not running(workspace, DEMO_STUDY):
        return False
    planned, _ = planned_study.read_studies(workspace)
    return not planned or any(cache.study_state(workspace, one.id) == "running" for one in planned)


def label(workspace: Workspace, name: str) -> str:
    """Return what the screen calls a task that runs."""
    if name == DEMO_STUDY and not stands_back(workspace):
        name = SCORING  # its study is done
    return LABELS.get(name, name)


def when_scored(workspace: Workspace) -> str:
    """Say how a scan comes by its score: by itself where something that scores runs."""
    if stands_back(workspace):
        return "Scores come by themselves, once the study that runs in the background is done."
    if running(workspace, SCORING) or running(workspace, DEMO_STUDY):
        return "The scoring runs in the background: its score comes by itself."
    return "The page Cohort starts the scoring."


def jobs(workspace: Workspace) -> int:
    """Return how many processes the scoring was started with."""
    command = asked(workspace, SCORING)
    if "--jobs" in command:
        return int(command[command.index("--jobs") + 1])
    return os.cpu_count() or 1


def seconds_left(workspace: Workspace) -> float | None:
    """Return how long the scoring that runs may still take: at the pace of the scans that it has scored.

    ``None`` where none runs, where it tells nothing of itself, or while it has scored too few to tell.
    """
    began, log = started(workspace, SCORING), log_path(workspace, SCORING)
    told = _SCORED.findall(last_lines(workspace, SCORING, _TOLD_LINES))
    if began is None or not told or not running(workspace, SCORING):
        return None
    done, due = (int(count.replace(",", "")) for count in told[-1])
    if done < max(_FEW, 2 * jobs(workspace)):
        return None
    at = log.stat().st_mtime  # of what it has told last
    left = (at - began) / done * (due - done) - (time.time() - at)
    return left if left >= 1 else None


def asked(workspace: Workspace, name: str) -> list[str]:
    """Return the command line that a task was last started with; empty where it never was."""
    return processes.read_note(_state_path(workspace, name)).get("command", [])


def arguments(workspace: Workspace, name: str) -> list[str]:
    """Return the last arguments of :func:`start` besides the workspace; empty before its first call."""
    command = asked(workspace, name)
    return command[command.index(_WORKSPACE) + 2 :] if _WORKSPACE in command else []


def started(workspace: Workspace, name: str) -> float | None:
    """Return when a task was last started, in seconds since the epoch; none where it never was."""
    return processes.read_note(_state_path(workspace, name)).get("started")


def forget(workspace: Workspace, name: str) -> None:
    """Delete arguments and messages of a finished task; a running one goes on."""
    if running(workspace, name):
        return
    for path in (log_path(workspace, name), _state_path(workspace, name)):
        path.unlink(missing_ok=True)


def log_path(workspace: Workspace, name: str) -> Path:
    """Return where a task's output is appended."""
    return workspace.tasks_dir / f"{name}.log"


def last_lines(workspace: Workspace, name: str, count: int = 12) -> str:
    """Return the end of a task's output."""
    try:
        text = log_path(workspace, name).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(line for line in text.splitlines()[-count:] if line.strip())


def failure(workspace: Workspace, name: str) -> str | None:
    """Return the error of a finished task, if any."""
    if running(workspace, name):
        return None
    text = last_lines(workspace, name, 200)
    said = [line for line in text.split("\n") if not line.startswith(OPTION)]  # a page has none
    last = said[-1] if said else ""
    if last.startswith("error: "):
        return last.removeprefix("error: ")
    if "Traceback (most recent call last)" in text:
        return f"It ended unexpectedly ({last}). More stands in {log_path(workspace, name)}."
    return None


def _state_path(workspace: Workspace, name: str) -> Path:
    return workspace.tasks_dir / f"{name}.json"
