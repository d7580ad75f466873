"""Rating panel of Review: the form for a rating, the ratings given, and a tier given by hand."""

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from curation import errors
from curation.access import acting, guard
from curation.access.actions import Action
from curation.errors import RatingError, TierscopeError
from curation.ratings import artefact_places, rating_log
from curation.ratings.rating_record import MAX_COMMENT, Rating
from curation.ratings.scales import SCALES, Scale, all_scales
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from pages.ui.review import level_buttons
from pages.ui.scan_table import tried_rule
from pages.ui.shell import (
    cache,
    controls,
    formatting,
    frame,
    html_marks,
    page_scripts,
    person,
    state,
    summaries,
)
from pages.ui.shell.html_marks import Cell
from pages.ui.viewer import place_marks
from pages.ui.viewer.place_marks import Marks

_BY_RULE, _FORM = "by the rule", "review"
NEXT, UNDO, COMMENT = "S", "U", "T"


# ---- marked places ------------------------------------------------------------------------------


def marks_of(workspace: Workspace, scan_id: str) -> Marks:
    """Return the places of artefacts on a scan: those of the rating in the making, and of its ratings."""
    given = rating_log.current(_given(workspace, scan_id))
    kept = [place for shown in given["shown"] for place in artefact_places.of(shown)]
    places = tuple(dict.fromkeys([*_draft(scan_id).get("places", ()), *kept]))
    return Marks(places, partial(_mark, scan_id) if guard.may(Action.RATE) else None)


def say_marked(scan_id: str) -> None:
    """Draw what is marked on the image for the rating in the making."""
    place_marks.say(len(_draft(scan_id).get("places", ())))


def _given(workspace: Workspace, scan_id: str) -> pd.DataFrame:
    """Return the ratings of a scan that stand beside its score: none of a session that is running."""
    return rating_log.counted(rating_log.list_ratings(workspace, scan_id))


def _mark(scan_id: str, place: list[float]) -> None:
    _keep(scan_id, places=artefact_places.toggled(_draft(scan_id).get("places", ()), place))


# ---- ratings -------------------------------------------------------------------------------------


@st.fragment
def show_ratings(
    workspace: Workspace, scan_id: str, following: str | None, *, unseen: bool = False
) -> None:
    """Draw the rating of a scan in the making and the ratings that it has; nothing is preselected.

    A scan whose image should be there and is ``unseen`` cannot be rated. What is chosen and not saved yet is
    kept for each scan, whatever is looked at in between. A choice, a comment and a saved rating have this
    part alone drawn anew: the image stays as it is.
    """
    with frame.in_words():
        person.notice_pause()
        _show_ratings(workspace, scan_id, following, unseen)
        person.remember("listener-name-rating")
    if (
        state.get(state.PENDING_SCAN) is not None
    ):  # the page takes it up where it is drawn as a whole
        st.rerun()
    if done := state.get(state.RATING_DONE):
        state.put(state.RATING_DONE, None)
        st.toast(done[0], icon=done[1])


def _show_ratings(workspace: Workspace, scan_id: str, following: str | None, unseen: bool) -> None:
    given = _given(workspace, scan_id)
    scales = all_scales(workspace)
    name = state.keep_one_of(state.SCALE, list(scales))
    if person.may(Action.RATE):
        with st.container(key="rating"):
            if unseen:
                _say_closed(scales[name])
                _undo_button(workspace)
            else:
                _choice(scales[name], scan_id, len(given))
                _who_and_what(scan_id, len(given))
                _save_buttons(workspace, scan_id, scales[name], following)
            if trouble := state.get(state.RATING_TROUBLE):
                state.put(state.RATING_TROUBLE, None)
                st.error(formatting.escape(trouble))
        for script in (controls.FIELD_KEYS, controls.PRESSED):
            controls.listen(script)
        _keep_drafts(scan_id)
    if not given.empty:
        _past(given)


def _say_closed(scale: Scale) -> None:
    st.markdown("**No rating: nobody can see this scan**")
    st.caption(
        f"A scan whose image cannot be shown is not rated: the keys {_digits(scale)} and {NEXT} do nothing "
        "here. N goes on to the next scan."
    )


def _digits(scale: Scale) -> str:
    digits = sorted(level_buttons.level_keys(scale).values())
    return f"{digits[0]} to {digits[-1]}"


def choose_scale(workspace: Workspace) -> None:
    """Draw the choice of the scale of one's ratings, with the keys that it gives."""
    scales = all_scales(workspace)
    name = controls.choose(
        st.selectbox,
        "Scale of your ratings",
        list(scales),
        key=state.SCALE,
        format_func=lambda key: scales[key].label,
    )
    if name in SCALES and (said := level_buttons.meanings(scales[name])):
        st.caption(said)
    st.caption(
        f"Keys: {_digits(scales[name])} rate · {COMMENT} comment · {NEXT} save, next scan · {UNDO} undo. "
        "N goes on without saving; what you chose is kept here as a draft until you come back. The score and "
        "what others said stand on this page: to read independently of them, start a blinded session on "
        f"Rate. {formatting.escape(summaries.running_words(*cache.not_counted(workspace)))}"
    )


def _draft(scan_id: str) -> dict[str, Any]:
    return (state.get(state.RATING_DRAFTS) or {}).get(scan_id, {})


def _keep(scan_id: str, **changed: object) -> None:
    """Keep what was chosen for a scan; with nothing, forget it."""
    drafts = dict(state.get(state.RATING_DRAFTS) or {})
    before = drafts.pop(scan_id, {})
    state.put(state.RATING_DRAFTS, drafts | ({scan_id: {**before, **changed}} if changed else {}))


def _keep_drafts(scan_id: str) -> None:
    """Have the tab keep all drafts, and take what it has kept where the server was started anew."""

    def take(entered: Mapping[str, Any]) -> None:
        now = state.get(state.RATING_DRAFTS) or {}
        state.put(state.RATING_DRAFTS, level_buttons.all_joined(entered, now))
        # marks are on the image: the page is drawn as a whole
        state.put(state.PENDING_SCAN, scan_id)

    drafts, who = state.get(state.RATING_DRAFTS) or {}, acting.who().name
    page_scripts.keep_entered(
        _FORM, who, page_scripts.session(), drafts, take, comment=(scan_id, "comment")
    )


def _choice(scale: Scale, scan_id: str, count: int) -> None:
    st.markdown("**Your rating**")
    chosen = _draft(scan_id)
    value = chosen.get("value") if chosen.get("scale") == scale.name else None
    level_buttons.show(
        scale,
        value,
        lambda level: _keep(scan_id, value=level, scale=scale.name),
        f"{scan_id}-{count}",
    )


def _who_and_what(scan_id: str, count: int) -> None:
    with st.container(horizontal=True, gap="small", key="who-and-what"):
        person.field(
            "Your name or initials",
            key="rater-name",
            width=110,
            label_visibility="collapsed",
            placeholder="your initials",
            on_change=lambda: person.be((state.get("rater-name") or "").strip()),
        )
        person.suggest(person.former(), person.be, key="i-am")
        level_buttons.comment_field(
            page_scripts.comment_key(_FORM, f"{scan_id}-{count}-{state.get(state.HANDED_ON, 0)}"),
            COMMENT,
            _draft(scan_id).get("comment", ""),
            lambda text: _keep(scan_id, comment=text),
            width="stretch",
            label_visibility="collapsed",
            placeholder=f"comment, key {COMMENT}",
        )


def _save_buttons(workspace: Workspace, scan_id: str, scale: Scale, following: str | None) -> None:
    with st.container(horizontal=True, gap="small", key="saving"):
        st.button("Save", key="save-rating", on_click=_save, args=(workspace, scan_id, scale, None))
        st.button(
            "Save, next scan" if following else "Save the last scan",
            key="save-and-next",
            type="primary",
            shortcut=NEXT,
            on_click=_save,
            args=(workspace, scan_id, scale, following),
        )
        _undo_button(workspace)


def _undo_button(workspace: Workspace) -> None:
    last = state.get(state.LAST_RATING)
    st.button(
        "Undo",
        key="undo-rating",
        icon=":material/undo:",
        shortcut=UNDO,
        disabled=last is None,
        on_click=_take_back,
        args=(workspace, last),
        help="Takes back the rating that you saved last, and goes back to its scan. It stays in the "
        "records, marked as taken back.",
    )


@contextlib.contextmanager
def _told_later() -> Iterator[None]:
    """Have an error of ours or of the system told where the panel is drawn: a click is dealt with before."""
    try:
        yield
    except (TierscopeError, OSError) as error:
        state.put(state.RATING_TROUBLE, errors.in_words(error))


@_told_later()
def _save(workspace: Workspace, scan_id: str, scale: Scale, following: str | None) -> None:
    draft, rater = _draft(scan_id), person.name()
    if draft.get("value") is None or draft.get("scale") != scale.name:
        raise RatingError("Choose a rating first; none is chosen for you.")
    person.refuse_other_spelling(rater, cache.raters(workspace))
    rating = Rating(
        scan_id=scan_id,
        rater=rater,
        scale=scale.name,
        value=draft["value"],
        comment=draft.get("comment", ""),
        shown=artefact_places.into(None, draft.get("places", ())),
    )
    number_of_it = rating_log.add_rating(workspace, rating)
    state.put(state.LAST_RATING, (number_of_it, rater, scan_id, draft))
    _keep(scan_id)
    state.put(state.PENDING_SCAN, following)
    _tell("Rating saved.", ":material/check:")


@_told_later()
def _take_back(workspace: Workspace, asked: tuple[int, str, str, dict[str, Any]]) -> None:
    """Take back the rating that the rater saved last, and open its scan with the choice as it was."""
    number_of_it, rater, scan_id, draft = asked
    state.put(state.LAST_RATING, None)
    rating_log.withdraw(workspace, number_of_it, rater)
    _keep(scan_id, **draft)
    state.put(state.PENDING_SCAN, scan_id)
    _tell("Rating taken back.", ":material/undo:")


def _tell(words: str, icon: str) -> None:
    """Have the panel say it: what a click draws itself takes the place of the styles of the page's head."""
    state.put(state.RATING_DONE, (words, icon))


def _past(given: pd.DataFrame) -> None:
    rows = [
        (
            formatting.moment(row.at),
            f"{row.rater} (adjudication)" if row.role == "adjudicator" else row.rater,
            row.label,
            summaries.said_besides(row.artefacts, row.comment, len(artefact_places.of(row.shown))),
        )
        for row in given.iloc[::-1].itertuples()
    ]
    st.html(html_marks.table(("When (UTC)", "Who", "Rating", "Comment"), rows))
    st.caption(
        "Ratings change no tier. To keep this scan out by hand, give it a tier below; from many ratings, "
        "Rate suggests a cut-off."
    )


# ---- a tier by hand ------------------------------------------------------------------------------


def show_override(workspace: Workspace, scan_id: str) -> None:
    """Draw the tiers given to a scan by hand, and the form for another one."""
    decided = overrides.list_overrides(workspace, scan_id)
    tier = None if decided.empty else decided["tier"].iloc[-1]
    if decided.empty and not guard.may(Action.OVERRIDE):
        return
    with st.expander(f"Tier by hand: {tier}" if tier else "Give it a tier by hand"):
        st.caption(
            "For a scan that the score judges wrongly: a rating alone, also the worst, changes no tier. The "
            "decision stands in the history with its reason; the score and the rule stay as they are."
        )
        if person.may(Action.OVERRIDE):
            _override_form(workspace, scan_id, len(decided))
        _past_overrides(decided)


def _override_form(workspace: Workspace, scan_id: str, count: int) -> None:
    rule, _ = tried_rule.current()
    with st.form(f"override-{scan_id}-{count}", border=False):
        tier = st.radio("Tier", [*rule.tiers, _BY_RULE], index=None, horizontal=True)
        author = person.field("Who decides")
        reason = st.text_input("Reason", max_chars=MAX_COMMENT, placeholder="what the score misses")
        sent = st.form_submit_button("Decide")
    if not sent:
        return
    if tier is None:
        st.error("Choose a tier first; none is chosen for you.")
        return
    with frame.in_words():
        overrides.override(workspace, scan_id, author, None if tier == _BY_RULE else tier, reason)
        state.put(state.PERSON, author.strip())
        st.toast("Decision saved.", icon=":material/check:")
        st.rerun()


def _past_overrides(decided: pd.DataFrame) -> None:
    if decided.empty:
        return
    rows = []
    for row in decided.iloc[::-1].itertuples():
        chip = row.tier and Cell(html_marks.tier_chip(row.tier, tried_rule.tier_colour(row.tier)))
        rows.append((formatting.moment(row.at), row.author, chip or _BY_RULE, row.reason))
    st.html(html_marks.table(("When (UTC)", "Who", "Tier", "Reason"), rows))
