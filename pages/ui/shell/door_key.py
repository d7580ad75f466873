"""Key of the door: a secret in the address that the server prints, for which a browser gets a cookie.

127.0.0.1 is open to every account of a machine; without the key the page answers none of them. A server that
is started again on the same workspace has the key that it had, so that the same address opens it. The cookie
holds a token of this start instead: browsers send it to whatever answers on the port, which after the end of
the server may be another account's program, and what that is sent opens nothing any more.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.types import Scope

from curation.errors import ServerError
from curation.storage.workspace import Workspace

ENVIRONMENT_VARIABLE = "TIERSCOPE_KEY"
#: What the setting says where a proxy asks who it is, or nobody else has an account.
OFF = "off"
PARAMETER = "key"
#: Stored nowhere, so that what was made of it is worth nothing after the server's end.
_OF_THIS_START = secrets.token_bytes(32)
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")


@cache
def key() -> str | None:
    """Return the key of this server; ``None`` where it has none.

    Raises
    ------
    ServerError
        When the setting is no key.
    """
    setting = os.environ.get(ENVIRONMENT_VARIABLE)
    if setting == OFF:
        return None
    if setting is None:
        return _kept(_path())
    if not _KEY.fullmatch(setting):
        raise ServerError(
            f"{ENVIRONMENT_VARIABLE} is no key: expected are 16 to 128 letters, digits, '-' or '_', or "
            f"{OFF!r} where a proxy asks who it is. Without it a key is made."
        )
    return setting


def _kept(path: Path) -> str:
    """Return the key of this account's servers on a workspace, a new one where there is none to be read."""
    with contextlib.suppress(OSError):
        found = path.read_text(encoding="ascii", errors="replace").strip()
        own = path.stat()
        if _KEY.fullmatch(found) and own.st_uid == os.getuid() and not own.st_mode & 0o077:
            return found
    made = secrets.token_urlsafe(24)
    _put(path, made)
    return made


def keep() -> None:
    """Keep the key where the next start finds it: there was no workspace yet when this server began."""
    if ENVIRONMENT_VARIABLE not in os.environ and (held := key()) is not None:
        _put(_path(), held)


def _path() -> Path:
    return Workspace(Workspace.named().resolve()).door_key_path(os.getuid())


def _put(path: Path, made: str) -> None:
    with contextlib.suppress(OSError):  # read-only, another account's, or there is no workspace yet
        path.unlink(missing_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w") as file:
            file.write(made)


def address(base: str) -> str:
    """Return the address to be opened; a key that was set stays out of it, since logs are read by others."""
    if ENVIRONMENT_VARIABLE in os.environ:
        return base
    return f"{base}/?{PARAMETER}={key()}"


def is_shown(scope: Scope) -> bool:
    """Return whether a request's cookie holds the token that stands for the key since this start."""
    held = key()
    if held is None:
        return True
    for line in Headers(scope=scope).getlist("cookie"):
        with contextlib.suppress(CookieError):
            found = SimpleCookie(line).get(_cookie(scope))
            if found is not None and hmac.compare_digest(
                found.value.encode(), _token(held).encode()
            ):
                return True
    return False


def handed_over(scope: Scope) -> tuple[str, str] | None:
    """Return where to go and the cookie to set, where the address of a request holds the key.

    The key goes out of the address, so that it stays in no history and on no shared screen.
    """
    held = key()
    if held is None or scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return None
    asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = [value for name, value in asked if name == PARAMETER]
    if len(given) != 1 or not hmac.compare_digest(given[0].encode(), held.encode()):
        return None
    rest = urlencode([(name, value) for name, value in asked if name != PARAMETER])
    cookie = f"{_cookie(scope)}={_token(held)}; Path=/; HttpOnly; SameSite=Strict"
    path = f"/{scope['path'].lstrip('/')}"  # two slashes would name another server
    return f"{path}?{rest}" if rest else path, cookie


def _token(held: str) -> str:
    return hmac.new(_OF_THIS_START, held.encode(), hashlib.sha256).hexdigest()


def _cookie(scope: Scope) -> str:
    """Return the cookie's name: browsers keep those of all ports of a machine together."""
    return f"tierscope-{(scope.get('server') or ('', 0))[1]}"
