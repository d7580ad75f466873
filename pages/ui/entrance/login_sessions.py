"""Table of login sessions of this server: who is signed in, since when, and when it ends.

A browser holds nothing but a random number, its cookie; all else is here, in memory, so that a session that
has ended is ended whatever a browser kept, and a server that is started anew knows nobody.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from curation.access import membership
from curation.access.acting import NOBODY, Actor
from curation.access.membership import Membership
from curation.errors import ServerError

#: Why a session ended: a word in an address, and what the person is told.
REASONS: dict[str, str] = {
    "idle": "You were signed out, because nothing was done for a while. What you had saved is saved.",
    "longest": "You have been signed in for long. Sign in again to go on.",
    "signed-out": "You are signed out, in all tabs of this browser.",
    "no-rank": "You may no longer use this workspace. Ask whoever runs the server.",
    "settings": "Nobody can use the server at present. Tell whoever runs it.",
    "unknown": "",
}
#: Ends that come by themselves, as the audit calls them.
_ENDS = {
    "idle": "signed out after a while without use",
    "longest": "signed out after the longest time",
    "no-rank": "signed out, with no rank any more",
}
#: How often it is looked for sessions that are over though nobody shows their cookie, seconds.
_SWEEP_EVERY_S = 10.0


@dataclass(frozen=True)
class LoginSession:
    """One person in one browser.

    Parameters
    ----------
    token : str
        What the browser's cookie holds.
    handle : str
        By which this server's own parts speak of it; opens nothing.
    name : str
        Who it is.
    groups : tuple of str
        As the login said.
    address : str
        Where they signed in from.
    began, used : float
        Moments of a clock that only goes forward, seconds.
    """

    token: str
    handle: str
    name: str
    groups: tuple[str, ...]
    address: str
    began: float
    used: float


@dataclass
class LoginSessions:
    """The sessions of one server.

    Parameters
    ----------
    path : Path
        ``access.toml``.
    clock : callable
        Seconds, only forward.
    note : callable, optional
        Puts the end of a session into the audit: what, and who. Called in a thread of its own, since the
        database may be busy.
    """

    path: Path
    clock: Callable[[], float] = time.monotonic
    note: Callable[[str, Actor], None] | None = None
    _swept: float = 0.0
    _by_token: dict[str, LoginSession] = field(default_factory=dict)
    _ended: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def settings(self) -> Membership:
        """Return what the settings say now.

        Raises
        ------
        ServerError
            When they cannot be read.
        """
        try:
            found = self.path.stat()
        except OSError as error:
            raise ServerError(f"{self.path} is gone; nobody is let in until it is back.") from error
        return _read(self.path, found.st_mtime_ns, found.st_ino, found.st_size)

    def begin(self, name: str, groups: tuple[str, ...], address: str) -> LoginSession:
        """Start a session of somebody whom the login knows."""
        now = self.clock()
        made = LoginSession(
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(16),
            name,
            groups,
            address,
            began=now,
            used=now,
        )
        with self._lock:
            self._by_token[made.token] = made
            self._sweep()
        return made

    def find(self, token: str | None) -> LoginSession | None:
        """Return the session of a cookie if it lives."""
        with self._lock:
            if self.clock() - self._swept > _SWEEP_EVERY_S:
                self._sweep()
            held = self._by_token.get(token or "")
        return None if held is None or self.over(held) else held

    def use(self, session: LoginSession) -> None:
        """Note that a person did something."""
        with self._lock:
            held = self._by_token.get(session.token)
            if held is not None and not self._past(held):
                self._by_token[session.token] = replace(held, used=self.clock())

    def end(self, session: LoginSession, why: str = "signed-out") -> None:
        """End a session: its cookie opens nothing any more, and its tabs are closed."""
        with self._lock:
            self._end(session.token, why)

    def over(self, session: LoginSession) -> str | None:
        """Return why a session is over, a key of :data:`REASONS`; none while it lives."""
        with self._lock:
            held = self._by_token.get(session.token)
            if held is None:
                return self._ended.get(session.handle, "unknown")
            why = self._past(held)
            if why not in (None, "settings"):  # somebody may be writing them just now
                self._end(held.token, why)
            return why

    def actor(self, handle: str | None) -> Actor:
        """Return who acts in the session of a handle, with the rank that they have now."""
        with self._lock:
            held = next((one for one in self._by_token.values() if one.handle == handle), None)
        if held is None or self.over(held):
            return NOBODY
        rank = self.settings().rank_of(held.name, held.groups)
        return Actor(held.name, rank, address=held.address)

    def _sweep(self) -> None:
        """End the sessions whose time is over."""
        self._swept = self.clock()
        for each in list(self._by_token.values()):
            why = self._past(each)
            if why not in (None, "settings"):
                self._end(each.token, why)

    def _past(self, session: LoginSession) -> str | None:
        try:
            settings = self.settings()
        except ServerError:
            return "settings"
        now = self.clock()
        if now - session.used > settings.idle_s:
            return "idle"
        if now - session.began > settings.longest_s:
            return "longest"
        return None if settings.rank_of(session.name, session.groups) else "no-rank"

    def _end(self, token: str, why: str | None) -> None:
        held = self._by_token.pop(token, None)
        if held is not None:
            self._ended[held.handle] = why or "unknown"
            if self.note is not None and why in _ENDS:
                who = Actor(held.name, None, address=held.address)
                threading.Thread(target=self.note, args=(_ENDS[why], who)).start()
            while len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]


_REMEMBERED = 1000


@lru_cache(maxsize=4)
def _read(path: Path, *_: int) -> Membership:
    return membership.read(path)
