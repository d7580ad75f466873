"""Rating sessions for the tests of pages."""

from curation.sessions import session_log
from curation.sessions.session_plan import Session, SessionPlan
from curation.storage.workspace import Workspace


def started(workspace: Workspace, **changed) -> Session:  # type: ignore[no-untyped-def]
    plan = {
        "name": "pilot",
        "rater": "Ada",
        "scale": "three-level",
        "size": 3,
        "repeats_share": 0.0,
    }
    return session_log.start(workspace, SessionPlan(**plan | changed))
