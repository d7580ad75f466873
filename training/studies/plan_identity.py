"""Identity of a plan: a hash of all that was chosen and of the scans, at the end of the study's id.

A plan that no longer makes its id is not read, as a frozen cohort is not: what it calls declared may have
been declared after the result was seen.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from curation.errors import DamagedError
from curation.storage import files
from training.studies.study_folder import SCANS

#: What is in a study's file and not in its id.
_ADDED = ("id", "created", "version", "separation")


def hash_of(content: Mapping[str, Any], scans: pd.DataFrame) -> str:
    """Return the hash of a plan and its scans.

    Parameters
    ----------
    content : mapping
        Of the study's file; when it was planned, by what, and what was checked is no part of it.
    scans : pandas.DataFrame
        As :func:`training.studies.study_scans.table` makes them.

    Returns
    -------
    str
        8 hexadecimal digits.
    """
    chosen = {name: value for name, value in content.items() if name not in _ADDED}
    text = json.dumps(chosen, sort_keys=True) + scans.to_json(orient="records", double_precision=9)
    return files.short_hash(text)


def refuse_changed(path: Path, values: Mapping[str, Any], remedy: str) -> None:
    """Refuse a plan that no longer makes its id.

    Parameters
    ----------
    path : Path
        The study's file, with its scans beside it.
    values : mapping
        What it holds.
    remedy : str
        What to do then.

    Raises
    ------
    DamagedError
        When it or its scans were changed after it was planned, or there are no scans.
    """
    scans = path.with_name(SCANS)
    if not scans.exists():
        raise DamagedError(scans, "it is not there", remedy)
    stamps = tuple((one.stat().st_mtime_ns, one.stat().st_size) for one in (path, scans))
    if values["id"].rpartition("-")[2] != _hash_as_stored(path, scans, stamps, remedy):
        why = f"it, or {SCANS} beside it, was changed after the study was planned"
        raise DamagedError(path, why, remedy)


@lru_cache(maxsize=512)
def _hash_as_stored(
    header: Path, scans: Path, _stamps: tuple[tuple[int, int], ...], remedy: str
) -> str:
    return hash_of(files.read_json(header, remedy), files.read_parquet(scans, remedy))
