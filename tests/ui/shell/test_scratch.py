"""Images in temporary folders go with their server, however it ends."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pages.ui.shell import scratch

OTHER = "import sys; from pages.ui.shell import scratch; print(scratch.make(), flush=True); sys.stdin.read()"


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(scratch, "_held", [])


def test_a_killed_servers_images_go_at_the_next_start_and_a_living_ones_stay() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        (theirs / "scan.nii").write_bytes(b"a head")
        ours = scratch.make()
        assert (theirs / "scan.nii").exists()
        other.kill()
    assert theirs.exists()
    again = scratch.make()
    assert not theirs.exists()
    assert ours.exists()
    assert again != ours
    scratch.clear()
    assert not ours.exists()
    assert not again.exists()


def test_only_folders_of_this_account_are_removed(tmp_path: Path) -> None:
    kept = tmp_path / "precious"
    kept.mkdir()
    (kept / "lock").touch()
    (tmp_path / f"{scratch.PREFIX}link").symlink_to(kept)
    (tmp_path / f"{scratch.PREFIX}file").touch()
    scratch.make()
    assert (kept / "lock").exists()


def test_a_folder_is_closed_to_others() -> None:
    assert scratch.make().stat().st_mode & 0o777 == 0o700
