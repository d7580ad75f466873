import errno
import pickle
import random
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from curation.errors import StudyError
from tests.fuzz import images, sound
from training.tasks import checkpoints


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    state = {"model": {"w": torch.arange(3.0)}, "progress": {"step": 4, "last": {"loss": 0.5}}}
    checkpoints.save(tmp_path / "last.pt", state)
    loaded = checkpoints.load(tmp_path / "last.pt")
    assert loaded is not None
    assert torch.equal(loaded["model"]["w"], state["model"]["w"])
    assert loaded["progress"] == state["progress"]


def test_no_file_is_none(tmp_path: Path) -> None:
    assert checkpoints.load(tmp_path / "last.pt") is None


def test_a_failed_save_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoints.save(path, {"step": 1})
    with pytest.raises((AttributeError, pickle.PicklingError)):
        checkpoints.save(path, {"step": lambda: 2})
    assert checkpoints.load(path) == {"step": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["last.pt"]


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow beyond 100 kB, which the system refuses as it refuses a full disk."""
    usual, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.RLIMIT_FSIZE
    before = resource.getrlimit(limits)
    resource.setrlimit(limits, (100_000, before[1]))
    yield
    resource.setrlimit(limits, before)
    signal.signal(signal.SIGXFSZ, usual)


def test_a_disk_that_takes_no_more_is_told_as_such_and_keeps_the_earlier_one(
    tmp_path: Path, small_disk: None
) -> None:
    path = tmp_path / "last.pt"
    checkpoints.save(path, {"step": 1})
    with pytest.raises(OSError) as raised:
        checkpoints.save(path, {"w": torch.zeros(100_000)})
    assert (raised.value.errno, raised.value.filename) == (errno.EFBIG, str(path))
    assert checkpoints.load(path) == {"step": 1}
    assert [found.name for found in tmp_path.iterdir()] == ["last.pt"]


def test_a_checkpoint_written_beside_the_training_holds_what_was_true_when_it_was_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, held, save = tmp_path / "last.pt", threading.Event(), checkpoints.save
    monkeypatch.setattr(checkpoints, "save", lambda path, state: (held.wait(30), save(path, state)))
    weights = torch.arange(3.0)
    with checkpoints.Writer(path, epoch=2) as writer:
        writer.write({"model": [weights], "step": 7}, epoch=3)
        weights += 1  # goes on while the disk is slow
        assert (path.exists(), writer.saved_epoch) == (False, 2)
        held.set()
        writer.wait()
        assert writer.saved_epoch == 3
    loaded = checkpoints.load(path)
    assert loaded is not None and loaded["step"] == 7
    assert torch.equal(loaded["model"][0], torch.arange(3.0))


def test_what_could_not_be_written_is_raised_with_the_next_and_hides_no_other_error(
    tmp_path: Path, small_disk: None
) -> None:
    large = {"w": torch.zeros(100_000)}
    with pytest.raises(OSError), checkpoints.Writer(tmp_path / "last.pt", epoch=0) as writer:
        writer.write(large, epoch=1)
        writer.write(large, epoch=2)
    assert writer.saved_epoch == 0
    with (
        pytest.raises(StudyError, match="no number"),
        checkpoints.Writer(tmp_path / "last.pt", epoch=0) as writer,
    ):
        writer.write(large, epoch=1)
        raise StudyError("no number")


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("content", ["cut", "text", "code"])
def test_a_damaged_or_hostile_file_is_refused_and_never_run(tmp_path: Path, content: str) -> None:
    path = tmp_path / "last.pt"
    checkpoints.save(path, {"w": torch.zeros(1000)})
    if content == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif content == "text":
        path.write_text("not a checkpoint")
    else:
        torch.save({"w": _Touch(tmp_path / "owned")}, path)
    with pytest.raises(StudyError, match="damaged"):
        checkpoints.load(path)
    assert not (tmp_path / "owned").exists()


def test_whatever_a_checkpoint_holds_it_is_read_or_refused_in_words(tmp_path: Path) -> None:
    path, refused = tmp_path / "last.pt", 0
    for number in range(60):
        path.write_bytes(images.checkpoint(random.Random(number), sound.checkpoint()))
        try:
            assert isinstance(checkpoints.load(path), dict)
        except StudyError as error:
            assert "is damaged" in str(error)
            refused += 1
    assert refused > 20
