import os
from pathlib import Path

import pandas as pd
import pytest

from curation.errors import WorkspaceError
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.storage import tables
from curation.storage.files import slug
from curation.storage.workspace import Source, Workspace
from tests.helpers.workspace_scored import put_scans


def test_a_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    with pytest.raises(WorkspaceError, match="holds other files"):
        Workspace.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_opening_nothing_says_how_to_make_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="python -m curation ingest"):
        Workspace.open(tmp_path / "absent")


def test_a_newer_layout_is_refused(workspace: Workspace) -> None:
    text = workspace.settings_path.read_text().replace("schema = 1", "schema = 99")
    workspace.settings_path.write_text(text)
    with pytest.raises(WorkspaceError, match="newer Tierscope"):
        Workspace.open(workspace.root)


def test_broken_settings_name_the_file(workspace: Workspace) -> None:
    workspace.settings_path.write_text("schema = = 1")
    with pytest.raises(WorkspaceError, match=r"workspace\.toml is not valid TOML"):
        Workspace.open(workspace.root)


def test_sources_come_back_as_they_went_in_and_are_replaced_by_name(workspace: Workspace) -> None:
    first = Source("a", '/data/with "quotes" ünd', "bids")
    second = Source("b", "/data/b.csv", "manifest", role="target", simulated=True, include="*T1*")
    workspace.put_source(first)
    workspace.put_source(second)
    assert workspace.sources() == [first, second]
    moved = Source("a", "/elsewhere", "folder")
    workspace.put_source(moved)
    assert workspace.sources() == [moved, second]


@pytest.mark.parametrize("name", ["../outside", "a/b", "", ".", "..", "a\x00b", "/etc", "-x"])
def test_no_name_leads_out_of_the_workspace(workspace: Workspace, name: str) -> None:
    with pytest.raises(WorkspaceError):
        workspace.study_dir(name)


@pytest.mark.parametrize("text", ["../../etc/passwd", "a b/c", "", "...", "ü" * 300])
def test_a_slug_is_always_a_plain_name(workspace: Workspace, text: str) -> None:
    assert workspace.study_dir(slug(text)).parent == workspace.studies_dir


def test_a_new_workspace_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o000)
    try:
        made = Workspace.create(tmp_path / "new" / "lab")
        shared = tmp_path / "shared"
        shared.mkdir()
        shared.chmod(0o2775)  # a group's, whose files belong to the group
        Workspace.create(shared)
    finally:
        os.umask(before)
    assert made.root.stat().st_mode & 0o7777 == 0o700
    assert shared.stat().st_mode & 0o7777 == 0o2770


def test_a_group_may_write_to_the_decisions_where_the_umask_lets_it(tmp_path: Path) -> None:
    before = os.umask(0o007)
    try:
        made = Workspace.create(tmp_path / "lab")
        rating_log.add_rating(made, Rating(scan_id="a", rater="Ada", scale="mriqc-4", value=4.0))
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.root.iterdir()}
    assert set(modes.values()) == {0o660}
    assert "decisions.sqlite" in modes


def test_images_and_sources_in_a_workspace_are_found_after_it_was_moved(tmp_path: Path) -> None:
    first = Workspace.create(tmp_path / "first")
    own = first.converted_dir / "series" / "sub-1_T1w.nii.gz"
    rows = [{"path": str(own)}, {"path": "/data/sub-2_T1w.nii.gz"}, {"path": None}]
    put_scans(first, [row | {"distortion_score": 1.0} for row in rows])
    for name, path in (("series", str(own.parent)), ("data", "/data")):
        first.put_source(Source(name=name, path=path, kind="folder"))
    for place in ("first", "second"):
        moved = Workspace(first.root if place == "first" else first.root.rename(tmp_path / place))
        here = moved.converted_dir / "series"
        found = tables.read_scans(moved)["path"]
        assert found.iloc[:2].tolist() == [str(here / own.name), "/data/sub-2_T1w.nii.gz"]
        assert found.isna().tolist() == [False, False, True]
        some = tables.read_scored_scans(moved, ["path"])["path"]
        assert some.iloc[0] == str(here / own.name)
        assert [one.path for one in moved.sources()] == [str(here), "/data"]
    assert str(tmp_path) not in moved.settings_path.read_text()
    # what was written by earlier versions is absolute, and stays what it was
    table = pd.read_parquet(moved.scans_path).assign(path="/earlier/converted/a.nii.gz")
    table.to_parquet(moved.scans_path)
    assert set(tables.read_scans(moved)["path"]) == {"/earlier/converted/a.nii.gz"}


def test_a_folder_that_only_a_dashboard_has_looked_into_becomes_a_workspace(tmp_path: Path) -> None:
    Workspace(tmp_path).door_key_path(0).write_text("key")
    assert Workspace.create(tmp_path).settings_path.exists()
    assert Workspace(tmp_path).door_key_path(0).read_text() == "key"
