"""Rating sessions for the tests of pages."""

from curation import sessions
from curation.sessions import Plan
from curation.workspace import Workspace


def started(workspace: Workspace, **changed) -> sessions.Session:  # type: ignore[no-untyped-def]
    plan = {
        "name": "pilot",
        "rater": "Ada",
        "scale": "three-level",
        "size": 3,
        "repeats_share": 0.0,
    }
    return sessions.start(workspace, Plan(**plan | changed))
