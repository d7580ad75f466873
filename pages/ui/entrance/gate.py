"""The gate: ASGI middleware that lets in who is signed in, between the server's door and streamlit.

It stands where the workspace has an ``access.toml`` (:mod:`curation.access.membership`). Every route and
WebSocket wants a session of :mod:`pages.ui.entrance.login_sessions`, which is begun by a provider's login or
by what a proxy says, and ended by signing out, by time, or when the person's rank is taken away.
"""

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from curation.access.acting import Actor
from curation.access.membership import Membership
from curation.errors import ServerError
from pages.ui.entrance import provider_login, sign_in_page
from pages.ui.entrance.login_sessions import LoginSession, LoginSessions
from pages.ui.entrance.watched_socket import WatchedSocket

#: Header by which the pages learn which login session asks; a browser's own is taken off.
HANDLE_HEADER = "tierscope-login"
#: Header in which a proxy shows the key, so that no other program of the machine can speak for it.
KEY_HEADER = "tierscope-key"
_WANTED = "tierscope-wanted"
_SIGNED_OUT = f"{sign_in_page.PAGE}?why=signed-out"
_HEALTH = "/_stcore/health"
_LONGEST_ADDRESS = 2000
#: For so long a second refusal of somebody is in the log alone, and so many people's are noted in that time.
_REFUSED_FOR_S, _MOST_REFUSED = 3600.0, 100

_log = logging.getLogger(__name__)


class Gate:
    """Middleware around streamlit.

    Parameters
    ----------
    app : ASGI application
        Streamlit.
    sessions : LoginSessions
        The table of this server.
    key : str or None
        What the proxy shows, where it says who people are.
    note : callable
        Puts a login or its end into the audit: what, and who.
    """

    def __init__(
        self,
        app: ASGIApp,
        sessions: LoginSessions,
        key: str | None,
        note: Callable[[str, Actor], None],
    ) -> None:
        self._app, self._sessions, self._key, self._note = app, sessions, key, note
        self._refused: dict[str, float] = {}  # whose refusals were noted, and when
        sessions.note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or send it to the login."""
        if scope["type"] == "lifespan" or scope["path"] == _HEALTH:
            await self._app(scope, receive, send)
            return
        try:
            await self._let_in(scope, receive, send, self._sessions.settings())
        except ServerError as error:
            _log.error("nobody is let in: %s", error)
            await _answer(scope, receive, send, _refusal(scope, str(error)))

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send, settings: Membership
    ) -> None:
        session = self._sessions.find(_cookie(scope, _cookie_name(scope)))
        if settings.by == "header":
            said = self._said_by_proxy(scope, settings)
            if session is not None and said[0] != session.name:
                self._sessions.end(session)  # the proxy's login is somebody else's by now
                gone = Actor(session.name, None, address=session.address)
                await self._noted("signed out, the proxy named another", gone)
                session = None
        path = scope["path"]
        if path in (sign_in_page.OUT, provider_login.LOGOUT):
            await self._sign_out(scope, receive, send, session, settings)
        elif path == sign_in_page.PAGE:
            await _answer(scope, receive, send, _login_page(scope))
        elif path == sign_in_page.GO:
            await self._go(scope, receive, send, settings)
        elif settings.by == "oidc" and path == provider_login.LOGIN:
            await self._app(scope, receive, send)
        elif settings.by == "oidc" and path == provider_login.CALLBACK:
            await self._come_back(scope, receive, send, settings)
        elif session is not None:
            await self._serve(scope, receive, send, session)
        else:
            await _answer(scope, receive, send, _login_page(scope))

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, session: LoginSession
    ) -> None:
        scope = _with_handle(scope, session.handle)
        if scope["type"] == "websocket":
            await WatchedSocket(self._app, self._sessions, session).serve(scope, receive, send)
            return
        if _is_page(scope):
            self._sessions.use(session)
        await self._app(scope, receive, send)

    # ---- in and out ----------------------------------------------------------------------------------

    async def _go(self, scope: Scope, receive: Receive, send: Send, settings: Membership) -> None:
        """Start the login; where a proxy says who it is, it is done."""
        wanted = _own_address(dict(_query(scope)).get("wanted", "/"))
        if settings.by == "header":
            name, groups = self._said_by_proxy(scope, settings)
            answer = await self._begun(scope, name, groups, wanted, settings)
        else:
            answer = RedirectResponse(provider_login.way_there(), 303)
            _set_cookie(answer, scope, _WANTED, wanted.encode().hex(), seconds=600)
        await _answer(scope, receive, send, answer)

    async def _come_back(
        self, scope: Scope, receive: Receive, send: Send, settings: Membership
    ) -> None:
        """Let streamlit ask the provider who has come back, and begin the session of whoever it is."""
        if "code" not in dict(_query(scope)):  # back from signing out there, or from a refusal
            await _answer(scope, receive, send, RedirectResponse(_SIGNED_OUT, 303))
            return
        cookies = (await self._answered(scope, receive)).getlist("set-cookie")
        claims = provider_login.who_came(cookies)
        if not claims:
            _log.warning("a login was not finished")
            await _answer(scope, receive, send, _refusal(scope, "The login was not finished."))
            return
        try:
            name, groups = provider_login.named(claims, settings)
        except ServerError as error:
            unsure = provider_login.is_unverified(claims, settings)
            why = "address not verified" if unsure else "no name to be used"
            who = provider_login.called(claims, settings)
            await self._noted_refusal(scope, who, f"sign-in refused, {why}")
            await _answer(scope, receive, send, _refusal(scope, str(error)))
            return
        answer = await self._begun(scope, name, groups, _wanted(scope), settings)
        for line in cookies:
            answer.headers.append("set-cookie", line)
        await _answer(scope, receive, send, answer)

    async def _begun(
        self,
        scope: Scope,
        name: str,
        groups: tuple[str, ...],
        wanted: str,
        settings: Membership,
    ) -> Response:
        """Begin a session and return the answer that leads in; who has no rank is told so."""
        rank = settings.rank_of(name, groups)
        address = _address(scope)
        if rank is None:
            await self._noted_refusal(scope, name, "sign-in refused")
            return HTMLResponse(
                sign_in_page.refused(
                    "You have no part in this workspace. Ask whoever runs the server to let you in.",
                    name=name,
                ),
                403,
            )
        session = self._sessions.begin(name, groups, address)
        await self._noted("signed in", Actor(name, rank, address=address))
        answer = RedirectResponse(wanted, 303)
        _set_cookie(answer, scope, _cookie_name(scope), session.token)
        return answer

    async def _sign_out(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        session: LoginSession | None,
        settings: Membership,
    ) -> None:
        if session is not None:
            await self._noted("signed out", Actor(session.name, None, address=session.address))
        try:
            await self._lead_out(scope, receive, send, settings)
        finally:  # not before: a tab whose session has ended leaves by itself, and misses the provider
            if session is not None:
                self._sessions.end(session)

    async def _lead_out(
        self, scope: Scope, receive: Receive, send: Send, settings: Membership
    ) -> None:
        """Send somebody who signs out to the provider's or the proxy's way out, without cookies."""
        where, cookies = settings.sign_out, []
        if settings.by == "oidc":  # streamlit knows the provider's way out
            headers = await self._answered({**scope, "path": provider_login.LOGOUT}, receive)
            cookies = headers.getlist("set-cookie")
            where = where or headers.get("location", "").removesuffix("/")
        answer = RedirectResponse(where or _SIGNED_OUT, 303)
        answer.delete_cookie(_cookie_name(scope))
        for line in cookies:
            answer.headers.append("set-cookie", line)
        await _answer(scope, receive, send, answer)

    async def _answered(self, scope: Scope, receive: Receive) -> Headers:
        """Return the headers of an answer of streamlit's that is not handed on."""
        started: list[Message] = []

        async def held(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)

        await self._app(scope, receive, held)
        return Headers(raw=started[0]["headers"]) if started else Headers()

    async def _noted(self, what: str, actor: Actor) -> None:
        await asyncio.to_thread(self._note, what, actor)  # the database may be busy

    async def _noted_refusal(self, scope: Scope, name: str, what: str) -> None:
        """Note that somebody was refused; once an hour for each, and no more than some: strangers may try."""
        now = self._sessions.clock()
        self._refused = {
            who: when for who, when in self._refused.items() if now - when < _REFUSED_FOR_S
        }
        _log.warning("%s: %r from %s", what, name, _address(scope))
        if name and name not in self._refused and len(self._refused) < _MOST_REFUSED:
            self._refused[name] = now
            await self._noted(what, Actor(name, None, address=_address(scope)))

    def _said_by_proxy(self, scope: Scope, settings: Membership) -> tuple[str, tuple[str, ...]]:
        headers = Headers(scope=scope)
        shown = headers.getlist(KEY_HEADER)
        if (
            self._key is None
            or len(shown) != 1
            or not hmac.compare_digest(shown[0].encode(), self._key.encode())
        ):
            raise ServerError(
                "This page is reached through the proxy that asks who it is, and not past it."
            )
        names = headers.getlist(settings.user_header)
        if len(names) != 1 or not names[0].strip():
            raise ServerError("The proxy did not say who you are. Tell whoever runs the server.")
        groups = ",".join(headers.getlist(settings.groups_header)).split(",")
        return provider_login.clean(names[0]), tuple(
            each.strip() for each in groups if each.strip()
        )


# ---- requests and answers ----------------------------------------------------------------------------


def _login_page(scope: Scope) -> Response:
    """Return the sign-in page to a person, and a refusal to anything else."""
    if scope["path"] == sign_in_page.PAGE:
        given = dict(_query(scope))
        page = sign_in_page.sign_in(given.get("why", ""), _own_address(given.get("wanted", "/")))
        return HTMLResponse(page)
    if not _is_page(scope):
        return PlainTextResponse("Sign in first.\n", 401)
    wanted = scope["path"]
    if scope["query_string"]:
        wanted += "?" + scope["query_string"].decode("latin-1")
    return HTMLResponse(sign_in_page.sign_in("", _own_address(wanted)), 401)


def _refusal(scope: Scope, reason: str) -> Response:
    if _is_page(scope):
        return HTMLResponse(sign_in_page.refused(reason), 403)
    return PlainTextResponse(reason + "\n", 403)


async def _answer(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    await answer(scope, receive, send)


def _is_page(scope: Scope) -> bool:
    """Return whether a browser asks for a page to be shown, and not for a part of one."""
    wants = Headers(scope=scope).get("accept", "")
    return scope["type"] == "http" and scope["method"] == "GET" and "text/html" in wants


def _address(scope: Scope) -> str:
    return (scope.get("client") or ("", 0))[0]


def _with_handle(scope: Scope, handle: str) -> Scope:
    scope = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=scope)[HANDLE_HEADER] = handle
    return scope


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _own_address(given: str) -> str:
    """Return where a person wanted to go, if it is a page of this server; else its first."""
    parts = urlsplit(given)
    safe = given.startswith("/") and not given.startswith("//") and given.isprintable()
    if parts.scheme or parts.netloc or not safe or "\\" in given or len(given) > _LONGEST_ADDRESS:
        return "/"
    return "/" if parts.path.startswith((sign_in_page.PAGE, "/auth/", "/oauth2")) else given


def _wanted(scope: Scope) -> str:
    """Return where a person wanted to go before the login."""
    with contextlib.suppress(ValueError):
        return _own_address(bytes.fromhex(_cookie(scope, _WANTED) or "2f").decode(errors="replace"))
    return "/"


def _cookie_name(scope: Scope) -> str:
    """Return the name of the cookie: browsers keep those of all ports of a machine together."""
    return f"tierscope-login-{(scope.get('server') or ('', 0))[1]}"


def _cookie(scope: Scope, name: str) -> str | None:
    for line in Headers(scope=scope).getlist("cookie"):
        with contextlib.suppress(CookieError):
            found = SimpleCookie(line).get(name)
            if found is not None:
                return found.value
    return None


def _set_cookie(
    answer: Response, scope: Scope, name: str, value: str, seconds: int | None = None
) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=scope["scheme"] == "https",
        httponly=True,
        samesite="lax",  # one comes back from the provider's page
    )
