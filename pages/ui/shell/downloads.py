"""Tables to take away, as CSV."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from curation.storage import text_tables


def tables(name: str, found: Mapping[str, pd.DataFrame], *, left_out: str = "") -> None:
    """Offer tables for download; empty ones cannot be taken.

    Parameters
    ----------
    name : str
        Begins the files' names.
    found : mapping of str to pandas.DataFrame
        What each is called -> the table.
    left_out : str
        What a filter left of the study, in words: the file then says so in its name and in a column, so that
        a part is not taken for the whole later.
    """
    part = "-part" if left_out else ""
    with st.container(horizontal=True):
        for kind, table in found.items():
            st.download_button(
                f"{kind.replace('-', ' ').capitalize()} (CSV)",
                partial(csv, table, left_out),
                f"{name}{part}-{kind}.csv",
                "text/csv",
                disabled=table.empty,
                icon=":material/download:",
                on_click="ignore",
                key=f"download-{kind}",
            )


def csv(table: pd.DataFrame, left_out: str = "") -> str:
    """Return a table as CSV, with a column ``filter`` where a filter was on."""
    told = table.assign(filter=left_out) if left_out else table
    return text_tables.csv(told)
