"""The guard of actions: a function that takes one refuses whoever may not."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from curation.access import acting
from curation.access.actions import Action
from curation.errors import AccessError

P = ParamSpec("P")
T = TypeVar("T")

#: The functions that take each action: those that were loaded so far.
GUARDED: dict[Action, list[Callable[..., Any]]] = {}


def guarded(
    action: Action, *, author: str | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Have a function refuse whoever may not take an action, before it does anything.

    Parameters
    ----------
    action : Action
        Which one it takes.
    author : str, optional
        The function's parameter that names who decides: of somebody who is signed in, nobody else.
    """

    def around(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            require(action)
            if author is not None:
                given = signature.bind(*args, **kwargs)
                given.apply_defaults()
                require_author(str(given.arguments[author]))
            return function(*args, **kwargs)

        GUARDED.setdefault(action, []).append(checked)
        return checked

    return around


def may(action: Action) -> bool:
    """Return whether whoever acts may take an action."""
    rank = acting.who().rank
    return rank is not None and rank >= action.rank


def require(action: Action) -> None:
    """Refuse an action that whoever acts may not take.

    Raises
    ------
    AccessError
        With what it needs.
    """
    actor = acting.who()
    if actor.rank is None:
        raise AccessError(f"Nobody is signed in, so nobody may {action.words}. Sign in again.")
    if actor.rank < action.rank:
        raise AccessError(
            f"To {action.words} one has to be {action.rank.one}; {actor.name} is {actor.rank.one} here. "
            "Nothing was changed. Whoever runs the server can say otherwise, see docs/server.md."
        )


def require_author(name: str) -> None:
    """Refuse what somebody who is signed in would do in another's name.

    Raises
    ------
    AccessError
        When ``name`` is not who acts. Where there is no login, any name may be given.
    """
    actor = acting.who()
    if actor.signed_in and name.strip() != actor.name:
        raise AccessError(
            f"This belongs to {name.strip() or 'nobody'}, and {actor.name} is signed in. Only its author can "
            "do that. Nothing was changed."
        )
