import pytest

from curation.errors import StudyError
from curation.history import history
from training import study_marks
from training.study_marks import StudyMarks


def test_what_was_said_last_holds_and_all_of_it_is_kept(workspace) -> None:
    study_marks.tag(workspace, "one", "Ada", ["pilot", " smoke ", "pilot"])
    study_marks.note(workspace, "one", "Ben", "learning rate too high")
    study_marks.archive(workspace, "one", "Ada")
    study_marks.note(workspace, "one", "Ada", "repeated as two")
    study_marks.tag(workspace, "one", "Ben", ["done"])
    marks = study_marks.marks(workspace)["one"]
    assert marks.tags == ("done",)
    assert [(n.author, n.words) for n in marks.notes] == [
        ("Ben", "learning rate too high"),
        ("Ada", "repeated as two"),
    ]
    assert marks.archived
    study_marks.archive(workspace, "one", "Ben", False)
    assert not study_marks.marks(workspace)["one"].archived
    assert len(history(workspace)) == 6


def test_a_study_nothing_was_said_of_has_no_marks(workspace) -> None:
    assert study_marks.marks(workspace) == {}
    study_marks.tag(workspace, "one", "Ada", [])
    assert study_marks.marks(workspace) == {"one": StudyMarks()}


def test_the_history_says_it_in_words(workspace) -> None:
    study_marks.tag(workspace, "one", "Ada", ["pilot"])
    study_marks.archive(workspace, "one", "Ada")
    study_marks.archive(workspace, "one", "Ada", False)
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
        (lambda w: study_marks.tag(w, "one", "Ada", [""]), "1 to 40 letters"),
        (lambda w: study_marks.tag(w, "one", "Ada", ["x" * 41]), "1 to 40 letters"),
        (lambda w: study_marks.tag(w, "one", "Ada", [str(n) for n in range(21)]), "at most 20"),
        (lambda w: study_marks.note(w, "one", "Ada", "  "), "A note has"),
        (lambda w: study_marks.archive(w, "one", " "), "Say who you are"),
    ],
)
def test_what_cannot_be_noted_is_refused_with_the_reason(workspace, say, why) -> None:
    with pytest.raises(StudyError, match=why):
        say(workspace)
    assert study_marks.marks(workspace) == {}
