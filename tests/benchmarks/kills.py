"""Processes ended by force while they write: ``python -m tests.benchmarks.kills`` prints one JSON object.

``kills`` over ratings, ingest, scoring, freezing and training; ``confirmed`` things that a process had said
to be done before it was ended; ``lost`` of them, which are not there afterwards; ``findings`` of
``check`` that ``--repair`` leaves, and how many it ``repaired``.
"""

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from curation.assessment import assess_workspace
from curation.cohorts import frozen_cohort
from curation.decisions import database
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.sources.ingest import ingest
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from curation.upkeep import checks
from tests.helpers import rating_writer, workspace_full, workspace_trainable
from tests.helpers.nifti_images import write_nifti
from tests.helpers.phantom_heads import affine, head
from training.jobs import worker
from training.studies import runs
from training.tasks import checkpoints, training_loop

Confirm = Callable[[Hashable], None]
#: So long is waited for the first thing that a process does, seconds.
_PATIENCE_S = 120.0


@dataclass
class Writing:
    """A kind of writing that is broken off.

    Parameters
    ----------
    workspace : Workspace
        Where.
    write : callable
        Writes without end, and confirms each thing once it is done; takes the number of the process.
    held : callable
        Returns what is there.
    longest_s : float
        A process lives so long at most.
    told : callable, optional
        Returns what a file on disk calls done, where the process does not confirm it itself.
    """

    workspace: Workspace
    write: Callable[[int, Confirm], None]
    held: Callable[[], set[Any]]
    longest_s: float
    confirmed: set[Any] = field(default_factory=set)
    told: Callable[[], Hashable] | None = None


# ---- kinds ---------------------------------------------------------------------------------------------


def ratings(folder: Path) -> Writing:
    """Rate a session of one's own."""
    workspace = rating_writer.workspace_of(folder, 2000)

    def write(number: int, confirm: Confirm) -> None:
        plan = SessionPlan(f"s{number}", "r", "mriqc-4", size=2000, repeats_share=0.0, seed=number)
        session = session_log.start(workspace, plan)
        for item in session.items:
            confirm(
                session_log.save(workspace, session.id, item.position, Opinion(2.0, seconds=1.0))
            )

    return Writing(workspace, write, lambda: set(rating_log.list_ratings(workspace)["id"]), 0.6)


def sources(folder: Path) -> Writing:
    """List one source after the other."""
    workspace = Workspace.create(folder / "workspace")
    images = folder / "images"
    for number in range(3):
        write_nifti(images / f"sub-{number}_T1w.nii.gz", seed=number)

    def write(number: int, confirm: Confirm) -> None:
        for each in count():
            name = f"s{number}-{each}"
            (folder / name).symlink_to(images)
            ingest(workspace, folder / name, name=name)
            confirm(name)

    def held() -> set[Any]:
        found = tables.read_scans(workspace).groupby("source").size()
        listed = {source.name for source in workspace.sources()}
        return {name for name, size in found.items() if size == 3 and name in listed}

    return Writing(workspace, write, held, 1.5)


def scores(folder: Path) -> Writing:
    """Score one head after the other, with all that follows."""
    workspace = Workspace.create(folder / "workspace")
    images = folder / "images"
    images.mkdir()
    made = [head(number) for number in range(4)]
    for number in range(40):
        noise = np.random.default_rng(number).integers(0, 9, made[0].shape)
        data = (made[number % 4] + noise).astype(np.int16)
        nib.save(nib.Nifti1Image(data, affine()), images / f"sub-{number:02d}_T1w.nii.gz")
    ingest(workspace, images, name="heads")

    def write(number: int, confirm: Confirm) -> None:
        for scan_id in assess_workspace.due_scans(workspace)["scan_id"]:
            assess_workspace.assess(workspace, scan_ids=[scan_id])
            confirm(scan_id)

    def held() -> set[Any]:
        return set(tables.read_metrics(workspace)["scan_id"]) & set(
            tables.read_scores(workspace)["scan_id"]
        )

    return Writing(workspace, write, held, 4.0)


def cohorts(folder: Path) -> Writing:
    """Freeze one cohort after the other."""
    workspace = workspace_full.make(folder / "workspace")

    def write(number: int, confirm: Confirm) -> None:
        for each in count():
            rule = TierRule(DEFAULT_RULE.names[:2], (20.0 + number + each / 1000,))
            confirm(frozen_cohort.freeze(workspace, f"c{number}", author="Ada", rule=rule).id)

    def held() -> set[Any]:
        found = frozen_cohort.list_cohorts(workspace)
        whole = [one for one in found if len(frozen_cohort.load(workspace, one.id).scans)]
        return {one.id for one in whole if frozen_cohort.is_noted(workspace, one)}

    return Writing(workspace, write, held, 1.5)


def trainings(folder: Path) -> Writing:
    """Pretrain, broken off and gone on with; confirmed is each epoch that the state calls saved."""
    workspace = workspace_trainable.make(Workspace.create(folder / "workspace"))
    study = workspace_trainable.plan(workspace, overrides={"pretrain_epochs": 5000})
    runs.write_configs(study)
    where = ["--workspace", str(workspace.root), "--study", study.id]
    assert worker.main(["prepare", "--jobs", "1", *where]) == 0
    run = next(one for one in runs.runs_of(study) if one.kind == "pretrain")

    def write(number: int, confirm: Confirm) -> None:
        training_loop.SAVE_EVERY_S = 0.0
        worker.main(["pretrain", "--run", run.id, *where])

    def held() -> set[Any]:
        state = checkpoints.load(run.checkpoint_path)
        steps = state["progress"]["step"] if state else 0
        return set(range(steps // study.preset.pretrain_steps + 1))

    def told() -> Hashable:
        return files.read_note(run.status_path).get("saved_epoch", 0)

    return Writing(workspace, write, held, 4.0, told=told)


KINDS: dict[str, Callable[[Path], Writing]] = {
    "ratings": ratings,
    "sources": sources,
    "scores": scores,
    "cohorts": cohorts,
    "trainings": trainings,
}


# ---- kills -----------------------------------------------------------------------------------------------


def _told(heard: Connection) -> Iterator[Any]:
    while heard.poll():
        try:
            yield heard.recv()
        except EOFError:
            return


def _wait_for_first(writing: Writing, heard: Connection) -> None:
    """Wait until a process has done something."""
    until, before = time.monotonic() + _PATIENCE_S, writing.told and writing.told()
    if writing.told is None:
        heard.poll(_PATIENCE_S)
        return
    while writing.told() == before and time.monotonic() < until:
        time.sleep(0.02)


def _kill_one(writing: Writing, number: int, rng: random.Random) -> None:
    """Let a process write for a moment, end it by force, and take in what it had confirmed."""
    database.close()  # a connection that is open is not for two processes
    context = multiprocessing.get_context("fork")
    heard, says = context.Pipe(duplex=False)
    child = context.Process(target=writing.write, args=(number, says.send))
    child.start()
    says.close()
    if number % 2:  # every other one is ended while it begins
        _wait_for_first(writing, heard)
    time.sleep(rng.uniform(0, writing.longest_s))
    child.kill()
    child.join()
    writing.confirmed |= set(_told(heard))
    heard.close()


def killed(folder: Path, kind: str, kills: int) -> dict[str, Any]:
    """End processes of one kind by force, and count what they had confirmed and is not there."""
    writing, rng, findings = KINDS[kind](folder), random.Random(kind), []
    sound = {(one.where, one.what) for one in checks.check(writing.workspace)[0]}
    repaired = 0
    for number in range(kills):
        _kill_one(writing, number, rng)
        if writing.told:
            writing.confirmed.add(writing.told())
        found, mended = checks.check(writing.workspace, repair=True)
        repaired += len(mended)
        new = [one for one in found if (one.where, one.what) not in sound]
        findings += [f"{kind}: {one.where}: {one.what}" for one in new]
    lost = writing.confirmed - writing.held()
    return {
        "kills": kills,
        "confirmed": len(writing.confirmed),
        "lost": len(lost),
        "findings": findings,
        "repaired": repaired,
    }


def everything(folder: Path, kills: int) -> dict[str, Any]:
    """End processes of every kind by force, so many in all."""
    found = {
        kind: killed(folder / kind, kind, kills // len(KINDS) + (place < kills % len(KINDS)))
        for place, kind in enumerate(KINDS)
    }
    findings = [line for one in found.values() for line in one["findings"]]
    return {
        "kills": sum(one["kills"] for one in found.values()),
        "confirmed": {kind: one["confirmed"] for kind, one in found.items()},
        "lost": sum(one["lost"] for one in found.values()),
        "findings": len(findings),
        "repaired": sum(one["repaired"] for one in found.values()),
        "first_findings": findings[:3],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(everything(Path(temporary), parser.parse_args().kills)))
