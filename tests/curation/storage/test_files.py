import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from curation.errors import StudyError, WorkspaceError
from curation.storage import files, json_lines


def test_an_interrupted_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"kept": True})
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half a fi")
        raise RuntimeError
    assert files.read_json(path) == {"kept": True}
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_a_day_later(tmp_path: Path) -> None:
    (left, fresh, other) = (tmp_path / n for n in (".a.json.x1.tmp", ".a.json.x2.tmp", "mine.tmp"))
    for path in (left, fresh, other):
        path.write_text("half")
    for path in (left, other):
        os.utime(path, (0, 0))
    files.sweep(tmp_path)
    files.sweep(tmp_path / "absent")
    assert set(tmp_path.iterdir()) == {fresh, other}


def test_a_json_file_that_is_not_there_reads_as_none(tmp_path: Path) -> None:
    assert files.read_json(tmp_path / "absent.json") is None


def test_every_number_of_json_fits_into_a_float() -> None:
    assert float(files.parse_json("9" * 300)) == pytest.approx(1e300)
    with pytest.raises(ValueError, match="a number of 400 digits"):
        files.parse_json(f'{{"MagneticFieldStrength": {"9" * 400}}}')


def test_nan_is_refused_rather_than_written_as_invalid_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_held_lock_is_refused_in_words_and_free_again_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        files.lock(path),
        pytest.raises(StudyError, match="runs already"),
        files.lock(path, StudyError("it runs already")),
    ):
        pass
    with files.lock(path, StudyError("it runs already")):
        pass


def test_sha256_equals_the_published_value_of_abc(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert files.sha256_of(path) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    """Set the umask of this process; put back afterwards."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.mark.parametrize(("mask", "left"), [(0o077, 0o600), (0o022, 0o644), (0o007, 0o660)])
def test_what_is_written_has_the_rights_that_the_umask_leaves(
    tmp_path: Path, umask: Callable[[int], int], mask: int, left: int
) -> None:
    umask(mask)
    path = tmp_path / "a.json"
    for value in (1, 2):  # new, and in the place of another
        files.write_json(path, value)
        assert path.stat().st_mode & 0o777 == left
    files.write_parquet(tmp_path / "a.parquet", pd.DataFrame({"age": [70]}))
    assert (tmp_path / "a.parquet").stat().st_mode & 0o777 == left


def test_a_lock_of_another_account_is_said_in_words(tmp_path: Path, monkeypatch) -> None:
    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)  # root may open anything
    with pytest.raises(WorkspaceError, match=r"another account.*docs/server\.md"):
        files.lock(tmp_path / "lock").__enter__()


def test_a_pipe_a_device_and_hollow_gigabytes_are_refused_and_never_waited_for(tmp_path) -> None:
    pipe, device, hollow = (tmp_path / name for name in ("pipe", "device", "hollow"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    hollow.touch()
    os.truncate(hollow, 30 << 30)
    for path in (pipe, device, hollow):
        for read in (files.read_text, files.read_json, json_lines.read):
            with pytest.raises(OSError, match=r"no longer a file|more than 256 MB"):
                read(path)


def test_a_name_that_no_file_can_have_is_not_there(tmp_path) -> None:
    assert files.read_json(tmp_path / "a\0b") is None


def test_brackets_nested_thousands_deep_are_refused_in_words() -> None:
    for parse in (files.parse_json, files.parse_toml):
        with pytest.raises(ValueError, match="nested too deep"):
            parse(("a = " if parse is files.parse_toml else "") + "[" * 100_000)
