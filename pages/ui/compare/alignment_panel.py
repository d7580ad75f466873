"""Results with and without doubtful alignments on Compare; nothing where a study has no such scans."""

import pandas as pd
import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import number
from pages.ui.shell import controls, formatting, html_marks
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import Outcome
from training.results import doubtful_alignments, study_summary
from training.results.doubtful_alignments import EXPLORATORY, RULE
from training.studies.planned_study import Study


def show(workspace: Workspace, study: Study, held_out: Predictions) -> None:
    """Draw the panel: the rule, who is in doubt, and the figures with and without the target's."""
    found = doubtful_alignments.find(workspace, study)
    if not found.target and not found.pool:
        return
    st.subheader("Without doubtful alignments")
    st.caption(formatting.escape(f"{EXPLORATORY} {RULE} {found.words}"))
    if not found.target:
        st.caption("None of the people judged on is among them, so no figure changes.")
        return
    reference = study_summary.default_reference(held_out)
    table = doubtful_alignments.compare(held_out, found.target, reference)
    st.html(_table(table, held_out.outcome))
    controls.offer_tables(
        f"{study.id}-alignment", {"without-doubtful-alignments": held_out.outcome.named(table)}
    )


def _table(table: pd.DataFrame, outcome: Outcome) -> str:
    rows = [
        (
            row["label"] if row["arm"] == BASELINE else row["arm"],
            f"{row['people']:.0f} / {row['people_without']:.0f}",
            number(row["age_mae_years"], outcome.digits),
            number(row["age_mae_years_without"], outcome.digits),
            doubtful_alignments.difference_in_words(row, "", outcome.digits),
            doubtful_alignments.difference_in_words(row, "_without", outcome.digits),
        )
        for _, row in table.iterrows()
    ]
    reference = table["reference"].iloc[0] if len(table) else ""
    head = (
        "Arm",
        "People with / without",
        outcome.measure_heading,
        f"{outcome.measure_heading} without",
        f"Less {reference} ({outcome.unit_words})",
        "The same without",
    )
    return html_marks.table(head, rows, numeric=(1, 2, 3, 4, 5), whole=(0, 4, 5))
