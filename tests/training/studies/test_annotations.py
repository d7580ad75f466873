import pytest

from curation.decisions.audit_trail import history
from curation.errors import StudyError
from training.studies import annotations
from training.studies.annotations import StudyMarks


def test_what_was_said_last_holds_and_all_of_it_is_kept(workspace) -> None:
    annotations.tag(workspace, "one", "Ada", ["pilot", " smoke ", "pilot"])
    annotations.note(workspace, "one", "Ben", "learning rate too high")
    annotations.archive(workspace, "one", "Ada")
    annotations.note(workspace, "one", "Ada", "repeated as two")
    annotations.tag(workspace, "one", "Ben", ["done"])
    marks = annotations.marks(workspace)["one"]
    assert marks.tags == ("done",)
    assert [(n.author, n.words) for n in marks.notes] == [
        ("Ben", "learning rate too high"),
        ("Ada", "repeated as two"),
    ]
    assert marks.archived
    annotations.archive(workspace, "one", "Ben", False)
    assert not annotations.marks(workspace)["one"].archived
    assert len(history(workspace)) == 6


def test_a_study_nothing_was_said_of_has_no_marks(workspace) -> None:
    assert annotations.marks(workspace) == {}
    annotations.tag(workspace, "one", "Ada", [])
    assert annotations.marks(workspace) == {"one": StudyMarks()}


def test_the_history_says_it_in_words(workspace) -> None:
    annotations.tag(workspace, "one", "Ada", ["pilot"])
    annotations.archive(workspace, "one", "Ada")
    annotations.archive(workspace, "one", "Ada", False)
    said = history(workspace)
    assert set(said["what"]) == {
        "study tagged",
        "study archived",
        "study taken back from the archive",
    }
    assert "pilot" in set(said["detail"])


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (lambda w: annotations.tag(w, "one", "Ada", [""]), "1 to 40 letters"),
        (lambda w: annotations.tag(w, "one", "Ada", ["x" * 41]), "1 to 40 letters"),
        (lambda w: annotations.tag(w, "one", "Ada", [str(n) for n in range(21)]), "at most 20"),
        (lambda w: annotations.note(w, "one", "Ada", "  "), "A note has"),
        (lambda w: annotations.archive(w, "one", " "), "Say who you are"),
    ],
)
def test_what_cannot_be_noted_is_refused_with_the_reason(workspace, say, why) -> None:
    with pytest.raises(StudyError, match=why):
        say(workspace)
    assert annotations.marks(workspace) == {}
