from pathlib import Path

import pytest

from pages.ui import served


def test_an_address_does_not_follow_from_where_a_workspace_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = served.address(tmp_path, "previews")
    assert before == served.address(tmp_path, "previews")
    served._served.clear()
    monkeypatch.setattr(served, "_SECRET", "of a server that starts later")
    assert before != served.address(tmp_path, "previews")
