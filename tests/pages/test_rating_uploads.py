"""Uploaded rating files: each is imported, whatever it is called and whatever lies beside it."""

from types import SimpleNamespace

import pytest

from curation.errors import RatingError
from curation.interchange import rating_export
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion
from curation.sessions import session_log
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.overrides import override
from pages.ui.rate import history_panel
from tests.helpers import rating_writer
from tests.helpers.rating_sessions import started

HEAD = "scan_id\trater\tscale\tvalue\n"


@pytest.fixture
def listed(tmp_path) -> Workspace:
    return rating_writer.workspace_of(tmp_path / "workspace", 12)


def _file(name: str, data: str | bytes) -> SimpleNamespace:
    held = data.encode() if isinstance(data, str) else data
    return SimpleNamespace(name=name, getvalue=lambda: held)


def _table(rater: str, name: str = "ratings.tsv") -> SimpleNamespace:
    return _file(name, f"{HEAD}made_00001\t{rater}\tpass-fail\t1\n")


def _import(workspace: Workspace, *given: SimpleNamespace) -> int:
    return history_panel._from_upload(workspace, list(given), None).added


def test_two_files_of_one_name_are_both_imported(listed: Workspace) -> None:
    assert _import(listed, _table("Anna"), _table("Berta"), _table("Cleo", "..")) == 2
    assert set(rating_log.list_ratings(listed)["rater"]) == {"Anna", "Berta"}


def test_widget_files_of_one_name_are_both_imported(listed: Workspace) -> None:
    given = [
        _file("sub-1.json", f'{{"subject": "made_0000{number}", "rating": 2}}') for number in (1, 2)
    ]
    assert history_panel._from_upload(listed, given, "Anna").added == 2


def test_a_whole_export_comes_back_from_an_upload(listed: Workspace, tmp_path) -> None:
    session = started(listed, scale="pass-fail", size=4, repeats_share=0.0)
    for position in range(3):
        session_log.save(listed, session.id, position, Opinion(1.0))
    override(listed, "made_00002", "Eve", "C", "cut off")
    folder = rating_export.export_ratings(listed)
    whole = [_file(path.name, path.read_bytes()) for path in sorted(folder.glob("*.*"))]
    other = rating_writer.workspace_of(tmp_path / "other", 12)
    assert _import(other, *whole, _table("Anna")) == 4
    assert session_log.load(other, 1).position == 3
    assert len(overrides.list_overrides(other)) == 1


def test_what_cannot_be_told_apart_is_refused_whole(listed: Workspace) -> None:
    beside = _file("sessions.json", '{"scales": [], "sessions": []}')
    with pytest.raises(RatingError, match="which belong together"):
        _import(listed, _table("Anna"), _table("Berta"), _table("Cleo"), beside, beside)
    assert rating_log.list_ratings(listed).empty


def test_a_file_that_is_refused_says_what_came_before_it(listed: Workspace) -> None:
    with pytest.raises(RatingError, match="came before it is imported"):
        _import(listed, _table("Anna"), _file("b.tsv", "nonsense"))
    assert set(rating_log.list_ratings(listed)["rater"]) == {"Anna"}
