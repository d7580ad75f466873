"""Training sets from rated tables of MRIQC's metrics, such as the published ABIDE and DS030 tables."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from curation.errors import SourceError
from curation.interchange.mriqc_tables import RATING_SCALE, MriqcTable
from curation.references.fit_from_ratings import TrainingSet, learn_reference, training_set
from curation.scoring.comparison_groups import groups_of
from curation.scoring.score_reference import Reference

#: A rater of this share of a table's scans saw them all; the labels of others weigh less.
SAW_ALL, PART_WEIGHT = 0.95, 0.25


def training_set_of(tables: Mapping[str, MriqcTable]) -> TrainingSet:
    """Prepare rated tables of MRIQC's metrics.

    Parameters
    ----------
    tables : mapping of str to MriqcTable
        By the name of the table.

    Raises
    ------
    SourceError
        When none of the tables has ratings.
    RatingError
        See :func:`.training_set`.

    Notes
    -----
    A rater who saw nearly every scan of a table counts fully, others by a quarter: they saw different
    halves, with other thresholds, so that their labels blur each other.
    """
    named = [table.rows.assign(table=name) for name, table in tables.items()]
    rows = pd.concat(named, ignore_index=True)
    starts = np.cumsum([0, *(len(table.rows) for table in tables.values())])
    parts = [
        _labels(table, int(start)) for table, start in zip(tables.values(), starts, strict=False)
    ]
    labels = pd.concat(parts, ignore_index=True)
    if labels.empty:
        raise SourceError("None of the tables has ratings (columns such as rater_1). Name another.")
    subjects = rows["table"] + ":" + rows["participant_id"]
    return training_set(rows, groups_of(rows, rows["site"]), subjects, labels)


def experts_reference(tables: Mapping[str, MriqcTable]) -> Reference:
    """Learn ``experts-1`` from rated tables: without anchors, and without these tables' own sites."""
    reference = learn_reference(training_set_of(tables))
    return replace(
        reference,
        name="experts",
        version="1",
        label="Experts' ratings",
        description=f"{reference.description} Tables: {', '.join(tables)}.",
        model=reference.model and replace(reference.model, groups={}),
    )


def _labels(table: MriqcTable, start: int) -> pd.DataFrame:
    """Return the labels of one table, its rows counted from ``start``."""
    seen = table.ratings.groupby("rater")["row"].transform("count") / max(len(table.rows), 1)
    return pd.DataFrame(
        {
            "row": table.ratings["row"].astype("int64") + start,
            "excluded": (table.ratings["value"] == min(RATING_SCALE.values)).astype("int64"),
            "weight": np.where(seen >= SAW_ALL, 1.0, PART_WEIGHT),
            "rater": table.ratings["rater"],
            "scale": RATING_SCALE.name,
        }
    )
