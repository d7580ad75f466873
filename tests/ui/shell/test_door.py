"""Settings and requests that the door lets through."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit import config

from curation.errors import ServerError
from pages.ui.shell import door, scratch

SAFE = {
    "server.address": "127.0.0.1",
    "server.port": 8501,
    "server.allowedHosts": list(door.OWN_NAMES),
}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_own_addresses_are_served(address: str) -> None:
    door.refuse_open_settings(SAFE | {"server.address": address})


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "::", "", None, "10.0.0.1", "fe80::1", "lab.example", "::ffff:10.0.0.1"],  # noqa: S104
)
def test_addresses_that_others_reach_are_refused_with_the_way_round(address: str | None) -> None:
    with pytest.raises(ServerError, match=r"no login.*ssh -L 8501:127\.0\.0\.1:8501"):
        door.refuse_open_settings(SAFE | {"server.address": address})


@pytest.mark.parametrize("hosts", [[], (), ["*"], ("localhost", " * "), None])
def test_any_name_for_the_page_is_refused(hosts: list[str] | None) -> None:
    with pytest.raises(ServerError, match="any web site"):
        door.refuse_open_settings(SAFE | {"server.allowedHosts": hosts})


def test_a_proxys_name_is_answered_once_it_is_listed() -> None:
    told = _scope(("127.0.0.1", 8501), ("host", "lab.example"), ("origin", "https://lab.example"))
    assert "server.allowedHosts" in str(door.refusal(told))
    before = config.get_option("server.allowedHosts")
    config.set_option("server.allowedHosts", ["lab.example"])
    try:
        assert door.refusal(told) is None
    finally:
        config.set_option("server.allowedHosts", before)
    door.refuse_open_settings(SAFE | {"server.allowedHosts": ("127.0.0.1", "lab.example")})


def test_a_refusal_says_which_address_was_asked_for_and_which_setting_lists_those_that_are_answered() -> (
    None
):
    named = door.refusal(_scope(("127.0.0.1", 8501), ("host", "lab.example:443")))
    assert named is not None and "Asked for was lab.example:443" in named
    assert "http://localhost:8501" in named
    other = door.refusal(
        _scope(("127.0.0.1", 8501), ("host", "localhost:8501"), ("origin", "https://lab.example"))
    )
    assert other is not None and "a page of https://lab.example" in other
    assert "what it asked for is localhost:8501" in other and "proxy_set_header Host" in other
    for said in (named, other):
        assert "server.allowedHosts (STREAMLIT_SERVER_ALLOWED_HOSTS)" in said


def test_what_cannot_be_read_of_an_address_is_not_repeated() -> None:
    said = door.refusal(_scope(("127.0.0.1", 8501), ("host", "\x1b[2J")))
    assert said is not None and "\x1b" not in said and "no name that can be read" in said
    long = door.refusal(_scope(("127.0.0.1", 8501), ("host", "a" * 5000)))
    assert long is not None and len(long) < 500


def _scope(server: object, *headers: tuple[str, str]) -> dict:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http", "path": "/", "server": server, "headers": raw}


def test_a_request_that_came_over_a_network_is_refused_whoever_started_the_server() -> None:
    """As with ``uvicorn app:app --host 0.0.0.0``, which reads no settings of streamlit's."""
    for server in (("192.0.2.1", 8501), ("::ffff:10.0.0.1", 8501), ("/run/socket", None), None):
        assert "ssh -L" in str(door.refusal(_scope(server, ("host", "localhost"))))
    for server in (("127.0.0.1", 8501), ("::1", 8501), ("::ffff:127.0.0.1", 8501)):
        assert door.refusal(_scope(server, ("host", "localhost"))) is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "localhost"), ("host", "evil.example")],
        [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://evil.example")],
        [("host", "localhost;evil")],
        [("host", "evil@localhost")],
        [("host", "localhost/evil")],
        [("host", "")],
    ],
)
def test_a_name_that_can_be_read_two_ways_is_refused(headers: list[tuple[str, str]]) -> None:
    assert door.refusal(_scope(("127.0.0.1", 8501), *headers)) is not None


def test_a_server_that_ends_leaves_no_images(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "_held", [])  # the folders of tests that look at images stay

    async def serve() -> Path:
        async with door.lifespan(None):
            return scratch.make()

    caplog.set_level("INFO", "pages")
    with ThreadPoolExecutor(1) as threads:  # a browser's loop may be running in this one
        left = threads.submit(lambda: asyncio.run(serve())).result()
    assert not left.exists()
    assert "Tierscope: http://127.0.0.1:8501" in caplog.text
