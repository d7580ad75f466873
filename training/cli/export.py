"""The commands ``export`` and ``report``: a network for use elsewhere, and a study as something to hand on.

The command ``report``: everything that is handed on of a study, in a folder.

The command ``reconstruct``: reconstructions of one scan, or reconstruction errors of every scan.
"""

import argparse
from pathlib import Path

from curation.cli import framework
from curation.cli.framework import Command
from curation.errors import StudyError
from curation.storage.workspace import Workspace
from training.reconstruction import reconstruction_files
from training.results.doubtful_alignments import DOUBTFUL_NATS
from training.settings.preset import MODALITIES
from training.studies import planned_study, runs
from training.studies.planned_study import Study
from training.studies.runs import Run


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("study", help="id of a study")
    parser.add_argument(
        "run_id",
        metavar="run",
        help="id of a finished pretraining, e.g. pretrain_all_seed0, or of a finished fine-tuning, e.g. "
        "finetune_all_seed0_fold0, which is exported with its head",
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
    """Export the network, and print the paths of its files."""
    from training.tasks import export_network  # torch only where it is needed

    workspace = Workspace.open(chosen.workspace)
    study = planned_study.load(workspace, chosen.study)
    run = runs.find(study, chosen.run_id)
    named = export_network.folder_name(study, run, chosen.modality)
    folder = chosen.to or workspace.exports_dir / "networks" / named
    if run.kind == "finetune":
        made = export_network.export_model(workspace, study, run, folder)
    else:
        made = export_network.export(workspace, study, run, folder, chosen.modality)
    print(f"weights: {made.weights}\nabout: {made.about}")
    return 0


EXPORT_COMMAND = Command(
    "export",
    "write a pretrained network, or a fine-tuned model, as safetensors, to be loaded with plain MONAI",
    run_export,
    add_export_options,
)


def add_prepare_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("image", type=Path, help="a T1w, NIfTI; it is only read")
    parser.add_argument(
        "--like", type=Path, required=True, metavar="ENCODER.JSON", help="what the network expects"
    )
    parser.add_argument(
        "--pet", type=Path, help="its PET, co-registered, for a network that sees it"
    )
    parser.add_argument(
        "--to", type=Path, required=True, help="file to write: .npy (channels, X, Y, Z) or .nii.gz"
    )


def run_prepare(chosen: argparse.Namespace) -> int:
    """Prepare one scan, and say how it was aligned."""
    from training.reconstruction import prepare_file  # brings nilearn: seconds

    expected = prepare_file.read_expected(chosen.like)
    given = tuple(filter(None, (chosen.image, chosen.pet)))
    prepare_file.refuse_target(chosen.to, expected, given)
    prepared = prepare_file.prepare(chosen.image, expected, chosen.pet)
    prepare_file.write(prepared, chosen.to)
    shape = " × ".join(map(str, prepared.volume.shape))
    print(
        f"{chosen.to}: {shape}, aligned: it shares {prepared.similarity:.2f} nats of information with the "
        f"template (an alignment is in doubt below {DOUBTFUL_NATS:g})"
    )
    for note in prepared.notes:
        print(f"  note: {note}")
    return 0


PREPARE_COMMAND = Command(
    "prepare",
    "make a new scan into what an exported network expects, by the JSON beside it",
    run_prepare,
    add_prepare_options,
    on_workspace=False,
)


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("--study", required=True, help="id of a study")
    parser.add_argument("--out", required=True, type=Path, help="folder to write into")
    parser.add_argument("--sites", action="store_true", help="keep the names of sites")
    parser.add_argument("--no-pictures", action="store_true", help="no example scans")
    parser.add_argument("--corrected", action="store_true", help="bias-corrected figures too")


def run_report(chosen: argparse.Namespace) -> int:
    """Write the report, and print its folder and what was removed."""
    from training.report import content  # brings plotly, matplotlib and python-pptx
    from training.report.source import Options
    from training.report_files import bundle

    workspace = Workspace.open(chosen.workspace)
    options = Options(
        sites=chosen.sites, pictures=not chosen.no_pictures, corrected=chosen.corrected
    )
    with framework.bar("writing", unit="file") as progress:
        written = bundle.write(workspace, chosen.study, chosen.out, options, progress)
    print("Removed, so that nobody can be told from these files:")
    for line in content.build(workspace, chosen.study, options).removed:
        print(f"- {line}")
    print()
    for path in written:
        print(path)
    return 0


REPORT_COMMAND = Command(
    "report",
    "write the report of a study: HTML, PowerPoint, figures, numbers, methods, without identities",
    run_report,
    add_report_options,
)


def add_reconstruct_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument("study", help="id of a study")
    parser.add_argument(
        "--run", dest="run_id", help="id of a finished pretraining (default: the first)"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--scan", help="id of a scan: write its maps")
    what.add_argument(
        "--errors",
        action="store_true",
        help="measure every scan, and offer the error as a number that tiers can be cut on",
    )


def run_reconstruct(chosen: argparse.Namespace) -> int:
    """Write the maps of one scan, or measure the errors of all."""
    from training.reconstruction import reconstruct  # torch only where it is needed

    workspace = Workspace.open(chosen.workspace)
    study = planned_study.load(workspace, chosen.study)
    model = _pretraining_run(study, chosen.run_id)
    if chosen.scan:
        made = reconstruct.maps(workspace, study, model, chosen.scan)
        for image, maps in made.maps_of.items():
            for name, path in maps.items():
                print(f"{image} {name}: {path}")
        error = made.facts["reconstruction_error"]
        print(f"reconstruction error {error:.4g}{_pretraining_words(made.facts['pretrained_on'])}")
        return 0
    with framework.bar("looking") as progress:
        table = reconstruct.errors(workspace, study, model, progress)
    failed = int(table["reconstruction_error"].isna().sum())
    print(
        f"{len(table) - failed} scans measured by {model.id}, {failed} could not be; "
        f"{int(table['pretrained_on'].sum())} are of people that it was trained on"
    )
    return 0


def _pretraining_run(study: Study, run_id: str | None) -> Run:
    if run_id:
        return runs.find(study, run_id)
    found = reconstruction_files.finished_pretrainings(study)
    if not found:
        raise StudyError(
            f"No pretraining of study {study.id} is finished yet. Wait for one, or resume it."
        )
    return found[0]


def _pretraining_words(pretrained_on: bool) -> str:
    return " (of a person that the model was trained on)" if pretrained_on else ""


RECONSTRUCT_COMMAND = Command(
    "reconstruct",
    "look at scans through a pretrained model: maps of one, or an error for each",
    run_reconstruct,
    add_reconstruct_options,
)
