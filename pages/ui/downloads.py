"""Tables to take away, as CSV."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from curation import spreadsheets


def tables(name: str, found: Mapping[str, pd.DataFrame]) -> None:
    """Offer tables for download; empty ones cannot be taken.

    Parameters
    ----------
    name : str
        Begins the files' names.
    found : mapping of str to pandas.DataFrame
        What each is called -> the table.
    """
    with st.container(horizontal=True):
        for kind, table in found.items():
            st.download_button(
                f"{kind.replace('-', ' ').capitalize()} (CSV)", partial(spreadsheets.csv, table),
                f"{name}-{kind}.csv", "text/csv", disabled=table.empty, icon=":material/download:",
                on_click="ignore", key=f"download-{kind}",
            )  # fmt: skip
