"""Start of a rating session: unfinished sessions, the form for a new one, and for the study's own scale."""

import contextlib
import datetime
import random
from itertools import chain, count

import pandas as pd
import streamlit as st

from curation.access import acting, guard
from curation.access.actions import Action
from curation.errors import TierscopeError
from curation.ratings.rating_record import MAX_RATER
from curation.ratings.scales import Scale, add_scale, all_scales, scale_of_lines
from curation.sessions import sampling, session_log
from curation.sessions.sampling import CHOICES
from curation.sessions.session_plan import WHOLE_LISTS, Session, SessionPlan
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import TierRule
from curation.wording import number
from pages.ui.rate import rating_draft, session_end
from pages.ui.review import level_buttons
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, controls, formatting, frame, person, state
from pages.ui.shell.state import Key
from pages.ui.viewer import user_window

_HIGHER = "The best has the highest number"
_USUAL_SIZE, _LARGEST_SEED, _CARDS = 50, 99_999, 4
#: The field of whoever starts a session.
_RATER = "new-rater"


def show(workspace: Workspace) -> None:
    """Draw the sessions to go on with, and the form for a new one."""
    if cache.scored_scans(workspace)["status"].ne("ok").all():
        elsewhere = (
            "Ratings that came with a table are under Agreement. " if cache.rated(workspace) else ""
        )
        frame.nothing_yet(
            "No scan here has an image to rate.",
            f"{elsewhere}To rate scans, add their images as a source on the page Cohort.",
            "cohort",
        )
        return
    actor = acting.who()
    listed = session_log.list_sessions(workspace, actor.name if actor.signed_in else None)
    if unreadable := session_log.unreadable_sessions(workspace):
        st.warning(
            formatting.escape(
                "Left out, because what was planned for them cannot be read: "
                f"{', '.join(unreadable)}. Their ratings are kept."
            )
        )
    _go_on(listed)
    if person.may(Action.RATE):
        _new(workspace, listed)
    session_end.list_all(workspace, listed)
    session_end.offer_for_others(workspace)


# ---- unfinished sessions ---------------------------------------------------------------------------


def _go_on(listed: pd.DataFrame) -> None:
    unfinished = listed[~listed["finished"]]
    if unfinished.empty:
        return
    st.subheader("Go on")
    for place, row in enumerate(unfinished.head(_CARDS).itertuples()):
        first = place == 0
        st.button(
            f"Go on with session {formatting.escape(row.name)}, {row.done:,} of {row.total:,} "
            f"({formatting.escape(row.rater)})",
            key=f"go-on-{row.id}",
            type="primary" if first else "secondary",
            icon=":material/play_arrow:",
            shortcut="G" if first else None,
            on_click=rating_draft.open_for,
            args=(row.id, row.rater),
        )


# ---- a new session -------------------------------------------------------------------------------


def _new(workspace: Workspace, listed: pd.DataFrame) -> None:
    st.subheader("Start a session")
    with st.container(border=True, key="new-session"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            rater = person.empty_field("Who rates (name or initials)", key=_RATER)
            free = _free_name(workspace)
            name = st.text_input("Name of the session", value=free, max_chars=MAX_RATER)
        if not rater.strip():
            _suggest_people(listed)
        choice = _choice(workspace, session_log.list_sessions(workspace))  # others' too
        model = _model(workspace, choice)
        scale = _scale(workspace, model)
        size, repeats, seed = _amounts(workspace, choice, model)
        blinded = st.toggle(
            "Blinded: name, age, sex, group, site, scores and other ratings stay hidden until the end",
            value=model.plan.blinded if model else True,
            key=_own("blinded", model),
        )
        air_first = st.toggle(
            "Air first: each scan begins with the air stretched, for ghosts and motion; key "
            f"{user_window.KEY} shows the tissue",
            value=model.plan.air_first if model else False,
            key=_own("air-first", model),
        )
        share, rule = repeats / 100, tried_rule.current()[0]
        plan = SessionPlan(name, rater, scale, choice, size, share, blinded, seed, rule, air_first)
        if model:
            _say_model(workspace, plan, model.plan)
        _offer_start(workspace, plan)
    show_scale_form(workspace)


def _offer_start(workspace: Workspace, plan: SessionPlan) -> None:
    """Draw the buttons that start a session now, or prepare it for whoever will rate."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Start rating", type="primary", icon=":material/play_arrow:"):
            _start(workspace, plan)
        if acting.who().signed_in:
            return
        if st.button("Prepare it for later", key="prepare-session"):
            _start(workspace, plan, later=True)
        st.caption(
            "For somebody else: enter who rates, and prepare it. It waits under *Go on*, where they are "
            "asked who they are."
        )


def _suggest_people(listed: pd.DataFrame) -> None:
    """Draw a button for each of the last people here: a name that is there already may be another's."""
    here = [state.get(state.PERSON, ""), *person.former(), *listed["rater"]]
    with st.container(horizontal=True, gap="small"):
        person.suggest(
            list(filter(None, dict.fromkeys(here)))[:_CARDS],
            lambda name: state.put(_RATER, name),
            key="new-is",
        )


def _free_name(workspace: Workspace) -> str:
    """Return today's date, numbered if a session has that name."""
    today, taken = datetime.date.today().isoformat(), session_log.names(workspace)
    numbered = (f"{today} ({number})" for number in count(2))
    return next(name for name in chain([today], numbered) if name not in taken)


def _start(workspace: Workspace, plan: SessionPlan, *, later: bool = False) -> None:
    try:
        person.refuse_other_spelling(plan.rater, cache.raters(workspace))
        session = session_log.start(workspace, plan)
    except TierscopeError as error:
        st.error(formatting.escape(str(error)))
        return
    state.put(state.NEW_SEED, None)
    if later:
        said = f"Session {session.plan.name} is prepared for {session.plan.rater}, under Go on"
        st.toast(formatting.escape(f"{said}: {session.extent}."), icon=":material/check:")
    else:
        person.be(session.plan.rater)
        rating_draft.open_session(session.id)
    st.rerun()


def _scale(workspace: Workspace, model: Session | None) -> str:
    """Draw the choice of the scale, and return its name."""
    scales = all_scales(workspace)
    key = Key[str](_own("scale", model)) if model else state.SCALE
    if state.get(state.PENDING_SCALE) in scales:
        state.put(key, state.get(state.PENDING_SCALE))
        state.put(state.PENDING_SCALE, None)
    first = model.plan.scale if model and model.plan.scale in scales else None
    chosen = controls.choose(
        st.selectbox,
        "Scale",
        list(scales),
        key=key,
        first=first,
        format_func=lambda name: scales[name].label,
    )
    st.caption(_scale_in_words(scales[chosen]))
    return chosen


def _scale_in_words(scale: Scale) -> str:
    words = ", ".join(f"{word} ({number(value, 0)})" for value, word in scale.values.items())
    said = formatting.escape(f"Best first: {words}. The last one excludes a scan. {scale.citation}")
    return f"{said}  \n{level_buttons.meanings(scale)}"


def _choice(workspace: Workspace, listed: pd.DataFrame) -> str:
    """Draw the choice of a list; return it as a plan holds it."""
    saved = {str(one.id): f"{one.name} ({one.scans:,})" for one in cache.scan_lists(workspace)}
    empty = {"session": listed.empty, "list": not saved}
    offered = [key for key in CHOICES if not empty.get(key)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox(
            "Which scans", offered, format_func=lambda k: CHOICES[k].label, key=state.NEW_CHOICE
        )
        rule, _ = tried_rule.current()
        if key == "tier":
            held = _scans_of_tiers(workspace, rule)
            argument = st.selectbox(
                "Tier",
                list(held),
                format_func=lambda tier: f"{tier} ({held.get(tier, 0):,})",
                key="new-tier",
            )
        elif key == "near-cutoff":
            common = [f"{cut:g}" for cut in rule.cutoffs]
            argument = st.selectbox(
                "Cut-off", ["", *common], format_func=lambda a: a or "any in use", key="new-cutoff"
            )
        elif key == "session":
            names = {str(row.id): f"{row.name} of {row.rater}" for row in listed.itertuples()}
            argument = st.selectbox(
                "Session", list(names), format_func=lambda i: names.get(i, i), key="new-same"
            )
        elif key == "list":
            argument = st.selectbox(
                "List", list(saved), format_func=lambda i: saved.get(i, i), key="new-list"
            )
        else:
            argument = ""
    by_rule = f" The rule: {rule.brief()}." if key in ("balanced", "tier", "near-cutoff") else ""
    st.caption(formatting.escape(CHOICES[key].meaning + by_rule))
    return f"{key}:{argument}" if argument else key


def _model(workspace: Workspace, choice: str) -> Session | None:
    """Return the session whose scans a list is: how it is rated is proposed for the new one."""
    key, _, argument = choice.partition(":")
    if key == "session" and argument.isdecimal():
        with contextlib.suppress(TierscopeError):  # said when the session is started
            return session_log.load(workspace, int(argument))
    return None


def _own(name: str, model: Session | None) -> str:
    """Return the key of a field: of its own for each session whose values are proposed."""
    return f"new-{name}-{model.id if model else ''}"


def _say_model(workspace: Workspace, plan: SessionPlan, model: SessionPlan) -> None:
    """Say where what is proposed comes from, and what was changed: two sessions are to be compared."""
    named = f"session {model.name} of {model.rater}"
    st.caption(
        formatting.escape(
            f"Scale, hidden repeats, blinding and air first are proposed as in {named}, so that the two can "
            "be compared. The scans come in an order of their own."
        )
    )
    if plan.scale != model.scale:
        scales = all_scales(workspace)
        there, here = (
            scales[one].label if one in scales else one for one in (model.scale, plan.scale)
        )
        st.warning(
            formatting.escape(
                f"S{named[1:]} is rated on the scale {there}; this one would be on {here}. Ratings on two "
                "scales cannot be compared with each other."
            )
        )
    changed = plan.other_than(model)
    if changed:
        st.caption(formatting.escape(f"Other than in {named}: {'; '.join(changed)}."))


def _scans_of_tiers(workspace: Workspace, rule: TierRule) -> dict[str, int]:
    """Return how many scans with an image each tier of a rule holds; tiers of none are left out."""
    scans = cache.scored_scans(workspace)
    assigned = overrides.tiers_with_overrides(workspace, scans[scans["status"] == "ok"], rule)
    found = assigned.value_counts()
    return {name: int(found[name]) for name in rule.labels if name in found}


def _amounts(workspace: Workspace, choice: str, model: Session | None) -> tuple[int, int, int]:
    """Draw size, repeats in per cent, and seed."""
    available = int((cache.scored_scans(workspace)["status"] == "ok").sum())
    whole = choice.partition(":")[0] in WHOLE_LISTS
    held = _held(workspace, choice, available) if whole else min(_USUAL_SIZE, available)
    if state.get(state.NEW_SEED) is None:
        state.put(state.NEW_SEED, random.randrange(_LARGEST_SEED))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        size = st.number_input(
            "How many scans",
            1,
            max(available, 1),
            value=max(held, 1),
            disabled=whole,
            help="As many as the list has." if whole else None,
        )
        repeats = st.number_input(
            "Hidden repeats (%)",
            0,
            50,
            value=round(100 * model.plan.repeats_share) if model else 10,
            step=5,
            key=_own("repeats", model),
            help="So many of the scans come a second time, unannounced and far from the first: they "
            "tell how well you agree with yourself.",
        )
        seed = st.number_input(
            "Seed",
            0,
            value=state.get(state.NEW_SEED),
            help="Draws the scans and their order; the same seed draws the same list.",
        )
    return int(available if whole else size), int(repeats), int(seed)


def _held(workspace: Workspace, choice: str, available: int) -> int:
    """Return how many scans a list has that is taken as a whole."""
    if choice == "all":
        return available
    with contextlib.suppress(TierscopeError):  # said when the session is started
        return len(sampling.sample_scans(workspace, choice, available, 0))
    return 0


# ---- the study's own scale -----------------------------------------------------------------------


def show_scale_form(workspace: Workspace) -> None:
    """Draw the form."""
    if not guard.may(Action.ADD_SCALE):
        return
    with st.expander("Add the study's own scale"), st.form("own-scale", border=False):
        st.caption(
            "One level a line, best first, with what it is given for behind a colon, which raters read. The "
            "last one excludes a scan. A scale cannot be changed once it is added."
        )
        label = st.text_input("Name of the scale", max_chars=50)
        lines = st.text_area("Levels", placeholder="good: no artefact\nexclude", max_chars=2000)
        source = st.text_input("Where it comes from (optional)", max_chars=300)
        order = st.radio("Numbers", [_HIGHER, "The best has the lowest number"], horizontal=True)
        if st.form_submit_button("Add the scale"):
            with frame.in_words():
                scale = scale_of_lines(label, lines, source, higher=order == _HIGHER)
                add_scale(workspace, scale, person.name())
                state.put(state.PENDING_SCALE, scale.name)
                st.toast(f"Scale {formatting.escape(label)} added.", icon=":material/check:")
                st.rerun()
