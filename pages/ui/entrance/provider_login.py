"""Login by a provider of OpenID Connect, through streamlit's routes: its way there, and who came back.

Streamlit's cookie of a login lasts thirty days. Here it only says, in the answer in which it is set, who has
signed in just now; what opens the page afterwards is a session of :mod:`pages.ui.entrance.login_sessions`.
"""

import json
import unicodedata
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
    if is_unverified(claims, settings):
        raise ServerError("The login has not verified your address yet. Verify it, then sign in.")
    groups = claims.get(settings.groups, [])
    listed = groups if isinstance(groups, list) else str(groups).split(",")
    return clean(name), tuple(str(each).strip() for each in listed if str(each).strip())


def is_unverified(claims: Mapping[str, Any], settings: Membership) -> bool:
    """Return whether people are known by their address, and the provider does not say that this is theirs.

    Where it says nothing of that at all, the address is taken, as docs/server.md says.
    """
    said = claims.get("email_verified", True)
    is_true = said is True or (isinstance(said, str) and said.strip().lower() == "true")
    return settings.identity == "email" and not is_true


def called(claims: Mapping[str, Any], settings: Membership) -> str:
    """Return what somebody who is not let in may be called in the audit; empty where nothing names them."""
    for claim in (settings.identity, "email", "preferred_username", "sub"):
        name = claims.get(claim)
        if isinstance(name, str) and name.strip() and name.isprintable():
            return name.strip()[:_LONGEST]
    return ""


#: As many letters of a name are kept as a rating has room for.
_LONGEST = 100


def clean(name: str) -> str:
    """Return a name as it is stored: in lower case, in one line.

    A name that another spelling of Unicode makes is refused and not translated: the Kelvin sign in lower case
    is *k*, and a wide *a* is *a* once it is normalised, so that somebody would be taken for who has the
    address with these letters. An address in other letters than those of ASCII looks like another one to
    whoever reads the audit.

    Raises
    ------
    ServerError
        When it cannot be stored, or may be taken for another one.
    """
    kept = name.strip()
    if not unicodedata.is_normalized("NFKC", kept) or ("@" in kept and not kept.isascii()):
        raise ServerError(
            "The login gave a name with letters that may be taken for others. Whoever runs the server can "
            "name a claim of plain letters by 'identity' in access.toml."
        )
    kept = kept.lower()
    if not kept.isprintable() or len(kept) > _LONGEST:
        raise ServerError(
            f"The login gave a name that cannot be kept: at most {_LONGEST} letters in one line."
        )
    return kept
