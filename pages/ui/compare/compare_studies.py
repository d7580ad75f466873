"""Table of studies on Compare, with tags, notes and archive; and the filters of all parts of Compare."""

import contextlib

import streamlit as st

from curation.access import acting
from curation.errors import TierscopeError
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.compare import comparison_data
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import cache, controls, formatting, frame, person, state
from pages.ui.shell.state import Key, T
from training.judging.outcome import AGE
from training.report import content_limits
from training.results import conclusions, study_sets, study_summary
from training.studies import annotations
from training.studies.annotations import StudyMarks
from training.studies.planned_study import Study

_NONE = StudyMarks()
#: What is shown of each study at first: as much as the narrowest screen holds whole.
_FIRST = ("Study", "State", "Best figure: arm", "Best figure", "Without a model")
_COLUMNS = {
    "Study": st.column_config.TextColumn(width=130),
    "State": st.column_config.TextColumn(width=80),
    "Best figure: arm": st.column_config.TextColumn(
        help="By the number alone: whether arms are told apart stands in the study's answer"
    ),
    "Best figure": st.column_config.NumberColumn(
        help="Of held-out people, in the outcome's unit; an AUC where it is yes or no",
        width=121,
    ),
    "R² of that arm": st.column_config.NumberColumn(
        format="%.2f", help="Below 0: worse than the mean of all"
    ),
    "Without a model": st.column_config.NumberColumn(
        help="Error of predicting the mean of the training folds, or chance", width=121
    ),
    "Training (h)": st.column_config.NumberColumn(format="%.2f", help="All runs together"),
    "Differs by": st.column_config.TextColumn(width="large"),
    "Arms": st.column_config.TextColumn(width="medium"),
    "Beside the open one": st.column_config.TextColumn(width="large"),
}


# ---- the table -----------------------------------------------------------------------------------


def show(workspace: Workspace, studies: list[Study], current: Study) -> None:
    """Draw the part.

    Parameters
    ----------
    workspace : Workspace
        Where the studies are.
    studies : list of Study
        All, those in the archive included.
    current : Study
        The one that is open.
    """
    marks = annotations.marks(workspace)
    found = _filtered(studies, marks)
    if not found:
        st.info("No study matches. Widen the search, or look into the archive.")
        return
    rows = [_row(workspace, one, marks.get(one.id, _NONE), current) for one in found]
    everything = st.toggle("All columns", key=state.STUDY_COLUMNS, persist_state="session")
    chosen = st.dataframe(
        rows,
        hide_index=True,
        placeholder=formatting.DASH,
        key=controls.table_key("studies", (one.id for one in found)),
        on_select="rerun",
        selection_mode="single-row",
        column_config=_COLUMNS,
        column_order=None if everything else _FIRST,
        height=38 + 35 * min(len(rows), 12),
        row_height=35,
        alt="Studies of this workspace",
    )["selection"]["rows"]
    if not chosen or chosen[0] >= len(found):
        sideways = " The table is wider than the screen: scroll it sideways." * bool(everything)
        st.caption(f"Choose a study to open it, tag it, note something, or archive it.{sideways}")
        return
    _chosen(workspace, found[chosen[0]], marks, current)


def _filtered(studies: list[Study], marks: dict[str, StudyMarks]) -> list[Study]:
    tags = sorted({tag for one in studies for tag in marks.get(one.id, _NONE).tags})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            "Find",
            key=state.STUDY_SEARCH,
            persist_state="session",
            placeholder="a name, an arm, a tag, a word of a note",
        )
        wanted = controls.choose_several("Tags", tags, key=state.STUDY_TAGS, disabled=not tags)
        archive = st.toggle("Archive", key=state.STUDY_ARCHIVE, persist_state="session")
    return [
        one
        for one in studies
        if marks.get(one.id, _NONE).archived == archive
        and set(wanted) <= set(marks.get(one.id, _NONE).tags)
        and (words or "").casefold().strip() in _searchable(one, marks.get(one.id, _NONE))
    ]


def _searchable(study: Study, marks: StudyMarks) -> str:
    """Return the text of a study for the search."""
    arms = " ".join(f"{arm.name} {arm.label}" for arm in study.arms)
    notes = " ".join(f"{note.words} {note.author}" for note in marks.notes)
    parts = (study.name, study.id, study.cohort_id, study.target_id, study.preset.name)
    return " ".join((*parts, arms, *marks.tags, notes)).casefold()


def _row(
    workspace: Workspace, study: Study, marks: StudyMarks, current: Study
) -> dict[str, str | float | None]:
    best, preset = study_summary.best_of(study), study.preset
    why = "is open" if study.id == current.id else comparison_data.why_not(current, study)
    return {
        "Study": study.name,
        "State": cache.study_state(workspace, study.id),
        "Made (UTC)": formatting.moment(study.created),
        "Arms": ", ".join(arm.name for arm in study.arms),
        "Best figure: arm": _best_arm(workspace, study, best.arm),
        "Best figure": _shown(best.error, study),
        "R² of that arm": best.r2,
        "Without a model": _shown(best.no_model, study),
        "Training (h)": best.hours,
        "Seeds × folds": f"{len(study.seeds)} × {study.folds}",
        "Outcome": study.outcome.noun,
        "Preset": preset.name,
        "Pretraining": f"{preset.pretrain_epochs} × {preset.pretrain_steps} steps of "
        f"{preset.pretrain_batch}, rate {preset.pretrain_lr:g}",
        "Fine-tuning": "tuned"
        if study.tuning
        else f"{preset.finetune_epochs} epochs of batches of "
        f"{preset.finetune_batch}, rate {preset.finetune_lr:g}",
        "Differs by": "; ".join(study_sets.what_else_differs(current, study)),
        "Made otherwise": "; ".join(made_otherwise(workspace, study)),
        "Tags": ", ".join(marks.tags),
        "Last note": marks.notes[-1].words if marks.notes else "",
        "Beside the open one": why or "can be compared",
        "Id": study.id,
    }


def _best_arm(workspace: Workspace, study: Study, arm: str) -> str:
    """Return the best arm, and that none beats predicting the mean where none was shown to."""
    with contextlib.suppress(TierscopeError, OSError):  # told where the study is opened
        if arm and comparison_data.too_easy(workspace, study):
            return f"{arm} (no arm makes a mistake)"
        if arm and not comparison_data.learned(workspace, study):
            return f"{arm} (no arm beats {study.outcome.no_model_does.removesuffix(' does')})"
    return arm


def _shown(value: float | None, study: Study) -> float | None:
    """Return an error with as many decimals as everywhere else."""
    return None if value is None else round(value, study.outcome.digits)


def made_otherwise(workspace: Workspace, study: Study) -> list[str]:
    """Return with what the cohorts of a study were made that is otherwise now, in words."""
    cohorts = dict.fromkeys((study.cohort_id, study.target_id, *study.judging.external))
    return [
        f"{cohort_id}: {words}"
        for cohort_id in cohorts
        for words in cache.outdated(workspace, cohort_id)
    ]


def say_made_otherwise(workspace: Workspace, study: Study) -> None:
    """Draw what of a study's cohorts is made otherwise now; nothing where all is as it was."""
    if found := made_otherwise(workspace, study):
        st.warning(
            formatting.escape(
                f"Since this study was planned, its scans are scored otherwise: {'; '.join(found)}. Its "
                "result is of the scores as they were. Tiers compares its cohorts with today."
            ),
            icon=":material/history:",
        )


def say_images(workspace: Workspace, study: Study) -> None:
    """Draw what may part the tiers of a study's pool besides quality; age where it is learned."""
    age, doubtful = content_limits.ages_apart(study.scans().query("role == 'pool'"))
    doubts = [age] * (doubtful and study.outcome == AGE)
    with contextlib.suppress(TierscopeError, OSError):  # a cohort that is gone is told on Tiers
        doubts = cache.images(workspace, study.cohort_id).doubts + doubts
    if doubts:
        st.caption(f"**What this study cannot say.** {formatting.escape(' '.join(doubts))}")


# ---- the chosen study ----------------------------------------------------------------------------


def _chosen(
    workspace: Workspace, study: Study, marks: dict[str, StudyMarks], current: Study
) -> None:
    held = marks.get(study.id, _NONE)
    with st.container(border=True, key="study-chosen"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{formatting.escape(study.name)}** · {formatting.escape(study.id)}",
                width="stretch",
            )
            if study.id != current.id and st.button("Open", type="primary"):
                state.put(state.PENDING_STUDY, study.id)
                st.rerun(scope="app")
        for note in held.notes:
            st.caption(
                formatting.escape(f"{formatting.moment(note.at)} UTC, {note.author}: {note.words}")
            )
        _form(workspace, study, held, {tag for one in marks.values() for tag in one.tags})


def _form(workspace: Workspace, study: Study, held: StudyMarks, known: set[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        author = person.name()
        if not acting.who().signed_in:
            author = st.text_input(
                "Your name", key=state.PERSON, persist_state="session", width=200, max_chars=100
            )
        tags = st.multiselect(
            "Tags",
            sorted(known | set(held.tags)),
            default=list(held.tags),
            accept_new_options=True,
            key=f"tags-{study.id}",
            placeholder="type a new one",
        )
    words = st.text_input(
        "Note",
        key=f"note-{study.id}-{len(held.notes)}",
        max_chars=2000,
        placeholder="what to remember of this study",
    )
    with st.container(horizontal=True):
        keep = st.button("Keep", type="primary")
        away = st.button("Take out of the archive" if held.archived else "Archive")
    st.caption(
        "Nothing is overwritten: every change is kept with its time and name. Archiving moves no file."
    )
    if not keep and not away:
        return
    with frame.in_words():
        if away:
            annotations.archive(workspace, study.id, author or "", not held.archived)
        if keep and sorted(tags) != list(held.tags):
            annotations.tag(workspace, study.id, author or "", tags)
        if keep and words:
            annotations.note(workspace, study.id, author or "", words)
        st.rerun()


# ---- filters -------------------------------------------------------------------------------------


def choose_filters(everything: Comparison) -> Comparison:
    """Draw the filters and return the comparison that they leave."""
    arms = [arm.name for arm in everything.arms]
    with st.container(horizontal=True, vertical_alignment="bottom", key="compare-filters"):
        chosen = _several("Arms", state.COMPARE_ARMS, arms, help=_help("arm"))
        with st.container(width=180):
            seeds = _several("Seeds", state.COMPARE_SEEDS, everything.seeds, help=_help("seed"))
        with st.container(width=180):
            folds = _several(
                "Folds", state.COMPARE_FOLDS, everything.folds, shift=1, help=_help("fold")
            )
    left = everything.only(chosen, seeds, folds)
    _say(everything, left)
    return left


def choose_epochs(last: int) -> tuple[int, int]:
    """Draw the range of epochs; one that went up to the last epoch follows while a study runs."""
    if last < 2:
        return 0, last
    low, high = state.get(state.COMPARE_EPOCHS) or (1, last)
    if high >= (state.get(state.COMPARE_LAST_EPOCH) or 0) or high > last:
        high = last
    state.put(state.COMPARE_LAST_EPOCH, last)
    shown = (min(low, high), high)
    state.put(state.COMPARE_EPOCHS, shown)
    st.slider("Epochs", 1, last, key=state.COMPARE_EPOCHS, width=240, persist_state="session")
    return state.get(state.COMPARE_EPOCHS, shown)


def _help(word: str) -> str:
    return f"{word.capitalize()}: {conclusions.EXPLAINED[word]}."


def _several(
    label: str, key: Key[list[T]], options: list[T], *, help: str, shift: int = 0
) -> list[T]:
    return controls.choose_several(
        label,
        options,
        key=key,
        help=help,
        disabled=len(options) < 2,
        format_func=lambda o: str(o + shift) if shift else str(o),
    )


def _say(everything: Comparison, left: Comparison) -> None:
    """Draw what is filtered out, and the effect on the numbers below."""
    out = [
        plural(len(before) - len(after), noun)
        for before, after, noun in (
            (everything.arms, left.arms, "arm"),
            (everything.seeds, left.seeds, "seed"),
            (everything.folds, left.folds, "fold"),
        )
        if len(after) < len(before)
    ]
    if not out:
        return
    words = f"Left out: {', '.join(out)}."
    if left.held_out.narrowed:
        words += (
            " Every number below is of the seeds and folds that are left, and there is no verdict."
        )
    if len(left.arms) < len(everything.arms):
        words += (
            " Leaving out arms changes no number of the others, which were compared all together. No "
            f"pretraining and {formatting.escape(left.outcome.no_model)} are always shown."
        )
    st.caption(words)
