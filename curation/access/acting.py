"""Who acts: the account of this process, or somebody who is signed in at its pages.

A command line is the account's that runs it, which may do everything that the account may. A server that
has a login says for each of its sessions who acts there, by :func:`ask`; a program that it starts for
somebody is told by its environment, :func:`environment`.
"""

import getpass
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from curation.access.actions import Rank
from curation.errors import AccessError

#: For whom this program was started by a server: what :func:`environment` says.
ENVIRONMENT_VARIABLE = "TIERSCOPE_ACTS_FOR"


@dataclass(frozen=True)
class Actor:
    """Somebody who acts.

    Parameters
    ----------
    name : str
        By which a person is known to the login, or the name of the account.
    rank : Rank or None
        What they may do; none: nothing.
    signed_in : bool
        Whether a login knows them. An account that no login stands before acts under whatever names are
        typed.
    address : str
        Where from, as far as it is known.
    """

    name: str
    rank: Rank | None
    signed_in: bool = True
    address: str = ""


#: Who acts where a login is asked for and nobody is signed in.
NOBODY = Actor("nobody", None)


def of_process() -> Actor:
    """Return for whom this process acts: somebody who had a server start it, or its own account."""
    told = os.environ.get(ENVIRONMENT_VARIABLE)
    if told is None:
        return Actor(account(), Rank.ADMINISTRATOR, signed_in=False)
    try:
        said = json.loads(told)
        return Actor(str(said["name"]), Rank[said["rank"]], address=str(said["address"]))
    except (ValueError, KeyError, TypeError):
        raise AccessError(
            f"{ENVIRONMENT_VARIABLE} does not say for whom this acts. The dashboard alone sets it: unset it."
        ) from None


_asked: Callable[[], Actor] = of_process


def ask(provider: Callable[[], Actor]) -> None:
    """Have :func:`who` answered by ``provider`` in this process from now on."""
    global _asked
    _asked = provider


def who() -> Actor:
    """Return who acts now."""
    return _asked()


def environment() -> Mapping[str, str]:
    """Return what tells a program that is started now for whom it acts."""
    actor = who()
    if not actor.signed_in:
        return {}
    if actor.rank is None:
        raise AccessError("Nobody is signed in any more. Sign in again, then repeat it.")
    said = {"name": actor.name, "rank": actor.rank.name, "address": actor.address}
    return {ENVIRONMENT_VARIABLE: json.dumps(said)}


def account() -> str:
    """Return the name of the account of this process; its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"account {os.getuid()}"
