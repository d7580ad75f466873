"""Train: what is running? Studies with their live progress, and planning a new one."""

from curation.storage.workspace import Workspace
from pages.ui.shell import frame, progress
from pages.ui.train import study_form, study_panel
from training.jobs.study_status import status


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.studies_dir)
    planned = study_panel.listed(workspace)
    if planned:
        chosen = study_panel.choose(workspace, planned)
        with frame.in_words():
            study_panel.show(workspace, chosen, status(workspace, chosen.id))
            study_panel.live(workspace, chosen)
    study_form.show(workspace, first=not planned)


frame.show("train", body)
