"""Every key of the session: ids and choices only, never data.

A widget takes one of these as its ``key`` together with ``persist_state="session"``; so its value
outlives a change of page.
"""

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from curation.errors import RuleError
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule

#: Whether ``app.py`` has run in this session, and the page that it shall show next.
UNDER_APP, WANTED_PAGE = "under_app", "wanted_page"
#: The scan that is looked at, and one to open on the next run of the Review page.
SCAN, PENDING_SCAN = "scan", "pending_scan"
#: How far the browser has gone with Previous and Next, as it was last heard.
STEPS = "steps"
#: How the list of scans on Review is ordered and narrowed.
SORT, SOURCES, TIERS, UNRATED_ONLY = "sort", "filter_sources", "filter_tiers", "filter_unrated"
FLAGS = "filter_flags"
#: How a scan is drawn.
VIEW, WINDOW = "view", "window"
#: The window that a person set, and the fields that show what is black and white.
OWN_WINDOW, LEVEL, WIDTH = "own_window", "window_level", "window_width"
#: What is laid over it, whether a reference scan stands beside it, and why this browser cannot draw some.
OVERLAYS, BESIDE, CANNOT_DRAW = "overlays", "beside", "cannot_draw"
#: Since when masks are looked for on a scan.
SEARCHED = "searched"
#: The scans that are selected on Explore, by id, and what the search there last found.
SELECTED, FIND, FOUND = "selected_scans", "find", "found"
#: What a box, a lasso or a search there does to the selection: one of ``linked_plots.MODES``.
SELECT_MODE = "select_mode"
#: The page of tiles of them, counted from 0.
SELECTED_PAGE = "selected_page"
#: What Explore draws, and which scans.
AGAINST, PAIR_ALONG, PAIR_UP, BY_SITE = "against", "pair_along", "pair_up", "by_site"
EXPLORED_TIERS, EXPLORED_SITES = "explored_tiers", "explored_sites"
#: The saved lists that Scans, Review and Explore are narrowed to, and what the last saving of one has to say.
LISTS, LIST_NOTE = "filter_lists", "list_note"
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
#: The tier rule that is being tried, as plain values (see :func:`rule`), and whose scans it is tried on.
TRIED, ROLE = "tried_rule", "role"
#: What Tiers' fields show of it: number of tiers, what is cut, and the one site whose cut-offs are moved.
TIER_COUNT, COLUMN, SITE = "tier_count", "cut_column", "cut_site"
#: The rule as text, which rule it says, why it cannot be read, and a file with one.
RULE_TEXT, RULE_TEXT_OF, RULE_TEXT_PROBLEM = "rule_text", "rule_text_of", "rule_text_problem"
RULE_FILE = "rule_file"
#: The two rules that are compared, and which move from tier to tier is looked at.
BEFORE, AFTER, MOVE = "compare_before", "compare_after", "move"
#: The frozen cohort that is looked at, and one to look at on the next run.
COHORT, PENDING_COHORT = "cohort", "pending_cohort"
#: The part of Tiers that is shown below the plot.
TIERS_PART = "tiers_part"
#: The last line that was moved on the plot and that the server has heard of.
HEARD = "heard"
#: Which reference is looked at on Tiers, and what its last change did.
REFERENCE, REFERENCE_NOTE = "reference", "reference_note"
#: What Cohort adds: images or a table.
SOURCE_KIND = "source_kind"
#: How many processes score.
JOBS = "jobs"
#: The study that Train and Compare show, and one to show on the next run.
STUDY, PENDING_STUDY = "study", "pending_study"
#: The question that a new study is planned for.
DESIGN = "design"
#: What its networks look at.
IMAGES = "images"
#: Which image's maps are drawn on Model, of a model that is shown several.
MAPS_OF = "maps_of"

#: The model that scans are looked at through, by its run's id.
MODEL = "model"
#: The message that Present shows, counted from 0, and what its files keep of sites and pictures.
SLIDE, REPORT_SITES, REPORT_PICTURES = "slide", "report_sites", "report_pictures"
REPORT_CORRECTED = "report_corrected"

#: Compare: its part, the reference, other studies beside the chosen one, and what its filters leave.
COMPARE_PART, COMPARE_REFERENCE, COMPARE_ALSO = "compare_part", "compare_reference", "compare_also"
COMPARE_ARMS, COMPARE_SEEDS, COMPARE_FOLDS = "compare_arms", "compare_seeds", "compare_folds"
COMPARE_EPOCHS, COMPARE_ALONG, COMPARE_SMOOTHING = (
    "compare_epochs",
    "compare_along",
    "compare_smoothing",
)
COMPARE_RUNS, COMPARE_LAST_EPOCH = "compare_runs", "compare_last_epoch"
#: A page to open on this run, because something that leads there was chosen.
LEAVE_FOR = "leave_for"
#: Whose errors are looked at closely, against what, and whether the age bias is taken out.
COMPARE_ARM, COMPARE_AGAINST, COMPARE_CORRECTED = (
    "compare_arm",
    "compare_against",
    "compare_corrected",
)
#: The table of studies: what is searched for, by which tags, and whether the archive is shown.
STUDY_SEARCH, STUDY_TAGS, STUDY_ARCHIVE = "study_search", "study_tags", "study_archive"

_LAST_GOOD, _CHANGED = "last_good_rule", "changed_part"
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


def seconds_of(key: str, what: Any) -> float:
    """Return for how long ``what`` has been the one under ``key``; the first call for it starts the clock."""
    since = get(key)
    if since is None or since[0] != what:
        since = (what, time.monotonic())
        put(key, since)
    return time.monotonic() - float(since[1])


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


def name_key(position: int) -> str:
    """Return the key of the field of one tier's name, counted from 0."""
    return f"tier_name_{position}"


def gate_key(position: int, part: str) -> str:
    """Return the key of one field (``column side limit tier``) of one gate, counted from 0."""
    return f"gate_{part}_{position}"


def tried() -> dict[str, Any]:
    """Return the fields as :meth:`curation.tiers.tier_rule.TierRule.as_dict` does; they may make no rule."""
    return dict(get(TRIED) or DEFAULT_RULE.as_dict())


def try_rule(part: str, **changes: Any) -> None:
    """Change what the fields say.

    Parameters
    ----------
    part : str
        Where the change was made: what is wrong is said there, see :func:`problem_part`.
    **changes
        Entries of :func:`tried`.
    """
    put(TRIED, tried() | changes)
    put(_CHANGED, part)


def rule() -> tuple[TierRule, str | None]:
    """Return the rule that the fields say, or the last good one and what is wrong with the new.

    Returns
    -------
    rule : TierRule
        Valid in any case.
    problem : str or None
        Why the fields make no rule.
    """
    try:
        made = TierRule.from_dict(tried())
    except RuleError as error:
        return get(_LAST_GOOD, DEFAULT_RULE), str(error)
    put(_LAST_GOOD, made)
    return made, None


def problem_part() -> str | None:
    """Return the part whose last change made what is wrong, see :func:`try_rule`."""
    return get(_CHANGED)


def usual_cutoffs(count: int) -> tuple[float, ...]:
    """Return cut-offs of a score for a number of tiers, where nobody has chosen any."""
    return _SPREAD[count]


def cutoffs() -> list[float]:
    """Return the cut-offs that the lines and fields show: those of the chosen site, else the common ones."""
    values = tried()
    return list(values["by_site"].get(get(SITE), values["cutoffs"]))


def set_cutoffs(wanted: Sequence[float], part: str = "cutoffs") -> None:
    """Take over cut-offs, from best to worst, for the chosen site or in common."""
    site, listed = get(SITE), [float(value) for value in wanted]
    if site is None:
        try_rule(part, cutoffs=listed)
    else:
        try_rule(part, by_site={**tried()["by_site"], site: listed})


def rounded(cutoff: float) -> float:
    """Return a cut-off of a score as the sliders step."""
    return round(2 * cutoff) / 2


def take_over(cutoff: float) -> None:
    """Let the worst tier begin at this score; better tiers that it would cross share what is below."""
    values = tried()
    last = len(values["names"]) - 2
    before = (
        values["cutoffs"] if values["column"] == DEFAULT_RULE.column else usual_cutoffs(last + 2)
    )
    wanted = min(max(rounded(cutoff), 0.5 * (last + 1)), 100.0)
    below = [float(value) for value in before[:last]]
    if any(value >= wanted for value in below):
        below = [rounded(wanted * (i + 1) / (last + 1)) for i in range(last)]
    put(SITE, None)
    try_rule("cutoffs", column=DEFAULT_RULE.column, cutoffs=[*below, wanted], by_site={})
