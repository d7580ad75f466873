"""Agreement of raters: of each two, of all together, of each with himself, and the confusion table.

Coefficients of agreement in the words of a clinician.
"""

import math

import pandas as pd
import streamlit as st

from curation.ratings import agreement
from curation.ratings.agreement_coefficients import MIN_FOR_INTERVAL
from curation.ratings.scales import Scale, all_scales
from curation.storage.workspace import Workspace
from curation.wording import number, plural
from pages.ui.rate import adjudication_panel
from pages.ui.shell import cache, controls, formatting, frame, html_marks, state, summaries
from pages.ui.shell.html_marks import Card, Cell
from pages.ui.shell.summaries import CountedScans

#: Landis and Koch 1977, doi:10.2307/2529310: up to this value -> the word for it.
_WORDS: tuple[tuple[float, str], ...] = (
    (0.0, "no better than chance"),
    (0.2, "slight"),
    (0.4, "fair"),
    (0.6, "moderate"),
    (0.8, "substantial"),
    (1.0, "almost perfect"),
)

WHAT_EXPERTS_REACH = (
    "For comparison: the experts who rated ABIDE reached a κ of 0.17 to 0.39 on three levels, and 0.44 to "
    "0.53 on exclude against the rest (Esteban et al. 2017)."
)


def strength(value: float) -> str:
    """Return the word for a kappa or an alpha."""
    if not math.isfinite(value):
        return "cannot be told: everybody gave one and the same rating"
    return next((word for limit, word in _WORDS if value <= limit + 1e-12), _WORDS[-1][1])


def figure(value: float, low: float, high: float) -> str:
    """Return a coefficient with its 95 % interval, or that it has none."""
    shown = number(value, 2)
    if math.isfinite(low) and math.isfinite(high):
        return f"{shown} ({number(low, 2)} to {number(high, 2)})"
    return f"{shown} (no interval)" if math.isfinite(value) else shown


def meaning(n: int, value: float, low: float = math.nan, high: float = math.nan) -> str:
    """Return the word for a coefficient of ``n`` scans and its interval, or how many more it takes."""
    if n < MIN_FOR_INTERVAL:
        return f"not enough yet: {MIN_FOR_INTERVAL - n} more"
    if not (math.isfinite(low) and math.isfinite(high)):
        return strength(value)
    ends = list(dict.fromkeys((strength(low), strength(high))))
    return strength(value) if len(ends) == 1 else f"{strength(value)} ({' to '.join(ends)})"


def counted_scans(workspace: Workspace) -> CountedScans:
    """Return which rated scans of a workspace count here."""
    scored = cache.scored_scans(workspace)[["scan_id", "distortion_score"]].dropna()
    given, counting = cache.all_ratings(workspace), cache.counted_ratings(workspace)
    return summaries.counted_scans(given, counting, set(scored["scan_id"]))


def show(workspace: Workspace) -> None:
    """Draw the part of Rate."""
    given = cache.all_ratings(workspace)
    scale = _choose_scale(workspace, given)
    if scale is None:
        frame.nothing_yet(
            "Nobody has rated yet.",
            "Agreement is told from scans that at least two people rated. Start a session under Rate; "
            "a second rater then takes the list “The scans of another session”.",
        )
        return
    opinions = agreement.opinions(given, scale)
    pairs = cache.pairs(workspace, scale)
    _cards(given, opinions, scale)
    st.caption(formatting.escape(_counted_words(opinions, counted_scans(workspace))))
    _pairs(pairs, opinions, scale)
    _oneself(given, scale)
    if not pairs.empty:
        _confusion(given, scale, pairs)
    adjudication_panel.show(workspace, cache.counted_ratings(workspace), scale)


def _choose_scale(workspace: Workspace, given: pd.DataFrame) -> Scale | None:
    scales = all_scales(workspace)
    used = [name for name in given["scale"].value_counts().index if name in scales]
    if not used:
        return None
    name = controls.choose(
        st.selectbox,
        "Scale",
        used,
        key=state.AGREEMENT_SCALE,
        format_func=lambda k: scales[k].label,
        help="Only ratings on the same scale are compared.",
    )
    return scales[name]


def _cards(given: pd.DataFrame, opinions: pd.DataFrame, scale: Scale) -> None:
    often = opinions["scan_id"].value_counts()
    shared = int((often > 1).sum())
    alpha = agreement.alpha(given, scale)
    known = math.isfinite(alpha.value)
    interval = math.isfinite(alpha.low) and math.isfinite(alpha.high)
    between = f" · 95 %: {number(alpha.low, 2)} to {number(alpha.high, 2)}"
    st.html(
        html_marks.cards(
            [
                Card("raters", f"{opinions['rater'].nunique():,}", plural(len(opinions), "rating")),
                Card("scans rated", f"{len(often):,}", f"{shared:,} of them by two or more"),
                Card(
                    "all raters together: Krippendorff's α",
                    number(alpha.value, 2),
                    meaning(shared, alpha.value, alpha.low, alpha.high)
                    + (between if known and interval else ""),
                ),
            ]
        )
    )
    st.caption(
        "1 is perfect agreement, 0 is what chance alone would give. Of several ratings of a scan by one "
        "rater the newest that stands counts, hidden repeats left out. "
        f"{formatting.escape(WHAT_EXPERTS_REACH)}"
    )


def _counted_words(opinions: pd.DataFrame, for_cutoff: CountedScans) -> str:
    scans = plural(opinions["scan_id"].nunique(), "scan")
    said = (
        f"Counted here: {scans} with a rating on this scale, with a score or not, also in sessions that are "
        f"still running. Cut-off counts {for_cutoff.counted:,} of {for_cutoff.rated:,} that are rated on any "
        "scale"
    )
    return f"{said}; it leaves out {for_cutoff.left_out}." if for_cutoff.left_out else f"{said}."


def _pairs(pairs: pd.DataFrame, opinions: pd.DataFrame, scale: Scale) -> None:
    st.subheader("Rater pairs")
    if pairs.empty:
        who = " and ".join(opinions["rater"].unique()[:3])
        st.markdown(
            f"No scan was rated by two people yet; so far by {formatting.escape(who)}. A "
            "second rater takes the "
            "list **The scans of another session**."
        )
        return
    rows = [(row.rater_1, row.rater_2, *figures(row)) for row in pairs.itertuples()]
    st.html(
        html_marks.table(("Rater", "and", *_head(scale, "Scans both rated")), rows, numeric=(2, 3))
    )
    st.caption(
        "Weighted κ counts a disagreement by two levels four times as much as one by one level."
    )


def _oneself(given: pd.DataFrame, scale: Scale) -> None:
    table = agreement.intra(given, scale)
    st.subheader("Each rater with the same scan seen twice")
    if table.empty:
        st.markdown(
            "No hidden repeats were rated yet. A session with 10 % of repeats tells it as a by-product."
        )
        return
    rows = [(row.rater, *figures(row)) for row in table.itertuples()]
    st.html(html_marks.table(("Rater", *_head(scale, "Scans seen twice")), rows, numeric=(1, 2)))


def _head(scale: Scale, counted: str) -> tuple[str, ...]:
    worst = scale.values[scale.worst]
    return (
        counted,
        "Rated the same",
        "Weighted κ (95 %)",
        "interpretation",
        f"κ, {worst} or not (95 %)",
        "interpretation",
    )


def figures(row) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    """Return the cells of a row of agreement; one scan alone has no κ, whatever the formula gives."""
    weighted, fail = (row.weighted_kappa, row.fail_kappa) if row.n > 1 else (math.nan, math.nan)
    return (
        f"{row.n:,}",
        f"{100 * row.same:.0f} %",
        figure(weighted, row.low, row.high),
        meaning(row.n, weighted, row.low, row.high),
        figure(fail, row.fail_low, row.fail_high),
        meaning(row.n, fail, row.fail_low, row.fail_high),
    )


def _confusion(given: pd.DataFrame, scale: Scale, pairs: pd.DataFrame) -> None:
    st.subheader("Who said what")
    names = [(row.rater_1, row.rater_2) for row in pairs.itertuples()]
    chosen = st.selectbox(
        "Two raters",
        range(len(names)),
        format_func=lambda i: " and ".join(names[i]),
        label_visibility="collapsed",
        disabled=len(names) == 1,
    )
    first, second = names[chosen]
    counts = agreement.confusion(given, scale, first, second)
    rows = [
        (f"{first}: {word}", *(_count(int(n), word == other) for other, n in line.items()))
        for word, line in counts.iterrows()
    ]
    head = ("", *(f"{second}: {word}" for word in counts.columns))
    st.html(html_marks.table(head, rows, numeric=range(1, len(head))))
    st.caption("Scans counted; those on the grey fields were rated the same by both.")


def _count(number: int, same: bool) -> Cell | str:
    return Cell(f'<span class="ts-same">{number:,}</span>') if same else f"{number:,}"
