"""A running dashboard: clients and routes that it answers, and the headers of its answers."""

import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.sync.client import connect

from curation.storage.workspace import Workspace
from tests.helpers.dashboard import Dashboard

ROUTES = [
    "/",
    "/tiers",
    "/component/pages.ui.served.tierscope_previews_0/scan.png",
    "/media/0.csv",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/upload_file/session/file",
    "/static/none.js",
]
STREAM = "/_stcore/stream"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """A dashboard on an empty workspace; when it ends, nothing was asked of any other machine."""
    folder = tmp_path_factory.mktemp("server")
    dashboard = Dashboard(Workspace.create(folder / "workspace"), folder / "log.txt")
    with dashboard:
        yield dashboard


def _asked(
    dashboard: Dashboard, path: str, **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    """Ask for a path; the status of a WebSocket that is let in is 101."""
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=20)
    with contextlib.closing(connection):
        wanted = UPGRADE if path == STREAM else {}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers=wanted | given)
        answer = connection.getresponse()
        return answer.status, answer.headers, "" if answer.status == 101 else answer.read().decode()


@pytest.mark.parametrize("path", [*ROUTES, STREAM])
def test_another_name_is_refused_on_every_route(running: Dashboard, path: str) -> None:
    for host in (f"evil.example:{running.port}", "evil.example", "127.0.0.1.evil.example"):
        status, _, said = _asked(running, path, Host=host)
        assert status == 403
        assert path == STREAM or "http://localhost" in said


@pytest.mark.parametrize("path", [*ROUTES, STREAM])
def test_another_page_is_refused_on_every_route(running: Dashboard, path: str) -> None:
    origins = (
        f"http://evil.example:{running.port}",
        "http://localhost:1234",
        "http://127.0.0.1",
        "null",
        f"http://localhost:{running.port}",
    )
    for origin in origins:
        assert _asked(running, path, Host=f"127.0.0.1:{running.port}", Origin=origin)[0] == 403


@pytest.mark.parametrize("name", ["127.0.0.1:{port}", "localhost:{port}", "localhost:9000"])
def test_this_machine_and_a_tunnel_to_it_are_answered(running: Dashboard, name: str) -> None:
    host = name.format(port=running.port)
    assert _asked(running, "/", Host=host)[0] == 200
    assert _asked(running, "/_stcore/health", Host=host, Origin=f"http://{host}")[0] == 200
    assert _asked(running, STREAM, Host=host, Origin=f"http://{host}")[0] == 101


def test_no_other_page_may_frame_it_or_use_its_files(running: Dashboard) -> None:
    for path in ROUTES:
        _, headers, _ = _asked(running, path)
        inside = path.startswith("/component/")  # our own viewer stands in a frame of our own page
        policy = dict(
            part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
        )
        assert policy["frame-ancestors"] == ("'self'" if inside else "'none'")
        assert headers["X-Frame-Options"] == ("SAMEORIGIN" if inside else "DENY")
        assert policy["default-src"].startswith("'self'")
        assert "http:" not in policy["default-src"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers.get("Access-Control-Allow-Origin") is None


def test_nothing_of_a_person_is_kept_by_browsers_and_proxies(running: Dashboard) -> None:
    for path in ("/", "/component/x.y/scan.png", "/component/x.y/scans/1.nii", "/media/0.csv"):
        assert _asked(running, path)[1]["Cache-Control"] == "private, no-store"


def test_what_the_server_counts_is_told_to_nobody(running: Dashboard) -> None:
    assert _asked(running, "/_stcore/metrics")[0] == 404
    assert _asked(running, "//_stcore/metrics")[0] != 200


def test_no_other_page_may_send_the_page_messages(running: Dashboard) -> None:
    assert '"allowedOrigins":[]' in _asked(running, "/_stcore/host-config")[2]


def test_a_page_is_drawn_for_this_machine(running: Dashboard) -> None:
    assert _session(running, "cohort", "What do I have?")


# ---- who is asked -----------------------------------------------------------------------------------


def test_the_trace_tells_what_streamlit_asks_of_others_by_itself(tmp_path: Path) -> None:
    plain = tmp_path / "plain.py"
    plain.write_text("import streamlit as st\nst.write('plain')\n")
    dashboard = Dashboard(Workspace(tmp_path), tmp_path / "log.txt", str(plain))
    with pytest.raises(AssertionError, match="checkip"), dashboard:
        _asked(dashboard, STREAM, Origin="http://evil.example")
    assert "socket.connect 8.8.8.8" in dashboard.asked_outside


def test_an_address_that_others_reach_is_refused_in_words(tmp_path: Path) -> None:
    everywhere = ["--server.address", "0.0.0.0"]  # noqa: S104
    dashboard = Dashboard(Workspace(tmp_path), tmp_path / "log.txt", options=everywhere)
    dashboard.start()
    assert dashboard.process.wait(60) == 1
    assert dashboard.asked_outside == []
    assert "there is no login" in dashboard.printed
    assert "ssh -L" in dashboard.printed
    assert "Traceback" not in dashboard.printed


def _session(dashboard: Dashboard, page: str, wanted: str) -> bool:
    """Open a page as a browser's tab does; tell whether ``wanted`` was drawn."""
    host = f"127.0.0.1:{dashboard.port}"
    with connect(f"ws://{host}{STREAM}", origin=f"http://{host}", max_size=None) as socket:  # type: ignore[arg-type]
        asked = BackMsg()
        asked.rerun_script.page_name = page
        socket.send(asked.SerializeToString())
        while wanted.encode() not in socket.recv(timeout=30, decode=False):
            pass
    return True
