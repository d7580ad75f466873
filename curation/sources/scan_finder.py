"""Finding of the scans that the rows of another tool's table are about."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from curation.sources import scan_names
from curation.sources.participants_table import same_person, same_visit

#: Columns that name a scan, in the order in which they are believed; then come person and visit.
SCAN_KEYS = ("scan_id", "path", "path_to_t1w", "bids_name")
PERSON_KEYS = ("participant_id", "session_id")
#: Why a row is joined to no scan.
UNKNOWN, SEVERAL = "unknown", "several"


class ScanFinder:
    """The scans of a workspace by all that others may call them.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``scan_id``, ``subject_id``, ``participant_id``, ``session_id`` and ``path``.
    """

    def __init__(self, scans: pd.DataFrame) -> None:
        self._by_id: set[str] = set(scans["scan_id"])
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_person: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        self._by_start: dict[str, set[str]] = defaultdict(set)
        columns = ["scan_id", "subject_id", "participant_id", "session_id", "path"]
        for scan_id, subject, participant, session, path in scans[columns].itertuples(index=False):
            if isinstance(path, str):
                self._by_stem[scan_names.stem_of(Path(path))].append(scan_id)
            if isinstance(participant, str):
                for word_end in re.finditer(r"(?<=[^\W_])(?=[\W_])", participant):
                    self._by_start[same_person(participant[: word_end.start()])].add(participant)
                visit = same_visit(session) if isinstance(session, str) else ""
                self._by_person[same_person(participant)].append((scan_id, subject, visit))

    def find(self, row: Mapping[str, object]) -> list[str] | str:
        """Return the scans that a row is about, or why it is about none.

        Parameters
        ----------
        row : mapping
            Values of :data:`SCAN_KEYS` and :data:`PERSON_KEYS`, as texts; what is missing is no text.

        Returns
        -------
        list of str or str
            Ids of scans: one of a row on a scan, all of a person where only the person is named.
            :data:`UNKNOWN`, or :data:`SEVERAL` where people or files of several sources are called so.
        """
        why = UNKNOWN
        for key in SCAN_KEYS:
            if isinstance(name := row.get(key), str):
                found = self._scan(name)
                if not isinstance(found, str):
                    return found
                why = found if found == SEVERAL else why
        if isinstance(name := row.get("participant_id"), str):
            session = row.get("session_id")
            return self._person(name, session if isinstance(session, str) else None)
        return why

    def _scan(self, name: str) -> list[str] | str:
        if name in self._by_id:
            return [name]
        found = self._by_stem.get(scan_names.stem_of(Path(name)), [])
        return list(found) if len(found) == 1 else SEVERAL if found else UNKNOWN

    def _person(self, name: str, session: str | None) -> list[str] | str:
        """Find a person, also where the name holds the visit too, as FreeSurfer's folders do.

        A name that no person has is that of the only one whose name begins with it as a whole word.
        """
        if name in self._by_id:
            return [name]
        found = self._by_person.get(same_person(name))
        if found is None and "sub" in (inside := scan_names.entities(name, loose=True)):
            found = self._by_person.get(same_person(inside["sub"]))
            session = session or inside.get("ses")
        if not found and (begin := self._by_start.get(same_person(name))):
            if len(begin) > 1:
                return SEVERAL
            found = self._by_person[same_person(next(iter(begin)))]
        if not found:
            return UNKNOWN
        if session is not None:
            at_visit = [one for one in found if one[2] == same_visit(session)]
            found = at_visit or [one for one in found if not one[2]]
        if len({subject for _, subject, _ in found}) > 1:
            return SEVERAL
        return [scan_id for scan_id, _, _ in found] or UNKNOWN


def some(names: Iterable[str], most: int = 5) -> str:
    """Return the first of some names, and how many more there are."""
    held = list(names)
    more = f" and {len(held) - most:,} more" if len(held) > most else ""
    return ", ".join(held[:most]) + more
