"""All exceptions that Tierscope raises on purpose, and readers of files that may be damaged.

A message is written for the person at the screen: what was expected, what came, what to do next.
Pages and command lines show ``str(error)``, a command line also the option that does what it asks for; the
log keeps the traceback. An error about a damaged file names the file, the reason and the remedy.
"""

import contextlib
import errno
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

#: What stands before :attr:`TierscopeError.option` on a line of its own, after the message.
OPTION = "On the command line: "


class TierscopeError(Exception):
    """Base of all errors whose message can be shown to a person.

    Parameters
    ----------
    *message : object
        In words that hold on a page and on a command line.
    option : str
        What does on a command line what the message asks for, such as ``--name``; pages do not show it.
    """

    def __init__(self, *message: object, option: str = "") -> None:
        super().__init__(*message)
        self.option = option


class WorkspaceError(TierscopeError):
    """The workspace is absent, of another version, or a path leads out of it."""


class DamagedError(WorkspaceError, ValueError):
    """A file of the workspace is damaged: cut off, overwritten, or of a newer version.

    Parameters
    ----------
    path : Path
        The file.
    why : str
        What is wrong with it.
    remedy : str
        What to do now, in sentences.
    """

    def __init__(self, path: Path, why: str, remedy: str) -> None:
        super().__init__(f"{path} cannot be read: {why}. {remedy}")
        self.path = path


class SourceError(TierscopeError):
    """A source of scans cannot be listed: no such folder, no scans, a manifest without paths."""


class VolumeError(TierscopeError):
    """One image cannot be used. The message is the ``reason`` kept in the scan's row."""


class RuleError(TierscopeError):
    """A tier rule does not make sense: crossing cut-offs, too few names.

    Parameters
    ----------
    message : str
        What is wrong.
    line : int, optional
        Line of the rule's text that it is about, from 1; said first.
    option : str
        As of every error.
    """

    def __init__(self, message: str, line: int | None = None, *, option: str = "") -> None:
        super().__init__(message if line is None else f"Line {line}: {message}", option=option)
        self.line = line


class RatingError(TierscopeError):
    """A rating cannot be taken: unknown scale, value off the scale, no rater."""


class SessionError(RatingError):
    """A rating session cannot be planned, drawn, read or gone on with."""


class ScanListError(RatingError):
    """A list of scans cannot be saved: no name, a name that is taken, no scans."""


class TagError(RatingError):
    """A tag cannot be put on scans or taken off: no word, no author, no scans."""


class OverrideError(RatingError):
    """A tier cannot be given by hand: no author, no reason."""


class CohortError(TierscopeError):
    """A cohort cannot be frozen or used: empty, name taken by other content, a scan that changed."""


class StudyError(TierscopeError):
    """A study cannot be planned, launched or read."""


class BusyError(TierscopeError):
    """Another process holds the resource; it may be free in a moment."""


class ProfileError(TierscopeError):
    """A Snakemake profile is not one of those that were set up, or holds none."""


class AccessError(TierscopeError):
    """Whoever is signed in may not do this, or nobody is signed in."""


class ServerError(TierscopeError):
    """The dashboard would be served in a way that lets strangers in."""


_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def in_words(error: TierscopeError | OSError) -> str:
    """Return the message of an error of Tierscope, or a sentence with a remedy for an error of the system."""
    if isinstance(error, TierscopeError):
        return str(error)
    where = str(error.filename) if error.filename is not None else "a file"
    what = error.strerror or str(error)
    if error.errno in _FULL:
        return (
            f"The disk is full: {where} could not be written ({what}). Free some space, then try again; "
            "what was finished is kept."
        )
    if error.errno in _REFUSED:
        return (
            f"This account may not read or write {where} ({what}). Give it the right to, or use a workspace "
            "that it may write to; what was finished is kept."
        )
    return (
        f"The system refused {where}: {what}. See whether its disk can be reached, then try again; what was "
        "finished is kept."
    )


class NotMeasurable(Exception):
    """Raised where a metric has no value on a scan; the message is the reason, in plain words."""


#: What to do where a file can be done without.
REMEDY = "Put back a copy of it, or move it away: Tierscope then goes on as if it had never been written."
#: So much of what a reader complained of is told.
_WHY_LENGTH = 160

T = TypeVar("T")
Of = TypeVar("Of")


@contextlib.contextmanager
def readable(path: Path, remedy: str = REMEDY) -> Iterator[None]:
    """Turn parse errors inside the block into a :class:`DamagedError` with path and remedy.

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
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        pa.ArrowException,
    ) as error:
        raise DamagedError(path, _why(error), remedy) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedError(path, _why(error), remedy) from error  # of pyarrow, about what it holds


#: How Python says that a field is none of a dataclass.
_UNKNOWN_FIELD = re.compile("unexpected keyword argument ('[^']*')")


def _why(error: Exception) -> str:
    """Return the reason of a parse error in a line."""
    said = " ".join(str(error).split())[:_WHY_LENGTH].rstrip(".")
    if isinstance(error, KeyError) and not isinstance(error, pa.ArrowException):
        return f"it lacks {said}"
    if isinstance(error, TypeError) and (found := _UNKNOWN_FIELD.search(said)):
        return f"it has {found[1]}, which this version does not know"
    return f"it is cut off, or was changed by another program ({said or type(error).__name__})"


def read_each(
    named: Iterable[Of], read: Callable[[Of], T]
) -> tuple[list[T], list[TierscopeError | OSError]]:
    """Read many things by what names them; errors of single ones are returned and do not stop the others.

    Returns
    -------
    found : list
        What was read.
    troubles : list of TierscopeError or OSError
        One for each file that could not be.
    """
    found, troubles = [], []
    for one in named:
        try:
            found.append(read(one))
        except (TierscopeError, OSError) as error:
            troubles.append(error)
    return found, troubles
