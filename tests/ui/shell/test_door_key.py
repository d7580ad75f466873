"""The key in the printed address: without it nobody on the machine gets in, with it a browser goes on."""

import http.client
import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from curation.errors import ServerError
from curation.storage.workspace import ENVIRONMENT_VARIABLE, Workspace
from pages.ui.shell import door_key
from tests.helpers.dashboard import Dashboard
from tests.ui.shell.test_server import ROUTES, STREAM

KEY = "a-key_of-24-letters-1234"
HEALTH = "/_stcore/health"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("keyed")
    dashboard = Dashboard(Workspace.create(folder / "w"), folder / "log.txt", key=KEY)
    with dashboard:
        yield dashboard


def asked(dashboard: Dashboard, path: str, cookie: str = "") -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=20)
    with closing(connection):
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read().decode(errors="replace")


@pytest.mark.parametrize("path", [route for route in ROUTES if route != HEALTH])
def test_without_the_key_no_route_is_answered(running: Dashboard, path: str) -> None:
    others = (
        "",
        f"tierscope-{running.port}={KEY}",  # it is the address that holds the key
        f"tierscope-{running.port}=",
        f"tierscope-{running.port}={KEY[:-1]}",
        f"tierscope-1={KEY}",
        f"tierscope-{running.port}=\x01;=",
    )
    for cookie in others:
        status, _, said = asked(running, path, cookie)
        assert status == 403 and "address that Tierscope printed" in said
    for wrong in ("", "x", KEY[:-1], f"{KEY}&key=x", "%ff%00"):
        assert asked(running, f"{path}?key={wrong}")[0] == 403


def test_whether_it_lives_is_told_to_everybody_and_says_no_more(running: Dashboard) -> None:
    assert asked(running, HEALTH)[::2] == (200, "ok")


def test_an_address_with_the_key_opens_it_and_the_key_leaves_the_address(
    running: Dashboard,
) -> None:
    assert f"http://127.0.0.1:{running.port}" in running.printed
    assert KEY not in running.printed  # it was set, so that who set it knows it
    status, headers, _ = asked(running, f"/tiers?key={KEY}&study=a%26b")
    assert (status, headers["location"]) == (303, "/tiers?study=a%26b")
    cookie = headers["set-cookie"]
    assert re.search(r"HttpOnly", cookie) and "SameSite=Strict" in cookie
    assert "no-store" in headers["cache-control"]
    held = cookie.partition(";")[0]
    assert asked(running, headers["location"], held)[0] == 200
    assert asked(running, "//evil.example/?key=" + KEY)[1]["location"] == "/evil.example/"


def let_in(running: Dashboard) -> str:
    """Return the cookie that the address with the key gives."""
    return asked(running, f"/?key={KEY}")[1]["set-cookie"].partition(";")[0]


def test_what_a_browser_is_given_opens_nothing_after_the_next_start(tmp_path: Path) -> None:
    dashboard = Dashboard(Workspace.create(tmp_path / "w"), tmp_path / "log.txt", key=KEY)
    with dashboard:
        held = let_in(dashboard)
        assert KEY not in held and asked(dashboard, "/", held)[0] == 200
    with dashboard:  # of the same key, on the same port
        assert asked(dashboard, "/", held)[0] == 403
        assert asked(dashboard, "/", let_in(dashboard))[0] == 200


def test_a_websocket_wants_the_key_too(running: Dashboard) -> None:
    address = f"ws://127.0.0.1:{running.port}{STREAM}"
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, open_timeout=20).close()
    held = {"Cookie": let_in(running)}
    with connect(address, additional_headers=held, open_timeout=20) as socket:
        assert socket.protocol.state.name == "OPEN"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace that the next server is to serve, without a setting."""
    workspace = Workspace.create(tmp_path / "w")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(workspace.root))
    monkeypatch.delenv(door_key.ENVIRONMENT_VARIABLE, raising=False)
    door_key.key.cache_clear()
    yield workspace
    door_key.key.cache_clear()


def test_a_server_has_the_key_that_it_had_and_another_workspace_another(fresh, tmp_path) -> None:
    first = door_key.key()
    assert door_key.address("http://127.0.0.1:8501") == f"http://127.0.0.1:8501/?key={first}"
    assert first is not None and len(first) >= 32
    assert fresh.door_key_path(os.getuid()).stat().st_mode & 0o777 == 0o600
    door_key.key.cache_clear()
    assert door_key.key() == first
    os.environ[ENVIRONMENT_VARIABLE] = str(Workspace.create(tmp_path / "other").root)
    door_key.key.cache_clear()
    assert door_key.key() != first


def test_a_workspace_that_is_made_while_the_server_runs_keeps_its_key(fresh, tmp_path) -> None:
    os.environ[ENVIRONMENT_VARIABLE] = str(tmp_path / "later")
    first = door_key.key()
    Workspace.create(tmp_path / "later")
    door_key.keep()
    door_key.key.cache_clear()
    assert door_key.key() == first


@pytest.mark.parametrize("spoil", ["open", "short", "folder"])
def test_a_key_that_others_could_read_or_that_is_none_is_not_used(fresh, spoil) -> None:
    path = fresh.door_key_path(os.getuid())
    if spoil == "folder":
        path.mkdir()
    else:
        path.write_text("k" * 30 if spoil == "open" else "short")
        path.chmod(0o644 if spoil == "open" else 0o600)
    found = door_key.key()
    assert found not in (None, "k" * 30, "short")
    if spoil != "folder":
        assert path.read_text() == found and path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("setting", ["", "short", "with spaces in it, and commas", "no"])
def test_a_setting_that_is_no_key_is_refused_in_words(fresh, setting, monkeypatch) -> None:
    monkeypatch.setenv(door_key.ENVIRONMENT_VARIABLE, setting)
    with pytest.raises(ServerError, match="16 to 128"):
        door_key.key()


def test_it_can_be_left_to_a_proxy(fresh, monkeypatch) -> None:
    monkeypatch.setenv(door_key.ENVIRONMENT_VARIABLE, "off")
    assert door_key.key() is None
    assert door_key.address("http://127.0.0.1:8501") == "http://127.0.0.1:8501"
