"""State of scoring: measured scans, failures, scans due in the next pass, and their division into batches.

A scan belongs to a batch by the hash of its id, so that no list of batches has to be agreed on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curation.assessment.assess_scan import GONE, is_transient
from curation.errors import TierscopeError
from curation.metrics import up_to_date
from curation.storage import files, tables
from curation.storage.workspace import Workspace


@dataclass(frozen=True)
class AssessmentProgress:
    """How far the scoring of a workspace is.

    Parameters
    ----------
    done, total, failed : int
        Scans with a row of metrics (failed ones among them), readable scans, and failed ones.
    again : int
        Those of the failed that the next pass tries again.
    """

    done: int
    total: int
    failed: int
    again: int = 0


@dataclass(frozen=True)
class ScoringState:
    """State of scoring of the readable scans.

    Parameters
    ----------
    scans : pandas.DataFrame, N rows
        Of the scans table.
    current, failed, is_due : pandas.Series of bool, N rows
        Whether there is a row of metrics of the present file, whether the last try failed, and whether the
        next pass measures it.
    """

    scans: pd.DataFrame
    current: pd.Series
    failed: pd.Series
    is_due: pd.Series

    @property
    def due(self) -> pd.DataFrame:
        """Scans that the next pass measures; failed ones come last, as they may end their process again."""
        first, last = self.is_due & ~self.failed, self.is_due & self.failed
        return pd.concat([self.scans[first], self.scans[last]])

    @property
    def unknown(self) -> pd.DataFrame:
        """Scans without a result of their present file, not even a failure."""
        return self.scans[~self.current]

    def only(self, chosen: Callable[[pd.Series], pd.Series]) -> "ScoringState":
        """Return the state restricted to some scans, chosen by their ids."""
        rows = chosen(self.scans["scan_id"])
        columns = (self.scans, self.current, self.failed, self.is_due)
        return ScoringState(*(column[rows] for column in columns))


def scoring_state(workspace: Workspace, *, again: bool = False) -> ScoringState:
    """Return how the readable scans of a workspace stand, from the tables alone.

    Parameters
    ----------
    workspace : Workspace
        Whose scans.
    again : bool
        Let everything be due that could not be measured, also where the reason lies in the file.
    """
    scans, metrics = tables.read_scans(workspace), tables.read_metrics(workspace)
    scans = scans[scans["status"] == "ok"]
    current, failed = _is_current(scans, metrics), _failures(metrics)
    tried_again = failed if again else failed[_may_succeed(scans, failed)]
    is_due = ~current | scans["scan_id"].isin(tried_again["scan_id"])
    return ScoringState(scans, current, scans["scan_id"].isin(failed["scan_id"]), is_due)


def progress_of(workspace: Workspace) -> AssessmentProgress:
    """Return how far the scoring is."""
    now = scoring_state(workspace)
    failed = now.current & now.failed
    again = failed & now.is_due
    return AssessmentProgress(
        int(now.current.sum()), len(now.scans), int(failed.sum()), int(again.sum())
    )


def failures(workspace: Workspace, scan_ids: pd.Series) -> int:
    """Return how many of these scans could not be measured."""
    return int(scan_ids.isin(_failures(tables.read_metrics(workspace))["scan_id"]).sum())


def _is_current(scans: pd.DataFrame, metrics: pd.DataFrame) -> pd.Series:
    """Return which scans have metrics of this very file and this version."""
    if metrics.empty:
        return pd.Series(False, index=scans.index)
    known = metrics[up_to_date(metrics)].set_index("scan_id")["sha256"]
    return scans["scan_id"].map(known) == scans["sha256"]


def _failures(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return ``scan_id`` and ``failure`` of the scans that could not be measured."""
    found = metrics.reindex(columns=["scan_id", "failure"])
    return found[found["failure"].notna()].astype("str")


def _may_succeed(scans: pd.DataFrame, failed: pd.DataFrame) -> pd.Series:
    """Return which failures were transient; of a missing file, whether it is back."""
    gone = failed.loc[failed["failure"] == GONE, "scan_id"]
    paths = scans.loc[scans["scan_id"].isin(gone), ["scan_id", "path"]].itertuples(index=False)
    still = {scan_id for scan_id, path in paths if not _is_there(Path(path))}
    return is_transient(failed["failure"]) & ~failed["scan_id"].isin(still)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Batch:
    """One of several shares of the scans, by their ids alone.

    A scan's batch does not depend on which other scans there are or which of them are done, so that
    batches started at any time never hold the same scan. Shares are even only on average.

    Parameters
    ----------
    number, count : int
        Which one, from 1, of how many.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Batch":
        """Read ``K/N``.

        Raises
        ------
        TierscopeError
            When it is not a number from 1 to N, a slash, and N.
        """
        number, slash, count = text.partition("/")
        if slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return cls(int(number), int(count))
        raise TierscopeError(f"A batch is written K/N, such as 1/8 to 8/8; not {text!r}.")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, scan_ids: pd.Series) -> pd.Series:
        """Return which scans belong to this batch."""
        return batch_numbers(scan_ids, self.count) == self.number


def batch_numbers(scan_ids: pd.Series, count: int) -> pd.Series:
    """Return for each scan the number, from 1 to ``count``, of the batch that holds it."""
    drawn = [int(files.short_hash(scan_id, 16), 16) % count + 1 for scan_id in scan_ids]
    return pd.Series(drawn, index=scan_ids.index, dtype="int64")
