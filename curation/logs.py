"""Logging: one format in every process, the level by option or setting.

Records of a command line and of the server go to standard error, those of a study's jobs to the ``log.txt``
of their run. From level INFO on, what command lines and the server record themselves names studies, cohorts
and runs, never a scan: ids of scans are people's. A failed job's traceback may name one in its log.
"""

import logging
import os
import time

from curation.errors import TierscopeError

LEVEL_VARIABLE = "TIERSCOPE_LOG_LEVEL"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
#: The packages whose records have the level that is asked for; libraries have WARNING.
PACKAGES = ("curation", "training", "pages")
_FORMAT = "%(asctime)sZ %(levelname)s %(name)s: %(message)s"


def configure(default: str = "WARNING", *, verbose: bool = False) -> None:
    """Send the records of this process to standard error.

    Parameters
    ----------
    default : {'DEBUG', 'INFO', 'WARNING', 'ERROR'}
        Least level of the records that are kept, where ``TIERSCOPE_LOG_LEVEL`` names none.
    verbose : bool
        Keep all records whatever the setting says.

    Raises
    ------
    TierscopeError
        When ``TIERSCOPE_LOG_LEVEL`` is no level.
    """
    level = "DEBUG" if verbose else _level(default)
    handler = logging.StreamHandler()
    formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler])
    for package in PACKAGES:
        logging.getLogger(package).setLevel(level)


def _level(default: str) -> str:
    level = os.environ.get(LEVEL_VARIABLE, "").strip().upper() or default
    if level not in LEVELS:
        raise TierscopeError(
            f"{LEVEL_VARIABLE} is {level!r}; a level is one of {', '.join(LEVELS)}. Correct it, or unset it."
        )
    return level
