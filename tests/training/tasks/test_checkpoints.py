import pickle
from pathlib import Path

import pytest
import torch

from curation.errors import StudyError
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
