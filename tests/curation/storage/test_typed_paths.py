"""Paths as somebody types them."""

from pathlib import Path

import pytest

from curation.storage import typed_paths


@pytest.mark.parametrize("typed", ["~\0", "a\0b", "~nobody-of-that-name/a"])
def test_a_path_that_no_file_can_have_is_made_absolute_and_left(typed: str) -> None:
    assert typed_paths.expanded(typed) == Path(typed)
    assert typed_paths.resolved(typed) == Path.cwd() / typed


def test_home_is_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert typed_paths.resolved("~/scans") == tmp_path / "scans"
