"""Tiles of the contact sheet: three slices, id, score and tier of each scan; a click opens it.

The pictures were made while the scans were scored; the browser fetches those that come into sight.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st
from streamlit.components import v2

from curation.decisions import scan_tags
from curation.storage.workspace import Workspace
from curation.tiers.rule_checks import NO_VALUE, UNSCORED
from pages.ui.shell import cache, flags, formatting, frame, html_marks, state, static_files

#: Tiles on one page of the sheet.
PAGE_SIZE = 60
#: What pictures show where ``[images]`` of the workspace's settings does not say ``whole_heads``.
BRAIN_ALONE = (
    "The pictures show the brain alone, also of whole heads, as the workspace's settings have it from the "
    "beginning; Review shows the image as it is."
)
#: Why a tile has no picture, by the status of its scan.
_WITHOUT = {"ok": "no picture yet: not scored", "table": "no image: from a table"}
_NOT_DRAWN = "no picture yet: Cohort draws it"


def from_workspace(
    workspace: Workspace, scans: pd.DataFrame, colour_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Return the content of the tiles of some scans of a workspace, see :func:`describe`."""
    return describe(
        scans,
        pictures=pictures(workspace, scans["scan_id"]),
        rated=cache.rating_words(workspace),
        recognised=flags.flags_of_workspace(workspace),
        tags=cache.tags(workspace),
        current=state.get(state.SCAN),
        colour_of=colour_of,
    )


def describe(
    scans: pd.DataFrame,
    *,
    pictures: Mapping[str, str],
    rated: Mapping[str, Sequence[str]],
    recognised: Mapping[str, Mapping[str, str]],
    tags: Mapping[str, Collection[str]] = MappingProxyType({}),
    current: str | None,
    colour_of: Callable[[str], str],
) -> list[dict[str, Any]]:
    """Return the content of each tile as plain values.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``scan_id status distortion_score tier``, and where known ``score_high`` and ``tier_worst``, the
        worst that the tier could be, in order; ``tier_by_hand``, the reason, where it is by hand.
    pictures : mapping of str to str
        Scan id -> name of its picture, where there is one.
    rated : mapping
        Scan id -> the words of its ratings, where it has any.
    recognised : mapping
        Scan id -> its flags.
    tags : mapping
        Tag -> the scans that have it.
    current : str or None
        Id of the scan that is open on Review.
    colour_of : callable
        From a tier to its colour.
    """
    if "score_high" not in scans:
        scans = scans.assign(score_high=math.nan)
    if "tier_worst" not in scans:
        scans = scans.assign(tier_worst=scans["tier"])
    if "tier_by_hand" not in scans:
        scans = scans.assign(tier_by_hand=None)
    names = (
        "scan_id",
        "status",
        "distortion_score",
        "score_high",
        "tier",
        "tier_worst",
        "tier_by_hand",
    )
    columns = (scans[name] for name in names)
    return [
        {
            "id": scan_id,
            "picture": pictures.get(scan_id),
            "why": _why_bare(status, _called(tier, score)),
            "score": formatting.score(score, high),
            "tier": _badge(_called(tier, score), _called(worst, score), reason),
            "colour": colour_of(tier),
            "ink": html_marks.ink_on(colour_of(tier)),
            "more": _rated(rated.get(scan_id, ())),
            "title": _title(
                scan_id,
                _worth(_called(tier, score), score, high, reason),
                recognised.get(scan_id, {}),
                rated.get(scan_id, ()),
                scan_tags.of_scan(tags, scan_id),
            ),
            "current": scan_id == current,
        }
        for scan_id, status, score, high, tier, worst, reason in zip(*columns, strict=True)
    ]


def _called(tier: str, score: float) -> str:
    """Return what is said of a tier; where another column is cut, a scan without a value has a score."""
    return NO_VALUE if tier == UNSCORED and math.isfinite(score) else tier


def _badge(tier: str, worst: str, reason: object) -> str:
    """Return a tier as its badge says it: by hand, or with the worst that it could be."""
    return f"{tier}, by hand" if isinstance(reason, str) else html_marks.perhaps(tier, worst)


def _why_bare(status: str, tier: str) -> str:
    if status == "ok" and tier != UNSCORED:  # as after an update, or where pictures were deleted
        return _NOT_DRAWN
    return _WITHOUT.get(status, formatting.DASH)


def _worth(tier: str, score: float, high: float, reason: object) -> str:
    """Return tier and score in words, how high it may be where not all could be measured, why by hand."""
    if tier == UNSCORED:
        return tier
    named = tier if tier == NO_VALUE else f"tier {tier}"
    worth = f"{named}, distortion score {formatting.score(score, high)}"
    by_hand = f"Tier by hand: {reason}" if isinstance(reason, str) else ""
    return "\n".join(filter(None, [worth, formatting.at_least(score, high), by_hand]))


def _rated(words: Sequence[str]) -> str:
    """Return what a tile says of its scan's ratings: the word, where it is one."""
    return words[0] if len(words) == 1 else "rated" if words else ""


def _title(
    scan_id: str,
    worth: str,
    flags: Mapping[str, str],
    rated: Sequence[str],
    tags: Sequence[str],
) -> str:
    ratings = [f"Rated: {', '.join(rated)}"] if rated else []
    tagged = [f"Tags: {', '.join(tags)}"] if tags else []
    return "\n".join([f"{scan_id}: {worth}", *flags.values(), *ratings, *tagged])


def pictures(workspace: Workspace, scan_ids: Collection[str]) -> dict[str, str]:
    """Return the names of the existing pictures, each with the time of its making."""
    found = {}
    for scan_id in scan_ids:
        path = workspace.preview_path(scan_id)
        changed = cache.stamp(path)
        if any(changed):
            found[scan_id] = f"{quote(path.name)}?{changed[0]}"
    return found


def notes(workspace: Workspace, tiles: list[dict[str, Any]]) -> str:
    """Say what a reader of tiles must know of their pictures and scores, for once above them."""
    told = []
    if any(tile["picture"] for tile in tiles) and not workspace.images().whole_heads:
        told.append(BRAIN_ALONE)
    if any(tile["score"].startswith(formatting.AT_LEAST) for tile in tiles):
        told.append(formatting.AT_LEAST_HELP)
    return " ".join(told)


def show(workspace: Workspace, tiles: list[dict[str, Any]], *, key: str = "tiles") -> str | None:
    """Draw the tiles; return the id of the scan that was clicked, once. Each sheet of a page has its key."""
    folder = workspace.previews_dir
    root = static_files.address(folder, "previews") if folder.is_dir() else "/"
    data = {"root": root, "scans": tiles, "bare": bare(tiles)}
    result = _component()(key=key, data=data, on_opened_change=_nothing)
    opened = getattr(result, "opened", None)
    return opened if isinstance(opened, str) else None


def bare(tiles: list[dict[str, Any]]) -> bool:
    """Return whether none of these scans can have a picture, so that no room is left for one."""
    return all(not tile["picture"] and tile["why"] == _WITHOUT["table"] for tile in tiles)


def _nothing() -> None:
    """The click is read from the result."""


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., object]:
    css, script = (
        (frame.ASSETS / f"tiles.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    )
    return v2.component("tierscope_tiles", html='<div class="sheet"></div>', css=css, js=script)
