"""Readers of MRIQC's results: group tables of any version, tables made from them, and JSON files."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from curation.errors import SourceError
from curation.metrics import METRICS
from curation.ratings.scales import SCALES
from curation.sources import allowed_roots, image_modality, participants_table, scan_names
from curation.sources.allowed_roots import AllowedRoots
from curation.sources.participants_table import Called, Note, People
from curation.sources.scan_names import as_unicode
from curation.storage import files, folder_walk, text_tables

#: Where MRIQC writes a number for "could not be measured": the metric -> the largest such number.
SENTINELS = {"fber": 0.0, "qi_1": -1.0, "qi_2": 0.0}
#: The scale of columns such as ``rater_1``, as in the published ABIDE and DS030 tables.
RATING_SCALE = SCALES["three-level"]
_RATER = re.compile(r"rater_?[A-Za-z0-9]+", re.IGNORECASE)
_NUMBERED = re.compile(r"rater_?(\d+|[a-z])", re.IGNORECASE)
#: Columns that say what a row is, besides :data:`curation.storage.text_tables.ALIASES`.
_NAMES = ("bids_name", "run_id", "mriqc_version")
_GEOMETRY = tuple(f"{what}_{axis}" for what in ("size", "spacing") for axis in "xyz")


@dataclass(frozen=True)
class MriqcTable:
    """Content of MRIQC's results.

    Parameters
    ----------
    rows : pandas.DataFrame, shape (N, ...)
        One row a scan, in the order of the source: ``key`` (its name, not always unique),
        ``participant_id``, ``session_id``, ``modality``, ``measured_by``, ``age_years``, ``sex``, ``group``,
        ``site``, ``person``, ``note``, ``shape``, ``spacing_mm``, ``problem`` (why it cannot be used, where
        it cannot), ``reasons`` (dict: metric -> why it is not measured), and a column a metric, NaN where not
        measured.
    ratings : pandas.DataFrame
        ``row`` (0 to N - 1), ``rater`` and ``value`` on the scale of :data:`RATING_SCALE`.
    ignored_columns : tuple of str
        What was not understood.
    notes : tuple of Note
        What was left out or guessed, in sentences.
    """

    rows: pd.DataFrame
    ratings: pd.DataFrame
    ignored_columns: tuple[str, ...]
    notes: tuple[Note, ...]


def read(
    path: Path,
    participants: People | None = None,
    allowed: AllowedRoots = allowed_roots.EVERYTHING,
) -> MriqcTable:
    """Read a CSV or TSV table of MRIQC's metrics, one of its JSON files, or a folder of these.

    Parameters
    ----------
    path : Path
        Columns may be in any order; a scan's name is ``bids_name``, or a person's id with a session and run.
    participants : People, optional
        People to join, see :func:`curation.sources.participants_table.participants`.
    allowed : AllowedRoots
        What may be read; files of a folder that are links to elsewhere are left out, and that is noted.

    Returns
    -------
    MriqcTable

    Raises
    ------
    SourceError
        When there is nothing at ``path``, or no column of it is a metric.
    """
    table, notes = _table(path, allowed)
    metrics = [name for name in METRICS if name in table]
    if not metrics:
        has = text_tables.columns_in_words(table.columns, _NAMES)
        raise SourceError(
            f"{path.name} has no column of MRIQC's metrics, such as cjv or snr_total ({has}). Name a "
            "group_T1w.tsv of MRIQC, or a folder of its JSON files."
        )
    if table.empty:
        raise SourceError(f"{path.name} names no scan: it has a header and no row below it.")
    known = participants or People()
    rows = [
        _row(number, row, metrics, known) for number, row in enumerate(table.to_dict("records"))
    ]
    ratings, unrated = _ratings(table)
    understood = {*metrics, *_NAMES, *_GEOMETRY, *text_tables.ALIASES, "problem", *_raters(table)}
    ignored = [str(name) for name in table.columns if name not in understood]
    unsure = (
        row["participant_id"]
        for row in rows
        if known.unsure(row["participant_id"], row["session_id"], row)
    )
    of_people = known.notes_on((row["participant_id"] for row in rows), unsure)
    notes = (*notes, *of_people, *unrated)
    return MriqcTable(pd.DataFrame(rows), ratings, tuple(ignored), notes)


def _table(path: Path, allowed: AllowedRoots) -> tuple[pd.DataFrame, tuple[Note, ...]]:
    """Return the results as a table of text, and notes on guesses and skipped files."""
    if path.is_file() and path.suffix.lower() != ".json":
        table = text_tables.read_table(path)
        return table, table.attrs["guessed"]
    if not path.exists():
        raise SourceError(f"There is no table or folder at {path}. Check the path.")
    found = folder_walk.walk(path) if path.is_dir() else folder_walk.Contents([path], [], [])
    outside = {file: why for file in found.files if (why := allowed.reason(file))}
    rows = _json_rows([file for file in found.files if file not in outside])
    table = pd.DataFrame(list(rows)).astype(object)
    notes = (
        *(partial(_left, at.path, f"could not be entered ({at.why}).") for at in found.closed),
        *(partial(_left, file, f"is not read: {why}.") for file, why in outside.items()),
    )
    return table.where(table.notna(), None), notes


def _left(path: Path, why: str, called: Called | None) -> str:
    return f"{'A file or folder' if called else as_unicode(str(path))} {why}"


# ---- JSON --------------------------------------------------------------------------------------------


def _json_rows(paths: list[Path]) -> Iterator[dict[str, Any]]:
    """Yield one flat row a JSON file; those of a folder that say nothing of a scan are passed over."""
    for file in paths:
        if file.suffix != ".json":
            continue
        problem = None
        try:
            raw = files.read_json(file)
        except OSError as error:
            problem = f"it cannot be read: {error.strerror}"
        except (ValueError, RecursionError) as error:
            problem = f"{file.name} is not valid JSON ({error})"
        else:
            if isinstance(raw, dict) and (
                "bids_meta" in raw or any(name in raw for name in METRICS)
            ):
                yield _as_unicode(_flat(raw, file.stem))
        if problem:
            yield _as_unicode({"bids_name": file.stem, "problem": problem})


def _as_unicode(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row that can be stored: JSON may hold halves of characters, and names of files any byte."""
    return {
        as_unicode(name): as_unicode(value) if isinstance(value, str) else value
        for name, value in row.items()
    }


def _flat(raw: Mapping[str, Any], stem: str) -> dict[str, Any]:
    """Return the metrics of one JSON file beside its name, person and version."""
    meta, origin = (
        value if isinstance(value, dict) else {}
        for value in (raw.get("bids_meta"), raw.get("provenance"))
    )
    numbers = {
        name: None if value is None else str(value)
        for name, value in raw.items()
        if not isinstance(value, dict | list)
    }
    about = {
        "participant_id": meta.get("subject_id"),
        "session_id": meta.get("session_id"),
        "modality": meta.get("modality"),
        "mriqc_version": origin.get("version"),
    }
    return numbers | {"bids_name": stem} | {key: value for key, value in about.items() if value}


# ---- rows --------------------------------------------------------------------------------------------


def _row(number: int, row: Mapping[str, Any], metrics: list[str], known: People) -> dict[str, Any]:
    """Describe one row of a table; an error in it becomes its ``problem``, never an exception."""
    row = {name: None if _is_missing(value) else str(value) for name, value in row.items()}
    key = _key(row)
    entities = scan_names.entities(key or "")
    person = row.get("participant_id") or entities.get("sub")
    participant_id = f"sub-{entities['sub']}" if "sub" in entities else person
    values, reasons = _numbers(row, metrics)
    modality = _modality(row.get("modality"), key or "")
    own = {name: text for name, text in row.items() if text is not None}
    problem = row.get("problem")
    if key is None:
        problem = problem or f"row {number + 1} of the table names no scan"
    elif modality not in (*image_modality.ANATOMICAL, *image_modality.KINDS):
        problem = problem or f"its metrics are of a {modality} scan, not of an anatomical one"
    elif all(math.isnan(value) for value in values.values()):
        problem = problem or "the table holds no metric of it"
    version = row.get("mriqc_version")
    name = participant_id or key or f"row-{number + 1}"
    session_id = row.get("session_id") or entities.get("ses")
    return {
        "key": key or f"row-{number + 1}",
        "participant_id": name,
        "session_id": session_id,
        "modality": modality,
        "measured_by": f"mriqc {version}" if version else "mriqc",
        **participants_table.describe_at(known, name, session_id, own),
        "shape": _triple(row, "size", int),
        "spacing_mm": _triple(row, "spacing", float),
        "problem": problem,
        "reasons": reasons,
    } | values


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _key(row: Mapping[str, str | None]) -> str | None:
    """Return a scan's name: ``bids_name`` without folder and ending, or person, session and run."""
    name = row.get("bids_name") or row.get("path")
    if name:
        return scan_names.stem_of(Path(name))
    parts = (row.get("participant_id"), row.get("session_id"), row.get("run_id"))
    return "_".join(part for part in parts if part) if parts[0] else None


def _modality(said: str | None, key: str) -> str:
    """Return the kind of image that a row tells, or its name, a T1w where neither does."""
    last = key.rsplit("_", 1)[-1]
    of_name = last if last in (*image_modality.ANATOMICAL, "bold", "dwi") else image_modality.SCORED
    kind = image_modality.modality_of_table(said) or of_name
    return image_modality.modality_of_bids_name(kind, scan_names.entities(key)) or kind


def _numbers(
    row: Mapping[str, str | None], metrics: list[str]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return the value of each metric, NaN where there is none, and the reasons for these."""
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for name in metrics:
        text = row.get(name)
        value = _number(text)
        if text is None:
            reasons[name] = "the table holds no value"
        elif not math.isfinite(value):
            reasons[name] = f"{text[:40]!r} is no number"
        elif value <= SENTINELS.get(name, -math.inf):
            reasons[name] = f"MRIQC could not measure this (it wrote {value:g})"
        values[name] = math.nan if name in reasons else value
    return values, reasons


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else math.nan
    except ValueError:
        return math.nan


def _triple(row: Mapping[str, str | None], what: str, kind: type) -> list | None:
    values = [_number(row.get(f"{what}_{axis}")) for axis in "xyz"]
    return [kind(value) for value in values] if all(map(math.isfinite, values)) else None


# ---- ratings -----------------------------------------------------------------------------------------


def only_numbers(rater: str) -> bool:
    """Return whether the name of a column only numbers a table's raters, and says nothing of who they are.

    Examples
    --------
    >>> [only_numbers(name) for name in ("rater_1", "rater2", "Rater_B", "rater_Jana")]
    [True, True, True, False]
    """
    return _NUMBERED.fullmatch(rater) is not None


def _raters(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns if _RATER.fullmatch(str(name))]


def _ratings(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the ratings of columns such as ``rater_1``, and a sentence on each column with others."""
    found, notes = [], []
    for rater in _raters(table):
        values = table[rater].map(_number)
        fits = values.isin(list(RATING_SCALE.values))
        rows = [row for row, fitting in enumerate(fits) if fitting]
        found += [{"row": row, "rater": rater, "value": float(values.iloc[row])} for row in rows]
        strange = sorted(set(table[rater][~fits].dropna()))
        if strange:
            notes.append(
                f"{rater}: {(~fits & table[rater].notna()).sum()} values are not on the scale "
                f"{RATING_SCALE.label!r} and were left out, such as {str(strange[0])[:40]!r}"
            )
    return pd.DataFrame(found, columns=["row", "rater", "value"]), notes
