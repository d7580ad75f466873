"""Ratings in the format of MRIQC's rating widget: one JSON file a rating.

``{dataset, subject, rating, artifacts, time_sec, confidence, comments}``. The file does not say who rated:
its folder does, ``rater-NAME``, with the whole name in ``rater.txt``, since not every name can be a folder's.
Exports of earlier versions have no such file. Only ratings on MRIQC's scale can be written.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from curation.errors import RatingError
from curation.ratings import rating_log
from curation.ratings.rating_record import RATING_ROLES
from curation.storage import files
from curation.storage.files import slug

WIDGET_SCALE = "mriqc-4"
KEYS = ("dataset", "subject", "rating", "artifacts", "time_sec", "confidence", "comments")
_REQUIRED = ("subject", "rating")
#: Beside a rater's files: the name as it is. The widget reads JSON files alone.
RATER_FILE = "rater.txt"
_HASHED = re.compile(r".*-[0-9a-f]{8}", re.DOTALL)


def export(folder: Path, given: pd.DataFrame, names: pd.DataFrame) -> int:
    """Write the ratings that stand on MRIQC's scale, each rater's into a folder; return how many.

    Parameters
    ----------
    folder : Path
        Where; files that are there already and are no longer written are removed.
    given : pandas.DataFrame
        See :func:`curation.ratings.rating_log.list_ratings`.
    names : pandas.DataFrame
        ``source`` and ``bids_name`` by ``scan_id``.
    """
    standing = rating_log.current(given)
    table = standing[(standing["scale"] == WIDGET_SCALE) & (standing["role"] == RATING_ROLES[0])]
    table = table.join(names[["source", "bids_name"]], on="scan_id")
    homes = {rater: folder / name for rater, name in _folders(table["rater"]).items()}
    for rater, home in homes.items():
        files.write_text(home / RATER_FILE, f"{rater}\n")
    written: set[Path] = set()
    for row in table.to_dict("records"):
        path = _free(homes[row["rater"]], _subject(row), written)
        # not by curation.storage.files: thousands of files that can be written anew need not reach the disk
        # singly
        path.write_text(json.dumps(_as_widget(row), indent=2, ensure_ascii=False), encoding="utf-8")
        written.add(path)
    there = {*folder.glob("rater-*/*.json"), *folder.glob(f"rater-*/{RATER_FILE}")}
    for old in there - written - {home / RATER_FILE for home in homes.values()}:
        old.unlink()
        if not any(old.parent.iterdir()):
            old.parent.rmdir()
    return len(written)


def _folders(raters: Iterable[str]) -> dict[str, str]:
    """Return the name of each rater's folder: no two are alike, nor where upper and lower case are the same.

    A name that cannot be a folder's as it is gets a hash behind what can.
    """
    different = sorted(set(raters))
    alike = Counter(slug(rater).casefold() for rater in different)
    return {
        rater: f"rater-{rater}"
        if slug(rater) == rater and alike[rater.casefold()] == 1 and not _HASHED.fullmatch(rater)
        else f"rater-{slug(rater)}-{files.short_hash(rater)}"
        for rater in different
    }


def _free(folder: Path, subject: str, written: set[Path]) -> Path:
    path, number = folder / f"{slug(subject)}.json", 2
    while path in written:
        path, number = folder / f"{slug(subject)}_{number}.json", number + 1
    return path


def _subject(row: dict[str, Any]) -> str:
    return row["scan_id"] if pd.isna(row["bids_name"]) else row["bids_name"]


def _as_widget(row: dict[str, Any]) -> dict[str, Any]:
    values = (
        "" if pd.isna(row["source"]) else row["source"],
        _subject(row),
        row["value"],
        list(row["artefacts"]),
        None if math.isnan(row["seconds"]) else row["seconds"],
        None if math.isnan(row["confidence"]) else row["confidence"],
        row["comment"],
    )
    return dict(zip(KEYS, values, strict=True))


def read(path: Path, rater: str | None) -> list[tuple[str, dict[str, Any]]]:
    """Read files of MRIQC's widget.

    Parameters
    ----------
    path : Path
        One file, or a folder of them, searched to any depth.
    rater : str, optional
        Who rated. By default whom ``rater.txt`` in a file's folder ``rater-NAME`` names, else ``NAME``.

    Returns
    -------
    list of (str, dict)
        Where it stands, in words, and ``dataset``, ``subject``, ``rater``, ``scale``, ``value``,
        ``artefacts``, ``seconds``, ``confidence``, ``comment``.

    Raises
    ------
    RatingError
        Naming the file and what is wrong with it.
    """
    found = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    named = {home: rater or _rater_of(home) for home in {one.parent for one in found}}
    return [(one.name, _read(one, named[one.parent])) for one in found]


def _rater_of(home: Path) -> str:
    """Return who rated the files of a folder, ``""`` where it does not say."""
    beside = home / RATER_FILE
    if not home.name.startswith("rater-"):
        return ""
    if not beside.is_file():  # an earlier version's, or made by hand
        return home.name.removeprefix("rater-")
    try:
        return files.read_text(beside, encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise RatingError(
            f"{home.name}/{RATER_FILE}: this is not UTF-8 text. Save the rater's name as UTF-8."
        ) from error


def _read(path: Path, rater: str) -> dict[str, Any]:
    try:
        given = files.parse_json(files.read_text(path, encoding="utf-8-sig"))
    except FileNotFoundError:
        raise RatingError(f"There is no file at {path}. Check the path.") from None
    except json.JSONDecodeError as error:
        raise RatingError(
            f"{path.name}, line {error.lineno}: this is not JSON ({error.msg})."
        ) from error
    except UnicodeDecodeError as error:
        raise RatingError(f"{path.name}: this is not UTF-8 text. Save it as UTF-8.") from error
    except ValueError as error:
        raise RatingError(f"{path.name}: this is not JSON that can be read ({error}).") from error
    lacking = [key for key in _REQUIRED if not isinstance(given, dict) or key not in given]
    if lacking:
        raise RatingError(
            f"{path.name}: there is no {lacking[0]!r}. Expected is a file of MRIQC's rating widget, with "
            f"{', '.join(KEYS)}."
        )
    artefacts = given.get("artifacts") or ()
    if not isinstance(artefacts, list | tuple) or not all(
        isinstance(key, str) for key in artefacts
    ):
        raise RatingError(
            f"{path.name}: 'artifacts' is {artefacts!r}; expected is a list of words."
        )
    return {
        "dataset": str(given.get("dataset") or ""),
        "subject": str(given["subject"]),
        "rater": rater,
        "scale": WIDGET_SCALE,
        "value": _number(path, given, "rating"),
        "artefacts": tuple(artefacts),
        "seconds": _number(path, given, "time_sec"),
        "confidence": _number(path, given, "confidence"),
        "comment": str(given.get("comments") or "").strip(),
    }


def _number(path: Path, given: dict[str, Any], key: str) -> float | None:
    value = given.get(key)
    if value in (None, "") and key != "rating":
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise RatingError(f"{path.name}: {key!r} is {value!r}; expected is a number.") from None
