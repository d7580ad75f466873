"""Settings of the login: who has which rank, and what is refused."""

from pathlib import Path

import pytest

from curation.access import membership
from curation.access.actions import Rank
from curation.errors import ServerError
from curation.storage.workspace import Workspace

GOOD = """
[login]
by = "oidc"
idle_minutes = 20
[people]
viewer = ["*"]
rater = ["Ada@Lab.example", "group:raters"]
administrator = ["it@lab.example"]
[audit]
views = true
"""


def _read(folder: Path, text: str) -> membership.Membership:
    path = folder / "access.toml"
    path.write_text(text)
    path.chmod(0o640)
    return membership.read(path)


def test_the_highest_rank_by_name_or_group_holds(tmp_path: Path) -> None:
    settings = _read(tmp_path, GOOD)
    assert settings.rank_of("ADA@lab.example") is Rank.RATER
    assert settings.rank_of("bob@lab.example", ["Raters"]) is Rank.RATER
    assert settings.rank_of("it@lab.example", ["raters"]) is Rank.ADMINISTRATOR
    assert settings.rank_of("group:raters") is Rank.VIEWER  # a name that poses as a group
    assert settings.rank_of("stranger@else.example") is Rank.VIEWER
    assert (settings.idle_s, settings.longest_s, settings.views) == (1200, 12 * 3600, True)


def test_whom_nobody_named_has_no_rank(tmp_path: Path) -> None:
    settings = _read(tmp_path, GOOD.replace('viewer = ["*"]', ""))
    assert settings.rank_of("stranger@else.example", ["others"]) is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('by = "oidc"', 'by = "password"', "expected is"),
        ("idle_minutes = 20", "idle_minutes = 0", "above 0"),
        ("idle_minutes = 20", "idle_minutes = true", "above 0"),
        ("idle_minutes = 20", "idle_minutes = inf", "above 0"),
        ("idle_minutes", "idle_minuets", "has no 'idle_minuets'"),
        ("[people]", "[poeple]", "none of its parts"),
        ('viewer = ["*"]', 'viewer = "*"', "no list of names"),
        ("administrator", "admin", "has no 'admin'"),
        ("views = true", 'views = "yes"', "true or false"),
        ("[login]", "[login", "cannot be read"),
        (GOOD, '[login]\nby = "oidc"', "names nobody"),
    ],
)
def test_what_makes_no_sense_lets_nobody_in(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    with pytest.raises(ServerError, match=said):
        _read(tmp_path, GOOD.replace(before, after))


def test_settings_that_everybody_may_write_are_refused(tmp_path: Path) -> None:
    _read(tmp_path, GOOD)
    (tmp_path / "access.toml").chmod(0o666)
    with pytest.raises(ServerError, match="chmod o-w"):
        membership.read(tmp_path / "access.toml")


def test_a_login_is_asked_for_where_settings_are_or_were_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not membership.is_asked_for(workspace)
    workspace.access_path.write_text(GOOD)
    assert membership.is_asked_for(workspace)
    monkeypatch.setenv(membership.ENVIRONMENT_VARIABLE, str(workspace.root / "elsewhere.toml"))
    assert membership.is_asked_for(workspace)
    with pytest.raises(ServerError, match="cannot be read"):
        membership.read(membership.path_of(workspace))


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 50_000, "a = " + "9" * 5000, "[login]\nidle_minutes = 1" + "0" * 400]
)
def test_settings_that_no_reader_can_take_in_let_nobody_in(tmp_path: Path, text: str) -> None:
    with pytest.raises(ServerError, match="Nobody is let in"):
        _read(tmp_path, text)
