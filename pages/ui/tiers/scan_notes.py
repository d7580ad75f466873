"""Notes on Tiers on some of the scans: outside the best tier, measured in part, or of unusual anatomy."""

from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from curation.scoring.score_flags import UNUSUAL
from curation.scoring.unusual_anatomy import UNUSUAL as FROM
from curation.tier_effects import tier_images
from curation.tier_effects.tier_images import UPPER_END
from curation.tiers.rule_checks import NO_VALUE, UNSCORED
from curation.wording import plural
from pages.ui.explore import selected_scans
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import flags, formatting

#: So many scans are named.
_NAMED = 4


def show(scan_table: ScanTable, sorted_scans: SortedScans) -> None:
    """Draw the notes, each with a way to look at its scans; nothing where there are none."""
    below, partly = beyond_best(sorted_scans), may_be_worse(scan_table, sorted_scans)
    _note(
        "filter_list",
        beyond_words(scan_table, sorted_scans, below),
        lambda: selected_scans.offer(scan_table, _see(below), below, key="see-beyond"),
    )
    _note(
        "help",
        partly_words(sorted_scans, partly),
        lambda: selected_scans.offer(scan_table, _see(partly), partly, key="see-partly"),
    )
    _note("neurology", anatomy_words(scan_table, sorted_scans), _offer_unusual)


def _see(chosen: NDArray[np.bool_]) -> str:
    return f"See {'it' if chosen.sum() == 1 else 'them'} on Explore"


def _note(icon: str, words: str, offer: Callable[[], object]) -> None:
    if not words:
        return
    said, way = st.columns([3, 1], vertical_alignment="center")
    said.markdown(f":material/{icon}: {formatting.escape(words)}")
    with way:
        offer()


def _offer_unusual() -> None:
    if st.button("Look at them", key="look-at-unusual"):
        flags.open_all_with(UNUSUAL)


# ---- outside the best tier -------------------------------------------------------------------------


def beyond_best(sorted_scans: SortedScans) -> NDArray[np.bool_]:
    """Return which scans have a tier that is not the best, shape (N,)."""
    return (sorted_scans.codes > 0) & (sorted_scans.codes < len(sorted_scans.rule.tiers))


def beyond_words(
    scan_table: ScanTable, sorted_scans: SortedScans, beyond: NDArray[np.bool_]
) -> str:
    """Name the worst of the scans outside the best tier; empty without any."""
    if not beyond.any():
        return ""
    rule, codes, places = sorted_scans.rule, sorted_scans.codes, np.flatnonzero(beyond)
    values = scan_table.values(rule.column)[places]
    ends = scan_table.upper_ends(rule.column)[places]
    badness = np.nan_to_num(-values if rule.rule_column.better_is_higher else values, nan=-np.inf)
    worst = np.lexsort((places, -badness, -codes[places]))[:_NAMED]
    held = np.isin(places, sorted_scans.decided)
    named = ", ".join(
        f"{scan_table.scores.scan_ids[places[at]]} "
        f"({formatting.measured(rule.rule_column, values[at], ends[at])}, {rule.tiers[codes[places[at]]]}"
        f"{', by hand' if held[at] else ''})"
        for at in worst
    )
    more = len(places) - len(worst)
    also = f" and {more:,} more" if more else ""
    told = f" {formatting.AT_LEAST_HELP}" if formatting.AT_LEAST in named else ""
    return f"Not in {rule.names[0]}, the worst first: {named}{also}.{told}"


# ---- measured in part ------------------------------------------------------------------------------


def may_be_worse(scan_table: ScanTable, sorted_scans: SortedScans) -> NDArray[np.bool_]:
    """Return which scans the upper ends of their scores would put into a worse tier, shape (N,).

    Scans with a tier by hand are not among them, nor any where something other than the score is cut.
    """
    rule = sorted_scans.rule
    held = {UPPER_END} if UPPER_END in scan_table.scans else set()
    worse = tier_images.may_be_worse(
        rule, scan_table.arrays({*rule.columns, *held}), sorted_scans.codes
    )
    worse[sorted_scans.decided] = False
    return worse


def partly_words(sorted_scans: SortedScans, partly: NDArray[np.bool_]) -> str:
    """Say how many scans may belong in a worse tier than they have, by tier; empty without any."""
    if not partly.any():
        return ""
    count, sorted_ones = int(partly.sum()), sorted_scans.codes < len(sorted_scans.rule.tiers)
    may = plural(count, "scan may belong in a worse tier", "scans may belong in a worse tier")
    if 1 < count == sorted_ones.sum():
        may = f"All {may}"
    return (
        f"{may} ({_by_tier(sorted_scans, partly)}): part of what is judged could not be measured. To "
        "sort by the worst case, choose Upper end of the score under Cut-offs, What is cut."
    )


def _by_tier(sorted_scans: SortedScans, chosen: NDArray[np.bool_]) -> str:
    rule = sorted_scans.rule
    held = np.bincount(sorted_scans.codes[chosen], minlength=len(rule.labels)).tolist()
    places = [f"in {name}" for name in rule.tiers] + [
        UNSCORED if rule.rule_column.is_score else f"with {NO_VALUE}"
    ]
    return ", ".join(
        f"{count:,} {place}" for place, count in zip(places, held, strict=True) if count
    )


# ---- unusual anatomy -------------------------------------------------------------------------------


def anatomy_words(scan_table: ScanTable, sorted_scans: SortedScans) -> str:
    """Return in words how many scans have unusual anatomy, by tier; empty without any."""
    if "unusual_anatomy" not in scan_table.scans:
        return ""
    unusual = scan_table.scans["unusual_anatomy"].to_numpy(dtype=np.float64) >= FROM
    if not unusual.any():
        return ""
    return (
        f"{plural(int(unusual.sum()), 'scan')} with unusual anatomy ({_by_tier(sorted_scans, unusual)}): a "
        "lesion, atrophy, a child, a rare head, or a bent image. It counts for no score; look at them."
    )
