"""Damaged files: what readers complain of, as an error with the file, the reason and what to do."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from curation.errors import DamagedError, TierscopeError

#: What to do where a file can be done without.
REMEDY = "Put back a copy of it, or move it away: Tierscope then goes on as if it had never been written."
#: So much of what a reader complained of is told.
_WHY_LENGTH = 160

T = TypeVar("T")


@contextlib.contextmanager
def readable(path: Path, remedy: str = REMEDY) -> Iterator[None]:
    """Turn what a reader says of a damaged file inside the block into an error with path and remedy.

    Raises
    ------
    DamagedError
        When it is no JSON, UTF-8 text or parquet, or does not hold what is expected.
    OSError
        When there is no such file, or it cannot be reached.
    """
    try:
        yield
    except DamagedError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        raise DamagedError(path, _why(error), remedy) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedError(path, _why(error), remedy) from error  # of pyarrow, about what it holds


def _why(error: Exception) -> str:
    """Return what a reader complained of, in a line."""
    said = " ".join(str(error).split())[:_WHY_LENGTH].rstrip(".")
    if isinstance(error, KeyError) and not isinstance(error, pa.ArrowException):
        return f"it lacks {said}"
    return f"it is cut off, or was changed by another program ({said or type(error).__name__})"


def read_each(
    paths: Iterable[Path], read: Callable[[Path], T]
) -> tuple[list[T], list[TierscopeError | OSError]]:
    """Read many files; those that cannot be read are told and do not hold up the others.

    Returns
    -------
    found : list
        What was read.
    troubles : list of TierscopeError or OSError
        One for each file that could not be.
    """
    found, troubles = [], []
    for path in paths:
        try:
            found.append(read(path))
        except (TierscopeError, OSError) as error:
            troubles.append(error)
    return found, troubles
