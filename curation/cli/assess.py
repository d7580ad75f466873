"""The command ``assess``: here and now, one share of it, or in batches on a cluster."""

import argparse
import contextlib
import os

from curation.assessment import snakemake_batches, snakemake_profiles
from curation.assessment.assess_workspace import AssessmentSummary, assess, assess_batch, finish
from curation.assessment.pending import Batch
from curation.cli import framework
from curation.cli.framework import Command
from curation.storage import processes
from curation.storage.processes import lease
from curation.storage.workspace import Workspace


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "--jobs", type=int, help="processes (default: cores; with --batches: 1 a batch)"
    )
    parser.add_argument(
        "--retry",
        dest="again",
        action="store_const",
        const="failed",
        help="also try what could not be measured for a reason that lies in the file; what failed "
        "for a reason of the moment (no access, no memory), and a file that has changed, is tried again in "
        "any case",
    )
    parser.add_argument("--again", choices=["failed"], help=argparse.SUPPRESS)  # its name until 0.6
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--batches", type=int, metavar="N", help="measure in N batches by Snakemake, then gather"
    )
    way.add_argument("--batch", metavar="K/N", help="measure the K-th of N shares only, no scores")
    way.add_argument(
        "--gather", action="store_true", help="write the scores of what all batches measured"
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help=f"a Snakemake profile named in {snakemake_profiles.ENVIRONMENT_VARIABLE}, for --batches",
    )
    parser.add_argument("--slots", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, help="cores for all batches together (default: all)")


def run(chosen: argparse.Namespace) -> int:
    """Do what the options ask; pages see that it runs, wherever it was started."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.batch:  # one of many, perhaps on another machine
        return _run(workspace, chosen)
    with processes.noted(workspace.assess_state_path):
        return _run(workspace, chosen)


def _run(workspace: Workspace, chosen: argparse.Namespace) -> int:
    again = chosen.again == "failed"
    if chosen.batches is not None:
        done = snakemake_batches.run(
            workspace,
            chosen.batches,
            jobs=chosen.jobs or 1,
            cores=chosen.cores,
            profile=chosen.profile,
            again=again,
        )
        print(done)
        return 0 if done.complete else 1
    if chosen.gather:
        finish(workspace, jobs=chosen.jobs or os.cpu_count() or 1)
        return 0
    jobs = chosen.jobs or os.cpu_count() or 1
    with framework.bar("scoring") as progress:
        if chosen.batch:
            batch = Batch.parse(chosen.batch)
            with _slot(workspace, chosen.slots):
                summary = assess_batch(workspace, batch, jobs=jobs, again=again, progress=progress)
        else:
            summary = assess(workspace, jobs=jobs, again=again, progress=progress)
    print(_words(summary))
    return 0


def _slot(workspace: Workspace, count: int) -> contextlib.AbstractContextManager[object]:
    """Wait for one of ``count`` slots: Snakemake may start more jobs than there are cores."""
    places = [workspace.batch_slot_path(number) for number in range(count)]
    return lease(places, check=lambda: None) if places else contextlib.nullcontext()


def _words(summary: AssessmentSummary) -> str:
    """Print the result in one line."""
    failed = f", {summary.failed} could not be measured" if summary.failed else ""
    before = summary.failed_before
    earlier = f", {before} of them could not be measured (--retry tries anew)" if before else ""
    return (
        f"{summary.assessed} measured{failed}, {summary.skipped} were done before{earlier} "
        f"({summary.seconds:.0f} s)"
    )


COMMAND = Command("assess", "measure and score the scans not scored yet", run, add_options)
