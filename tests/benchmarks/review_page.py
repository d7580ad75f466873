"""How fast scans are looked at in real Chromium: ``python -m tests.benchmarks.review_page [--scans N]``.

Made of whole heads resampled to 200 × 200 × 200 voxels (8 million), on software WebGL. Prints what it does;
the last line is one JSON object:

``first_image_s``
    From a click on a tile of the contact sheet to the drawn image, in a browser that has drawn none yet, of a
    scan that the server has not read yet; median of several.
``next_scan_s``
    From the key to the drawn next image on Review, each looked at for ``LOOKS_S`` seconds; median; the
    95th percentile beside it.
``save_ms``
    In a blinded session on Rate: from the key that saves a rating until the browser is told of the next
    image, which is all besides drawing; median; the 95th percentile beside it. ``rated_to_drawn_s`` is until
    that image is drawn.
``contact_sheet_s``
    From a click on the page's name to the last picture in sight, of a sheet of 1,000 scans.
``memory_growth_mb``
    Resident memory of server and browser at the end of that sitting less that after the first tenth of it.
"""

import argparse
import json
import re
import shutil
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from scipy import ndimage

from curation.imaging.thumbnails import write_preview
from curation.imaging.volumes import conform, load
from curation.ratings import rating_log
from curation.scoring import distortion_score
from curation.scoring.score_reference import builtin
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage import files, tables
from curation.storage.workspace import Source, Workspace
from tests.helpers import chromium, workspace_full
from tests.helpers.dashboard import Dashboard
from tests.helpers.paths import ROOT

DATA = ROOT.parent / "shared" / "data" / "ds000011"
EDGE = 200
TILES = 1000
FIRSTS, NEXTS = 5, 15
LOOKS_S, RATES_S = 2.0, 0.8
# Reading a pixel back waits until the graphics have done all that was asked of them.
_READY = """(old) => {
  const frame = document.querySelector('iframe[title*=niivue]');
  const said = frame?.contentDocument?.documentElement?.dataset;
  if (!said || said.image !== 'drawn' || said.file === old) return null;
  const gl = frame.contentWindow.tierscopeView.gl;
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  return said.file;
}"""
_TOLD = """(old) => {
  const frame = document.querySelector('iframe[title*=niivue]');
  const asked = frame?.contentDocument?.documentElement?.dataset.asked;
  return asked && asked !== old ? asked : null;
}"""
_IN_SIGHT = """() => {
  const roots = [document, ...[...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean)];
  const images = roots.flatMap((r) => [...r.querySelectorAll('.sheet img')]);
  const seen = images.filter((i) => i.getBoundingClientRect().top < innerHeight);
  return seen.length > 8 && seen.every((i) => i.complete && i.naturalWidth > 0);
}"""


def figures(scans: int) -> dict[str, float]:
    """Measure; see the module.

    Parameters
    ----------
    scans : int
        How many scans are rated in one sitting.
    """
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root = Path(folder)
        heads = [
            _enlarged(path, root / "images")
            for path in sorted(DATA.glob("sub-*/anat/*_T1w.nii.gz"))
        ]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=chromium.CHROMIUM_ARGUMENTS
        )
        found: dict[str, float] = {}
        workspace = _workspace(root / "few", heads, max(40, scans + 1))
        with Dashboard(workspace, root / "few.log") as address:
            found |= _first(browser, address) | _stepping(browser, address)
            found |= _sitting(browser, address, workspace, scans)
        workspace = _workspace(root / "many", heads, TILES)
        with Dashboard(workspace, root / "many.log") as address:
            found |= _sheet(browser, address)
        browser.close()
    return found


def _enlarged(path: Path, folder: Path) -> Path:
    image = nib.load(path)
    data = np.asarray(image.dataobj, dtype=np.float32)
    factors = [EDGE / n for n in data.shape]
    whole = np.rint(ndimage.zoom(data, factors, order=1)).astype(np.int16)
    folder.mkdir(exist_ok=True)
    made = folder / path.name
    nib.save(nib.Nifti1Image(whole, image.affine @ np.diag([*(1 / f for f in factors), 1])), made)
    return made


def _workspace(root: Path, heads: list[Path], count: int) -> Workspace:
    """Make a scored workspace of as many scans, each a file of its own name."""
    workspace = Workspace.create(root)
    folder = root.parent / f"{root.name}-images"
    folder.mkdir()
    workspace.put_source(Source("bench", str(folder), "folder", "pool", simulated=False))
    hashes = [files.sha256_of(path) for path in heads]
    pictures = [root.parent / f"{path.name}.png" for path in heads]
    for path, picture in zip(heads, pictures, strict=True):
        if not picture.exists():
            write_preview(picture, conform(load(path)))
    rows = []
    workspace.previews_dir.mkdir(exist_ok=True)
    for number in range(count):
        path, scan_id = folder / f"sub-{number:04d}_T1w.nii.gz", f"bench_sub-{number:04d}_T1w"
        path.symlink_to(heads[number % len(heads)])
        shutil.copy(pictures[number % len(heads)], workspace.preview_path(scan_id))
        rows.append(_row(number, scan_id, path, hashes[number % len(heads)]))
    table = pd.DataFrame(rows)
    tables.write_scans(workspace, table)
    metrics = workspace_full._metrics(table)
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    spread = np.linspace(95, 2, count).round(2)
    scored = distortion_score.score(metrics, builtin()).assign(distortion_score=spread)
    files.write_parquet(workspace.scores_path, scored)
    return workspace


def _row(number: int, scan_id: str, path: Path, sha256: str) -> dict:
    return {
        "scan_id": scan_id,
        "subject_id": f"bench:sub-{number:04d}",
        "sha256": sha256,
        "participant_id": f"sub-{number:04d}",
        "modality": "T1w",
        "source": "bench",
        "role": "pool",
        "path": str(path),
        "shape": [EDGE] * 3,
        "spacing_mm": [0.8, 1.28, 1.28],
        "orientation": "LAS",
        "site": None,
        "age_years": 30.0,
        "sex": "F",
        "simulated": False,
        "status": "ok",
    }


# ---- what is measured ------------------------------------------------------------------------------


def _opened(browser: Browser, address: str, page_name: str) -> Page:
    page = browser.new_context(viewport=chromium.DESKTOP).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/{page_name}")
    page.locator(".ts-head").wait_for()
    return page


def _first(browser: Browser, address: str) -> dict[str, float]:
    taken = []
    for number in range(FIRSTS):
        page = _opened(browser, address, "sheet")
        # not the first scan: what any other session has looked at is in the image cache by now
        tile = page.locator(".sheet button").nth(7 * number + 5)
        tile.wait_for()
        page.wait_for_timeout(3000)
        started = time.perf_counter()
        tile.click()
        chromium.drawn(page)
        taken.append(time.perf_counter() - started)
        print(f"first image: {taken[-1]:.2f} s")
        page.context.close()
    return {"first_image_s": _median(taken), "first_image_of_all_s": round(taken[0], 3)}


def _stepping(browser: Browser, address: str) -> dict[str, float]:
    page = _opened(browser, address, "review")
    shown, taken = chromium.drawn(page), []
    for _ in range(NEXTS):
        page.wait_for_timeout(1000 * LOOKS_S)
        started = time.perf_counter()
        page.keyboard.press("n")
        shown = chromium.drawn(page, shown)
        taken.append(time.perf_counter() - started)
        print(f"next scan: {taken[-1]:.2f} s", flush=True)
    page.context.close()
    return {"next_scan_s": _median(taken), "next_scan_p95_s": _p95(taken)}


def _sitting(browser: Browser, address: str, workspace: Workspace, scans: int) -> dict[str, float]:
    """Rate so many scans by keyboard, blinded, in one browser that is never reloaded."""
    plan = SessionPlan("bench", "bench", "three-level", size=scans, repeats_share=0.0)
    session = session_log.start(workspace, plan)
    page = browser.new_context(viewport=chromium.DESKTOP).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/rate?session={session.id}")
    shown, told, drawn, memory = chromium.drawn(page), [], [], []
    for number in range(scans - 1):
        page.get_by_role("heading", name=f"Scan {number + 1} of {scans}", exact=True).wait_for()
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        page.get_by_role("button", name=re.compile("^Save and")).wait_for()
        page.keyboard.press("1")
        page.wait_for_timeout(1000 * RATES_S)
        memory.append(_resident_mb())
        started = time.perf_counter()
        page.keyboard.press("n")
        page.wait_for_function(_TOLD, arg=shown, polling=10)
        told.append(time.perf_counter() - started)
        shown = chromium.drawn(page, shown)
        drawn.append(time.perf_counter() - started)
        if number % 10 == 0:
            print(f"rated {number + 1}: {drawn[-1]:.2f} s, {memory[-1]:.0f} MB", flush=True)
    page.context.close()
    after = memory[max(1, len(memory) // 10) :]
    return {
        "save_ms": round(1000 * _median(told)),
        "save_p95_ms": round(1000 * _p95(told)),
        "rated_to_drawn_s": _median(drawn),
        "memory_growth_mb": round(float(np.median(memory[-5:]) - np.median(after[:5])), 1),
        "memory_mb": round(memory[-1], 1),
        "rated_in_one_sitting": len(rating_log.list_ratings(workspace)) + 1,
    }


def _median(taken: list[float]) -> float:
    return round(float(np.median(taken)), 3)


def _p95(taken: list[float]) -> float:
    return round(float(np.quantile(taken, 0.95)), 3)


def _sheet(browser: Browser, address: str) -> dict[str, float]:
    taken = []
    for _ in range(3):
        page = _opened(browser, address, "cohort")
        page.wait_for_timeout(3000)
        started = time.perf_counter()
        page.get_by_role("link", name="Scans").first.click()
        page.wait_for_function(_IN_SIGHT, polling=20)
        taken.append(time.perf_counter() - started)
        print(f"contact sheet: {taken[-1]:.2f} s")
        page.context.close()
    return {"contact_sheet_s": _median(taken)}


def _resident_mb() -> float:
    """Return the memory of the server and the browser: all that this process has started."""
    total = 0
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def main() -> int:
    """Measure and print; 1 where there are no scans to measure on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=200, help="how many scans are rated")
    asked = parser.parse_args()
    if not DATA.is_dir() or not shutil.which("chromium"):
        print(f"no scans at {DATA}, or no Chromium: nothing measured")
        return 1
    print(json.dumps(figures(asked.scans)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
