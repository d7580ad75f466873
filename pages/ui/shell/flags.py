"""Flags of scans that bear on their scores: counted, listed, and shown as chips."""

import html
import json
from collections import Counter
from collections.abc import Collection, Mapping

import pandas as pd
import streamlit as st

from curation.errors import DamagedError
from curation.imaging.image_flags import FLAGS
from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.shell import cache, formatting, frame, state

#: Sub-scores of what may look like unusual anatomy, from where on, and the word for it.
_UNUSUAL, _CLEAR = "unusual_anatomy", 50.0
_LIKE_ANATOMY = {
    "noise": "noise",
    "motion": "ghosts",
    "blur": "blur",
    "incompleteness": "wrap-around or lost slices",
}
_IN_PART = "part of the face was removed, but "


def flags_of_scans(metrics: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return for each scan that has any its flags and the evidence of each.

    Parameters
    ----------
    metrics : pandas.DataFrame
        The metrics table; older ones have no column ``flags``.
    """
    if "flags" not in metrics:
        return {}
    found = metrics.loc[metrics["flags"].str.len() > len("{}"), ["scan_id", "flags"]]
    return {row.scan_id: json.loads(row.flags) for row in found.itertuples()}


def flags_of_workspace(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return the same for all scans of a workspace, with the flags of their scores, read once.

    Nothing where these cannot be read; the page tells it.
    """
    try:
        changed = (cache.stamp(workspace.metrics_dir), cache.stamp(workspace.scores_path))
        return _flags_of_workspace(workspace, changed)
    except DamagedError as error:
        frame.report(error)
        return {}


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _flags_of_workspace(
    workspace: Workspace, changed: tuple[cache.Stamp, ...]
) -> dict[str, dict[str, str]]:
    found = flags_of_scans(tables.read_metrics(workspace, ["flags"]))
    scores = tables.read_scores(workspace)
    if "score_flags" in scores:
        of_scores = scores[["scan_id", "score_flags"]].rename(columns={"score_flags": "flags"})
        for scan_id, its in flags_of_scans(of_scores).items():
            found[scan_id] = found.get(scan_id, {}) | its
    return found


def flags_of_row(row: pd.Series, column: str = "flags") -> dict[str, str]:
    """Return the flags of one row of the metrics, or of the scores, with their evidence."""
    written = row.get(column)
    return json.loads(written) if isinstance(written, str) else {}


def of_score(scan: pd.Series) -> dict[str, str]:
    """Return the flags of a scan's score; of unusual anatomy, that a distortion may be what is seen.

    Parameters
    ----------
    scan : pandas.Series
        With its ``score_flags`` and sub-scores.
    """
    found = flags_of_row(scan, "score_flags")
    values = pd.to_numeric(scan.reindex(list(_LIKE_ANATOMY)))
    if _UNUSUAL in found and (values >= _CLEAR).any():
        kinds = " and ".join(word for name, word in _LIKE_ANATOMY.items() if values[name] >= _CLEAR)
        found[_UNUSUAL] += f". The {kinds} of this scan may be what is seen here, not the anatomy"
    return found


def counts(recognised: Mapping[str, Mapping[str, str]], among: Collection[str]) -> dict[str, int]:
    """Count the scans of each flag among some scans, in the order of ``FLAGS``."""
    found = Counter(key for scan_id, its in recognised.items() if scan_id in among for key in its)
    return {key: found[key] for key in FLAGS if key in found}


def scans_with(
    recognised: Mapping[str, Mapping[str, str]], keys: Collection[str]
) -> frozenset[str]:
    """Return the ids of the scans that have any of some flags."""
    return frozenset(scan_id for scan_id, its in recognised.items() if set(keys) & its.keys())


def label(key: str) -> str:
    """Return the label of a flag."""
    return FLAGS[key].label if key in FLAGS else key


def chips(found: Mapping[str, str]) -> str:
    """Return the flags of one scan as chips, each with its evidence in a sentence."""
    told = _in_one(found)
    inner = "".join(
        f'<div><span class="ts-flag" title="{html.escape(_consequence(key))}">'
        f"{html.escape(name)}</span><span>{html.escape(_sentence(words))}</span></div>"
        for key, (name, words) in ((key, told[key]) for key in _ordered(told))
    )
    return f'<div class="ts-flags">{inner}</div>'


def _in_one(found: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return label and evidence of each flag; of a face that was removed in part, in one sentence."""
    told = {key: (label(key), words) for key, words in found.items()}
    if {"defaced", "face"} <= told.keys():
        told["face"] = ("Partly defaced", f"{_IN_PART}{found['face']}")
        del told["defaced"]
    return told


def consequences(found: Mapping[str, str]) -> str:
    """Return the consequences of one scan's flags for its metrics, in words."""
    return " ".join(f"{label(key)}: {_consequence(key)}" for key in _ordered(found))


def _ordered(found: Collection[str]) -> list[str]:
    return sorted(found, key=lambda key: list(FLAGS).index(key) if key in FLAGS else len(FLAGS))


def _consequence(key: str) -> str:
    return FLAGS[key].consequence if key in FLAGS else ""


def _sentence(words: str) -> str:
    words = words.strip()
    return (
        words[:1].upper()
        + words[1:]
        + ("" if words.endswith((".", "!", "?")) or not words else ".")
    )


def open_all_with(flag: str) -> None:
    """Open Review on all scans with a flag: no other filter hides one of them."""
    state.hide_no_scan()
    state.put(state.FLAGS, [flag])
    frame.open_page("review")


def overview(workspace: Workspace, usable: pd.DataFrame) -> None:
    """Draw how many scans have each flag; a click opens them on Review."""
    counted = counts(flags_of_workspace(workspace), set(usable["scan_id"]))
    if not counted:
        return
    st.subheader("Flags: scan properties detected")
    st.caption(
        "What limits what can be measured, and what a score means. Not a rating of quality. "
        "Click to look at them on Review."
    )
    with st.container(horizontal=True, gap="small"):
        for key, count in counted.items():
            flag = FLAGS[key]
            if st.button(
                f"{formatting.escape(flag.label)} **{count:,}**",
                key=f"flag-{key}",
                help=formatting.escape(f"{flag.meaning} {flag.consequence}"),
            ):
                open_all_with(key)
