"""Thirty thousand volumes, a million scans: ``make bench-scale``.

Each part is measured in a process of its own, on simulated tables and made files. Prints what it does; the
last line is one JSON object, ``null`` where a part was left out:

``descriptors_30000``
    Files that the process had open at most while three readers made batches of 30,000 volumes, all in all.
``plan_s_30000``, ``prepare_parent_mb``
    Planning a study on 30,000 scans, s; most memory of the process that hands their preparation out, MB.
``loader_volumes_s_base``, ``loader_volumes_s_large``
    Flipped and shifted volumes of ``gpu-base`` and ``gpu-large`` that one reader makes into batches for a
    GPU, a second of processor time; ``loader_ratio_base``, ``loader_ratio_large``: to how it was done up to
    0.7, by turns. Memory that is kept stands in for pinned memory, which torch gives out again and again.
``checkpoint_share``
    Share of the time for which a training of ``gpu-base`` stands still for its checkpoints, 0 to 1: the
    processor time of the copy in memory, every five minutes; the disk is waited for by another thread.
``freeze_s_1e6``, ``freeze_gb_1e6``
    Freezing 1,000,000 scans, s of processor time, and most memory of the whole process, GB.
``list_s_20000``
    Listing a folder of 20,000 scans with a table of as many people, s of processor time.
``drag_ms_1e6``
    In Chromium, while the mouse drags a cut-off over 1,000,000 scans: from a moved mouse to the frame with
    the new counts, ms, 95th percentile; the server is asked nothing meanwhile. ``bare_ms_1e6``: of frames
    in which nothing is drawn; ``drag_cpu_ms_1e6``: processor time of the page's main thread a frame.
``estimate_error``
    Largest error of what five small studies were foretold to cost, a share of the processor time that they
    took; see :mod:`tests.benchmarks.estimates`.
"""

import argparse
import hashlib
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation.storage import processes
from curation.storage.workspace import Source, Workspace
from tests.benchmarks import loaders

VOLUMES, PEOPLE, TARGET = 30_000, 20_000, 100
_DRAGGED = ("drag_ms_1e6", "bare_ms_1e6", "drag_cpu_ms_1e6")
KEYS = (
    "descriptors_30000",
    "plan_s_30000",
    "prepare_parent_mb",
    "loader_volumes_s_base",
    "loader_volumes_s_large",
    "loader_ratio_base",
    "loader_ratio_large",
    "checkpoint_share",
    "freeze_s_1e6",
    "freeze_gb_1e6",
    "list_s_20000",
    *_DRAGGED,
    "estimate_error",
)


def descriptors(folder: Path) -> dict[str, float]:
    """Batches of 30,000 volumes that are not held, by three readers; files open at most."""
    from training.tasks import batches

    batches.HELD_BYTES = 0
    paths = [folder / f"{number}.npy" for number in range(VOLUMES)]
    for path in paths:
        np.save(path, np.zeros((8, 8, 8), np.float16))
    volumes, most, done = batches.Volumes(paths), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.0005):
            most.append(len(list(Path("/proc/self/fd").iterdir())))

    watcher = threading.Thread(target=watch)
    watcher.start()

    def sample(step: int) -> dict:
        indices = batches.batch_indices(VOLUMES, batch=64, step=step, seed=0)
        changes = batches.Augmentation.sample(np.random.default_rng(step), 64, shift_voxels=2)
        return {"volumes": volumes.batch(indices, changes)}

    for _ in batches.batches(sample, 0, VOLUMES // 64 + 1, prefetch=True):
        pass
    done.set()
    watcher.join()
    return {"descriptors_30000": max(most)}


def planning(folder: Path) -> dict[str, float]:
    """Plan a study on 30,000 scans, and hand their preparation out to a process that does nothing."""
    from curation.cohorts import frozen_cohort
    from training.studies import planned_study

    workspace = _with_alignment(folder)
    pool = frozen_cohort.freeze(workspace, "pool", author="benchmark")
    target = frozen_cohort.freeze(workspace, "target", author="benchmark", role="target")
    began = time.process_time()
    study = planned_study.plan(
        workspace,
        name="scale",
        cohort_id=pool.id,
        target_id=target.id,
        arms=["scratch", "all", "A"],
        seeds=[0, 1, 2],
        folds=5,
        preset="gpu-large",
    )
    seconds = time.process_time() - began
    print(f"planned in {seconds:.1f} s of processor time", flush=True)
    process = _after("prepare", folder, study.id)  # its memory is that of the parent of the work
    assert process["prepared"] == VOLUMES + TARGET
    return {
        "plan_s_30000": round(seconds, 1),
        "prepare_parent_mb": process["prepare_parent_mb"],
    }


def prepare(folder: Path, study_id: str) -> dict[str, float]:
    """Hand the preparation of a study out; the work itself is left out, but for the brain's mask."""
    from training.studies import planned_study, prepare_volumes

    workspace = Workspace.open(folder)
    study = planned_study.load(workspace, study_id)
    prepare_volumes._prepare_one = _nothing  # type: ignore[assignment]
    count = prepare_volumes.prepare(workspace, study, jobs=2)
    return {"prepared": count, "prepare_parent_mb": processes.peak_memory_mb()}


def _nothing(task: object) -> str:
    return ""


def checkpoint(folder: Path) -> dict[str, float]:
    """Write checkpoints of ``gpu-base`` beside work; the share of five minutes for which it waits."""
    import torch

    from training.models import masked_autoencoder
    from training.settings.presets import PRESETS
    from training.tasks import checkpoints
    from training.tasks.training_loop import SAVE_EVERY_S

    network = masked_autoencoder.build(PRESETS["gpu-base"], seed=0)
    learned = [one for one in network.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(learned, fused=True)
    for one in learned:
        one.grad = torch.zeros_like(one)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    waits, path = [], folder / "last.pt"
    with checkpoints.Writer(path, 0) as writer:
        for _ in range(2):
            state = {"model": network.state_dict(), "optimizer": optimizer.state_dict()}
            began = time.thread_time()
            writer.write(state, 1)
            waits.append(time.thread_time() - began)
            began = time.perf_counter()
            writer.wait()
            written = time.perf_counter() - began
    print(
        f"{path.stat().st_size / 1e9:.2f} GB: the training copies for {waits[-1]:.2f} s, the disk takes "
        f"{written:.1f} s beside it",
        flush=True,
    )
    return {"checkpoint_share": round(statistics.median(waits) / SAVE_EVERY_S, 5)}


def freezing(folder: Path) -> dict[str, float]:
    """Freeze a million scans, in a process that has done nothing before."""
    from tests.benchmarks.tiers import SIZES, simulated

    simulated(folder / "million", SIZES["1e6"])
    return _after("freeze", folder / "million")


def freeze(folder: Path) -> dict[str, float]:
    """Freeze the scans of a workspace."""
    from curation.cohorts import frozen_cohort

    workspace = Workspace.open(folder)
    began = time.process_time()
    cohort = frozen_cohort.freeze(workspace, "million", author="benchmark")
    seconds = time.process_time() - began
    print(f"{cohort.size} scans frozen", flush=True)
    return {
        "freeze_s_1e6": round(seconds, 1),
        "freeze_gb_1e6": round(processes.peak_memory_mb() / 1024, 2),
    }


def listing(folder: Path) -> dict[str, float]:
    """List a folder of 20,000 scans with a table of as many people, whose names differ from the files'."""
    from curation.sources.discovery import list_source

    for number in range(PEOPLE):
        path = folder / f"site{number % 7}" / f"sub-{number:05d}_T1w.nii.gz"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    table = folder / "people.csv"
    rows = (f"{number},{20 + number % 60},{'FM'[number % 2]}" for number in range(PEOPLE))
    table.write_text("participant_id,age,sex\n" + "\n".join(rows) + "\n")
    began = time.process_time()
    found = list_source(Source("folder", str(folder), "folder"), table)
    seconds = time.process_time() - began
    known = sum(entry.person["age_years"] is not None for entry in found.entries)
    print(f"{len(found.entries)} scans listed, {known} with their age", flush=True)
    assert known == PEOPLE
    return {"list_s_20000": round(seconds, 1)}


def dragging(folder: Path) -> dict[str, float]:
    """Drag a cut-off over a million scans in Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.benchmarks import tiers
    from tests.helpers import chromium

    workspace = tiers.simulated(folder / "million", tiers.SIZES["1e6"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=chromium.CHROMIUM_ARGUMENTS
        )
        with tiers.tiers_page(browser, workspace, folder / "server.log") as (page, _):
            figures = tiers.drag_ms(page)
    return dict(zip(_DRAGGED, (round(figure, 1) for figure in figures), strict=True))


def estimates(folder: Path) -> dict[str, float]:
    """Foretell what five small studies cost, and run them."""
    from tests.benchmarks import estimates

    return {"estimate_error": estimates.measure(folder)["estimate_error"]}


PARTS: dict[str, Callable[[Path], dict[str, float]]] = {
    "descriptors": descriptors,
    "planning": planning,
    "loaders": loaders.measure,
    "checkpoint": checkpoint,
    "freezing": freezing,
    "listing": listing,
    "dragging": dragging,
    "estimates": estimates,
}
#: What parts have done by another process, with what they give it.
_WITHIN: dict[str, Callable[..., dict[str, float]]] = {"prepare": prepare, "freeze": freeze}


def _with_alignment(folder: Path) -> Workspace:
    """Make a workspace of 30,000 scans of a pool and 100 of a target, scored and aligned."""
    from curation.storage import files, tables
    from tests.benchmarks.tiers import simulated

    workspace = simulated(folder, VOLUMES + TARGET)
    scans = tables.read_scans(workspace)
    scans.loc[scans.index[-TARGET:], "role"] = "target"
    scans["status"] = "ok"
    images = folder / "images"
    images.mkdir()
    scans["path"] = [str(images / f"{name}.nii.gz") for name in scans["scan_id"]]
    for name, path in zip(scans["scan_id"], scans["path"], strict=True):
        Path(path).write_text(name)  # that they are there, and unchanged, is looked at
    scans["sha256"] = [hashlib.sha256(name.encode()).hexdigest() for name in scans["scan_id"]]
    scores = files.read_parquet(workspace.scores_path).set_index("scan_id")
    scores["sha256"] = scans.set_index("scan_id")["sha256"]
    files.write_parquet(workspace.scores_path, scores.reset_index())
    tables.write_scans(workspace, scans)
    affine = np.eye(4).ravel().tolist()
    metrics = scans[["scan_id", "sha256"]].assign(template_affine=[affine] * len(scans))
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    return workspace


def _after(part: str, *given: object) -> dict[str, Any]:
    """Do a part in a process of its own, showing what it prints; return its figures."""
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--part", part, *map(str, given)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    *told, last = done.stdout.splitlines() or [""]
    print(*(f"  {line}" for line in told), sep="\n", flush=True)
    if done.returncode:
        raise SystemExit(f"{part} failed: {last}")
    return json.loads(last)


def main() -> None:
    """Measure every part, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(PARTS), help="parts; all by default")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        name, folder, *rest = chosen.part
        print(json.dumps((PARTS | _WITHIN)[name](Path(folder), *rest)))
        return
    print(f"Python {platform.python_version()}, numpy {np.__version__}, pandas {pd.__version__}")
    figures: dict[str, float | None] = dict.fromkeys(KEYS)
    for part in chosen.only or PARTS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            figures |= _after(part, folder)
        print(f"{part}: {time.monotonic() - began:.0f} s", flush=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
