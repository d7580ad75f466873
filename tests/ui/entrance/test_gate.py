"""The gate without a browser: what a proxy says, what others say in its name, and where people are sent."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.proto.BackMsg_pb2 import BackMsg

from curation.access.acting import Actor
from curation.access.actions import Rank
from curation.errors import ServerError
from pages.ui.entrance import provider_login, watched_socket
from pages.ui.entrance.gate import HANDLE_HEADER, KEY_HEADER, Gate
from pages.ui.entrance.login_sessions import LoginSessions

SETTINGS = """
[login]
by = "header"
sign_out = "/oauth2/sign_out"
[people]
rater = ["ada@lab.example"]
curator = ["group:curators"]
"""
KEY = "k" * 32
ADA = {KEY_HEADER: KEY, "x-forwarded-email": "Ada@Lab.example", "accept": "text/html"}


async def _told(request: Request) -> Response:
    return PlainTextResponse(",".join(request.headers.getlist(HANDLE_HEADER)))


class Proxied:
    """An application behind the gate, and what is noted of who comes and goes."""

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        path = folder / "access.toml"
        path.write_text(settings)
        path.chmod(0o600)
        self.noted: list[tuple[str, str]] = []
        self.sessions = LoginSessions(path)
        app = Starlette(routes=[Route("/{any:path}", _told)])
        self.client = TestClient(
            Gate(app, self.sessions, KEY, self._note),
            "http://127.0.0.1:8501",
            follow_redirects=False,
        )

    def _note(self, what: str, actor: Actor) -> None:
        self.noted.append((what, actor.name))

    def sign_in(self, **headers: str) -> None:
        answer = self.client.get("/sign-in/go?wanted=/tiers", headers=ADA | headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/tiers")


@pytest.fixture
def proxied(tmp_path: Path) -> Proxied:
    return Proxied(tmp_path)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-email": "ada@lab.example"},
        {KEY_HEADER: "k" * 31, "x-forwarded-email": "ada@lab.example"},
        {KEY_HEADER: KEY},
        {KEY_HEADER: KEY, "x-forwarded-email": " "},
        {KEY_HEADER: KEY, "x-forwarded-email": "a" * 101},
    ],
)
def test_only_the_proxy_says_who_it_is(proxied: Proxied, headers: dict[str, str]) -> None:
    for path in ("/", "/sign-in/go", "/tiers", "/sign-in"):
        assert proxied.client.get(path, headers=headers).status_code == 403
    proxied.sign_in()
    assert proxied.client.get("/tiers", headers=headers).status_code == 403  # the cookie alone


def test_who_is_signed_in_is_known_to_the_pages_by_the_gate_alone(proxied: Proxied) -> None:
    assert proxied.client.get("/tiers", headers=ADA).status_code == 401
    proxied.sign_in()
    answer = proxied.client.get("/tiers", headers=ADA | {HANDLE_HEADER: "forged"})
    actor = proxied.sessions.actor(answer.text)
    assert (actor.name, actor.rank) == ("ada@lab.example", Rank.RATER)
    assert proxied.noted == [("signed in", "ada@lab.example")]


def test_a_group_that_the_proxy_names_gives_a_rank(proxied: Proxied) -> None:
    proxied.sign_in(**{"x-forwarded-groups": "others, Curators"})
    handle = proxied.client.get("/x", headers=ADA).text
    assert proxied.sessions.actor(handle).rank is Rank.CURATOR


def test_a_session_ends_where_the_proxy_says_that_it_is_somebody_else(proxied: Proxied) -> None:
    proxied.sign_in()
    eve = ADA | {"x-forwarded-email": "eve@lab.example"}
    assert proxied.client.get("/tiers", headers=eve).status_code == 401
    assert proxied.noted[-1] == ("signed out, the proxy named another", "ada@lab.example")
    assert proxied.client.get("/tiers", headers=ADA).status_code == 401


def test_who_has_no_rank_is_told_so_and_noted(proxied: Proxied) -> None:
    eve = ADA | {"x-forwarded-email": "eve<b>@lab.example"}
    answer = proxied.client.get("/sign-in/go", headers=eve)
    assert answer.status_code == 403
    assert "eve&lt;b&gt;@lab.example" in answer.text
    assert "set-cookie" not in answer.headers
    assert proxied.noted == [("sign-in refused", "eve<b>@lab.example")]


def test_strangers_do_not_flood_the_audit(proxied: Proxied) -> None:
    for number in range(130):
        for _ in range(2):
            who = ADA | {"x-forwarded-email": f"eve{number}@lab.example"}
            assert proxied.client.get("/sign-in/go", headers=who).status_code == 403
        proxied.client.get("/", headers={"x-forwarded-email": "ada@lab.example"})  # without the key
    assert proxied.noted == [("sign-in refused", f"eve{n}@lab.example") for n in range(100)]
    proxied.sessions.clock = lambda: time.monotonic() + 3601
    proxied.client.get("/sign-in/go", headers=ADA | {"x-forwarded-email": "eve0@lab.example"})
    assert len(proxied.noted) == 101


@pytest.mark.parametrize(
    ("claims", "noted"),
    [
        (
            {"email": "una@lab.example", "email_verified": "false"},
            ("sign-in refused, address not verified", "una@lab.example"),
        ),
        ({"sub": "u1"}, ("sign-in refused, no name to be used", "u1")),
        ({"sub": "a\nb"}, None),
    ],
)
def test_who_comes_back_without_an_address_to_be_used_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claims: dict, noted: tuple | None
) -> None:
    proxied = Proxied(tmp_path, SETTINGS.replace('"header"', '"oidc"'))
    monkeypatch.setattr(provider_login, "who_came", lambda cookies: claims)
    answer = proxied.client.get("/oauth2callback?code=1", headers={"accept": "text/html"})
    assert answer.status_code == 403
    assert proxied.noted == ([noted] if noted else [])


def test_signing_out_ends_the_session_and_goes_to_the_proxys_way_out(proxied: Proxied) -> None:
    proxied.sign_in()
    cookies = dict(proxied.client.cookies)
    answer = proxied.client.get("/sign-in/out", headers=ADA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/oauth2/sign_out")
    proxied.client.cookies.update(cookies)
    assert proxied.client.get("/tiers", headers=ADA).status_code == 401
    assert proxied.noted[-1] == ("signed out", "ada@lab.example")


def test_the_cookie_is_kept_from_scripts_and_other_sites(proxied: Proxied) -> None:
    line = proxied.client.get("/sign-in/go", headers=ADA).headers["set-cookie"]
    assert "HttpOnly" in line
    assert "SameSite=lax" in line
    secure = TestClient(proxied.client.app, "https://127.0.0.1:8501", follow_redirects=False)
    assert "Secure" in secure.get("/sign-in/go", headers=ADA).headers["set-cookie"]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/sign-in/out",
        "/auth/logout",
        "/" + "a" * 3000,
        "javascript:alert(1)",
    ],
)
def test_one_is_sent_nowhere_else_after_the_login(proxied: Proxied, wanted: str) -> None:
    answer = proxied.client.get("/sign-in/go", params={"wanted": wanted}, headers=ADA)
    assert answer.headers["location"] == "/"
    page = proxied.client.get("/sign-in", params={"wanted": wanted, "why": "<x>"}, headers=ADA)
    assert "evil" not in page.text


def test_what_a_page_does_by_itself_is_no_use() -> None:
    told = BackMsg()
    told.rerun_script.query_string = ""
    assert watched_socket.is_use(told.SerializeToString())
    told.rerun_script.is_auto_rerun = True
    assert not watched_socket.is_use(told.SerializeToString())
    heard = BackMsg()
    heard.app_heartbeat = True
    assert not watched_socket.is_use(heard.SerializeToString())
    assert not watched_socket.is_use(b"\xff\xff")


@pytest.mark.parametrize(("stays_s", "messages"), [(0.05, 0), (1.0, 2)])
def test_the_tab_that_signs_out_is_left_to_go_to_its_login_and_others_are_sent_away(
    monkeypatch: pytest.MonkeyPatch, stays_s: float, messages: int
) -> None:
    monkeypatch.setattr(watched_socket, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(watched_socket, "LEAVING_S", 0.3)
    sent: list[str] = []

    class Over:
        def over(self, _: object) -> str:
            return "signed-out"

    async def tab(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await asyncio.sleep(stays_s)
        await send({"type": "websocket.send", "bytes": b"a patient's name"})

    async def send(message: Any) -> None:
        sent.append(message["type"])

    socket = watched_socket.WatchedSocket(tab, Over(), None)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as elsewhere:  # in this thread a browser's loop may run
        elsewhere.submit(lambda: asyncio.run(socket.serve({}, None, send))).result()  # type: ignore[arg-type]
    assert sent[0] == "websocket.accept"
    assert len(sent) == 1 + messages  # and nothing of the page


def test_a_claim_that_names_nobody_is_refused(proxied: Proxied) -> None:
    settings = proxied.sessions.settings()
    assert provider_login.named({"email": " Ada@Lab.example "}, settings)[0] == "ada@lab.example"
    for claims in ({}, {"email": ""}, {"email": 3}, {"email": "a\nb"}):
        with pytest.raises(ServerError):
            provider_login.named(claims, settings)
    for said in ("false", "False", 0, 1, None, "", "no"):
        claims = {"email": "ada@lab.example", "email_verified": said}
        with pytest.raises(ServerError, match="not verified"):
            provider_login.named(claims, settings)
    for said in (True, "true", "True"):
        provider_login.named({"email": "ada@lab.example", "email_verified": said}, settings)
    for claims in (  # the Kelvin sign, a wide a, a ligature; a Cyrillic a
        {"email": "\N{KELVIN SIGN}ora@lab.example"},
        {"email": "\uff41da@lab.example"},
        {"email": "\ufb01na@lab.example"},
        {"email": "\u0430da@lab.example"},
    ):
        with pytest.raises(ServerError):
            provider_login.named(claims, settings)
    assert provider_login.who_came(["_streamlit_user=forged; Path=/"]) == {}
