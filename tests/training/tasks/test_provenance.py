"""What a run says of its network, its machine and the code that trained it."""

import subprocess
from pathlib import Path

import pytest
from torch import nn

from training.tasks import provenance

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_parameters_are_those_that_are_trained() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    assert provenance.facts(model)["parameters"] == 4 * 2 + 2


@pytest.mark.parametrize("kind", ["detached", "branch", "packed", "worktree"])
def test_the_revision_is_read_however_git_keeps_it(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / ".git"
    folder.mkdir()
    (folder / "refs" / "heads").mkdir(parents=True)
    (folder / "HEAD").write_text(COMMIT if kind == "detached" else "ref: refs/heads/mine\n")
    if kind == "packed":
        (folder / "packed-refs").write_text(
            f"# pack-refs\n{'f' * 40} refs/heads/other\n{COMMIT} refs/heads/mine\n"
        )
    elif kind != "detached":
        (folder / "refs" / "heads" / "mine").write_text(f"{COMMIT}\n")
    checkout = tmp_path
    if kind == "worktree":
        own, checkout = folder / "worktrees" / "w", tmp_path / "beside"
        own.mkdir(parents=True)
        checkout.mkdir()
        (checkout / ".git").write_text(f"gitdir: {own}\n")
        (own / "HEAD").write_text("ref: refs/heads/mine\n")
        (own / "commondir").write_text("../..\n")
    assert provenance.revision(checkout) == COMMIT[:10]
    assert provenance.revision(tmp_path / "nowhere") is None


def test_changes_that_were_not_committed_are_told_and_where_git_does_not_tell_it_is_not_known(
    tmp_path: Path,
) -> None:
    assert provenance.changed(tmp_path) is None
    (tmp_path / ".git").mkdir()  # no repository
    assert provenance.changed(tmp_path) is None
    (tmp_path / ".git").rmdir()
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert provenance.changed(tmp_path) is False
    (tmp_path / "new.py").write_text("more = 1\n")
    assert provenance.changed(tmp_path) is True


def test_the_processor_has_the_name_that_the_system_gives(tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: Pocket Calculator 9\n")
    assert provenance.processor.__wrapped__(told) == "Pocket Calculator 9"
    assert provenance.processor.__wrapped__(tmp_path / "none")
