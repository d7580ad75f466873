"""Keys of the session state, room by room, each with the type of its value; ids and choices only, never data.

A widget takes a key as its ``key`` together with ``persist_state="session"``, so that its value outlives a
change of page.
"""

import time
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, overload

import streamlit as st

from curation.decisions.person_decisions import PersonDecision
from curation.storage.workspace import Role

T = TypeVar("T")


class Key(str, Generic[T]):
    """The name of one value of type ``T`` in the session state."""

    __slots__ = ()


# ---- every page ------------------------------------------------------------------------------------

#: Whether ``app.py`` has run in this session, and the page that it shall show next.
UNDER_APP = Key[bool]("under_app")
WANTED_PAGE = Key[str]("wanted_page")
#: A word for the session, which the browser's scripts know it by.
SESSION_WORD = Key[str]("session_word")
#: Whether the browser has been given what draws plots.
PLOTS_READ = Key[bool]("plots_read")
#: The scan that is looked at, and one to open on the next run of the Review page.
SCAN = Key[str]("scan")
PENDING_SCAN = Key[str]("pending_scan")
#: Whether Review walks through the scans that are selected on Explore, instead of all.
WORKLIST = Key[bool]("worklist")
#: One scan and those most like it, nearest first, while they are what is selected, and their order.
ALIKE = Key[tuple[str, ...]]("alike")
ALIKE_SORT = Key[str]("alike_sort")
#: The last state of Previous and Next that the browser reported: since when, and how far it has gone.
STEPS = Key[tuple[Any, int]]("steps")
#: The saved lists that Scans, Review and Explore are narrowed to, by id.
LISTS = Key[list[int]]("filter_lists")
#: The tags that Scans, Review and Explore are narrowed to, and those that are left out.
WITH_TAGS = Key[list[str]]("filter_with_tags")
WITHOUT_TAGS = Key[list[str]]("filter_without_tags")
#: The tag that was used last and what the last change did; a tag to put on scans (or not), and a change to
#: take back, in the next run; how often a tag was tried.
LAST_TAG = Key[str]("last_tag")
LAST_TAG_CHANGE = Key[Any]("last_tag_change")
TAG_WISHES = Key[tuple[tuple[str, tuple[str, ...], bool], ...]]("tag_wishes")
TAG_UNDO = Key[int]("tag_undo")
TAG_TRIES = Key[int]("tag_tries")
#: Who works here: the author of ratings, cohorts and studies.
PERSON = Key[str]("person")
#: The fields for that which were drawn, by their keys: they keep what they show.
PERSON_FIELDS = Key[frozenset[str]]("person_fields")
#: When something was done here last, by the clock of :func:`time.monotonic`; whether that was so long before
#: that somebody else may sit here now, and the name that was known before.
LAST_ACT = Key[float]("last_act")
IN_DOUBT = Key[bool]("in_doubt")
FORMER = Key[str]("former_person")
#: Whose session was opened by its button: somebody else may have pressed it.
EXPECTED = Key[str]("expected_person")
#: The scan whose view was put into the audit last.
NOTED_VIEW = Key[dict[str, str]]("noted_view")
#: The scans that Explore and Tiers are about.
ROLE = Key[Role]("role")
#: The tier rule that is being tried, as plain values, see :mod:`pages.ui.scan_table.tried_rule`.
TRIED = Key[dict[str, Any]]("tried_rule")
#: The text of a rule that the address named.
PENDING_RULE = Key[str]("pending_rule")

# ---- Cohort ----------------------------------------------------------------------------------------

#: The kind of source that is added: images or a table.
SOURCE_KIND = Key[str]("source_kind")
#: What became of the table that was joined last, in sentences.
JOINED_NOTE = Key[tuple[str, ...]]("joined_note")
#: What was decided last on scans of one head, to be taken back.
ALIKE_DONE = Key[tuple[PersonDecision, ...]]("alike_done")
#: What the cohort that is open is compared with: the id of another one, or a rule of today.
DIFF_WITH = Key[str]("diff_with")
#: The folder that is open in the folder picker.
PICKED_FOLDER = Key[str]("picked_folder")
#: Number of scoring processes.
JOBS = Key[int]("jobs")

# ---- Scans and Review ------------------------------------------------------------------------------

#: The contact sheet: what is searched for, and the page of tiles, counted from 0.
SEARCH = Key[str]("search")
SHEET_PAGE = Key[int]("sheet_page")
#: Whether scans are shown as pictures or as rows.
SHEET_VIEW = Key[str]("sheet_view")
#: The scan that was asked for from elsewhere: it is listed, whatever the filters hide.
ASKED_SCAN = Key[str]("asked_scan")
#: Order and filters of the list of scans.
SORT = Key[str]("sort")
SOURCES = Key[list[str]]("filter_sources")
TIERS = Key[list[str]]("filter_tiers")
UNRATED_ONLY = Key[bool]("filter_unrated")
FLAGS = Key[list[str]]("filter_flags")
#: All that can hide a scan on Scans and Review.
REVIEW_FILTERS = (SOURCES, TIERS, UNRATED_ONLY, FLAGS, LISTS, WITH_TAGS, WITHOUT_TAGS)
#: View and window of the viewer.
VIEW = Key[str]("view")
WINDOW = Key[str]("window")
#: The window that the user set (an ``CustomWindow``), and the fields of its level and width.
CUSTOM_WINDOW = Key[Any]("own_window")
LEVEL = Key[float]("window_level")
WIDTH = Key[float]("window_width")
WINDOWS_DRAWN = Key[int]("windows_drawn")  # on the image, each time the fields are others
#: Overlays on the image, whether a reference scan stands beside it, and per image why the browser cannot
#: draw it.
OVERLAYS = Key[list[str]]("overlays")
BESIDE = Key[bool]("beside")
CANNOT_DRAW = Key[dict[str, str]]("cannot_draw")
#: Whether the PET of the same person lies over the image, and its opacity in percent.
PET_OVER = Key[bool]("pet_over")
PET_OPACITY = Key[int]("pet_opacity")
#: The scan whose masks are being computed, and since when.
SEARCHED = Key[tuple[Any, float]]("searched")
#: The window that a place in the air took the place of.
WINDOW_BEFORE = Key[str]("window_before_place")
#: The place that the cross hair was last sent to: its scan, its metric, and when, in ms.
SOUGHT = Key[tuple[str, str, int]]("sought_place")
#: The marked place that the cross hair was last sent to: its scan, the place in mm, and when, in ms.
MARK_SOUGHT = Key[tuple[str, tuple[float, float, float], int]]("sought_mark")
#: The scan of the artefact trial (no other), the artefact, its severity, and the number of the draw.
TRIED_ON = Key[str]("tried_on")
ARTEFACT = Key[str]("artifact")
SEVERITY = Key[float]("severity")
DRAW = Key[int]("draw")
#: Which metrics Review lists.
METRICS_VIEW = Key[str]("metrics_view")
#: The rating scale, what is chosen for each scan and not saved yet, the rating that was saved last (its
#: number, rater, scan and choice), what went wrong with one, and what came of one with its icon, in words.
SCALE = Key[str]("scale")
RATING_DRAFTS = Key[dict[str, dict[str, Any]]]("rating_drafts")
#: Those of people who worked here before, by name, and how often one took another's place.
OTHERS_DRAFTS = Key[dict[str, dict[str, dict[str, Any]]]]("others_drafts")
HANDED_ON = Key[int]("handed_on")
LAST_RATING = Key[tuple[int, str, str, dict[str, Any]]]("last_rating")
RATING_TROUBLE = Key[str]("rating_trouble")
RATING_DONE = Key[tuple[str, str]]("rating_done")

# ---- Rate ------------------------------------------------------------------------------------------

#: The part of the page, the open rating session, and since when its present scan has been shown.
RATE_PART = Key[str]("rate_part")
RATING_SESSION = Key[int]("rating_session")
ON_SCREEN = Key[tuple[Any, float]]("on_screen")
#: The window of a session whose scans each begin with the air, and the place for which it was chosen; a
#: rating to be taken back (session and rating), and a note for the next scan's screen.
SESSION_WINDOW = Key[str]("session_window")
SESSION_WINDOW_OF = Key[tuple[int, int, int]]("session_window_of")
UNDO = Key[tuple[int, Any]]("undo")
SESSION_NOTE = Key[str]("session_note")
#: The scale of the agreement, and what a missed bad scan costs.
AGREEMENT_SCALE = Key[str]("agreement_scale")
COST = Key[float]("cost")
#: The seed and the list offered for a new session, and a scale that was just added.
NEW_SEED = Key[int]("new_seed")
NEW_CHOICE = Key[str]("new_choice")
PENDING_SCALE = Key[str]("pending_scale")

# ---- Explore ---------------------------------------------------------------------------------------

#: The selected scans by id, the search field, and the result of the last search.
SELECTED = Key[tuple[str, ...]]("selected_scans")
FIND = Key[str]("find")
FOUND = Key[str]("found")
#: How a box, a lasso or a search changes the selection: one of ``linked_plots.MODES``.
SELECT_MODE = Key[str]("select_mode")
#: The page of tiles of the selected scans, counted from 0.
SELECTED_PAGE = Key[int]("selected_page")
#: The axes of the plots.
AGAINST = Key[str]("against")
PAIR_ALONG = Key[str]("pair_along")
PAIR_UP = Key[str]("pair_up")
BY_SITE = Key[str]("by_site")
#: What points of the plots are coloured by.
COLOURED_BY = Key[str]("coloured_by")
#: What the last plot is made of: metrics or an encoder's features.
LAST_PLOT = Key[str]("last_plot")
#: Whether two groups are shown side by side, by which measure, and the two groups.
TWO_GROUPS = Key[bool]("two_groups")
GROUPS_MEASURE = Key[str]("groups_measure")
GROUP_ONE = Key[str]("group_one")
GROUP_OTHER = Key[str]("group_other")
#: Filters of the scans.
EXPLORED_TIERS = Key[list[str]]("explored_tiers")
EXPLORED_SITES = Key[list[str]]("explored_sites")
#: Result of the last saving of a list.
LIST_NOTE = Key[str]("list_note")

# ---- Tiers -----------------------------------------------------------------------------------------

#: The part of the page below the plot.
TIERS_PART = Key[str]("tiers_part")
#: The fields of the rule: number of tiers, the column that is cut, and the one site whose cut-offs are moved.
TIER_COUNT = Key[int]("tier_count")
COLUMN = Key[str]("cut_column")
SITE = Key[str | None]("cut_site")
#: The last move of a line that the server has processed.
HEARD = Key[str]("heard")
#: The rule as text, the rule that the text describes, why it cannot be read, and an uploaded file.
RULE_TEXT = Key[str]("rule_text")
RULE_TEXT_OF = Key[dict[str, Any]]("rule_text_of")
RULE_TEXT_PROBLEM = Key[str]("rule_text_problem")
RULE_FILE = Key[Any]("rule_file")
#: The two rules that are compared, and the move from tier to tier whose scans are listed.
BEFORE = Key[str]("compare_before")
AFTER = Key[str]("compare_after")
MOVE = Key[list[str]]("move")
#: The frozen cohort that is shown, and one to show on the next run.
COHORT = Key[str]("cohort")
PENDING_COHORT = Key[str]("pending_cohort")
#: The reference that is shown, and the result of its last change.
REFERENCE = Key[str]("reference")
REFERENCE_NOTE = Key[str]("reference_note")

# ---- Train and Model -------------------------------------------------------------------------------

#: The study that Train, Compare and Present show, and one to show on the next run.
STUDY = Key[str]("study")
PENDING_STUDY = Key[str]("pending_study")
#: The study on Model, where the one that is open elsewhere has no model.
MODEL_STUDY = Key[str]("model_study")
#: The design of a new study, the images of its input, what it is pretrained for, and its network.
DESIGN = Key[str]("design")
IMAGES = Key[str]("images")
OBJECTIVE = Key[str]("objective")
BACKBONE = Key[str]("backbone")
#: The autoencoder, by its run's id, and the input image whose maps are drawn.
MODEL = Key[str]("model")
MAPS_OF = Key[str]("maps_of")

# ---- Compare ---------------------------------------------------------------------------------------

#: The part of the page, the reference arm, and further studies beside the chosen one.
COMPARE_PART = Key[str]("compare_part")
COMPARE_REFERENCE = Key[str]("compare_reference")
#: The arm that stands there because nobody chose another.
REFERENCE_BY_ITSELF = Key[str]("reference_by_itself")
COMPARE_ALSO = Key[list[str]]("compare_also")
#: Filters.
COMPARE_ARMS = Key[list[str]]("compare_arms")
COMPARE_SEEDS = Key[list[int]]("compare_seeds")
COMPARE_FOLDS = Key[list[int]]("compare_folds")
COMPARE_EPOCHS = Key[tuple[int, int]]("compare_epochs")
COMPARE_LAST_EPOCH = Key[int]("compare_last_epoch")
#: The curves: their axis, smoothing window, and whether single runs are drawn.
COMPARE_ALONG = Key[str]("compare_along")
COMPARE_SMOOTHING = Key[int]("compare_smoothing")
COMPARE_RUNS = Key[bool]("compare_runs")
#: The arm whose errors are broken down, by what, and whether the age bias is taken out.
COMPARE_ARM = Key[str]("compare_arm")
COMPARE_AGAINST = Key[str]("compare_against")
COMPARE_CORRECTED = Key[bool]("compare_corrected")
#: A page to open on this run, because a link to it was chosen.
LEAVE_FOR = Key[str]("leave_for")
#: The table of studies: what is searched for, by which tags, whether the archive and all columns are shown.
STUDY_SEARCH = Key[str]("study_search")
STUDY_TAGS = Key[list[str]]("study_tags")
STUDY_ARCHIVE = Key[bool]("study_archive")
STUDY_COLUMNS = Key[bool]("study_columns")

# ---- Present ---------------------------------------------------------------------------------------

#: The message that is shown, counted from 0, and what the files keep of sites and pictures.
SLIDE = Key[int]("slide")
REPORT_SITES = Key[bool]("report_sites")
REPORT_PICTURES = Key[bool]("report_pictures")
REPORT_CORRECTED = Key[bool]("report_corrected")
#: The study whose message it is.
SLIDE_OF = Key[str]("slide_of")


@overload
def get(key: Key[T]) -> T | None: ...
@overload
def get(key: Key[T], default: T) -> T: ...
@overload
def get(key: str, default: Any = None) -> Any: ...
def get(key: str, default: Any = None) -> Any:
    """Return the session's value of ``key``."""
    return st.session_state.get(key, default)


@overload
def put(key: Key[T], value: T | None) -> None: ...
@overload
def put(key: str, value: Any) -> None: ...
def put(key: str, value: Any) -> None:
    """Set the session's value of ``key``; to be called before the widget of that key is drawn."""
    st.session_state[key] = value


def seconds_of(key: Key[tuple[Any, float]], subject: Any) -> float:
    """Return for how long ``subject`` has been the one under ``key``; its first call starts the clock."""
    since = get(key)
    if since is None or since[0] != subject:
        since = (subject, time.monotonic())
        put(key, since)
    return time.monotonic() - float(since[1])


def keep_one_of(key: Key[T], options: Sequence[T], first: T | None = None) -> T:
    """Return the value of ``key``; ``first``, or the first option, replaces one that is no option."""
    if get(key) not in options:
        put(key, first if first is not None else options[0] if options else None)
    value: Any = get(key)
    return value


def keep_among(key: Key[list[T]], options: Sequence[T]) -> None:
    """Leave only those of ``options`` in the list under ``key``."""
    put(key, [value for value in get(key) or [] if value in options])


def hide_no_scan() -> None:
    """Leave Scans and Review without filters and without a selection that is walked through."""
    for hides in REVIEW_FILTERS:
        put(hides, False if hides is UNRATED_ONLY else [])
    put(WORKLIST, False)
