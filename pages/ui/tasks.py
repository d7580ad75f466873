"""Commands of the curation side as background tasks: started, watched and stopped from a page."""

import os
import sys
from pathlib import Path

from curation import background, files
from curation.background import Process
from curation.workspace import Workspace
from pages.ui.frame import ROOT

SCORING, INGEST, IMPORT = "assess", "ingest", "import-mriqc"

#: Tasks by the name of their state file -> what the screen calls them.
LABELS: dict[str, str] = {
    SCORING: "Scoring",
    INGEST: "Reading a source",
    IMPORT: "Importing an MRIQC table",
    "demo-study": "Demo study",
    "demo": "Growing the demo's people",
}


def start(workspace: Workspace, name: str, *arguments: str) -> None:
    """Start ``python -m curation NAME`` for the workspace, unless it runs already."""
    if running(workspace, name):
        return
    command = [sys.executable, "-m", "curation", name, "--workspace", str(workspace.root)]
    log_path(workspace, name).unlink(missing_ok=True)
    background.start(
        [*command, *arguments],
        log=log_path(workspace, name),
        state=_state_path(workspace, name),
        environment={"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )


def stop(workspace: Workspace, name: str) -> None:
    """Stop a task; what it has finished is kept."""
    process = running(workspace, name)
    if process:
        background.stop(process)


def running(workspace: Workspace, name: str) -> Process | None:
    """Return the process of a task while it is alive."""
    return background.running(_state_path(workspace, name))


def all_running(workspace: Workspace) -> list[str]:
    """Return the names of all tasks of the workspace that are alive."""
    names = sorted(path.stem for path in workspace.tasks_dir.glob("*.json"))
    return [name for name in names if running(workspace, name)]


def jobs(workspace: Workspace) -> int:
    """Return how many processes the scoring was started with."""
    command = (files.read_json(_state_path(workspace, SCORING)) or {}).get("command", [])
    if "--jobs" in command:
        return int(command[command.index("--jobs") + 1])
    return os.cpu_count() or 1


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
    """Return what a task that has ended complained of, if it did."""
    if running(workspace, name):
        return None
    said = last_lines(workspace, name, 200)
    last = said.rsplit("\n", 1)[-1]
    if last.startswith("error: "):
        return last.removeprefix("error: ")
    if "Traceback (most recent call last)" in said:
        return f"It ended unexpectedly ({last}). More stands in {log_path(workspace, name)}."
    return None


def _state_path(workspace: Workspace, name: str) -> Path:
    return workspace.tasks_dir / f"{name}.json"
