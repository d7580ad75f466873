"""Every key of the session: ids and choices only, never data.

A widget takes one of these as its ``key`` together with ``persist_state="session"``; so its value
outlives a change of page.
"""

from typing import Any

import streamlit as st

from curation.errors import RuleError
from curation.tiers import DEFAULT_RULE, TIER_NAMES, TierRule

#: Whether ``app.py`` has run in this session, and the page that it shall show next.
UNDER_APP, WANTED_PAGE = "under_app", "wanted_page"
#: The scan that is looked at, and one to open on the next run of the Review page.
SCAN, PENDING_SCAN = "scan", "pending_scan"
#: How the list of scans on Review is ordered and narrowed.
SORT, SOURCES, TIERS, UNRATED_ONLY = "sort", "filter_sources", "filter_tiers", "filter_unrated"
FLAGS = "filter_flags"
#: How a scan is drawn.
VIEW, WINDOW = "view", "window"
#: What is laid over it, whether a reference scan stands beside it, and why this browser cannot draw some.
OVERLAYS, BESIDE, CANNOT_DRAW = "overlays", "beside", "cannot_draw"
#: The contact sheet: what is searched for, and which page of tiles is shown.
SEARCH, SHEET_PAGE = "search", "sheet_page"
#: The scan that an artefact is tried on (no other), which one, how strong, and which draw of it.
TRIED_ON, ARTIFACT, SEVERITY, DRAW = "tried_on", "artifact", "severity", "draw"
#: The part of Rate that is shown, the rating session that is open, and since when its scan is on the screen.
RATE_PART, RATING_SESSION, ON_SCREEN = "rate_part", "rating_session", "on_screen"
#: The window of that scan, a rating to be taken back, and what the next scan's screen has to say.
SESSION_WINDOW, UNDO, SESSION_NOTE = "session_window", "undo", "session_note"
#: The scale that agreement is told on, and what a missed bad scan costs.
AGREEMENT_SCALE, COST = "agreement_scale", "cost"
#: The seed and the list that are offered for a new session, and a scale that was just added.
NEW_SEED, NEW_CHOICE, PENDING_SCALE = "new_seed", "new_choice", "pending_scale"
#: Which metrics Review lists.
METRICS_VIEW = "metrics_view"
#: Who sits here, for ratings, cohorts and studies.
PERSON = "person"
SCALE = "scale"
#: The tier rule that is being tried: see :func:`rule`.
TIER_COUNT, ROLE = "tier_count", "role"
#: Which reference is looked at on Tiers, and what its last change did.
REFERENCE, REFERENCE_NOTE = "reference", "reference_note"
#: What Cohort adds: images or a table.
SOURCE_KIND = "source_kind"
#: How many processes score.
JOBS = "jobs"
#: The study that Train and Compare show, and one to show on the next run.
STUDY, PENDING_STUDY = "study", "pending_study"

#: The model that scans are looked at through, by its run's id.
MODEL = "model"

_LAST_GOOD = "last_good_cutoffs"
_SPREAD: dict[int, tuple[float, ...]] = {
    2: (50.0,),
    3: DEFAULT_RULE.cutoffs,
    4: (20.0, 40.0, 60.0),
    5: (15.0, 30.0, 45.0, 60.0),
    6: (15.0, 30.0, 45.0, 60.0, 75.0),
}


def get(key: str, default: Any = None) -> Any:
    """Return what the session holds under ``key``."""
    return st.session_state.get(key, default)


def put(key: str, value: Any) -> None:
    """Keep ``value`` for this session; to be called before the widget of that key is drawn."""
    st.session_state[key] = value


def keep_one_of(key: str, options: list[Any]) -> Any:
    """Make sure that ``key`` holds one of ``options`` (the first where it does not)."""
    if get(key) not in options:
        put(key, options[0] if options else None)
    return get(key)


def keep_among(key: str, options: list[Any]) -> None:
    """Leave only those of ``options`` in the list under ``key``."""
    put(key, [value for value in get(key) or [] if value in options])


# ---- the tier rule that is being tried -------------------------------------------------------------


def slider_key(position: int) -> str:
    """Return the key of the slider of one cut-off, counted from 0."""
    return f"cutoff_slider_{position}"


def number_key(position: int) -> str:
    """Return the key of the number field of one cut-off, counted from 0."""
    return f"cutoff_number_{position}"


def reset_cutoffs() -> None:
    """Spread the cut-offs anew for the chosen number of tiers."""
    for position, value in enumerate(_SPREAD[get(TIER_COUNT, 3)]):
        _set_cutoff(position, value)


def follow(moved: str, other: str) -> None:
    """Keep the two fields of one cut-off in step: ``other`` takes the value of ``moved``."""
    if get(moved) is not None:
        put(other, get(moved))


def ensure_cutoffs() -> None:
    """Give every cut-off a value before its widgets are drawn."""
    for position, value in enumerate(_SPREAD[get(TIER_COUNT, 3)]):
        if get(slider_key(position)) is None:
            _set_cutoff(position, value)
        if get(number_key(position)) is None:
            put(number_key(position), get(slider_key(position)))


def rule() -> tuple[TierRule, str | None]:
    """Return the rule that the fields say, or the last good one and what is wrong with the new.

    Returns
    -------
    rule : TierRule
        Valid in any case.
    problem : str or None
        Why the fields make no rule.
    """
    count = get(TIER_COUNT, 3)
    names, spread = TIER_NAMES[:count], _SPREAD[count]
    cutoffs = tuple(float(get(slider_key(i), value)) for i, value in enumerate(spread))
    try:
        tried = TierRule(names, cutoffs)
    except RuleError as error:
        return TierRule(names, get(_LAST_GOOD, {}).get(count, spread)), str(error)
    put(_LAST_GOOD, {**get(_LAST_GOOD, {}), count: cutoffs})
    return tried, None


def rounded(cutoff: float) -> float:
    """Return a cut-off as the sliders can hold it."""
    return round(2 * cutoff) / 2


def take_over(cutoff: float) -> None:
    """Let the worst tier begin at ``cutoff``; better tiers that it would cross share what is below."""
    last = get(TIER_COUNT, 3) - 2
    wanted = min(max(rounded(cutoff), 0.5 * (last + 1)), 100.0)
    below = [float(get(slider_key(i), value)) for i, value in enumerate(rule()[0].cutoffs[:last])]
    if any(value >= wanted for value in below):
        below = [rounded(wanted * (i + 1) / (last + 1)) for i in range(last)]
    for position, value in enumerate([*below, wanted]):
        _set_cutoff(position, value)


def _set_cutoff(position: int, value: float) -> None:
    put(slider_key(position), value)
    put(number_key(position), value)
