"""Settings of the login, ``access.toml``: how people are known, and the rank of each.

A server has a login where the file is there. It belongs to whoever runs the server and is read anew when it
changes: somebody who is taken out of it is out within seconds.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.access.actions import Rank
from curation.errors import ServerError
from curation.storage import files
from curation.storage.workspace import Workspace

ENVIRONMENT_VARIABLE = "TIERSCOPE_ACCESS"
#: Ways in which people are known: a provider of OpenID Connect, or a proxy that says who it is.
WAYS = ("oidc", "header")
#: Longer than anybody works, in minutes or hours.
_ENDLESS = 1e9
#: Before the name of a group in a rank's list.
GROUP = "group:"
#: Everybody whom the login knows.
EVERYBODY = "*"
_KEYS: dict[str, tuple[str, ...]] = {
    "login": (
        "by",
        "identity",
        "groups",
        "user_header",
        "groups_header",
        "sign_out",
        "idle_minutes",
        "longest_hours",
    ),
    "people": tuple(rank.word for rank in Rank),
    "audit": ("views",),
    "images": ("in_3d",),
}


@dataclass(frozen=True)
class Membership:
    """What ``access.toml`` says.

    Parameters
    ----------
    by : {'oidc', 'header'}
        How people are known.
    identity : str
        The claim of the provider that names a person.
    groups : str
        The claim with a person's groups.
    user_header, groups_header : str
        Headers of the proxy, in lower case; groups with commas between.
    sign_out : str
        Address at which the proxy ends its own login; empty for none.
    idle_s, longest_s : float
        After how long without use, and after how long in all, one has to sign in again, seconds.
    people : mapping of str to Rank
        Rank by name, in lower case, by ``group:NAME``, or of everybody by ``*``.
    views : bool
        Whether each view of a scan is put into the audit.
    in_3d : bool
        Whether heads are shown in 3D, with the face that they may have.
    """

    by: str
    identity: str = "email"
    groups: str = "groups"
    user_header: str = "x-forwarded-email"
    groups_header: str = "x-forwarded-groups"
    sign_out: str = ""
    idle_s: float = 15 * 60.0
    longest_s: float = 12 * 3600.0
    people: Mapping[str, Rank] = field(default_factory=dict)
    views: bool = False
    in_3d: bool = False

    def rank_of(self, name: str, groups: Collection[str] = ()) -> Rank | None:
        """Return the highest rank of a person by name and groups; none where they have none."""
        own = name.lower()
        keys = [EVERYBODY, *(GROUP + each.lower() for each in groups)]
        keys += [] if own.startswith(GROUP) else [own]  # a name that poses as a group is none
        return max((self.people[key] for key in keys if key in self.people), default=None)


def path_of(workspace: Workspace) -> Path:
    """Return where the settings of a workspace's login are, or would be."""
    setting = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(setting) if setting else workspace.access_path


def is_asked_for(workspace: Workspace) -> bool:
    """Return whether people have to sign in: the file is there, or was named."""
    return bool(os.environ.get(ENVIRONMENT_VARIABLE)) or path_of(workspace).exists()


def read(path: Path) -> Membership:
    """Read the settings of a login.

    Raises
    ------
    ServerError
        When the file is not there, cannot be read, may be written by others, or does not make sense; with
        what is expected.
    """
    try:
        if path.stat().st_mode & 0o002:
            raise ServerError(
                f"{path} may be written by every account of this machine, which could make itself an "
                f"administrator. 'chmod o-w {path}', then start anew."
            )
        given = files.parse_toml(files.read_text(path))
    except (OSError, ValueError) as error:
        raise ServerError(
            f"{path}, which says who may use the dashboard, cannot be read ({error}). Nobody is let in until "
            "it can; docs/server.md shows what it holds."
        ) from error
    return _Reading(path).membership(given)


class _Reading:
    """Settings that are checked, with the file's name in what is wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def membership(self, given: Mapping[str, Any]) -> Membership:
        for section, values in given.items():
            known = _KEYS.get(section)
            if known is None or not isinstance(values, dict):
                raise self._wrong(f"[{section}] is none of its parts {', '.join(_KEYS)}")
            for name in sorted(set(values) - set(known)):
                raise self._wrong(f"[{section}] has no {name!r}; it may have {', '.join(known)}")
        login, audit = dict(given.get("login", {})), given.get("audit", {})
        by = login.pop("by", None)
        if by not in WAYS:
            raise self._wrong(f'[login] by is {by!r}; expected is "oidc" or "header"')
        idle = self._positive(login.pop("idle_minutes", 15), "idle_minutes") * 60
        longest = self._positive(login.pop("longest_hours", 12), "longest_hours") * 3600
        texts = {name: self._text(name, value) for name, value in login.items()}
        for name in ("user_header", "groups_header"):
            texts |= {name: texts[name].lower()} if name in texts else {}
        views = self._truth("audit", "views", audit)
        in_3d = self._truth("images", "in_3d", given.get("images", {}))
        return Membership(
            by,
            idle_s=idle,
            longest_s=longest,
            people=self._people(given.get("people", {})),
            views=views,
            in_3d=in_3d,
            **texts,
        )

    def _people(self, given: Mapping[str, Any]) -> dict[str, Rank]:
        people: dict[str, Rank] = {}
        for rank in Rank:
            names = given.get(rank.word, [])
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise self._wrong(f"[people] {rank.word} is no list of names in quotes")
            people |= dict.fromkeys((name.strip().lower() for name in names), rank)
        if not people:
            raise self._wrong("[people] names nobody: nobody could come in")
        return people

    def _positive(self, value: object, name: str) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not isinstance(value, int | float) or not fits or not 0 < value < _ENDLESS:
            raise self._wrong(f"[login] {name} is {value!r}; expected is a number above 0")
        return float(value)

    def _truth(self, section: str, name: str, given: Mapping[str, Any]) -> bool:
        value = given.get(name, False)
        if not isinstance(value, bool):
            raise self._wrong(f"[{section}] {name} is {value!r}; expected is true or false")
        return value

    def _text(self, name: str, value: object) -> str:
        if not isinstance(value, str):
            raise self._wrong(f"[login] {name} is {value!r}; expected is a text in quotes")
        return value.strip()

    def _wrong(self, what: str) -> ServerError:
        return ServerError(
            f"{self._path}: {what}. Nobody is let in until it is mended; docs/server.md shows what it holds."
        )
