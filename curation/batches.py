"""Shares of the scans: which of several batches a scan belongs to."""

from dataclasses import dataclass

import pandas as pd

from curation import files
from curation.errors import TierscopeError


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
        """Tell which scans belong to this batch."""
        return numbers(scan_ids, self.count) == self.number


def numbers(scan_ids: pd.Series, count: int) -> pd.Series:
    """Return for each scan the number, from 1 to ``count``, of the batch that holds it."""
    drawn = [int(files.short_hash(scan_id, 16), 16) % count + 1 for scan_id in scan_ids]
    return pd.Series(drawn, index=scan_ids.index, dtype="int64")
