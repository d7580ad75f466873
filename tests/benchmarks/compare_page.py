"""How fast Compare is with 300 runs of 200 epochs, in Chromium; one part of :mod:`.compare`.

The study is made: 12 arms, 5 seeds, 5 folds, 70 people, every file as a finished study leaves it, invented
numbers.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from curation.cohorts import frozen_cohort
from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import chromium, workspace_full
from tests.helpers.dashboard import Dashboard
from training.studies import planned_study, runs
from training.studies.planned_study import Study

PEOPLE, EPOCHS, SEEDS, FOLDS, REPEATS = 70, 200, 5, 5, 3
ARMS = [
    "scratch",
    "A",
    "all",
    "control-A",
    "keep-80",
    "keep-60",
    "keep-50",
    "keep-40",
    "keep-30",
    "keep-20",
    "control-keep-60",
    "control-keep-20",
]
_LINES = """(least) => {
  const plots = [...document.querySelectorAll('.js-plotly-plot')];
  return plots.some((p) => p.querySelectorAll('.scatterlayer .trace').length >= least);
}"""
_ARMS_DRAWN = """(count) => {
  const app = document.querySelector('[data-testid=stApp]');
  const plot = document.querySelector('.js-plotly-plot');
  const named = (plot?._fullData || []).filter((t) => t.showlegend !== false).length;
  const drawn = plot?.querySelectorAll('.legend .traces').length;
  return app.dataset.testScriptState === 'notRunning' && named === count && drawn === count;
}"""


def make(root: Path) -> tuple[Workspace, Study]:
    """Make a workspace with one large finished study of invented numbers, marked as simulated."""
    before = workspace_full.POOL, workspace_full.TARGET
    workspace_full.POOL, workspace_full.TARGET = 40, PEOPLE
    try:
        workspace = workspace_full.make(root)
    finally:
        workspace_full.POOL, workspace_full.TARGET = before
    pool = frozen_cohort.freeze(workspace, "pool", author="bench", role="pool")
    target = frozen_cohort.freeze(workspace, "target", author="bench", role="target")
    planned = planned_study.plan(
        workspace,
        name="large",
        cohort_id=pool.id,
        target_id=target.id,
        arms=ARMS,
        seeds=list(range(SEEDS)),
        folds=FOLDS,
        preset="smoke",
        overrides={"finetune_epochs": EPOCHS, "pretrain_epochs": EPOCHS},
    )
    scans = planned.scans().query("role == 'target'")
    for number, run in enumerate(runs.runs_of(planned)):
        _write(run, np.random.default_rng(number), scans)
    files.write_json(planned.result_path, {"made": True})
    return workspace, planned


def _write(run: runs.Run, rng: np.random.Generator, scans) -> None:  # type: ignore[no-untyped-def]
    run.folder.mkdir(parents=True)
    epochs = np.arange(1, EPOCHS + 1)
    values = (6 + 6 / np.sqrt(epochs) + rng.normal(0, 0.3, EPOCHS)).round(4)
    key = "loss" if run.kind == "pretrain" else "age_mae_years"
    lines = [
        json.dumps(
            {
                "epoch": int(e),
                "step": int(8 * e),
                "loss": float(v),
                key: float(v),
                "seconds": float(e),
                "time": 1.7e9 + float(e),
            }
        )
        for e, v in zip(epochs, values, strict=True)
    ]
    files.write_text(run.metrics_path, "\n".join(lines) + "\n")
    status = {"state": "finished", "epoch": EPOCHS, "seconds": 200.0, key: float(values[-1])}
    files.write_json(run.status_path, status)
    if run.fold is None:
        files.write_json(run.result_path, {"loss": float(values[-1])})
        return
    held_out, others = scans[scans["fold"] == run.fold], scans[scans["fold"] != run.fold]
    mean = float(others["age_years"].mean())
    guess = 0.6 * held_out["age_years"] + 0.4 * mean + rng.normal(0, 6, len(held_out))
    rows = held_out[["scan_id", "subject_id", "age_years"]].assign(predicted_age_years=guess)
    result = {"baseline_age_years": mean, "training_subjects": len(others)}
    files.write_json(run.result_path, result | {"predictions": rows.to_dict("records")})


def figures() -> dict[str, float]:
    """Measure; medians of several servers and browsers that have not seen the study yet."""
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace, _ = make(Path(folder) / "workspace")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=chromium.CHROMIUM_ARGUMENTS
        )
        for number in range(REPEATS):
            with Dashboard(workspace, Path(folder) / f"{number}.log") as address:
                for name, value in _one(browser, address).items():
                    taken.setdefault(name, []).append(value)
            print({name: round(values[-1], 3) for name, values in taken.items()}, flush=True)
        browser.close()
    median = {name: float(np.median(values)) for name, values in taken.items()}
    return {
        name: round(value, 2) if name.endswith("_s") else round(value)
        for name, value in median.items()
    }


def _one(browser: Browser, address: str) -> dict[str, float]:
    page = browser.new_context(viewport=chromium.DESKTOP).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/cohort")
    page.locator(".ts-head").wait_for()
    page.wait_for_timeout(3000)
    link = page.get_by_role("link", name="Compare").first
    first = _timed(page, link, _LINES, 1)
    page.wait_for_timeout(2000)
    curves = page.get_by_role("radio", name="Curves").or_(
        page.get_by_role("button", name="Curves", exact=True)
    )
    drawn = _timed(page, curves.first, _ARMS_DRAWN, len(ARMS))
    page.wait_for_timeout(1000)
    filtered = np.median(_filtered(page), axis=0)
    page.context.close()
    return {
        "first_plot_s": first[0],
        "first_plot_cpu_s": first[1],
        "curves_s": drawn[0],
        "curves_cpu_s": drawn[1],
        "filter_ms": 1000 * float(filtered[0]),
        "filter_cpu_ms": 1000 * float(filtered[1]),
    }


def _filtered(page: Page) -> list[tuple[float, float]]:
    """Choose one arm after the other; scratch stays beside them."""
    taken = []
    field = page.get_by_label("Arms").first
    for count, arm in enumerate(("A", "all", "keep-60", "keep-20"), 2):
        field.click()
        option = page.get_by_role("option", name=arm, exact=True)
        option.wait_for()
        taken.append(_timed(page, option, _ARMS_DRAWN, count))
        page.wait_for_timeout(500)
    return taken


def _timed(page: Page, target: Locator, drawn: str, count: int) -> tuple[float, float]:
    """Return the seconds from a click to what it draws, and the processor seconds of server and browser."""
    before, started = _processor_s(), time.perf_counter()
    target.click()
    page.wait_for_function(drawn, arg=count, polling=25)
    return time.perf_counter() - started, _processor_s() - before


def _processor_s() -> float:
    """Return the processor time that all that this process has started has used so far."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
