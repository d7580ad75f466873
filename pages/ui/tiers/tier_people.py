"""The part *Who is in each tier* of Tiers: people of each tier and site, and scans near the cut-offs."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from curation.interchange.example_datasets import EXAMPLES
from curation.ratings.scales import all_scales
from curation.sources import sex_codes
from curation.storage.workspace import Workspace
from curation.tier_effects import cutoff_stability, tier_agreement
from curation.tier_effects.tier_balance import Tally
from curation.tiers import tier_rule
from curation.tiers.tier_rule import TierRule
from curation.wording import plural, shares
from pages.ui.explore import selected_scans
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import cache, charts, formatting, frame, html_marks
from pages.ui.shell.html_marks import Cell
from pages.ui.tiers import balance_panel, scans_at_cutoff, tier_facts

_SITES_DRAWN = 24
Edges = list[float | NDArray[np.float64]]


# ---- composition of the tiers --------------------------------------------------------------------


def show(scan_table: ScanTable, sorted_scans: SortedScans) -> None:
    """Draw the tables of tiers and the shares of sites."""
    tally, rule = tier_facts.facts_of(scan_table).tally(sorted_scans), sorted_scans.rule
    st.html(_table(tally, rule))
    if codes := tally.unread_sexes:
        said = sex_codes.unread_sexes_in_words(codes)
        st.caption(formatting.escape(f"The share of women is not known. {said}"))
    elif unknown := int(tally.counts("sex")[:, -1].sum()):
        of = plural(unknown, "scan")
        st.caption(
            f"Female is the share of those whose sex is known\\. Of {of} it is not, or told as neither\\."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("See on Explore:", width="content")
        for place, name in enumerate(rule.tiers):
            if tally.scans[place]:
                chosen = sorted_scans.codes == place
                selected_scans.offer(
                    scan_table,
                    formatting.escape(html_marks.tier_label(name)),
                    chosen,
                    key=f"see-{place}",
                )
    with st.container(horizontal=True, key="split-tiers", gap="medium"):
        with st.container(width="stretch"):
            _differences(tally)
        with st.container(width="stretch"):
            _sites(tally, rule)


def _table(tally: Tally, rule: TierRule) -> str:
    table, colours = tally.table(), tier_rule.colours(rule)
    levels = [
        column
        for name in ("group", "modality")
        for column in balance_panel.composition(tally, name)
    ]
    share = shares(table["scans"].tolist())
    rows = [
        (
            Cell(html_marks.tier_chip(rule.called(row.tier), colours[row.tier])),
            f"{row.scans:,}",
            share[place],
            f"{row.people:,}",
            _age(row.age_mean_years, row.age_sd_years),
            _percent(row.female),
            *(of_level[place] for _, of_level in levels),
        )
        for place, row in enumerate(table.itertuples())
    ]
    heads = ("Tier", "Scans", "Share", "People", "Age, mean ± SD (years)", "Female")
    head = (*heads, *(name for name, _ in levels))
    return html_marks.table(head, rows, numeric=range(1, len(head)))


def _age(mean: float, spread: float) -> str:
    if pd.isna(mean):
        return formatting.DASH
    return f"{mean:.1f}" if pd.isna(spread) else f"{mean:.1f} ± {spread:.1f}"


def _percent(share: float) -> str:
    return formatting.DASH if pd.isna(share) else f"{100 * share:.0f} %"


def _differences(tally: Tally) -> None:
    st.markdown("**How far the tiers are apart**")
    if text := balance_panel.differences(tally):
        st.html(text)
        st.caption(balance_panel.DIFFERENCES_CAPTION)
    else:
        st.caption(
            "Neither age, sex, site, group, modality nor kind of image is known of these scans."
        )


def _sites(tally: Tally, rule: TierRule) -> None:
    by_site = tally.shares("site").rename(columns=rule.called)
    colours = {rule.called(name): colour for name, colour in tier_rule.colours(rule).items()}
    if len(by_site) <= _SITES_DRAWN:
        frame.figure(
            charts.tier_shares(by_site, colours),
            key="sites",
            alt="For each site the share of its scans in each tier",
        )
    else:
        st.dataframe(by_site, placeholder=formatting.DASH)


# ---- near the cut-offs ---------------------------------------------------------------------------


def show_near_cutoffs(scan_table: ScanTable, sorted_scans: SortedScans) -> None:
    """Draw stability, pictures on either side, and agreement with ratings."""
    rule, values, edges = (
        sorted_scans.rule,
        scan_table.values(sorted_scans.rule.column),
        _edges(scan_table, sorted_scans),
    )
    error = tier_facts.repeat_error_of(scan_table, rule.column)
    st.markdown("**How stable it is**: scans that might come out on the other side, measured again")
    st.html(
        balance_panel.near(
            values,
            edges,
            rule.names,
            error.points,
            label="95 in 100 repeats differ by less",
            reason=error.reason,
        )
    )
    near = np.isfinite(cutoff_stability.near(values, edges, error.points))
    count = plural(int(near.sum()), "scan near a cut-off: see it", "scans near a cut-off: see them")
    selected_scans.offer(
        scan_table,
        f"{count} on Explore",
        near,
        key="see-near",
    )
    spread = tier_facts.rater_spread(scan_table, rule.column)
    st.markdown("**How far opinions differ**: scans within one rater's standard deviation")
    st.html(
        balance_panel.near(
            values,
            edges,
            rule.names,
            spread.points,
            label="one rater's standard deviation",
            reason=spread.reason,
        )
    )
    st.markdown(
        "**On either side of each cut-off**: click a scan to look at it. Tiers go by exact values, written "
        "here with fewer digits."
    )
    scans_at_cutoff.show(
        scan_table.workspace,
        scan_table.scans,
        values,
        edges,
        sorted_scans.codes,
        rule.labels,
        measure=rule.rule_column,
    )
    _agreement(scan_table, sorted_scans)


def _say_in_sample(workspace: Workspace, rated: set[str]) -> None:
    """Say of each reference that judges rated scans whether it was learned from such ratings."""
    scored = cache.scored_scans(workspace)
    examples = any(
        source.kind == "mriqc" and any(name in source.name.lower() for name in EXAMPLES)
        for source in workspace.sources()
    )
    for held in scored.loc[scored["scan_id"].isin(rated), "reference"].dropna().unique().tolist():
        reference = cache.reference(workspace, str(held))
        if told := balance_panel.learned_from_these(reference, examples=examples):
            st.markdown(formatting.escape(told))


def _edges(scan_table: ScanTable, sorted_scans: SortedScans) -> Edges:
    """Return each cut-off, as one number, or one a scan where sites have their own."""
    rule = sorted_scans.rule
    if not rule.by_site:
        return list(rule.cutoffs)
    table = np.array([rule.by_site.get(site, rule.cutoffs) for site in scan_table.sites])
    return [np.ascontiguousarray(column)[scan_table.site_codes] for column in table.T]


def _agreement(scan_table: ScanTable, sorted_scans: SortedScans) -> None:
    workspace = scan_table.workspace
    given = cache.counted_ratings(workspace)
    st.markdown("**Do raters agree with the tiers?**")
    result = tier_agreement.compare(
        sorted_scans.codes,
        sorted_scans.rule.tiers,
        scan_table.scores.scan_ids,
        given,
        list(all_scales(workspace).values()),
    )
    if not result.scans:
        st.caption(
            "No scan here is rated, or raters are split on each. Rate some on the page Rate."
        )
        frame.link("rate", "Go to Rate")
        return
    st.markdown(balance_panel.agreement_text(result))
    if sorted_scans.rule.rule_column.is_score:
        _say_in_sample(workspace, set(given["scan_id"]) & set(scan_table.scores.scan_ids))
    with st.container(horizontal=True, key="split-agreement", gap="medium"):
        with st.container(width="stretch"):
            st.html(balance_panel.agreement(result, tier_facts.rater_ceiling(workspace)))
        with st.container(width="stretch"):
            st.html(balance_panel.confusion(result))
            st.caption(balance_panel.confusion_caption(result))
