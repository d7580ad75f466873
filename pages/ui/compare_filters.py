"""What narrows Compare, and every part of it: arms, seeds, folds, epochs."""

import streamlit as st

from pages.ui import state, text
from pages.ui.compared import Compared


def narrowed(everything: Compared) -> Compared:
    """Draw the filters and return what they leave."""
    arms = [arm.name for arm in everything.arms]
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-filters"):
        chosen = _several("Arms", state.COMPARE_ARMS, arms)
        with st.container(width=180):
            seeds = _several("Seeds", state.COMPARE_SEEDS, everything.seeds)
        with st.container(width=180):
            folds = _several("Folds", state.COMPARE_FOLDS, everything.folds, shift=1)
    left = everything.only(chosen, seeds, folds)
    _say(everything, left)
    return left


def epochs(last: int) -> tuple[int, int]:
    """Draw the range of epochs; one that went up to the last epoch follows while a study runs."""
    if last < 2:
        return 0, last
    low, high = state.get(state.COMPARE_EPOCHS) or (1, last)
    if high >= (state.get(state.COMPARE_LAST_EPOCH) or 0) or high > last:
        high = last
    state.put(state.COMPARE_LAST_EPOCH, last)
    state.put(state.COMPARE_EPOCHS, (min(low, high), high))
    st.slider("Epochs", 1, last, key=state.COMPARE_EPOCHS, width=240, persist_state="session")
    low, high = state.get(state.COMPARE_EPOCHS)
    return low, high


def _several(label: str, key: str, options: list, *, shift: int = 0) -> list:
    state.keep_among(key, options)
    return st.multiselect(
        label,
        options,
        key=key,
        placeholder="all",
        persist_state="session",
        disabled=len(options) < 2,
        format_func=lambda o: str(o + shift) if shift else str(o),
    )


def _say(everything: Compared, left: Compared) -> None:
    """Say what is left out, and what that does to the numbers below."""
    out = [
        text.plural(len(before) - len(after), noun)
        for before, after, noun in (
            (everything.arms, left.arms, "arm"),
            (everything.seeds, left.seeds, "seed"),
            (everything.folds, left.folds, "fold"),
        )
        if len(after) < len(before)
    ]
    if not out:
        return
    words = f"Left out: {', '.join(out)}."
    if left.held_out.narrowed:
        words += (
            " Every number below is of the seeds and folds that are left, and there is no verdict."
        )
    if len(left.arms) < len(everything.arms):
        words += (
            " Leaving out arms changes no number of the others, which were compared all together. No "
            "pretraining and predicting the mean age are always shown."
        )
    st.caption(words)
