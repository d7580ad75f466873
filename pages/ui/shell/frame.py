"""Frame of every page: its name and question, the workspace, banners, errors in words."""

import contextlib
import gc
import html
import logging
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.errors import StreamlitAPIException

from curation import errors
from curation.access import acting, guard
from curation.access.actions import MEANING, Action, Rank
from curation.errors import TierscopeError
from curation.references import reference_library
from curation.storage.workspace import Source, Workspace
from pages.ui.entrance import entrance, sign_in_page
from pages.ui.shell import cache, charts, door, door_key, formatting, page_scripts, person, state

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "assets"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageInfo:
    """One page.

    Parameters
    ----------
    key : str
        Name of its file under ``pages/`` and of its address.
    title : str
        What the navigation calls it.
    question : str
        The one question that it answers, stated beside its name.
    icon : str
        Material symbol that streamlit ships.
    group : str
        The part of the work that it belongs to; pages of one stand together in the navigation.
    """

    key: str
    title: str
    question: str
    icon: str
    group: str = ""

    @property
    def path(self) -> str:
        return f"pages/{self.key}.py"

    @property
    def heading(self) -> str:
        return f'<h1>{self.title} <span class="ts-question">{self.question}</span></h1>'


PAGES: dict[str, PageInfo] = {
    page.key: page
    for page in (
        PageInfo("cohort", "Cohort", "What do I have?", ":material/folder_open:", "Data"),
        PageInfo("sheet", "Scans", "Which scan shall I look at?", ":material/grid_view:", "Data"),
        PageInfo("review", "Review", "Is this scan good?", ":material/visibility:", "Quality"),
        PageInfo("rate", "Rate", "What do raters say?", ":material/how_to_reg:", "Quality"),
        PageInfo(
            "explore",
            "Explore",
            "Which scans belong together?",
            ":material/scatter_plot:",
            "Quality",
        ),
        PageInfo("tiers", "Tiers", "Where do I cut?", ":material/bar_chart:", "Tiers"),
        PageInfo("train", "Train", "What is running?", ":material/play_circle:", "Study"),
        PageInfo("model", "Model", "What does the model see?", ":material/blur_on:", "Study"),
        PageInfo(
            "compare", "Compare", "What is each tier worth?", ":material/show_chart:", "Study"
        ),
        PageInfo("present", "Present", "How do I show it?", ":material/co_present:", "Present"),
    )
}


def configure(title: str = "Tierscope") -> None:
    """Set the page's title, icon and width."""
    st.set_page_config(page_title=title, page_icon=ASSETS / "icon.svg", layout="wide")


def show(
    key: str, body: Callable[[Workspace], None], *, quiet: bool = False, compact: bool = False
) -> None:
    """Draw one page: the frame, then ``body``; an error of ours becomes a sentence.

    Parameters
    ----------
    key : str
        Key in :data:`PAGES`.
    body : callable
        Draws the page's own content for the current workspace.
    quiet : bool
        Leave out the page's name and question, and name nothing of the workspace: someone rates blinded.
    compact : bool
        Head and banner in one low line and narrow margins: the room is for an image.
    """
    page = PAGES[key]
    if not door.stands():
        st.error(
            "A page is not served by itself: other web pages could drive it then. Start Tierscope with "
            "'make run', or with 'streamlit run app.py'."
        )
        return
    _hand_over(key)
    configure(f"{page.title} · Tierscope")
    st.html(ASSETS / "style.css")
    door.follow_connection()
    page_scripts.component("touched")(key="listener-touched", height=1)
    try:
        workspace = Workspace.current()
        sources = workspace.sources()
    except (TierscopeError, OSError) as error:
        _heading(page, "")
        _without_workspace(errors.in_words(error))
        return
    banner = _simulated_banner(sources, named=not quiet, short=compact)
    if compact:
        _compact_head(None if quiet else page, banner + _signed_in())
    else:
        _heading(page, f"Workspace {workspace.name}", _signed_in())
        if banner:
            st.html(banner)
    _read_only_banner(workspace)
    person.notice_pause()
    person.remember("listener-name")
    _reported.set(_Reported(st.container()))
    with in_words():
        if reference_library.mend(workspace):
            report(f"{workspace.scores_path} could not be read and was made anew from the metrics.")
        cache.keep_scores_current(workspace)
    with in_words():
        body(workspace)
    _collected(key)


def _without_workspace(reason: str) -> None:
    """Say why there is no workspace to show; where there is none and nobody signs in, offer to make it."""
    place = Workspace(Workspace.named().resolve())
    if place.settings_path.exists() or entrance.is_open():
        st.error(formatting.escape(reason))
        return
    with st.container(border=True):
        st.markdown("**There is no workspace yet.**")
        st.markdown(
            "A workspace is a folder in which Tierscope keeps what it measures and what you decide. Your "
            "scans stay where they are and are only read. It would be made here: "
            f"{formatting.escape(str(place.root))}"
        )
        if st.button("Make the workspace", type="primary", icon=":material/create_new_folder:"):
            with in_words():
                guard.require(Action.INGEST)
                Workspace.create(place.root)
                door_key.keep()
                open_page("cohort")
                st.rerun()
        st.expander("By commands instead").markdown(formatting.escape(reason))


@st.cache_resource(show_spinner=False)
def _collected(key: str) -> None:
    """Exclude loaded libraries and caches from garbage collection (``gc.freeze``), once a page.

    Streamlit collects after every run, of a fragment too, and holds up all threads meanwhile: with the
    libraries of these pages for an eighth of a second each time.
    """
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    """Draw an error of ours or of the system inside the block as a sentence; the page goes on."""
    try:
        yield
    except (TierscopeError, OSError) as error:
        in_full = _log.isEnabledFor(logging.DEBUG)
        _log.warning("a page reports a %s", type(error).__name__, exc_info=in_full)
        words, reported = errors.in_words(error), _reported.get()
        if reported is None or not reported.told.setdefault(words, False):
            st.error(formatting.escape(words))


@dataclass(frozen=True)
class _Reported:
    """Container of problems at the top of a page, and the words so far: whether they stand there."""

    container: DeltaGenerator
    told: dict[str, bool] = field(default_factory=dict)


#: Of the page that is being drawn; none while a part of it is drawn anew by itself.
_reported: ContextVar[_Reported | None] = ContextVar("reported", default=None)


def report(*troubles: TierscopeError | OSError | str) -> None:
    """Report problems of the workspace at the top of the page, each once; the page goes on."""
    if (reported := _reported.get()) is None:
        return
    for words in (one if isinstance(one, str) else errors.in_words(one) for one in troubles):
        if words not in reported.told:
            reported.told[words] = True
            reported.container.warning(formatting.escape(words))


def link(key: str, label: str) -> None:
    """Offer the way to another page; plain words where that page is not served."""
    try:
        st.page_link(PAGES[key].path, label=label, icon=PAGES[key].icon)
    except StreamlitAPIException:
        st.markdown(f"{formatting.escape(label)} (page *{PAGES[key].title}*)")


def open_page(key: str) -> None:
    """Open another page; where that page is not served, nothing happens."""
    with contextlib.suppress(StreamlitAPIException):
        st.switch_page(PAGES[key].path)


def figure(drawn: go.Figure, *, key: str, alt: str, **more: Any) -> None:
    """Draw a figure; ``alt`` describes it for screen readers, ``more`` is of ``st.plotly_chart``."""
    st.plotly_chart(drawn, theme=None, config=charts.CONFIG, key=key, alt=alt, **more)


def nothing_yet(what: str, next_step: str, page: str | None = None) -> None:
    """Draw an empty page's statement with the next step."""
    with st.container(border=True):
        st.markdown(f"**{formatting.escape(what)}**")
        st.markdown(formatting.escape(next_step))
        if page:
            link(page, f"Go to {PAGES[page].title}")


def navigation() -> None:
    """Serve all pages; called by ``app.py`` alone."""
    configure()
    state.put(state.UNDER_APP, True)
    pages = {
        page.key: st.Page(page.path, title=page.title, icon=page.icon, url_path=page.key)
        for page in PAGES.values()
    }
    # The default page has no address of its own, so it is one that only opens the first.
    start = st.Page(
        lambda: st.switch_page(next(iter(pages.values()))),
        title="Tierscope",
        url_path="start",
        default=True,
        visibility="hidden",
    )
    current = st.navigation([start, *pages.values()], position="top")
    st.html(f"<style>{_group_style()}</style>")
    wanted = state.get(state.WANTED_PAGE)
    if wanted in pages:
        state.put(state.WANTED_PAGE, None)
        st.switch_page(pages[wanted])
    current.run()


def _group_style() -> str:
    """Return the style by which links stand in groups; streamlit's own would put each page behind a menu."""
    rules, before = [], ""
    for page in PAGES.values():
        if page.group != before:
            link = f'[data-testid=stTopNavLinkContainer]:has(> a[href$="/{page.key}"])'
            name = "" if page.group == page.title else page.group
            rules.append(f'{link}::before {{ content: "{name}" / ""; }}')
            if before:
                rules.append(f"{link} {{ margin-left: .55rem; }} {link}::after {{ content: ''; }}")
        before = page.group
    return "\n".join(rules)


def _hand_over(key: str) -> None:
    """Let ``app.py`` show this page, if a fresh server was asked for the page itself.

    Before ``app.py`` has run once, streamlit serves a file of ``pages/`` without it, and so without
    the navigation.
    """
    if state.get(state.UNDER_APP):
        return
    state.put(state.WANTED_PAGE, key)
    with contextlib.suppress(StreamlitAPIException):  # there is no app.py: the page stands alone
        st.switch_page("app.py")


def _heading(page: PageInfo, where: str, who: str = "") -> None:
    st.html(
        f'<header class="ts-head">{page.heading}'
        f'<span class="ts-where">{html.escape(where)}{who}</span></header>'
    )


def _signed_in() -> str:
    """Return who is signed in, as what, and the way out, as HTML; empty where there is no login."""
    actor = acting.who()
    if not actor.signed_in or actor.rank is None:
        return ""
    return (
        f'<span class="ts-person" title="You may: {html.escape(_allowed(actor.rank))}">'
        f"{html.escape(actor.name)}, {actor.rank.word}"
        f'<a href="{sign_in_page.OUT}" target="_self">Sign out</a></span>'
    )


def _allowed(rank: Rank) -> str:
    return "; ".join(words for each, words in MEANING.items() if each <= rank)


def _read_only_banner(workspace: Workspace) -> None:
    if not workspace.writable:
        st.html(
            '<div class="ts-read-only" role="note"><b>Read-only.</b> This account may look at the workspace, '
            "but not write to it: nothing can be saved, scored or started here.</div>"
        )


def _compact_head(page: PageInfo | None, banner: str) -> None:
    """Draw the page's name and question, if any, and the banner in one line; :file:`style.css` knows it."""
    st.html(f'<header class="ts-head ts-compact">{page.heading if page else ""}{banner}</header>')


def _simulated_banner(sources: list[Source], *, named: bool, short: bool) -> str:
    """Return the banner of simulated data as HTML; empty where all scans are of people."""
    simulated = [source.name for source in sources if source.simulated]
    if not simulated:
        return ""
    some = f"{', '.join(simulated)}:" if named else "Some scans in this workspace are"
    everything = len(simulated) == len(sources)
    which = "All scans in this workspace are" if everything else some
    words = (
        f"{html.escape(which)} grown by a computer, not acquired from people. "
        "No number here says anything about patients."
    )
    brief = "All of it grown" if everything else f"{html.escape(some)} grown"
    shown = f"{brief} by a computer, not acquired from people." if short else words
    return f'<div class="ts-simulated" role="note" title="{words}"><b>Simulated data.</b> {shown}</div>'
