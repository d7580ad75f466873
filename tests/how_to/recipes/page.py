"""Sites: where do the scans come from? As a page of its own, ``pages/sites.py``."""

import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import cache, frame, html_marks, summaries


def body(workspace: Workspace) -> None:
    """Draw the page."""
    scans = summaries.usable(cache.scored_scans(workspace))
    if scans.empty:
        frame.nothing_yet(
            "There is no scan yet.", "Add a source of scans on the page Cohort.", "cohort"
        )
        return
    rows = [(site, f"{count:,}") for site, count in scans["site"].value_counts().items()]
    st.html(html_marks.table(("Site", "Scans"), rows, numeric=(1,)))
    st.caption(f"{plural(len(rows), 'site')} in all.")


frame.show("sites", body)
