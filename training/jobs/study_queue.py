"""Queue of studies: on this machine one of a workspace runs at a time, the others wait in order.

A waiting study is a ticket in its folder, held by a process; a ticket whose process is gone does not count.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from curation.errors import StudyError
from curation.storage import files, processes
from curation.storage.processes import Process
from curation.storage.workspace import Workspace
from training.studies.planned_study import Study
from training.studies.study_folder import TICKET

_POLL_S = 0.5


def studies_ahead(workspace: Workspace, study: Study) -> int | None:
    """Return how many waiting studies come before this one; none where it does not wait."""
    waiting = [study_id for _, study_id in _tickets(workspace)]
    return waiting.index(study.id) if study.id in waiting else None


@contextlib.contextmanager
def queue_slot(workspace: Workspace, study: Study, *, check: Callable[[], None]) -> Iterator[None]:
    """Wait in the queue and hold the slot while the block runs; a process that dies frees it.

    Parameters
    ----------
    workspace, study
        The study, and the workspace whose queue it is.
    check : callable
        Called again and again while waiting; what it raises ends the waiting.
    """
    path = study.ticket_path
    files.write_json(
        path, {"since": time.time(), **processes.note_of(Process.of(os.getpid()), path)}
    )
    taken = StudyError("Another study has the slot.")
    with contextlib.ExitStack() as held:
        try:
            while not _take_slot(workspace, study, held, taken):
                check()
                time.sleep(_POLL_S)
        finally:
            path.unlink(missing_ok=True)
        yield


def _take_slot(
    workspace: Workspace, study: Study, held: contextlib.ExitStack, taken: StudyError
) -> bool:
    if studies_ahead(workspace, study):
        return False
    with contextlib.suppress(StudyError):
        held.enter_context(files.lock(workspace.turn_path, taken))
        return True
    return False


def _tickets(workspace: Workspace) -> list[tuple[float, str]]:
    """Return the waiting studies with the time since when, in their order."""
    found = []
    for path in workspace.studies_dir.glob(f"*/{TICKET}"):
        ticket = processes.read_note(path)
        since = ticket.get("since")
        if isinstance(since, int | float) and Process.noted(ticket).alive():
            found.append((since, path.parents[1].name))
    return sorted(found)
