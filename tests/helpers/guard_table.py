"""The table of actions and ranks: each function that takes an action, called by each rank."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import curation
import training
from curation.access import guard
from curation.access.actions import Action, Rank
from curation.errors import AccessError
from tests.helpers.logins import signed_in


def guarded() -> dict[Action, list[Callable[..., Any]]]:
    """Load all modules, and return the functions that take each action."""
    for package in (curation, training):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return guard.GUARDED


def wrong_cells(functions: dict[Action, list[Callable[..., Any]]]) -> list[str]:
    """Return the cells, function and rank, in which somebody is let through or refused wrongly."""
    wrong = []
    for action, of_action in functions.items():
        for rank in (None, *Rank):
            expected = rank is not None and rank >= action.rank
            for function in of_action:
                with signed_in("ada@lab.example", rank):
                    if _is_let_through(function) != expected:
                        wrong.append(f"{function.__module__}.{function.__name__} as {rank}")
    return wrong


def _is_let_through(function: Callable[..., Any]) -> bool:
    """Return whether the guard lets a call through: what is asked for makes no sense and fails behind it."""
    try:
        function()
    except AccessError:
        return False
    except TypeError:
        return True
    raise AssertionError("a call without anything was answered")
