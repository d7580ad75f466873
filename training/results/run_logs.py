"""Cached reading of the metrics that runs append after each epoch: of a file that grew, the new lines alone.

A page that follows a study asks every other second; with 300 runs of 200 epochs that are 60,000 lines, of
which only the new ones are parsed.
"""

import io
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import json as arrow_json

from curation.errors import StudyError
from training.held_out.age_metrics import HELD_OUT
from training.studies.runs import Run

VALUES = ("epoch", "step", "loss", "age_mae_years", "held_out_loss")
LOG_COLUMNS = ("run_id", "kind", "arm", "seed", "fold", *VALUES)
#: Files that are cached at once.
LIMIT = 5000
#: Tables that are cached, so that a page that asks again while nothing was written is answered at once.
TABLES = 16
_HEAD = 64


@dataclass
class _File:
    """Rows read of one file so far."""

    identity: tuple[int, bytes] = (0, b"")
    read: int = 0
    rows: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, len(VALUES))))


class RunLogs:
    """Cache of the lines of many ``metrics.jsonl``; safe to share between threads."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, _File] = OrderedDict()
        self._tables: OrderedDict[tuple, tuple[pd.DataFrame, list[_File]]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, runs: list[Run]) -> pd.DataFrame:
        """Return the metrics of runs.

        Parameters
        ----------
        runs : list of Run
            Of one or more studies.

        Returns
        -------
        pandas.DataFrame
            :data:`LOG_COLUMNS`: a row a run and epoch (from 1), ``fold`` −1 while pretraining, NaN where a
            value is not written. An epoch that was repeated after an interruption counts once, the last
            time. A last line that was cut off is left for the next reading. Shared: not to be written into.

        Raises
        ------
        StudyError
            When a whole line is broken: that is damage, not an interrupted write.
        """
        with self._lock:
            self._catch_up([run.metrics_path for run in runs])
            known = [self._files[run.metrics_path] for run in runs]
            asked = tuple(
                (run.id, id(file), file.read) for run, file in zip(runs, known, strict=True)
            )
            if asked in self._tables:
                self._tables.move_to_end(asked)
                return self._tables[asked][0]
            table = _table(runs, [file.rows for file in known])
            self._tables[asked] = (
                table,
                known,
            )  # kept together: an id names its file as long as that lives
            while len(self._tables) > TABLES:
                self._tables.popitem(last=False)
        return table

    def _catch_up(self, paths: list[Path]) -> None:
        news = [(path, self._news(path)) for path in paths]
        grown = [(path, text) for path, text in news if text]
        for (path, text), rows in zip(grown, _parse(grown), strict=True):
            known = self._files[path]
            known.read += len(text)
            known.rows = _once_an_epoch(np.concatenate([known.rows, rows]))
        while len(self._files) > max(LIMIT, len(paths)):
            self._files.popitem(last=False)

    def _news(self, path: Path) -> bytes:
        """Return the whole lines that were not read yet; a file that was begun anew is read anew."""
        known = self._files.setdefault(path, _File())
        self._files.move_to_end(path)
        try:
            status = path.stat()
            if status.st_ino == known.identity[0] and status.st_size == known.read:
                return b""
            with path.open("rb") as file:
                identity = (status.st_ino, file.read(_HEAD))
                if not known.read or not _same(identity, known.identity):
                    known = self._files[path] = _File(identity)
                file.seek(known.read)
                text = file.read()
        except FileNotFoundError:
            self._files[path] = _File()
            return b""
        known.identity = identity
        return text[: text.rfind(b"\n") + 1]


def _table(runs: list[Run], parts: list[NDArray[np.float64]]) -> pd.DataFrame:
    counts = [len(part) for part in parts]
    values = np.concatenate(parts) if parts else np.empty((0, len(VALUES)))
    table: dict[str, NDArray[Any]] = {
        name: np.repeat(np.array([_of(run, name) for run in runs], dtype=kind), counts)
        for name, kind in _KEYS.items()
    }
    table |= {name: values[:, place] for place, name in enumerate(VALUES)}
    return pd.DataFrame(table).astype({"epoch": "int64"})


_KEYS = {"run_id": object, "kind": object, "arm": object, "seed": int, "fold": int}


def _of(run: Run, name: str) -> object:
    if name == "fold":
        return -1 if run.fold is None else run.fold
    return run.id if name == "run_id" else getattr(run, name)


def _same(now: tuple[int, bytes], before: tuple[int, bytes]) -> bool:
    return now[0] == before[0] and now[1].startswith(before[1])


def _parse(texts: list[tuple[Path, bytes]]) -> list[NDArray[np.float64]]:
    """Return the values of some files' lines, all parsed at once."""
    if not texts:
        return []
    counts = [sum(map(bool, text.split(b"\n"))) for _, text in texts]
    try:
        together = io.BytesIO(b"".join(text for _, text in texts))
        table = arrow_json.read_json(together).to_pandas()
    except pa.ArrowInvalid:  # numbers that JSON has no word for, or a broken line
        table = pd.DataFrame([row for path, text in texts for row in _lines(path, text)])
    if HELD_OUT in table:  # of another outcome than age
        own = table["age_mae_years"] if "age_mae_years" in table else table[HELD_OUT]
        table = table.assign(age_mae_years=own.fillna(table[HELD_OUT]))
    values = table.reindex(columns=list(VALUES)).to_numpy(dtype=np.float64)
    return np.split(values, np.cumsum(counts)[:-1])


def _lines(path: Path, text: bytes) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in text.decode("utf-8", "replace").split("\n") if line]
    except json.JSONDecodeError as error:
        raise StudyError(
            f"{path} is damaged: a whole line is no JSON ({error}). Mend or remove the line; the curves "
            "of the other runs are shown again then."
        ) from error


def _once_an_epoch(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    epochs = rows[:, 0]
    if len(epochs) < 2 or np.all(np.diff(epochs) > 0):
        return rows
    last = len(epochs) - 1 - np.unique(epochs[::-1], return_index=True)[1]
    return rows[last]
