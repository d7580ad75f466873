"""Import of uploaded rating files."""

from types import SimpleNamespace

from curation.storage.workspace import Workspace
from pages.ui.rate import history_panel


def test_no_name_of_an_upload_leads_out_of_its_folder(workspace: Workspace) -> None:
    given = [
        SimpleNamespace(name=name, getvalue=lambda: b"x") for name in ("..", ".", "a/..", "", "/")
    ]
    done = history_panel._from_upload(workspace, given, None)  # type: ignore[arg-type]
    assert (done.added, done.known) == (0, 0)
