"""Every page opens on the workspaces of earlier versions, and says what of them is of an older version."""

from pathlib import Path

import pytest

from curation.assessment import assess_workspace, pending
from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.shell.frame import PAGES
from pages.ui.viewer import tiles
from tests.helpers.earlier_workspaces import POOL, VERSIONS, made_by, since
from tests.helpers.page_words import words


@pytest.mark.parametrize("version", VERSIONS)
def test_each_page_opens_and_scores_are_said_to_be_of_an_older_version_where_they_are(
    version: str, tmp_path: Path, run
) -> None:
    workspace, said = Workspace.open(made_by(version, tmp_path)), {}
    outdated = not since(version, "0.10")
    assert not outdated or set(POOL) <= set(pending.scoring_state(workspace).due["scan_id"])
    for name, info in PAGES.items():
        page = run(name, workspace)
        said[name] = words(page)
        assert info.question in said[name]
        assert not page.error and not page.exception, name
    assert not outdated or "older version" in said["review"]


def test_pictures_that_an_earlier_version_drew_otherwise_are_offered(
    tmp_path: Path, run, monkeypatch
) -> None:
    workspace = Workspace.open(made_by("0.10", tmp_path))
    heads = len(POOL) + 2
    drawn: list[dict] = []
    monkeypatch.setattr(tiles, "show", lambda _workspace, them: drawn.extend(them))
    run("sheet", workspace)
    why = [tile["why"] for tile in drawn if not tile["picture"]]
    assert why.count("no picture yet: Cohort draws it") == heads
    page = run("cohort", workspace)
    assert [one.label for one in page.button if "picture" in one.label] == [
        f"Draw {heads} pictures"
    ]
    assess_workspace.assess(workspace, jobs=1)
    assert not [one.label for one in run("cohort", workspace).button if "picture" in one.label]


@pytest.mark.parametrize(
    "version",
    [pytest.param(one, marks=pytest.mark.soak) if n else one for n, one in enumerate(VERSIONS)],
)
def test_it_is_scored_anew(version: str, tmp_path: Path, run) -> None:
    workspace = Workspace.open(made_by(version, tmp_path))
    assess_workspace.assess(workspace, jobs=1)
    assert pending.scoring_state(workspace).due.empty
    scored = tables.read_scores(workspace).dropna(subset="distortion_score")
    assert set(POOL) <= set(scored["scan_id"])
    assert "older version" not in words(run("review", workspace))
