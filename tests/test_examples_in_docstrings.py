"""The examples that stand in docstrings (``>>>``) give what they say."""

import doctest
import functools
import importlib

import pytest

from tests.helpers.paths import ROOT

FOLDERS = ("curation", "training", "pages/ui")


def _with_examples() -> list[str]:
    """Return the modules with an example; others are not loaded, some of them take seconds."""
    paths = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    found = [path for path in paths if ">>> " in path.read_text(encoding="utf-8")]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("name", _with_examples())
def test_examples_hold(name: str, pytestconfig: pytest.Config) -> None:
    options = pytestconfig.getini("doctest_optionflags")
    flags = functools.reduce(int.__or__, (doctest.OPTIONFLAGS_BY_NAME[one] for one in options))
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert tried, f"{name} has examples in no docstring"
    assert not failed


def test_there_are_examples() -> None:
    assert len(_with_examples()) > 1
