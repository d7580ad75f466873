"""Compare: what is each tier worth? Age error against epoch, and the final errors with intervals."""

import pandas as pd
import streamlit as st

from curation.workspace import Workspace
from pages.ui import charts, frame, marks, progress, study_panel, text
from pages.ui.progress import EVERY
from training import curves, launch, statistics, study
from training.study import Study


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.studies_dir)
    planned = study.list_studies(workspace)
    if not planned:
        frame.nothing_yet(
            "There is no study to compare yet.",
            "Freeze a pretraining pool and a target cohort on the page Tiers, then launch a study on "
            "the page Train. Its curves grow here while it runs.",
            "train",
        )
        return
    chosen = study_panel.choose(workspace, planned)
    running = launch.status(workspace, chosen.id).state == "running"

    @st.fragment(run_every=EVERY if running else None)
    def live() -> None:
        now = launch.status(workspace, chosen.id)
        if running and now.state != "running":
            st.rerun(scope="app")
        _state(now)
        _compare(workspace, chosen)

    live()


def _state(now: launch.StudyStatus) -> None:
    if now.state == "finished":
        return
    left = f" · about {text.duration(now.eta_s)} left" if now.eta_s is not None else ""
    st.html(
        f"<p>{study_panel.state_chip(now.state)} {now.done} of {now.total} runs finished{left}. "
        "What follows is of the runs so far: until all are finished, arms may stand on different folds.</p>"
    )


def _compare(workspace: Workspace, chosen: Study) -> None:
    styles = charts.arm_styles(chosen.arms)
    error = curves.band(curves.age_error_curves(workspace, chosen.id), "age_mae_years")
    loss = curves.band(curves.pretrain_curves(workspace, chosen.id), "loss")
    final = statistics.final_errors(workspace, chosen.id)
    _error_curves(error, styles, final)
    _final(final, styles, chosen)
    _pretraining(loss, styles)
    _downloads(chosen, error, loss, final)


def _error_curves(
    error: pd.DataFrame, styles: dict[str, charts.Style], final: pd.DataFrame
) -> None:
    st.subheader("Age error while fine-tuning")
    if error.empty:
        st.caption("No data yet: curves begin with the first epoch of fine-tuning.")
        return
    baseline = final.loc[final["arm"] == statistics.BASELINE, "age_mae_years"]
    figure = charts.age_error(
        error, styles, baseline_years=float(baseline.iloc[0]) if len(baseline) else None
    )
    frame.figure(
        figure,
        key="error",
        alt="Age error in years against the epoch of fine-tuning, a line an arm",
    )
    few = " With two seeds a 95 % band is very wide; more seeds narrow it." if _two(error) else ""
    st.caption(
        "Mean absolute error on the held-out folds, averaged over folds; the line is the mean over "
        "seeds, the band its 95 % interval (t, over seeds). Arms made of tiers carry the colour of "
        f"the worst tier they let in; random controls are dashed.{few}"
    )


def _two(error: pd.DataFrame) -> bool:
    return int(error["n"].max()) == 2


def _final(final: pd.DataFrame, styles: dict[str, charts.Style], chosen: Study) -> None:
    st.subheader("Final age error")
    if final.empty:
        st.caption("No data yet: the first fine-tuning is not finished.")
        return
    with st.container(horizontal=True, key="split-final", gap="medium"):
        with st.container(width=470):
            figure = charts.final_errors(final, styles)
            frame.figure(
                figure, key="final", alt="Final test age error of each arm with its 95 % interval"
            )
        with st.container(width="stretch"):
            _final_table(final)
    people = int(final["n_subjects"].max())
    st.caption(
        f"Held-out predictions of {text.plural(people, 'person', 'people')}, each predicted by a model "
        f"that never saw them ({chosen.folds} folds), averaged over seeds. Intervals: 95 %, bootstrap "
        "over people: they say how sure each number is with these people, not whether two arms differ."
    )


def _final_table(final: pd.DataFrame) -> None:
    rows = [
        (
            row.label if row.arm == statistics.BASELINE else row.arm,
            text.number(row.age_mae_years, 2),
            f"{text.number(row.ci_low, 2)} to {text.number(row.ci_high, 2)}",
            text.number(row.r, 2), text.number(row.r2, 2), text.number(row.mean_error_years, 2),
            text.number(row.slope, 2), f"{row.n_runs:.0f}" if row.n_runs else text.DASH,
        )
        for row in final.sort_values("age_mae_years").itertuples()
    ]  # fmt: skip
    head = ("Arm", "Age error (MAE, years)", "95 % interval", "r", "R²", "Mean error (years)",
            "Slope on age", "Runs")  # fmt: skip
    st.html(marks.table(head, rows, numeric=range(1, 8)))


def _pretraining(loss: pd.DataFrame, styles: dict[str, charts.Style]) -> None:
    st.subheader("Pretraining")
    if loss.empty:
        st.caption("No data yet: no epoch of pretraining is finished.")
        return
    figure = charts.pretraining_loss(loss, styles)
    frame.figure(
        figure,
        key="loss",
        alt="Reconstruction loss against the epoch of pretraining, a line an arm",
    )
    st.caption(
        "The loss is measured on each arm's own scans: an arm of clean scans has an easier task, so "
        "losses of different arms are not to be compared. The age error above is."
    )


def _downloads(chosen: Study, error: pd.DataFrame, loss: pd.DataFrame, final: pd.DataFrame) -> None:
    with st.container(horizontal=True):
        for label, table, name in (
            ("Error curves (CSV)", error, "age-error-curves"),
            ("Final errors (CSV)", final, "final-errors"),
            ("Pretraining loss (CSV)", loss, "pretraining-loss"),
        ):
            st.download_button(
                label, table.to_csv(index=False), f"{chosen.id}-{name}.csv", "text/csv",
                disabled=table.empty, icon=":material/download:", on_click="ignore",
            )  # fmt: skip


frame.show("compare", body)
