"""Identity of a workspace's database: an id that workspace and database both hold.

The database holds it in its table ``identity``, the workspace in ``decisions.json``, written before the
tables are made and once more when they are.
"""

import shlex
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from curation import errors as damage
from curation.errors import WorkspaceError
from curation.storage import files
from curation.storage.workspace import Workspace

#: In the workspace, or on a server.
DatabaseKind = Literal["file", "server"]
URL_VARIABLE = "TIERSCOPE_DATABASE_URL"

_NOTE_REMEDY = (
    "Put back a copy of it; or, if the database is the right one, tie both anew with 'python -m curation "
    "database --adopt'."
)
_UNTIL = "Until then nothing is read or written."


@dataclass(frozen=True)
class DatabaseNote:
    """A workspace's note of its database.

    Parameters
    ----------
    id : str
        What the database is known by.
    kind : {'file', 'server'}
        Where it lies: in the workspace, or on a server.
    made : bool
        False while it is being made for the first time.
    """

    id: str
    kind: DatabaseKind
    made: bool = True


def noted(workspace: Workspace) -> DatabaseNote | None:
    """Return a workspace's note of its database, ``None`` before it had one.

    Raises
    ------
    DamagedError
        When the note cannot be read.
    """
    path = workspace.database_note_path
    with damage.readable(path, _NOTE_REMEDY):
        given = files.read_json(path, _NOTE_REMEDY)
        return None if given is None else DatabaseNote(given["id"], given["kind"], given["made"])


def write(workspace: Workspace, note: DatabaseNote) -> None:
    """Note which database a workspace has."""
    files.write_json(workspace.database_note_path, asdict(note))


def new_id() -> str:
    """Return an id that no other database has."""
    return uuid.uuid4().hex


def of_connection(raw: Any, errors: tuple[type[Exception], ...]) -> str | None:
    """Return the id that a database holds; none where it holds none, or is empty.

    Parameters
    ----------
    raw : DBAPI connection
        To the database, not in a transaction.
    errors : tuple of type
        One of these is raised by its driver where there is no table of a name.
    """
    cursor = raw.cursor()
    try:
        cursor.execute("SELECT id FROM identity")
        row = cursor.fetchone()
    except errors as error:
        if "identity" not in str(error):
            raise
        row = None
    cursor.close()
    raw.rollback()
    return row and row[0]


def refuse_other(
    workspace: Workspace, note: DatabaseNote | None, kind: DatabaseKind, found: str | None
) -> None:
    """Refuse a database that is not the workspace's own, with the remedy.

    Parameters
    ----------
    workspace : Workspace
        Whose database is opened.
    note : Note or None
        What it notes.
    kind : {'file', 'server'}
        Where the database lies that is opened.
    found : str or None
        The id that it holds.

    Raises
    ------
    WorkspaceError
        When the workspace has another one, or, where it has none yet, the one on a server is another's.
    """
    if note is None or not note.made:
        if kind == "server" and found not in (None, note and note.id):
            raise WorkspaceError(
                f"The database that {URL_VARIABLE} names belongs to another workspace than "
                f"{workspace.root}. Make a database for each workspace, and name that one. If both are to "
                f"share it: {_adopt(workspace)}. {_UNTIL}"
            )
        return
    refuse_other_kind(workspace, note, kind)
    if found != note.id:
        where = workspace.database_path if kind == "file" else f"The database of {URL_VARIABLE}"
        what = "it holds no id" if found is None else "it has another id"
        raise WorkspaceError(
            f"{where} is not the one of this workspace: {what}. Put back a copy of the right one. If this "
            f"is the one you want, such as an older copy: {_adopt(workspace)}. {_UNTIL}"
        )


def refuse_other_kind(workspace: Workspace, note: DatabaseNote | None, kind: DatabaseKind) -> None:
    """Refuse a server in the place of the workspace's own file, and the other way round."""
    if note is None or not note.made or note.kind == kind:
        return
    if note.kind == "server":
        raise WorkspaceError(
            f"The decisions of {workspace.root} lie in PostgreSQL. Set {URL_VARIABLE} to its address, as "
            f"it was before. To begin anew in a file of the workspace: {_adopt(workspace)}. {_UNTIL}"
        )
    raise WorkspaceError(
        f"The decisions of this workspace lie in {workspace.database_path}, but {URL_VARIABLE} names a "
        "server. Unset it to go on with the file. To move: export the ratings without it, then with it "
        f"{_adopt(workspace)}, and import them. With them come sessions, scales and tiers by hand, and "
        "nothing else: no rules, tags, saved lists, decisions on who is who, marks and notes of studies, and "
        f"no audit. Keep the file, which has these (docs/recovery.md). {_UNTIL}"
    )


def refuse_missing(workspace: Workspace, note: DatabaseNote | None) -> None:
    """Refuse to go on without the file of decisions that a workspace had."""
    path = workspace.database_path
    if note is None or not note.made or (path.exists() and path.stat().st_size):
        return
    what = "is empty" if path.exists() else "is gone"
    raise WorkspaceError(
        f"{path}, which holds the decisions of this workspace (ratings, sessions, rules, history), {what}. "
        f"Put back a copy of it. If there is none, begin with an empty one: {_adopt(workspace)}; exported "
        f"ratings come back with 'python -m curation import-ratings'. {_UNTIL}"
    )


def refuse_stray(workspace: Workspace, path: Path | None) -> None:
    """Refuse a new database while decisions lie where an earlier version put them, beside the workspace."""
    if path is None or workspace.database_path.exists():
        return
    raise WorkspaceError(
        f"There is no {workspace.database_path}, but {path} holds decisions: Tierscope before 0.4 took it "
        "for the one of this workspace, because of a ? or % in the path. Copy that file to where it "
        "belongs, then open the workspace again. If its decisions are not of this workspace: "
        f"{_adopt(workspace)}. {_UNTIL}"
    )


def _adopt(workspace: Workspace) -> str:
    return f"python -m curation database --adopt --workspace {shlex.quote(str(workspace.root))}"
