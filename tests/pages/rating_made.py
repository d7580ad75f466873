"""Rating sessions for the tests of pages."""

from curation import sessions
from curation.plans import Plan, Session
from curation.workspace import Workspace


def started(workspace: Workspace, **changed) -> Session:  # type: ignore[no-untyped-def]
    plan = {
        "name": "pilot",
        "rater": "Ada",
        "scale": "three-level",
        "size": 3,
        "repeats_share": 0.0,
    }
    return sessions.start(workspace, Plan(**plan | changed))
