"""Tables of other tools joined to the scans: their numbers as columns to plot, filter and cut on.

A table is kept with all its rows, those of unknown ids too: a scan that is listed later finds its own.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions
from curation.errors import SourceError, readable
from curation.sources import scan_finder
from curation.sources.other_tables import KEYS, Table, unclear_in_words
from curation.sources.scan_finder import SEVERAL, UNKNOWN, ScanFinder
from curation.storage import files, joined_columns, tables
from curation.storage.workspace import Workspace
from curation.wording import plural


@dataclass(frozen=True)
class Joined:
    """What joining a table came to.

    Parameters
    ----------
    name : str
        Of the table.
    columns : tuple of str
        Names of the columns that it gives, see :mod:`curation.storage.joined_columns`.
    rows, scans : int
        Rows of the table, and scans that have a value by it.
    matched : int
        Rows that speak of a scan here.
    unknown, several : tuple of str
        Ids that no scan here has, and those that people of several sources have.
    repeated : int
        Scans of which several rows speak: theirs is the mean.
    left_out : tuple of str
        Columns that hold no numbers.
    unclear : tuple of str
        Columns whose commas can be read in two ways.
    hidden : bool
        Whether names are hidden in a source that was asked: ids that were not found may be names of its
        people, and are counted alone.
    """

    name: str
    columns: tuple[str, ...]
    rows: int
    scans: int
    unknown: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    repeated: int = 0
    left_out: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    matched: int = 0
    hidden: bool = False

    @property
    def headline(self) -> str:
        """What it came to, as a sentence: rows that joined nothing are counted too."""
        lost = self.rows - self.matched
        rows = (
            f"{self.matched:,} of {plural(self.rows, 'row')}" if lost else plural(self.rows, "row")
        )
        nothing = f" {plural(lost, 'row')} joined nothing." if lost else ""
        return (
            f"{self.name}: {rows} joined {plural(self.scans, 'scan')}, {plural(len(self.columns), 'column')}."
            f"{nothing}"
        )

    def notes(self) -> list[str]:
        """Return what has to be known of it, in sentences."""
        said = []
        if self.unknown:
            said.append(
                f"{_of_its_ids(self.unknown)} not known here{_named(self.unknown, self.hidden)}. "
                "Their rows are kept, and join scans that are listed later."
            )
        if self.several:
            said.append(
                f"{_of_its_ids(self.several)} in several sources, and nothing says that they are of "
                f"one person{_named(self.several, self.hidden)}. Join it again and say which source its "
                "ids are of (the field 'Its ids are of' on Cohort, --source of the command)."
            )
        if self.repeated:
            its = plural(self.repeated, "scan")
            said.append(f"For {its} there are several rows: their mean was taken.")
        if self.left_out:
            said.append(f"Left out, since they hold no numbers: {scan_finder.some(self.left_out)}.")
        return [*said, *unclear_in_words(self.unclear)]


def _of_its_ids(ids: Sequence[str]) -> str:
    return f"{len(ids):,} of its ids {'is' if len(ids) == 1 else 'are'}"


def _named(ids: Iterable[str], hidden: bool) -> str:
    return "" if hidden else f": {scan_finder.some(ids)}"


@guarded(Action.INGEST)
def join(
    workspace: Workspace,
    table: Table,
    *,
    worse: Iterable[str] = (),
    better: Iterable[str] = (),
    only: Iterable[str] | None = None,
    source_name: str | None = None,
) -> Joined:
    """Join a table to the scans of a workspace; one of its name is replaced.

    Parameters
    ----------
    workspace : Workspace
        Which has the scans.
    table : Table
        Of :func:`curation.sources.other_tables.read_table`.
    worse, better : iterable of str
        Columns of which a higher value is worse, or better; others can be plotted, and limited by gates.
    only : iterable of str, optional
        Columns to take; all by default.
    source_name : str, optional
        The source that its ids are of; all by default.

    Raises
    ------
    SourceError
        When a column or source is none, or no id is known here; then nothing is changed.
    """
    ways = _ways(table, worse, better, only)
    _refuse_source(workspace, source_name)
    named = {column: f"{way}.{table.name}.{_called(table, column)}" for column, way in ways.items()}
    held = table.values[list(named)].rename(columns=named)
    found, joined = _matched(workspace, table.keys, held, source_name)
    asked = [one for one in workspace.sources() if source_name in (None, one.name)]
    hidden = any(one.pseudonyms for one in asked)
    if found.empty:
        raise SourceError(
            f"None of the {len(table.keys):,} ids of {table.name} is known here"
            f"{_named(joined['unknown'] + joined['several'], hidden)}. Scans are called such as "
            f"{scan_finder.some(tables.read_scans(workspace)['scan_id'], 2) or 'nothing yet'}."
        )
    folder = workspace.joined_dir
    with files.lock(workspace.ingest_lock_path):
        files.write_parquet(
            folder / f"{table.name}.parquet", pd.concat([table.keys.astype("str"), held], axis=1)
        )
        files.write_json(folder / f"{table.name}.json", {"source": source_name})
        update(workspace)
    actions.note(workspace, "table joined", table.name, columns=list(held), scans=len(found))
    return Joined(
        table.name,
        tuple(held),
        len(held),
        len(found),
        **joined,
        hidden=hidden,
        left_out=table.left_out,
        unclear=table.unclear,
    )


@guarded(Action.INGEST)
def remove(workspace: Workspace, name: str) -> None:
    """Take a table out; rules that look at its columns find no values then.

    Raises
    ------
    SourceError
        When there is none of the name.
    """
    path = workspace.joined_dir / f"{name}.parquet"
    if name not in names(workspace):
        raise SourceError(
            f"There is no joined table {name!r}; there are {', '.join(names(workspace)) or 'none'}."
        )
    with files.lock(workspace.ingest_lock_path):
        path.unlink()
        path.with_suffix(".json").unlink(missing_ok=True)
        update(workspace)
    actions.note(workspace, "joined table removed", name)


def names(workspace: Workspace) -> list[str]:
    """Return the names of the joined tables."""
    return sorted(
        path.stem for path in workspace.joined_dir.glob("*.parquet") if path.stem[0] != "."
    )


def update(workspace: Workspace) -> None:
    """Join all tables anew: scans or tables are others now. The caller holds the lock of the ingest."""
    every = [_stored(workspace, name) for name in names(workspace)]
    if not every and not workspace.joined_columns_path.exists():
        return
    together = pd.DataFrame({"scan_id": pd.Series(dtype="str")})
    for keys, values, source_name in every:
        found, _ = _matched(workspace, keys, values, source_name)
        together = together.merge(found, on="scan_id", how="outer")
    files.write_parquet(workspace.joined_columns_path, together)


def drop_rows(workspace: Workspace, ids: Collection[str]) -> None:
    """Remove the rows of joined tables that speak of these scans, which are still listed.

    The caller holds the lock of the ingest, and calls :func:`update` once they are not.
    """
    for name in names(workspace):
        keys, values, source_name = _stored(workspace, name)
        finder = _finder(workspace, source_name)
        found = [
            finder.find({str(k): v for k, v in row.items()}) for row in keys.to_dict("records")
        ]
        keep = [isinstance(one, str) or not set(one) & set(ids) for one in found]
        if not all(keep):
            kept = pd.concat([keys, values], axis=1)[keep]
            files.write_parquet(workspace.joined_dir / f"{name}.parquet", kept)


def _stored(workspace: Workspace, name: str) -> tuple[pd.DataFrame, pd.DataFrame, str | None]:
    path = workspace.joined_dir / f"{name}.parquet"
    with readable(path, f"Remove the table {name} and join it again."):
        table = files.read_parquet(path)
        keys = [column for column in KEYS if column in table]
        told = files.read_note(path.with_suffix(".json"))
        return table[keys], table.drop(columns=keys), told.get("source")


# ---- rows and scans ------------------------------------------------------------------------------------


def _matched(
    workspace: Workspace, keys: pd.DataFrame, values: pd.DataFrame, source_name: str | None
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a row a scan with its values, and what became of the ids."""
    finder = _finder(workspace, source_name)
    rows: list[int] = []
    ids: list[str] = []
    lost: dict[str, dict[str, None]] = {UNKNOWN: {}, SEVERAL: {}}
    for place, row in enumerate(keys.to_dict("records")):
        found = finder.find({str(key): value for key, value in row.items()})
        if isinstance(found, str):
            lost[found][_id_of(row)] = None
        else:
            rows += [place] * len(found)
            ids += found
    taken = values.iloc[rows].assign(scan_id=ids)
    repeated = sum(count > 1 for count in Counter(ids).values())
    together = taken.groupby("scan_id", as_index=False).mean().astype({"scan_id": "str"})
    unknown, several = (tuple(lost[why]) for why in (UNKNOWN, SEVERAL))
    return together, {
        "unknown": unknown,
        "several": several,
        "repeated": repeated,
        "matched": len(set(rows)),
    }


def _finder(workspace: Workspace, source_name: str | None) -> ScanFinder:
    """Return what finds scans by ids of a table, of one source or of all."""
    scans = tables.read_scans(workspace)
    return ScanFinder(scans if source_name is None else scans[scans["source"] == source_name])


def _id_of(row: Mapping[Any, object]) -> str:
    told = [str(row[key]) for key in KEYS if isinstance(row.get(key), str)]
    return "_".join(told[:2]) if "participant_id" in row else (told or ["(no id)"])[0]


def _called(table: Table, column: str) -> str:
    known = table.known.renamed if table.known else {}
    return joined_columns.plain(known.get(column, column))


def _ways(
    table: Table, worse: Iterable[str], better: Iterable[str], only: Iterable[str] | None
) -> dict[str, str]:
    worse, better = tuple(worse), tuple(better)
    wanted = list(table.values) if only is None else [*only]
    if none := [name for name in (*worse, *better, *wanted) if name not in table.values]:
        raise SourceError(
            f"{table.name} has no column of numbers {', '.join(none)}; it has "
            f"{scan_finder.some(map(str, table.values), 12)}."
        )
    if both := set(worse) & set(better):
        raise SourceError(f"{', '.join(sorted(both))} cannot be better and worse at once.")
    said = {**dict.fromkeys(worse, "worse"), **dict.fromkeys(better, "better")}
    ways = {str(name): said.get(str(name), table.ways[str(name)]) for name in wanted}
    called = Counter(_called(table, name) for name in ways)
    if twice := [name for name, count in called.items() if count > 1]:
        raise SourceError(f"Two columns would be called {twice[0]}. Rename one of them.")
    return ways


def _refuse_source(workspace: Workspace, source_name: str | None) -> None:
    known = [one.name for one in workspace.sources()]
    if source_name is not None and source_name not in known:
        raise SourceError(
            f"There is no source {source_name!r}; there are {', '.join(known) or 'none'}."
        )
