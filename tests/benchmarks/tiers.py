"""How fast a moved cut-off is followed, on simulated tables: ``python -m tests.benchmarks.tiers``.

10,000 and 1,000,000 simulated scans of 20 sites. Prints what it does; the last line is one JSON object:

``retier_ms_1e4``, ``retier_ms_1e6``
    On the server, from a moved cut-off to all new figures: tiers with decisions by hand, counts, what the
    plot draws, people, ages, sexes and sites with their standardised differences, what the cut-offs select,
    doubts, who is near; median of 50.
``redraw_ms_1e4``, ``redraw_ms_1e6``
    In Chromium, from releasing the mouse to the server's counts on the screen; median.
``drag_ms_1e4``, ``drag_ms_1e6``
    In Chromium, while the mouse drags a cut-off: from a moved mouse to the frame that shows the new counts
    and bars, 95th percentile over all frames; nothing may be sent to the server meanwhile.
``peak_gb``
    Most memory that the server held with 1,000,000 scans, of the whole process.
"""

import contextlib
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from curation.metrics.registry import FAMILIES
from curation.scoring.distortion_score import SCORING_VERSION
from curation.storage import files, tables
from curation.storage.workspace import Source, Workspace
from curation.tier_effects import cutoff_stability, selection_bias
from curation.tiers import overrides, rule_warnings
from curation.tiers.tier_rule import TierRule
from pages.ui.scan_table import scan_arrays
from pages.ui.scan_table.scan_arrays import ScanTable
from pages.ui.tiers import cutoff_plot, tier_facts
from tests.helpers import chromium
from tests.helpers.dashboard import Dashboard

SITES, RETIERS, DRAGS = 20, 50, 15
#: Moves of the mouse in a drag of which each frame is timed, and how long the hand takes for each, ms.
MOVES, MOVE_MS = 36, 30
#: How far each goes, pixels: more than a step of the line, so that each has to be drawn.
STEP_PX = 7
SIZES = {"1e4": 10_000, "1e6": 1_000_000}
_WAIT_MS = 240_000
# From the release of the mouse to the frame after the server's counts are in the document.
_LISTEN = """() => {
  const root = document.querySelector('.cutoffs');
  addEventListener('pointerup', () => { window.released = performance.now(); window.took = null; }, true);
  new MutationObserver(() => {
    if (root.dataset.counted !== 'server' || window.took !== null || !window.released) return;
    requestAnimationFrame(() => { window.took = performance.now() - window.released; });
  }).observe(root, { attributes: true, attributeFilter: ['data-counted'] });
}"""
#: While the mouse drags, each time from its move to the frame after cards and bars were drawn anew.
_LISTEN_WHILE_DRAGGED = """() => {
  const root = document.querySelector('.cutoffs');
  window.frames_ms = [];
  let moved = null;
  addEventListener('pointermove', (event) => { moved ??= event.timeStamp; }, true);
  addEventListener('pointerup', () => { moved = null; }, true);
  new MutationObserver(() => {
    if (moved === null) return;
    const from = moved, counted = root.dataset.counted;
    moved = null;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        if (counted === 'here') window.frames_ms.push(performance.now() - from);
      };
      channel.port2.postMessage(0);
    });
  }).observe(root, { attributes: true, attributeFilter: ['data-drawn'] });
}"""

_BARE = """async (count) => {
  const took = [];
  for (let frame = 0; frame < count; frame += 1) {
    const from = performance.now();
    await new Promise((ready) => requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = ready;
      channel.port2.postMessage(0);
    }));
    took.push(performance.now() - from);
  }
  return took;
}"""


def simulated(root: Path, size: int) -> Workspace:
    """Make a workspace of simulated scans without images."""
    workspace = Workspace.create(root)
    workspace.put_source(Source("simulated", str(root), "mriqc", "pool", simulated=True))
    rng = np.random.default_rng(size)
    ids = np.char.mod("simulated_sub-%07d_T1w", np.arange(size))
    people = np.char.mod("simulated:%07d", np.arange(size))
    site = rng.integers(0, SITES, size)
    scans = pd.DataFrame(
        {
            "scan_id": ids,
            "subject_id": people,
            "participant_id": people,
            "modality": "T1w",
            "source": "simulated",
            "role": "pool",
            "path": "",
            "sha256": np.char.mod("%064d", np.arange(size)),
            "site": np.char.mod("site-%02d", site),
            "age_years": rng.uniform(6, 90, size).round(1),
            "sex": rng.choice(["F", "M"], size),
            "group": rng.choice(["patient", "control"], size),
            "simulated": True,
            "status": "table",
        }
    )
    tables.write_scans(workspace, scans)
    score = np.clip(rng.gamma(2.0, 9.0, size) + site / 4 + scans["age_years"] / 20, 0, 100)
    scores = scans[["scan_id", "sha256"]].assign(
        distortion_score=score, reference="simulated", scoring_version=SCORING_VERSION
    )
    for name in FAMILIES:
        scores[name] = np.clip(score + rng.normal(0, 8, size), 0, 100)
    files.write_parquet(workspace.scores_path, scores)
    for number in range(20):
        overrides.override(workspace, ids[number], "benchmark", "C", "so that there are some")
    return workspace


def retier_ms(workspace: Workspace) -> tuple[float, float]:
    """Return the median time from a moved cut-off to all new figures, in ms, and that of the processor."""
    scans = scan_arrays.read_scan_table(workspace, "pool")
    rng, took, worked = np.random.default_rng(0), [], []
    _figures(scans, TierRule())  # what is made once is made before
    for _ in range(RETIERS):
        lower, upper = np.sort(rng.choice(np.arange(20, 160), 2, replace=False)) / 2
        began, worked_before = time.perf_counter(), time.process_time()
        _figures(scans, TierRule(cutoffs=(lower, upper)))
        took.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - worked_before))
    return statistics.median(took), statistics.median(worked)


def _figures(scans: ScanTable, rule: TierRule) -> tuple[object, ...]:
    sorted_scans = scan_arrays.sort(scans, rule, overrides.in_force(scans.workspace))
    bins, held = scan_arrays.bins(scans, sorted_scans)
    drawn = cutoff_plot.describe(bins, scan_arrays.lines(scans, sorted_scans, held, None))
    tally = tier_facts.facts_of(scans).tally(sorted_scans)
    doubts = rule_warnings.problems(rule, scans.arrays(rule.columns), sorted_scans.codes)
    points = tier_facts.rater_spread(scans, rule.column).points
    near = cutoff_stability.counts_near(scans.values(rule.column), rule.cutoffs, points)
    return (
        drawn,
        doubts,
        near,
        tally.table(),
        tally.differences(),
        tally.shares("site"),
        selection_bias.selections(tally),
    )


@contextlib.contextmanager
def tiers_page(browser: Browser, workspace: Workspace, log: Path) -> Iterator[tuple[Page, str]]:
    """Open Tiers on a dashboard of its own; yield the page and the dashboard's address."""
    with Dashboard(workspace, log) as address:
        page = browser.new_context(viewport=chromium.DESKTOP).new_page()
        page.set_default_timeout(_WAIT_MS)
        page.goto(f"{address}/tiers")
        page.locator(".cutoffs[data-drawn]").wait_for(timeout=_WAIT_MS)
        page.locator("[data-test-script-state=notRunning]").wait_for(timeout=_WAIT_MS)
        yield page, address
        page.context.close()


def redraw_ms(browser: Browser, workspace: Workspace, log: Path) -> tuple[float, float, float]:
    """Return the median time from release to redrawn counts, that of a dragged frame, in ms, and peak GB."""
    with tiers_page(browser, workspace, log) as (page, address):
        page.evaluate(_LISTEN)
        took = [_drag(page, 60 if number % 2 else -60) for number in range(DRAGS)]
        peak = _peak_gb(address)
        dragged, *_ = drag_ms(page)
    return statistics.median(took), dragged, peak


def _drag(page: Page, pixels: int) -> float:
    box = page.get_by_role("slider", name="Cut-off between A and B").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 100
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 5):
        page.mouse.move(x + pixels * step / 4, y)
    page.mouse.up()
    took = page.wait_for_function("() => window.took", timeout=_WAIT_MS).json_value()
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.evaluate("() => { window.released = null; }")
    return float(took)


def drag_ms(page: Page) -> tuple[float, float, float]:
    """Return the time from a moved mouse to the frame with the new counts, and of a bare frame, ms.

    Both are 95th percentiles. Third: processor time of the page's main thread for each frame of the drag, ms.

    Parameters
    ----------
    page : Page
        Shows Tiers; its ``sent`` frames of websockets are counted while the mouse moves.

    Raises
    ------
    AssertionError
        When a drag has sent something to the server, or nothing was drawn anew.
    """
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(1)))
    page.reload()
    page.locator(".cutoffs[data-drawn]").wait_for(timeout=_WAIT_MS)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=_WAIT_MS)
    page.evaluate(_LISTEN_WHILE_DRAGGED)
    box = page.get_by_role("slider", name="Cut-off between A and B").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + 100
    page.mouse.move(x, y)
    page.mouse.down()
    page.wait_for_timeout(500)
    session = page.context.new_cdp_session(page)
    session.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
    session.send("Performance.enable")
    before, worked = len(sent), _main_thread_s(session)
    for step in range(1, MOVES + 1):
        page.mouse.move(x + STEP_PX * step, y)
        page.wait_for_timeout(MOVE_MS)
    worked = _main_thread_s(session) - worked
    assert len(sent) == before, "a drag asked the server"
    took = page.evaluate("() => window.frames_ms")
    page.mouse.up()
    assert len(took) > MOVES / 2, f"{len(took)} frames were drawn in {MOVES} moves"
    bare = page.evaluate(_BARE, MOVES)
    print(
        f"{len(took)} frames of a drag, median {statistics.median(took):.0f} ms; of bare frames "
        f"{statistics.median(bare):.0f} ms; "
        f"{1000 * worked / len(took):.1f} ms of processor time a frame; load {psutil.getloadavg()[0]:.0f}",
        flush=True,
    )
    slow, bare_slow = (float(np.percentile(times, 95)) for times in (took, bare))
    return slow, bare_slow, 1000 * worked / len(took)


def _main_thread_s(session: CDPSession) -> float:
    """Return the processor time that the page's main thread has taken for its tasks so far, s."""
    told = session.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in told if one["name"] == "TaskDuration")


def _peak_gb(address: str) -> float:
    """Return the most memory that the server on an address has held, as the kernel counts it."""
    port = int(address.rpartition(":")[2])
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
            status = Path(f"/proc/{connection.pid}/status").read_text()
            kilobytes = next(
                row.split()[1] for row in status.splitlines() if row.startswith("VmHWM")
            )
            return int(kilobytes) * 1024 / 1e9
    return float("nan")


def main() -> None:
    """Measure, and print the figures."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=chromium.CHROMIUM_ARGUMENTS
        )
        for label, size in SIZES.items():
            root = Path(folder) / label
            began = time.perf_counter()
            workspace = simulated(root, size)
            print(
                f"{size:,} simulated scans made in {time.perf_counter() - began:.0f} s", flush=True
            )
            redraw, dragged, peak = redraw_ms(browser, workspace, Path(folder) / f"{label}.log")
            found[f"redraw_ms_{label}"] = round(redraw, 1)
            found[f"drag_ms_{label}"] = round(dragged, 1)
            print(f"redrawn in {redraw:.0f} ms; server held {peak:.2f} GB", flush=True)
            took, worked = retier_ms(workspace)
            found[f"retier_ms_{label}"] = round(took, 1)
            load = psutil.getloadavg()[0]
            print(
                f"figures in {took:.0f} ms, {worked:.0f} ms of processor time; load {load:.0f}",
                flush=True,
            )
            found["peak_gb"] = round(peak, 2)
        browser.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
