"""Who decided what, and when; ratings to and from files."""

import pandas as pd
import streamlit as st

from curation.history import history
from curation.workspace import Workspace
from pages.ui import frame, marks, rating_file_forms, text

#: Lines that are looked through, and lines shown.
_READ, _SHOWN = 5000, 40


def show(workspace: Workspace) -> None:
    """Draw the part of Rate."""
    with st.expander("Export and import ratings", icon=":material/import_export:"):
        rating_file_forms.show_rating_files(workspace)
    _lines(history(workspace, _READ))


def _lines(table: pd.DataFrame) -> None:
    if table.empty:
        frame.nothing_yet(
            "Nobody has decided anything yet.",
            "Ratings, verdicts, tiers given by hand, cut-offs passed on and frozen cohorts are listed here, "
            "with who and when. Nothing of it is ever overwritten.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sought = st.text_input("Find", placeholder="a scan, a person, a word", key="history-sought")
        people = st.multiselect("Who", sorted(set(table["who"]) - {""}), placeholder="everybody")
        kinds = st.multiselect("What", sorted(set(table["what"])), placeholder="everything")
    found = table
    if people:
        found = found[found["who"].isin(people)]
    if kinds:
        found = found[found["what"].isin(kinds)]
    if sought:
        words = found["who"] + " " + found["what"] + " " + found["subject"] + " " + found["detail"]
        found = found[words.str.contains(sought, case=False, regex=False)]
    rows = [
        (text.moment(row.at), row.who or text.DASH, row.what, row.subject, row.detail)
        for row in found.head(_SHOWN).itertuples()
    ]
    st.html(marks.table(("When (UTC)", "Who", "What", "Of what", "In detail"), rows, whole=(0,)))
    if len(found) > _SHOWN:
        st.caption(
            f"The newest {_SHOWN} of {len(found):,}. Search, or export the ratings, for the others."
        )
