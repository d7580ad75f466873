"""On Cohort: the oldest and the youngest, as a part of the page, ``pages/ui/cohort/age_range.py``."""

import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import number
from pages.ui.shell import cache


def show(workspace: Workspace) -> None:
    """Draw the part; nothing where no age is known."""
    years = cache.scans(workspace)["age_years"].dropna()
    if len(years):
        youngest, oldest = number(years.min(), 0), number(years.max(), 0)
        st.caption(f"The youngest is {youngest} years old, the oldest {oldest}.")
