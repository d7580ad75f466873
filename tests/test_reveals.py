"""What was hidden is shown once and for all."""

import pytest

from curation import history, reveals, sessions
from curation.errors import RatingError
from curation.plans import Plan
from tests import made_workspace


@pytest.fixture
def finished(tmp_path):  # type: ignore[no-untyped-def]
    workspace = made_workspace.make(tmp_path / "workspace")
    session = sessions.start(
        workspace, Plan("pilot", "Ada", "pass-fail", size=2, repeats_share=0.0)
    )
    for item in session.items:
        sessions.save(workspace, session.id, item.position, 1.0)
    return workspace, sessions.load(workspace, session.id)


def test_until_it_is_shown_a_rating_can_be_taken_back(finished) -> None:
    workspace, session = finished
    assert not reveals.revealed(workspace, session)
    assert sessions.undo(workspace, session.id).position == 1


def test_once_it_is_shown_nothing_is_taken_back_and_history_knows(finished) -> None:
    workspace, session = finished
    for _ in range(2):
        reveals.reveal(workspace, session)
    assert reveals.revealed(workspace, session)
    with pytest.raises(RatingError, match="would not be blind"):
        sessions.undo(workspace, session.id)
    assert history.history(workspace)["what"].tolist().count(reveals.ACTION) == 1


def test_what_was_never_hidden_needs_no_showing(finished) -> None:
    workspace, _ = finished
    plan = Plan("open", "Ada", "pass-fail", size=2, blinded=False)
    assert reveals.revealed(workspace, sessions.start(workspace, plan))
