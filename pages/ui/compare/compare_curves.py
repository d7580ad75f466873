"""Learning curves of Compare: mean and band of each arm, single runs behind them; a click opens a run.

Panel of one run, opened from its curve: facts, status, files.
"""

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from curation.storage import files
from curation.storage.files import slug
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.compare import compare_studies, picked_points
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import charts, controls, formatting, frame, state
from pages.ui.shell.html_marks import state_chip
from training.judging.outcome import Outcome
from training.results import error_curves, study_summary
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.run_status import RunState, state_of
from training.studies.runs import Run
from training.theme import Style

_LINES = 12
_READ_BYTES = 20_000


def show_run(study: Study, run_id: str) -> None:
    """Show a run of a study."""
    with st.container(border=True), frame.in_words():
        run = runs.find(study, run_id)
        now = state_of(study, run)
        what = "Pretraining" if run.kind == "pretrain" else "Fine-tuning"
        fold = "" if run.fold is None else f", fold {run.fold + 1}"
        st.html(
            f"<p>{state_chip(now.state)} <b>{what} of {html.escape(run.arm)}, seed {run.seed}"
            f"{fold}</b> <span class='ts-muted'>{html.escape(run.id)}</span></p>"
        )
        st.markdown(formatting.escape(_facts(run, now, study.outcome)))
        if now.message:
            st.info(formatting.escape(now.message))
        lines = _last_lines(run)
        if lines:
            with st.expander("The end of its log"):
                st.code(lines, language=None)
        st.caption(formatting.escape(f"Everything it wrote lies in {run.folder}"))


def _facts(run: Run, now: RunState, outcome: Outcome) -> str:
    facts = [
        f"{now.epoch} of {now.epochs} epochs",
        f"{formatting.duration(now.seconds)} of training",
    ]
    if now.age_mae_years is not None:
        what = "" if outcome.two_valued else f"{outcome.measure} "
        facts.append(f"{what}{outcome.measured(now.age_mae_years)} after the last epoch")
    if now.loss is not None:
        facts.append(f"training loss {now.loss:.4g}")
    result = files.read_json(run.result_path) or {}
    if "training_subjects" in result:
        facts.append(f"learned from {plural(result['training_subjects'], 'person', 'people')}")
    if "device" in result:
        facts.append(f"on {result['device']}")
    return " · ".join(facts)


def _last_lines(run: Run) -> str:
    try:
        with run.log_path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - _READ_BYTES, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-_LINES:])


#: Points that all runs together may have on the screen; more makes it slow, not finer.
POINTS = 12_000
_WINDOWS = (1, 3, 5, 9, 15, 25, 51)


def show(workspace: Workspace, shown: Comparison, name: str) -> None:
    """Draw the part.

    Parameters
    ----------
    workspace : Workspace
        For the runs that are opened.
    shown : Comparison
        What the filters leave.
    name : str
        Begins the names of downloaded files.
    """
    all_error, all_loss = shown.curves()
    ends = [int(table["epoch"].max()) for table in (all_error, all_loss) if len(table)]
    along, window, single, (first, last) = _options(max(ends, default=0))
    error, loss = (
        error_curves.smoothed(table[table["epoch"].between(first, last)], value, window)
        for table, value in ((all_error, "age_mae_years"), (all_loss, "loss"))
    )
    # of all arms, so that leaving some out changes no band of the others
    arms, outcome = shown.held_out.arms, shown.outcome
    of_error = shown.left(error_curves.age_error_band(error, arms, along=along, outcome=outcome))
    of_loss = shown.left(error_curves.loss_band(loss, along=along))
    of_held_out = shown.left(error_curves.held_out_band(loss, along=along))
    of_training = shown.left(error_curves.loss_band(_smooth_loss(error, window), along=along))
    error, loss = shown.left(error), shown.left(loss)
    measure = outcome.measure[:1].upper() + outcome.measure[1:]
    st.subheader(f"{formatting.escape(measure)} while fine-tuning")
    if of_error.empty:
        st.caption(_nothing(error, "curves begin with the first epoch of fine-tuning."))
    else:
        figure = charts.age_error(
            of_error,
            shown.styles,
            along=along,
            baseline_years=study_summary.mean_age_error(shown.held_out),
            outcome=outcome,
        )
        unit = "" if outcome.two_valued else f" {outcome.unit or outcome.name}"
        _draw(figure, error, "age_mae_years", shown, along, single, unit)
        said = _error_words(of_error, window, shown), error_curves.lengths_said(error)
        st.caption(" ".join(filter(None, said)))
    _training_loss(of_training, shown, along)
    st.subheader("Pretraining")
    if of_loss.empty:
        st.caption(_nothing(loss, "no epoch of pretraining is finished."))
    else:
        figure = charts.training_loss(of_loss, shown.styles, along=along)
        _draw(figure, loss, "loss", shown, along, single, "")
        st.caption(
            "The loss is measured on each arm's own scans, which may make its task easier or harder than "
            "that of others, so losses of different arms are not to be compared. The "
            f"{outcome.measure} above is."
        )
    _held_out_error(of_held_out, shown, along)
    controls.offer_tables(
        name,
        {
            f"{slug(outcome.measure)}-curves": outcome.named(of_error),
            f"{slug(outcome.measure)}-runs": outcome.named(error),
            "fine-tuning-loss": of_training,
            "pretraining-loss": of_loss,
            "held-out-reconstruction": of_held_out,
        },
        left_out=_left_out(shown, window, (first, last), max(ends, default=0)),
    )


def _smooth_loss(curves: pd.DataFrame, window: int) -> pd.DataFrame:
    return error_curves.smoothed(curves.dropna(subset=["loss"]), "loss", window)


def _training_loss(band: pd.DataFrame, shown: Comparison, along: str) -> None:
    """Draw the loss on the people who are learned from, beside which the held-out error shows overfitting."""
    if band.empty:
        return
    st.subheader("Training loss of fine-tuning")
    frame.figure(
        charts.training_loss(band, shown.styles, along=along, of="fine-tuning"),
        key="curves-finetune-loss",
        alt=f"Loss of fine-tuning against {along}, a line an arm",
    )
    st.caption(
        "Measured on the people that are learned from. Where it goes on falling while the "
        f"{shown.outcome.measure} above rises, an arm learns those people by heart."
    )


def _held_out_error(band: pd.DataFrame, shown: Comparison, along: str) -> None:
    """Draw the reconstruction error on people whom no arm is pretrained on, where it was measured."""
    if band.empty:
        return
    st.subheader("Reconstruction of held-out people while pretraining")
    frame.figure(
        charts.training_loss(band, shown.styles, along=along, of="pretraining", held_out=True),
        key="curves-held-out",
        alt=f"Reconstruction error of held-out people against {along}, a line an arm",
    )
    st.caption(
        "Of the same people of the target for every arm, the same patches removed, so arms can be compared. "
        "Where it rises while the loss above falls, an arm learns its own scans by heart. It is watched "
        "only: the last weights are used whatever it says."
    )


def _options(epochs: int) -> tuple[str, int, bool, tuple[int, int]]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        along = controls.choose_segment(
            "Against",
            ["epoch", "step"],
            key=state.COMPARE_ALONG,
            show_label=True,
        )
        window = controls.choose(
            st.selectbox,
            "Smoothing",
            _WINDOWS,
            key=state.COMPARE_SMOOTHING,
            width=190,
            format_func=lambda w: "none" if w == 1 else f"mean of {w} epochs",
        )
        single = st.toggle("Single runs", key=state.COMPARE_RUNS, persist_state="session")
        between = compare_studies.choose_epochs(epochs)
    return along, window, bool(single), between


def _draw(
    figure: go.Figure,
    curves_: pd.DataFrame,
    value: str,
    shown: Comparison,
    along: str,
    single: bool,
    unit: str,
) -> None:
    runs = sorted(curves_["run_id"].unique()) if single else []
    if single:
        thin = error_curves.thinned(curves_, max(POINTS // max(len(runs), 1), 10))
        add_single_runs(figure, thin, value, shown.styles, runs=runs, along=along, unit=unit)
    chosen = picked_points.figure(
        figure,
        key=f"curves-{value}",
        alt=f"{figure.layout.yaxis.title.text} against {figure.layout.xaxis.title.text}, a line an arm",
    )
    for place in {int(point[0]) for point in chosen if len(point) == 3}:
        if place < len(runs):
            show_run(*shown.run(runs[place]))


def add_single_runs(
    figure: go.Figure,
    curves: pd.DataFrame,
    value: str,
    styles: Mapping[str, Style],
    *,
    runs: Sequence[str],
    along: str = "epoch",
    unit: str = "",
) -> None:
    """Add a line a run, all of an arm in one trace, behind the means (WebGL lies below).

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        As :func:`pages.ui.shell.charts.age_error` gives.
    curves : pandas.DataFrame
        As :mod:`training.results.error_curves` gives.
    value : str
        Column that is drawn.
    styles : mapping of str to Style
        A style an arm.
    runs : sequence of str
        Ids of all runs; the first entry of a point's ``customdata`` is a place in it.
    along : {'epoch', 'step'}
        The column that it is drawn against.
    unit : str
        Behind the value that is shown.
    """
    places = pd.Index(runs)
    traces = []
    for name, style in styles.items():
        rows = curves[curves["arm"] == name].sort_values(["run_id", along], kind="stable")
        if rows.empty:
            continue
        run = places.get_indexer(rows["run_id"])
        ends = np.flatnonzero(run[1:] != run[:-1]) + 1  # a gap parts one run from the next
        numbers = np.stack([run, rows["seed"], rows["fold"] + 1]).astype(float)
        traces.append(
            go.Scattergl(
                x=np.insert(rows[along].to_numpy(float), ends, np.nan),
                y=np.insert(rows[value].to_numpy(float), ends, np.nan),
                customdata=np.insert(numbers, ends, np.nan, axis=1).T,
                mode="lines+markers",
                legendgroup=name,
                showlegend=False,
                opacity=0.45,
                line={"color": style.colour, "width": 1},
                marker={"size": 4, "color": style.colour},
                hovertemplate=f"{along} %{{x}}: %{{y:.4g}}{unit}<br>seed %{{customdata[1]}}"
                + (", fold %{customdata[2]}" if (rows["fold"] >= 0).any() else "")
                + f"<extra>{name}</extra>",
            )
        )
    figure.add_traces(traces)


# ---- words ---------------------------------------------------------------------------------------


def _nothing(unfiltered: pd.DataFrame, otherwise: str) -> str:
    if len(unfiltered):
        return "Nothing to draw against steps: these runs did not write them. Choose epochs."
    return f"No data yet: {otherwise}"


def _left_out(shown: Comparison, window: int, epochs: tuple[int, int], most: int) -> str:
    """Return filters, epochs and smoothing of the curves in words, for the downloaded files."""
    parts = [shown.left_out]
    if epochs[0] > 1 or epochs[1] < most:
        parts.append(f"epochs {epochs[0]} to {epochs[1]} only")
    if window > 1:
        parts.append(f"means of {window} epochs")
    return "; ".join(filter(None, parts))


def _error_words(band: pd.DataFrame, window: int, shown: Comparison) -> str:
    """Return the caption of the age errors, derived from the drawn band."""
    what = "AUC" if shown.outcome.two_valued else "Mean absolute error"
    words = f"{what} on the held-out folds, averaged over folds; "
    if error_curves.single_seeds(band):
        words += "the thick line is the mean over seeds, thin lines are single seeds, too few for a band."
    elif band["low"].isna().all():
        words += "of one seed, so there is no band."
    else:
        words += (
            "the line is the mean over seeds, the band its 95 % interval (t, over seeds, whose spread is "
            "pooled over arms trained alike)."
        )
    kinds = {arm.kind for arm in shown.arms}
    if "tiers" in kinds:
        words += " Arms made of tiers carry the colour of the worst tier they let in."
    if "control" in kinds:
        words += " Random controls are dashed."
    if any(arm.distortion for arm in shown.arms):
        words += " Arms with ~ are distorted by simulation; their lines are dotted."
    if window > 1:
        words += f" Smoothed: a centred mean of {window} epochs of each run, fewer at the ends."
    return words + " With single runs shown, a click on one opens it."
