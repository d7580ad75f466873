"""Addresses of static files."""

from pathlib import Path

import pytest

from pages.ui.shell import static_files


def test_an_address_does_not_follow_from_where_a_workspace_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = static_files.address(tmp_path, "previews")
    assert before == static_files.address(tmp_path, "previews")
    static_files._served.clear()
    monkeypatch.setattr(static_files, "_SECRET", "of a server that starts later")
    assert before != static_files.address(tmp_path, "previews")
