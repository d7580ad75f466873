"""Page Train (what is running?): studies with their live progress, and planning a new one."""

from curation.storage.workspace import Workspace
from pages.ui.shell import frame, progress
from pages.ui.train import cost_panel, jobs_panel, study_form, study_panel
from training.jobs.study_status import status


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.studies_dir)
    planned = study_panel.list_studies(workspace)
    jobs_panel.show(workspace, planned)
    with frame.in_words():
        study_form.show(workspace, first=not planned)
    if planned:
        chosen = study_panel.choose_study(workspace, planned, unanswered=True)
        with frame.in_words():
            now = status(workspace, chosen.id)
            study_panel.show_actions(workspace, chosen, now)
            cost_panel.show(workspace, chosen, now.state)
            study_panel.show_progress(workspace, chosen)


frame.show("train", body)
