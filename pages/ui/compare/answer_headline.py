"""The answer of a study in one sentence on Compare, with its arms in words."""

import html

import streamlit as st

from pages.ui.compare.comparison_data import Comparison
from training.results.conclusions import Conclusion

#: Arms up to which each is explained under the answer.
_MOST_IN_WORDS = 8


def show(shown: Comparison, conclusion: Conclusion) -> None:
    """Draw the conclusion of the study, before the figures that it rests on.

    Parameters
    ----------
    shown : Comparison
        Its arms are explained where they are met first; of many, those of the answer.
    conclusion : Conclusion
        Of the study.
    """
    framed = "" if conclusion.ranks else " ts-note"
    st.html(f'<div class="ts-headline{framed}">{html.escape(conclusion.headline)}</div>')
    asked = shown.primary_pair or ()
    few = len(shown.arms) <= _MOST_IN_WORDS
    told = [
        f"<b>{html.escape(arm.name)}</b> {html.escape(arm.label)}"
        for arm in shown.arms
        if few or arm.name in asked
    ]
    if told:
        st.html(f'<div class="ts-muted">Arms: {" · ".join(told)}</div>')
