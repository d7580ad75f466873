"""Near-duplicates: scans of one head under two names, found by their brain vectors.

Each scored scan has a vector, a file named by its content. Pairs that are alike enough are kept in one small
table; people decide on them (:mod:`curation.sources.who_is_who`).
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.decisions import person_decisions
from curation.decisions.person_decisions import Pair
from curation.imaging import brain_vector
from curation.sources import scan_vectors, who_is_who
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.wording import plural

#: Vectors that are compared at once: two blocks and their product are the memory that a search takes.
_BLOCK = 1024
#: Decimals of a similarity: the same in whatever blocks it was computed.
_DIGITS = 4
_COLUMNS = ("first", "second", "similarity")
_REMEDY = "Move it away: 'python -m curation people --search' makes it again."


@dataclass(frozen=True)
class Suspicion:
    """Two scans of one head, by their brains, that are said to be of two people.

    Parameters
    ----------
    first, second : str
        Their ``scan_id``.
    pair : Pair
        The participants.
    similarity : float
        See :func:`curation.imaging.brain_vector.similarity`.
    roles : tuple of str
        Of both.
    """

    first: str
    second: str
    pair: Pair
    similarity: float
    roles: tuple[str, str]

    @property
    def words(self) -> str:
        """What was found, a sentence."""
        pair = f"{self.first} and {self.second}"
        return f"{pair} seem to show the same head (similarity {self.similarity:.2f})."

    @property
    def remedy(self) -> str:
        """What to do, a sentence."""
        two = " ".join(self.pair)
        return (
            "Look at both on Cohort and say there whether they are one person, or with 'python -m curation "
            f"people --one-person {two}' or '--two-people {two}'."
        )


class Search(NamedTuple):
    """What a search found.

    Parameters
    ----------
    compared, without : int
        Scans that were compared, and scored ones that have no vector.
    pairs : int
        Pairs of scans of one head, of whatever person.
    """

    compared: int
    without: int
    pairs: int

    @property
    def words(self) -> str:
        """The search in a sentence."""
        left = f"; {self.without:,} could not be compared" if self.without else ""
        pairs = plural(self.pairs, "pair shows", "pairs show")
        return f"{plural(self.compared, 'scan was', 'scans were')} compared{left}: {pairs} the same head."


# ---- search ------------------------------------------------------------------------------------------


def search(
    workspace: Workspace,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Search:
    """Compare all scored scans of a workspace and store the pairs of one head.

    Vectors that are not there yet are made from the images; pairs of scans that were compared before are not
    compared again. Memory is that of two blocks of 1,024 vectors (250 MB), however many scans there are.
    """
    scans = scan_vectors.aligned_scans(workspace)[["scan_id", "sha256", "path", "template_affine"]]
    paths = scan_vectors.make_missing(workspace, scan_vectors.BRAIN, scans, jobs, progress)
    with files.lock(workspace.brain_vectors_lock_path):
        there = np.array([path.exists() and path.stat().st_size > 1024 for path in paths], bool)
        found = scans[there].reset_index(drop=True)
        held = compared(workspace)
        both = found.merge(held, on=["scan_id", "sha256"], how="left", indicator=True)
        is_new = (both["_merge"] == "left_only").to_numpy()
        if not is_new.any() and len(held) == len(found):
            return Search(len(found), len(scans) - len(found), len(_read_pairs(workspace)))
        order = np.argsort(is_new, kind="stable")  # what was compared before comes first
        found, new = found.iloc[order].reset_index(drop=True), int(is_new.sum())
        pairs = _read_pairs(workspace)
        kept = pairs[pairs["first"].isin(found["scan_id"]) & pairs["second"].isin(found["scan_id"])]
        changed = set(found["scan_id"][len(found) - new :])
        kept = kept[~kept["first"].isin(changed) & ~kept["second"].isin(changed)]
        fresh = pd.DataFrame(_pairs(workspace, found, new), columns=list(_COLUMNS))
        every = pd.concat([kept, fresh], ignore_index=True) if len(kept) else fresh
        files.write_parquet(workspace.near_duplicates_path, every.astype(_KINDS))
        known = found[["scan_id", "sha256"]].assign(version=brain_vector.VERSION)
        files.write_parquet(workspace.compared_scans_path, known)
    return Search(len(found), len(scans) - len(found), len(every))


_KINDS = {"first": "str", "second": "str", "similarity": "float64"}


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame({name: pd.Series(dtype=_KINDS.get(name, "str")) for name in columns})
    return files.read_parquet(path, _REMEDY)


def _read_pairs(workspace: Workspace) -> pd.DataFrame:
    return _read(workspace.near_duplicates_path, _COLUMNS)


def _pairs(workspace: Workspace, found: pd.DataFrame, new: int) -> Iterator[tuple[str, str, float]]:
    """Yield the pairs of one head of which one at least is new: the last ``new`` scans."""
    names = found["scan_id"].to_numpy(dtype=object)
    paths = [scan_vectors.path(workspace, scan_vectors.BRAIN, sha256) for sha256 in found["sha256"]]
    for start in range(len(found) - new, len(found), _BLOCK):
        block = _unit_rows(paths[start : start + _BLOCK])
        for other in (*range(0, start, _BLOCK), start):
            against = (
                block if other == start else _unit_rows(paths[other : min(other + _BLOCK, start)])
            )
            alike = block @ against.T
            for row, column in zip(*np.nonzero(alike >= brain_vector.SAME_HEAD), strict=True):
                if other + column < start + row:
                    first, second = sorted((names[start + row], names[other + column]))
                    yield first, second, round(float(alike[row, column]), _DIGITS)


def _unit_rows(paths: list[Path]) -> NDArray[np.float32]:
    """Read vectors with length 1; of a damaged file zeros, which are like nothing."""
    size = brain_vector.size()
    rows = np.zeros((len(paths), size), np.float32)
    for row, path in zip(rows, paths, strict=True):
        vector = scan_vectors.read(path, scan_vectors.BRAIN)
        if vector is not None and len(vector) == size:
            row[:] = brain_vector.unit(vector[None])[0]
    return rows


# ---- what is open ------------------------------------------------------------------------------------


def compared(workspace: Workspace) -> pd.DataFrame:
    """Return the ``scan_id`` and ``sha256`` of the scans that were compared with each other.

    None where the pairs are gone, or vectors of an earlier version were compared.
    """
    found = _read(workspace.compared_scans_path, ("scan_id", "sha256", "version"))
    if not workspace.near_duplicates_path.exists():
        found = found.iloc[:0]
    return found.loc[found["version"] == brain_vector.VERSION, ["scan_id", "sha256"]]


def standing(workspace: Workspace) -> str:
    """Say how many scans were compared and how many pairs nobody decided on, in a sentence."""
    scans = tables.read_scans(workspace)
    usable = scans[scans["status"] == "ok"]
    known = len(usable.merge(compared(workspace), on=["scan_id", "sha256"]))
    if not known:
        return "No scans were compared by their brains yet: that is done when they are scored."
    found = len(suspicions(workspace))
    open_ = plural(found, "pair seems", "pairs seem") if found else "no undecided pair seems"
    return f"{known:,} of {len(usable):,} scans were compared by their brains; {open_} to show the same head."


def suspicions(workspace: Workspace) -> list[Suspicion]:
    """Return the pairs of scans of one head on which nobody decided yet, most alike first.

    Two participants come once, with the two of their scans that are most alike. Scans of one person by
    tables or decisions are not among them, nor those that are not in use or whose files have changed.
    """
    decided = person_decisions.in_force(workspace)
    return [each for each in of_two_people(workspace) if each.pair not in decided]


def of_two_people(workspace: Workspace, among: Collection[str] | None = None) -> list[Suspicion]:
    """Return the same with those whom somebody said to be different people.

    Parameters
    ----------
    workspace : Workspace
        Whose scans.
    among : collection of str, optional
        Only pairs of these scans.
    """
    pairs = _read_pairs(workspace)
    if pairs.empty:
        return []
    scans = tables.read_scans(workspace)
    usable = scans[scans["status"] == "ok"].merge(compared(workspace), on=["scan_id", "sha256"])
    if among is not None:
        usable = usable[usable["scan_id"].isin(among)]
    usable = usable.assign(_key=who_is_who.keys_of(usable)).set_index("scan_id")
    pairs = pairs[pairs["first"].isin(usable.index) & pairs["second"].isin(usable.index)]
    one, other = usable.loc[pairs["first"]], usable.loc[pairs["second"]]
    two = one["subject_id"].to_numpy() != other["subject_id"].to_numpy()
    found: dict[Pair, Suspicion] = {}
    for at in np.flatnonzero(two)[np.argsort(-pairs["similarity"].to_numpy()[two], kind="stable")]:
        row = pairs.iloc[at]
        whose = person_decisions.pair(one["_key"].iloc[at], other["_key"].iloc[at])
        roles = str(one["role"].iloc[at]), str(other["role"].iloc[at])
        found.setdefault(
            whose, Suspicion(row["first"], row["second"], whose, float(row["similarity"]), roles)
        )
    return list(found.values())
