"""Annotations of studies: tags, notes and archiving; appended, never changed, the last one holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.errors import StudyError
from curation.ratings.rating_record import MAX_COMMENT, MAX_RATER
from curation.storage.workspace import Workspace

MAX_TAG, MAX_TAGS = 40, 20


@dataclass(frozen=True)
class Note:
    """Note on a study: time (UTC), author and text."""

    at: datetime
    author: str
    words: str


@dataclass(frozen=True)
class StudyMarks:
    """Current tags, notes and archiving of a study.

    Parameters
    ----------
    tags : tuple of str
        In alphabetical order.
    notes : tuple of Note
        Oldest first.
    archived : bool
        True where it is no longer listed unless asked for. Its files stay as they are.
    """

    tags: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    archived: bool = False


@guarded(Action.MARK_STUDY, author="author")
def tag(workspace: Workspace, study_id: str, author: str, tags: Sequence[str]) -> None:
    """Set the tags of a study.

    Raises
    ------
    StudyError
        Without an author, or when a tag is empty or too long, or there are too many.
    """
    kept = sorted({t.strip() for t in tags})
    if len(kept) > MAX_TAGS or any(not 0 < len(t) <= MAX_TAG for t in kept):
        raise StudyError(f"A study has at most {MAX_TAGS} tags, each of 1 to {MAX_TAG} letters.")
    _append(workspace, study_id, author, tags=kept)


@guarded(Action.MARK_STUDY, author="author")
def note(workspace: Workspace, study_id: str, author: str, words: str) -> None:
    """Append a note to a study.

    Raises
    ------
    StudyError
        Without an author, or when the note is empty or too long.
    """
    words = words.strip()
    if not 0 < len(words) <= MAX_COMMENT:
        raise StudyError(f"A note has 1 to {MAX_COMMENT} letters.")
    _append(workspace, study_id, author, note=words)


@guarded(Action.MARK_STUDY, author="author")
def archive(workspace: Workspace, study_id: str, author: str, archived: bool = True) -> None:
    """Put a study into the archive, or take it back.

    Raises
    ------
    StudyError
        Without an author.
    """
    _append(workspace, study_id, author, archived=archived)


def marks(workspace: Workspace) -> dict[str, StudyMarks]:
    """Return the current annotations of each study that has any."""
    table = schema.study_marks
    with database.engine(workspace).connect() as connection:
        rows = connection.execute(sa.select(table).order_by(table.c.id)).all()
    found: dict[str, StudyMarks] = {}
    for row in rows:
        before = found.get(row.study_id, StudyMarks())
        said = () if row.note is None else (Note(row.at, row.author, row.note),)
        found[row.study_id] = StudyMarks(
            before.tags if row.tags is None else tuple(row.tags),
            (*before.notes, *said),
            before.archived if row.archived is None else row.archived,
        )
    return found


def _append(workspace: Workspace, study_id: str, author: str, **said: Any) -> None:
    author = author.strip()
    if not 0 < len(author) <= MAX_RATER:
        raise StudyError(f"Say who you are, in at most {MAX_RATER} letters.")
    row = {"at": database.now(), "study_id": study_id, "author": author, "version": __version__}
    with database.writing(workspace) as connection:
        connection.execute(schema.study_marks.insert().values(row | said))
