"""Login by a provider of OpenID Connect, through streamlit's routes: its way there, and who came back.

Streamlit's cookie of a login lasts thirty days. Here it only says, in the answer in which it is set, who has
signed in just now; what opens the page afterwards is a session of :mod:`pages.ui.entrance.login_sessions`.
"""

import json
from collections.abc import Mapping, Sequence
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from streamlit import auth_util
from streamlit.errors import StreamlitAuthError
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from curation.access.membership import Membership
from curation.errors import ServerError

#: Streamlit's routes.
LOGIN, CALLBACK, LOGOUT = "/auth/login", "/oauth2callback", "/auth/logout"
_PROVIDER = "default"
_SHORTEST_SECRET = 32
_REMEDY = "docs/server.md shows what .streamlit/secrets.toml holds."
_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")


def refuse_incomplete() -> None:
    """Refuse to serve with a login that could not work or would not be safe.

    Raises
    ------
    ServerError
        With what is missing.
    """
    if not auth_util.is_authlib_installed():
        raise ServerError(
            "The login needs Authlib: 'pip install -r requirements.txt', then start anew."
        )
    section = auth_util.get_secrets_auth_section()
    missing = [name for name in _NEEDED if not section.get(name)]
    if missing:
        raise ServerError(f"[auth] of the secrets lacks {', '.join(missing)}. {_REMEDY}")
    if len(str(section["cookie_secret"])) < _SHORTEST_SECRET:
        raise ServerError(
            f"[auth] cookie_secret is shorter than {_SHORTEST_SECRET} letters. {_REMEDY}"
        )
    address = urlsplit(str(section["redirect_uri"]))
    if address.path != CALLBACK:
        raise ServerError(f"[auth] redirect_uri has to end in {CALLBACK}. {_REMEDY}")
    for name in ("redirect_uri", "server_metadata_url"):
        where = urlsplit(str(section[name]))
        if where.scheme != "https" and where.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ServerError(f"[auth] {name} has to begin with https://. {_REMEDY}")


def way_there() -> str:
    """Return the address of streamlit's that leads to the provider; it holds for two minutes."""
    return f"{LOGIN}?{urlencode({'provider': auth_util.encode_provider_token(_PROVIDER)})}"


def who_came(cookies: Sequence[str]) -> Mapping[str, Any]:
    """Return what the provider says of who has signed in, from the cookies that streamlit sets in its answer.

    Parameters
    ----------
    cookies : sequence of str
        Values of the headers *Set-Cookie*.

    Returns
    -------
    mapping
        Claims; empty where nobody has.
    """
    held: dict[str, str] = {}
    for line in cookies:
        for name, morsel in SimpleCookie(line).items():
            held[name] = morsel.value

    def one(name: str) -> bytes | None:
        return decode_signed_value(get_cookie_secret(), name, held.get(name, ""))

    try:
        found = auth_util.get_cookie_with_chunks(one, USER_COOKIE_NAME)
        claims = json.loads(found or b"{}")
    except (ValueError, StreamlitAuthError):
        return {}
    return claims if isinstance(claims, dict) and claims.get("is_logged_in") is True else {}


def named(claims: Mapping[str, Any], settings: Membership) -> tuple[str, tuple[str, ...]]:
    """Return the name and the groups that claims give somebody.

    Raises
    ------
    ServerError
        When the claim that names people is not there, or the provider has not verified the address.
    """
    name = claims.get(settings.identity)
    if not isinstance(name, str) or not name.strip():
        raise ServerError(
            f"The login did not say who you are: it gave no {settings.identity!r}. Whoever runs the server "
            "can name another claim by 'identity' in access.toml."
        )
    if settings.identity == "email" and claims.get("email_verified") is False:
        raise ServerError("The login has not verified your address yet. Verify it, then sign in.")
    groups = claims.get(settings.groups, [])
    listed = groups if isinstance(groups, list) else str(groups).split(",")
    return clean(name), tuple(str(each).strip() for each in listed if str(each).strip())


#: As many letters of a name are kept as a rating has room for.
_LONGEST = 100


def clean(name: str) -> str:
    """Return a name as it is stored: in lower case, in one line.

    Raises
    ------
    ServerError
        When it cannot be stored.
    """
    kept = name.strip().lower()
    if not kept.isprintable() or len(kept) > _LONGEST:
        raise ServerError(
            f"The login gave a name that cannot be kept: at most {_LONGEST} letters in one line."
        )
    return kept
