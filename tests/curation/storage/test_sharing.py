"""A workspace that a group shares: its accounts read and write everything, others nothing."""

import grp
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.decisions import database
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.storage import sharing
from curation.storage.workspace import Workspace
from tests.helpers import rating_writer

#: Somebody else, in a group that both are in.
OTHER, NOT_IN_IT = 65534, 65533


def rate(workspace: Workspace, rater: str) -> None:
    rating = Rating(scan_id="made_00001", rater=rater, scale="pass-fail", value=1.0)
    rating_log.add_rating(workspace, rating)


def rate_as(workspace: Workspace, account: int, groups: list[int]) -> bool:
    """Rate as another account with a closed umask; return whether that was stored."""
    database.close()
    child = os.fork()
    if not child:  # not by a program of its own: this one may lie where only its owner can go
        try:
            os.setgroups(groups)
            os.setgid(account)
            os.setuid(account)
            os.umask(0o077)
            sharing.follow(workspace.root)
            rate(Workspace.open(workspace.root), "Ben")
        except BaseException as error:  # noqa: BLE001
            os.write(2, f"{error}\n".encode())
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


@pytest.fixture
def umask() -> Iterator[None]:
    """A closed umask, as hospitals set it; put back afterwards."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other accounts can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    database.close()
    shutil.rmtree(folder)


def modes(root: Path) -> set[tuple[bool, int]]:
    inside = [path for path in root.rglob("*") if not path.is_symlink()]
    return {(path.is_dir(), path.stat().st_mode & 0o7777) for path in (root, *inside)}


@pytest.mark.usefixtures("umask")
def test_everything_there_is_and_is_made_later_is_the_groups_alone(tmp_path, capsys) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 2)
    assert not sharing.is_shared(workspace.root)
    (tmp_path / "raw.nii").touch(0o600)
    workspace.exported_cohorts_dir.mkdir(parents=True)
    (workspace.exported_cohorts_dir / "link.nii").symlink_to(tmp_path / "raw.nii")
    words = ["--workspace", str(workspace.root)]
    assert main(["share", "--group", group(), *words]) == 0
    assert "shared by the group" in capsys.readouterr().out
    assert main(["export-ratings", *words]) == 0  # makes folders and files
    assert modes(workspace.root) == {(True, 0o2770), (False, 0o660)}
    assert (tmp_path / "raw.nii").stat().st_mode & 0o7777 == 0o600  # raw data keep their rights


@pytest.mark.usefixtures("umask")
def test_a_workspace_that_is_not_shared_stays_its_owners(tmp_path) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 2)
    assert main(["export-ratings", "--workspace", str(workspace.root)]) == 0
    assert modes(workspace.root) == {(True, 0o700), (False, 0o600)}


def test_a_group_that_is_not_there_is_said_and_nothing_changes(tmp_path, capsys) -> None:
    workspace = rating_writer.workspace_of(tmp_path / "w", 2)
    before = modes(workspace.root)
    assert main(["share", "--group", "no such group", "--workspace", str(workspace.root)]) == 2
    assert "There is no group 'no such group'" in capsys.readouterr().err
    assert modes(workspace.root) == before


@pytest.mark.usefixtures("umask")
@pytest.mark.skipif(os.geteuid() != 0, reason="takes the superuser to be somebody else")
def test_another_account_of_the_group_rates_and_a_stranger_does_not(place) -> None:
    workspace = rating_writer.workspace_of(place / "w", 2)
    sharing.share(workspace, group())
    sharing.follow(workspace.root)
    rate(workspace, "Ada")
    assert rate_as(workspace, OTHER, [os.getgid()])
    assert not rate_as(workspace, NOT_IN_IT, [])
    ratings = rating_log.list_ratings(Workspace.open(workspace.root))
    assert ratings["rater"].tolist() == ["Ada", "Ben"]
    assert modes(workspace.root) == {(True, 0o2770), (False, 0o660)}
