"""Graded scans from rated tables of MRIQC's metrics, such as the published ABIDE and DS030 tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from curation.errors import SourceError
from curation.interchange.mriqc_tables import MriqcTable
from curation.references import fit_by_order
from curation.references.fit_by_order import EXCLUDE, GradedScans
from curation.scoring.comparison_groups import MRIQC_POOL, groups_of
from curation.scoring.score_reference import Reference


def graded_scans_of(tables: Mapping[str, MriqcTable]) -> GradedScans:
    """Prepare rated tables of MRIQC's metrics.

    Parameters
    ----------
    tables : mapping of str to MriqcTable
        By the name of the table.

    Raises
    ------
    SourceError
        When none of the tables has ratings.
    """
    named = [table.rows.assign(table=name) for name, table in tables.items()]
    rows = pd.concat(named, ignore_index=True)
    starts = np.cumsum([0, *(len(table.rows) for table in tables.values())])
    parts = [
        _grades(name, table, int(start))
        for (name, table), start in zip(tables.items(), starts, strict=False)
    ]
    grades = pd.concat(parts, ignore_index=True)
    if grades.empty:
        raise SourceError("None of the tables has ratings (columns such as rater_1). Name another.")
    weight = 1.0 / grades.groupby("row")["rater"].transform("count")
    subjects = rows["table"] + ":" + rows["participant_id"]
    return GradedScans(rows, groups_of(rows, rows["site"]), subjects, grades.assign(weight=weight))


def experts_reference(tables: Mapping[str, MriqcTable]) -> Reference:
    """Learn ``experts-2`` from rated tables, without anchors; none ever judges MRIQC's rows beside it."""
    given = graded_scans_of(tables)
    grades = given.grades
    raters = grades["rater"].nunique()
    return Reference(
        name="experts",
        version="2",
        kind="learned",
        label="Experts' ratings",
        description=(
            "The chance that people exclude the scan, from how much grey and white matter overlap (cjv), how "
            "even white matter is (snr_wm) and how far its bright part stands out (summary_wm_p95 over "
            "summary_wm_median). The worse any of them, the higher the score, on one scale for all sites, so "
            "that a bad site shows. Their slope is learned from the order of "
            f"{len(grades)} grades (accept, doubtful, exclude) by {raters} "
            f"rater{'s' if raters > 1 else ''} of {grades['row'].nunique()} scans. "
            f"Tables: {', '.join(tables)}."
        ),
        anchors={},
        evidence=fit_by_order.evidence(given),
        sites={MRIQC_POOL: {}},
        model=fit_by_order.fit(given),
    )


def _grades(name: str, table: MriqcTable, start: int) -> pd.DataFrame:
    """Return the grades of a table, its rows counted from ``start``; each table's raters are its own."""
    return pd.DataFrame(
        {
            "row": table.ratings["row"].astype("int64") + start,
            "value": table.ratings["value"].astype("float64"),
            "excluded": (table.ratings["value"] == EXCLUDE).astype("int64"),
            "rater": table.ratings["rater"].astype("str") + f" of {name}",
        }
    )
