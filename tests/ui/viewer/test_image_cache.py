"""Files for the browser: made once, waited for by all, the least used ones gone."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from curation.imaging.nifti_header import read_image, write_image
from pages.ui.viewer import image_cache
from pages.ui.viewer.image_cache import ImageCache


def test_two_that_ask_at_once_wait_for_one_making(tmp_path: Path) -> None:
    store, made, gate = ImageCache(tmp_path / "s"), [], threading.Event()

    def make(path: Path) -> int:
        gate.wait(5)
        made.append(path)
        path.write_bytes(b"x")
        return len(made)

    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(store.get("a", make).facts)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(10)
    assert found == [1, 1, 1, 1]


def test_the_image_cache_is_bounded_and_the_last_used_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "MAX_FILES", 3)
    store = ImageCache(tmp_path / "s")
    for key in "abc":
        store.get(key, lambda path: path.write_bytes(b"1"))
    store.get("a", lambda path: path.write_bytes(b"2"))
    store.get("d", lambda path: path.write_bytes(b"3"))
    assert [store.has(key) for key in "abcd"] == [True, False, True, True]
    assert len(list((tmp_path / "s").iterdir())) == 3
    monkeypatch.setattr(image_cache, "MAX_BYTES", 2)
    store.get("e", lambda path: path.write_bytes(b"12"))
    assert [store.has(key) for key in "ade"] == [False, False, True]


def test_a_failed_making_leaves_nothing_and_can_be_tried_again(tmp_path: Path) -> None:
    store = ImageCache(tmp_path / "s")

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise ValueError

    with pytest.raises(ValueError):
        store.get("a", fail)
    assert not list((tmp_path / "s").iterdir())
    store.prepare("a", fail)
    assert store.get("a", lambda path: path.write_bytes(b"1")).path.read_bytes() == b"1"


def test_what_is_made_ahead_lies_where_it_was_said_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "PAUSE_S", 0.0)
    store, made = ImageCache(tmp_path / "s"), threading.Event()

    def make(path: Path) -> None:
        path.write_bytes(b"1")
        made.set()

    said = store.path_of("a")
    assert not said.exists()
    store.prepare("a", make)
    assert made.wait(10)
    assert store.get("a", make).path == said
    assert said.read_bytes() == b"1"


def test_names_on_two_shelves_differ(tmp_path: Path) -> None:
    one, two = (ImageCache(tmp_path / n).get("a", lambda p: p.write_bytes(b"")).path for n in "xy")
    assert one.name != two.name


def test_an_image_is_read_back_in_place(tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(50, 9, (5, 6, 7)).astype(np.float32)
    span = (float(data.min()), float(data.max()))
    write_image(tmp_path / "a.nii", data, np.eye(4), window=(0, 100), span=span)
    voxels, slope, low = read_image(tmp_path / "a.nii")
    assert isinstance(voxels, np.memmap)
    assert np.allclose(voxels * slope + low, data, atol=slope)


def test_nothing_is_gone_that_fifty_people_look_at_or_will_look_at_next(tmp_path: Path) -> None:
    store = ImageCache(tmp_path / "s")
    for turn in range(5):
        for person in range(50):
            for what in ("scan", "next", "overlay"):
                store.get((person, turn, what), lambda path: path.write_bytes(b"1"))
        assert all(store.has((person, turn, "scan")) for person in range(50))
        assert all(store.has((person, turn, "next")) for person in range(50))
    assert len(list((tmp_path / "s").iterdir())) <= image_cache.MAX_FILES


def test_a_disk_that_is_nearly_full_is_not_filled(tmp_path: Path, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    store = ImageCache(tmp_path / "s")
    for key in "abc":
        store.get(key, lambda path: path.write_bytes(b"123"))
    assert [store.has(key) for key in "abc"] == [False, False, True]
