"""The command ``export``: the network of a finished pretraining, for use without Tierscope."""

import argparse
from pathlib import Path

from curation.command_line import Command
from curation.workspace import Workspace
from training import runs
from training import study as studies
from training.config import MODALITIES


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("study", help="id of a study")
    parser.add_argument(
        "pretraining", metavar="run", help="id of a finished pretraining, e.g. pretrain_all_seed0"
    )
    parser.add_argument(
        "--to",
        type=Path,
        help="folder for this one network (default: one in the workspace's exports)",
    )
    parser.add_argument(
        "--modality", choices=MODALITIES[-1], help="of a network trained on several by turns"
    )


def run_export(chosen: argparse.Namespace) -> int:
    """Do what the options ask, and print where the files are."""
    from training import export  # torch only where it is needed

    workspace = Workspace.open(chosen.workspace)
    study = studies.load(workspace, chosen.study)
    run_ = runs.find(study, chosen.pretraining)
    named = export.folder_name(study, run_, chosen.modality)
    folder = chosen.to or workspace.exports_dir / "networks" / named
    made = export.export(study, run_, folder, chosen.modality)
    print(f"weights: {made.weights}\nabout: {made.about}")
    return 0


EXPORT_COMMAND = Command(
    "export",
    "write a pretrained network as safetensors, to be loaded with plain MONAI",
    run_export,
    add_export_options,
)
