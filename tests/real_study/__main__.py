"""The study on real people, from images to ``docs/first-study.md``: ``make study``; the last line is JSON."""

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from tempfile import gettempdir

from curation import logs
from curation.storage import files
from tests.helpers.paths import ROOT, SHARED_DATA
from tests.real_study import page, people, run
from tests.real_study.run import Settings

PAGE = ROOT / "docs" / "first-study.md"
FIGURES = PAGE.with_suffix(".json")
PICTURE = ROOT / "docs" / "images" / "first-study.png"


def main() -> int:
    """Run both splits, write the page, and compare with the page that is there; 1 where scans are absent."""
    parser = argparse.ArgumentParser(description=__doc__)
    usual = Path(gettempdir()) / f"tierscope-study-{os.getuid()}"
    parser.add_argument("--folder", type=Path, default=usual, help="kept, and gone on with")
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    parser.add_argument(
        "--write", action="store_true", help="replace the page of the documentation"
    )
    chosen = parser.parse_args()
    logs.configure("WARNING")
    if not (chosen.data / "t1w_2mm" / "manifest.csv").exists():
        print(f"no scans below {chosen.data}: nothing measured")
        return 1
    settings = Settings()
    print(f"{chosen.folder}, load {os.getloadavg()[0]:.1f}", flush=True)
    results, (spent, load) = [], _spent(chosen.folder)
    for name in people.SPLITS:
        started, is_done = time.monotonic(), (chosen.folder / f"report-{name}").exists()
        results.append(page.read(run.run(chosen.folder, chosen.data, name, settings)))
        if not is_done:
            spent, load = _spent(chosen.folder, (time.monotonic() - started) / 60)
        print(f"{name} split: {spent:.1f} minutes so far", flush=True)
    found = page.figures(results)
    (chosen.folder / PAGE.name).write_text(
        page.page(results, settings, spent, load), encoding="utf-8"
    )
    before = files.read_json(FIGURES) if FIGURES.exists() else {}
    told = page.differences(found, before) | {"minutes": round(spent, 1)}
    if chosen.write:
        shutil.copyfile(chosen.folder / PAGE.name, PAGE)
        files.write_json(FIGURES, found)
        shutil.copyfile(
            chosen.folder / f"report-{people.SPLITS[0]}" / "figures" / "final-errors.png", PICTURE
        )
    print(json.dumps(told))
    return 0


def _spent(folder: Path, more: float = 0.0) -> tuple[float, float]:
    """Add to the minutes of all calls; return them and the highest load of a quarter of an hour meanwhile."""
    path = folder / "minutes.json"
    held = files.read_json(path) or {}
    spent, load = more + held.get("minutes", 0.0), held.get("load", 0.0)
    if more:
        load = max(load, os.getloadavg()[2])
    files.write_json(path, {"minutes": spent, "load": load})
    return spent, load


if __name__ == "__main__":
    raise SystemExit(main())
