"""The server's door: checks of every request, and security headers of every answer.

Streamlit itself looks at where a WebSocket comes from and at nothing else, takes any page of this machine for
its own, and asks an outside address who it is. Here every route is looked at, and nobody is asked.
"""

import contextlib
import ipaddress
import logging
import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from curation.access.acting import Actor
from curation.access.membership import Membership
from curation.decisions import actions
from curation.errors import ServerError
from curation.storage.workspace import Workspace
from pages.ui.entrance import entrance
from pages.ui.shell import door_key, page_scripts, scratch

#: Names by which a browser on this machine, or at the near end of a tunnel to it, asks for the page.
OWN_NAMES = ("127.0.0.1", "localhost", "::1")
#: Endings of what a browser may keep: programs and fonts, nothing of a person.
_KEPT = (".js", ".mjs", ".css", ".wasm", ".woff2", ".svg")
#: What streamlit serves besides the page, to programs: counts of sessions and caches, and an interface.
_CLOSED = ("/_stcore/metrics", "/_stcore/agent")
#: Whether it lives, and nothing else, is told to everybody.
_HEALTH = "/_stcore/health"
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_TUNNEL = (
    "From another machine, make a tunnel, 'ssh -L 8501:127.0.0.1:{port} MACHINE', and open "
    "http://localhost:8501 there. docs/server.md says more."
)

#: The setting that lists the names, and its variable in the environment.
_NAMES_SETTING = "server.allowedHosts (STREAMLIT_SERVER_ALLOWED_HOSTS)"

_log = logging.getLogger(__name__)
_built = False
#: Whether requests from other machines are answered: only with a login, and TLS of the server's own.
_for_all = False


def stands() -> bool:
    """Return whether this process serves through the door, as ``streamlit run app.py`` does."""
    return _built


def refuse_open_settings(
    options: Mapping[str, object] | None = None, login: Membership | None = None
) -> None:
    """Refuse settings under which strangers could open the page.

    The one place that decides it. Other machines are answered only where a provider's login says who it is
    and the server speaks TLS itself; behind a proxy, the address stays this machine's own.

    Parameters
    ----------
    options : mapping, optional
        Streamlit's ``server.address``, ``server.port``, ``server.allowedHosts`` and ``server.sslCertFile``;
        by default as they are.
    login : Membership, optional
        How people sign in, where they do.

    Raises
    ------
    ServerError
        With the way round it.
    """
    global _for_all
    names = ("server.address", "server.port", "server.allowedHosts", "server.sslCertFile")
    given = options or {name: st.get_option(name) for name in names}
    address, hosts = given["server.address"], given["server.allowedHosts"]
    safe = login is not None and login.by == "oidc" and bool(given.get("server.sslCertFile"))
    _for_all = safe and not is_own(str(address or ""))
    if not safe and not is_own(str(address or "")):
        lacking = "there is no login" if login is None else "what passes could be read by others"
        raise ServerError(
            f"The page would be open to everybody who can reach {address or 'this machine'}, and {lacking}. "
            f"Leave server.address at 127.0.0.1. {_TUNNEL.format(port=given['server.port'])}"
        )
    listed = [str(host).strip() for host in hosts] if isinstance(hosts, list | tuple) else []
    if not listed or "*" in listed:
        raise ServerError(
            "server.allowedHosts lists the names that the page answers to, such as "
            f"{list(OWN_NAMES)}; {hosts!r} would let any web site drive it. docs/server.md says more."
        )


def follow_connection() -> None:
    """Have an open page say in words that the server is away or refuses it, and go on as a whole after that.

    Drawn outside of all parts that run alone: a server that was started anew knows none of them.
    """
    page_scripts.component("refused")(key="listener-refused", height=1)
    page_scripts.component("connection")(
        key="listener-connection", height=1, on_again_change=lambda: None
    )


def is_own(address: str) -> bool:
    """Return whether an address reaches this machine from itself only."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address == "localhost"
    return (getattr(parsed, "ipv4_mapped", None) or parsed).is_loopback


def refusal(scope: Scope) -> str | None:
    """Return why a request is refused, in words; none where it is answered.

    Parameters
    ----------
    scope : mapping
        Of a request or a WebSocket, as ASGI defines it.
    """
    headers = Headers(scope=scope)
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    address, port = scope.get("server") or ("", None)
    if not _for_all and not is_own(address):
        return f"Tierscope serves the machine that it runs on. {_TUNNEL.format(port=port)}"
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]) or not is_host_allowed(hosts[0]):
        return (
            f"Asked for was {_shown(hosts)}, a name that Tierscope does not answer to. Open "
            f"http://localhost:{port}. Where a proxy hands on that name, list it, without the port, in the "
            f"setting {_NAMES_SETTING}; docs/server.md says more."
        )
    if origins and (len(origins) > 1 or urlsplit(origins[0]).netloc.lower() != hosts[0].lower()):
        return (
            f"Another web page asked for this, and is not answered: a page of {_shown(origins)}, and what it "
            f"asked for is {_shown(hosts)}. Open Tierscope in a tab of its own: http://{hosts[0]}. Where a "
            "proxy stands between, it has to hand on the name that people type as it came (in nginx "
            f"'proxy_set_header Host $http_host'), and the setting {_NAMES_SETTING} has to list that name; "
            "docs/server.md says more."
        )
    return None


def _shown(addresses: list[str]) -> str:
    """Return what a request says of addresses, as far as it is fit to be read."""
    fit = [
        one[:_LONGEST] for one in addresses if one.isascii() and one.isprintable() and one.strip()
    ]
    return " and ".join(fit[:2]) or "no name that can be read"


_LONGEST = 100


def _keyless(scope: Scope) -> str | None:
    """Return why a request without the key is refused; none where it has it, or none is asked for."""
    if entrance.is_open():  # then one signs in
        return None
    asks_whether_it_lives = scope["path"] == _HEALTH
    if asks_whether_it_lives or door_key.is_shown(scope) or door_key.handed_over(scope):
        return None
    return (
        "This page is not open to everybody. Open the address that Tierscope printed when it was started; it "
        f"ends in ?{door_key.PARAMETER}=… If a colleague sent you this address: it opens for whoever signs "
        "in, where there is a login, else only for who has that key; ask whoever runs Tierscope here. Where "
        f"a proxy asks who it is: {door_key.ENVIRONMENT_VARIABLE}={door_key.OFF}, see docs/server.md."
    )


class Door:
    """ASGI middleware around everything that streamlit serves, HTTP and WebSocket alike."""

    def __init__(self, app: ASGIApp) -> None:
        global _built
        _built = True
        self._app = entrance.around(
            app, door_key.key() if entrance.is_open() else None, _note_entry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        reason = refusal(scope) or _keyless(scope)
        if reason is not None:
            _log.warning("refused a request (%s): %s", scope["type"], reason)
            _log.debug("it was for %r", scope.get("path"))
        if scope["type"] == "websocket" and reason is not None:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        answer: ASGIApp = self._app
        if reason is not None:
            answer = PlainTextResponse(reason + "\n", 403)
        elif not entrance.is_open() and (handed := door_key.handed_over(scope)):
            answer = RedirectResponse(handed[0], 303, {"Set-Cookie": handed[1]})
        elif any(part in scope["path"] for part in _CLOSED):
            answer = PlainTextResponse("This is not served.\n", 404)
        await answer(scope, receive, _with_manners(scope, send))


@contextlib.asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """Say where the page is once the server stands, and remove the images that it prepared at its end."""
    address, port = (st.get_option(f"server.{name}") for name in ("address", "port"))
    base = f"http://{address}:{port}"
    where = f"{base}, where people sign in" if entrance.is_open() else door_key.address(base)
    _log.info("Tierscope: %s", where)
    yield
    scratch.clear()
    _log.info("The page has ended. Scoring and studies go on.")


def _note_entry(what: str, actor: Actor) -> None:
    """Put into the audit that somebody came in, was refused, or left."""
    actions.note_of(Workspace(Workspace.named().resolve()), actor, what, actor.name)


def _with_manners(scope: Scope, send: Send) -> Send:
    """Return a ``send`` that adds the security headers to an answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _manners(scope).items():
                headers[name] = value
        await send(message)

    return sending


def _manners(scope: Scope) -> dict[str, str]:
    path, host = scope["path"], Headers(scope=scope).get("host", "")
    # our own viewer stands in a frame of our own page
    framed, by = ("SAMEORIGIN", "'self'") if "/component/" in path else ("DENY", "'none'")
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    policy = (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'",
        f"connect-src 'self' data: blob:{sockets}",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        f"frame-ancestors {by}",
    )
    kept = path.endswith(_KEPT)
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Frame-Options": framed,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    } | ({} if kept else {"Cache-Control": "private, no-store"})


def _no_address() -> None:
    """Replace streamlit's request to an outside server for this machine's public address."""


for _name in ("get_external_ip", "get_internal_ip"):
    setattr(net_util, _name, _no_address)
