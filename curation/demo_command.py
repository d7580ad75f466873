"""The command ``demo``: a workspace of simulated people."""

import argparse
import os

from curation import demo, terminal
from curation.command_line import Command


def add_demo_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``demo``."""
    command.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="processes (default: cores)"
    )


def run_demo(chosen: argparse.Namespace) -> int:
    """Make the workspace and say how to go on."""
    with terminal.bar("simulating") as progress:
        workspace = demo.make_demo(chosen.workspace, jobs=chosen.jobs, progress=progress)
    print(f"Simulated people are in {workspace.root}. Score them with:")
    print(f"  python -m curation assess --workspace {workspace.root}")
    return 0


DEMO_COMMAND = Command(
    "demo",
    "make a workspace of simulated people, each with T1w and PET",
    run_demo,
    add_demo_options,
)
