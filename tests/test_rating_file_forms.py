from types import SimpleNamespace

from curation.workspace import Workspace
from pages.ui import rating_file_forms


def test_no_name_of_an_upload_leads_out_of_its_folder(workspace: Workspace) -> None:
    given = [
        SimpleNamespace(name=name, getvalue=lambda: b"x") for name in ("..", ".", "a/..", "", "/")
    ]
    done = rating_file_forms._from_upload(workspace, given, None)  # type: ignore[arg-type]
    assert (done.added, done.known) == (0, 0)
