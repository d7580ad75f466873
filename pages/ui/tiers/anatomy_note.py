"""Note on Tiers: how many scans show an unusual brain, which moves none of them."""

import numpy as np
import streamlit as st

from curation.scoring.score_flags import UNUSUAL
from curation.scoring.unusual_anatomy import UNUSUAL as FROM
from curation.tiers.rule_checks import NO_VALUE, UNSCORED
from curation.wording import plural
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import flags, formatting


def words(scan_table: ScanTable, sorted_scans: SortedScans) -> str:
    """Return in words how many scans have unusual anatomy, by tier; empty without any."""
    if "unusual_anatomy" not in scan_table.scans:
        return ""
    unusual = scan_table.scans["unusual_anatomy"].to_numpy(dtype=np.float64) >= FROM
    if not unusual.any():
        return ""
    rule = sorted_scans.rule
    held = np.bincount(sorted_scans.codes[unusual], minlength=len(rule.labels)).tolist()
    places = [f"in {name}" for name in rule.tiers] + [
        UNSCORED if rule.rule_column.is_score else f"with {NO_VALUE}"
    ]
    where = ", ".join(
        f"{count:,} {place}" for place, count in zip(places, held, strict=True) if count
    )
    return (
        f"{plural(int(unusual.sum()), 'scan')} with unusual anatomy ({where}): a lesion, atrophy, a child, a "
        "rare head, or a bent image. It counts for no score; look at them."
    )


def show(scan_table: ScanTable, sorted_scans: SortedScans) -> None:
    """Draw the note with a way to look at the scans; nothing where there are none."""
    said = words(scan_table, sorted_scans)
    if not said:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="unusual-anatomy"):
        st.markdown(f":material/neurology: {formatting.escape(said)}", width="content")
        if st.button("Look at them", key="look-at-unusual"):
            flags.open_all_with(UNUSUAL)
