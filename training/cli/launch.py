"""The command ``launch``: plan a study, and start it in the background."""

import argparse
import sys

from curation.cli.framework import Command
from curation.cohorts import frozen_cohort
from curation.errors import StudyError
from curation.simulation.artefacts import ARTEFACTS
from curation.storage.workspace import Workspace
from curation.tier_effects import tier_images
from training.arms.designs import DESIGNS, Choices
from training.cli import analysis_options, judging_options, studies
from training.cli.studies import chosen_backend, follow, print_status
from training.jobs import launch, probed_cost
from training.settings import objectives
from training.settings.backbones import BACKBONES
from training.settings.input_images import IMAGES
from training.settings.objectives import OBJECTIVES
from training.settings.preset_changes import parse_changes
from training.settings.presets import PRESETS, default_preset
from training.settings.tuning import TUNED_PRESETS, Tuning, trial_count
from training.studies import arm_overlap, cost_probe, planned_study


def add_launch_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``launch``."""
    command.add_argument("study", nargs="?", help="id of a planned study")
    command.add_argument("--name", default="study", help="name of a new study")
    command.add_argument("--cohort", help="id of the frozen pretraining pool")
    command.add_argument("--target", help="id of the frozen target cohort")
    command.add_argument(
        "--arms",
        nargs="+",
        help="e.g. scratch A all control-A not-A worst-20 A~motion-0.5 all-labels-25",
    )
    command.add_argument(
        "--design",
        choices=list(DESIGNS),
        help="instead of --arms: " + "; ".join(f"{d.name}: {d.question}" for d in DESIGNS.values()),
    )
    command.add_argument(
        "--percents", nargs="+", type=_share, help="shares of a design, percent, e.g. 80 60 40 20"
    )
    command.add_argument(
        "--artefact", choices=list(ARTEFACTS), help="what --design dose distorts scans by"
    )
    command.add_argument(
        "--severities",
        nargs="+",
        type=float,
        help="of the distortions of a design, above 0, at most 1, e.g. 0.2 0.5 0.8",
    )
    command.add_argument(
        "--of",
        metavar="ARM",
        help="the arm whose scans a design distorts or draws from, e.g. A, all",
    )
    command.add_argument(
        "--draws", type=int, help="random subsets of each size, of --design scaling"
    )
    command.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    command.add_argument("--folds", type=int, default=5)
    command.add_argument(
        "--preset",
        choices=list(PRESETS),
        default=default_preset().name,
        help="; ".join(f"{preset.name}: {preset.label}" for preset in PRESETS.values()),
    )
    _add_network_options(command)
    command.add_argument(
        "--tune",
        action=argparse.BooleanOptionalAction,
        help="choose rate and length of fine-tuning for each kind of arm and fold, on its training people "
        f"alone (default: with {' and '.join(TUNED_PRESETS)})",
    )
    command.add_argument(
        "--set",
        nargs="+",
        dest="changes",
        default=[],
        metavar="NAME=VALUE",
        help="change fields of the preset, e.g. pretrain_epochs=100 pretrain_lr=1e-4",
    )
    analysis_options.add_analysis_options(command)
    judging_options.add(command)
    studies.add_backend_options(command)


def _add_network_options(command: argparse.ArgumentParser) -> None:
    """Add what the network sees, learns and is."""
    command.add_argument(
        "--images",
        choices=list(IMAGES),
        help="what is looked at (default: T1w): "
        + "; ".join(f"{i.name}: {i.label}, {i.meaning}" for i in IMAGES.values()),
    )
    command.add_argument(
        "--objective",
        choices=list(OBJECTIVES),
        help="what is pretrained for (default: mae): "
        + "; ".join(f"{o.name}: {o.meaning}" for o in OBJECTIVES.values()),
    )
    command.add_argument(
        "--backbone",
        choices=list(BACKBONES),
        default=next(iter(BACKBONES)),
        help="what network is trained (default: %(default)s): "
        + "; ".join(f"{b.name}: {b.meaning}" for b in BACKBONES.values()),
    )


def _share(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 99:
        raise argparse.ArgumentTypeError(f"a share lies between 1 and 99 %, not {text!r}")
    return int(text)


def run_launch(chosen: argparse.Namespace) -> int:
    """Plan a study where none is named, and start it."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.study:
        analysis_options.refuse_late(chosen)
        judging_options.refuse_late(chosen)
    study_id = chosen.study or _plan(workspace, chosen)
    backend, mlflow = chosen_backend(workspace, chosen, study_id)
    print_status(study_id, launch.launch(workspace, study_id, backend=backend, mlflow=mlflow))
    return follow(workspace, study_id) if chosen.follow else 0


def run_cost(chosen: argparse.Namespace) -> int:
    """Plan a study where none is named, measure a few steps of it, and say what it will cost."""
    workspace = Workspace.open(chosen.workspace)
    study = planned_study.load(workspace, chosen.study or _plan(workspace, chosen))
    print(f"measuring {cost_probe.STEPS} steps of each kind of run of {study.id} …", flush=True)
    probed_cost.start(workspace, study)
    probed_cost.wait(study)
    said = probed_cost.state(study)[1]
    cost = probed_cost.of_study(workspace, study)
    if said or cost is None:
        raise StudyError(said or "It was not measured.")
    print(cost.words)
    print(f"It is planned, and not started: 'launch {study.id}' starts it.")
    return 0


def _plan(workspace: Workspace, chosen: argparse.Namespace) -> str:
    if not (chosen.cohort and chosen.target and (chosen.arms or chosen.design)):
        raise StudyError(
            "Name a planned study, or give --cohort, --target and --arms (or --design) to plan a new one."
        )
    pool, target = (frozen_cohort.load(workspace, one) for one in (chosen.cohort, chosen.target))
    arms = chosen.arms or DESIGNS[chosen.design].arms(pool, _choices(chosen))
    preset = PRESETS[chosen.preset]
    backbone = preset.with_backbone(chosen.backbone)
    changes = backbone | parse_changes(preset.changed(backbone), chosen.changes)
    if chosen.images:
        changes |= IMAGES[chosen.images].overrides
    if chosen.objective:
        changes["objective"] = chosen.objective
    tune = chosen.preset in TUNED_PRESETS if chosen.tune is None else chosen.tune
    study = planned_study.plan(
        workspace,
        name=chosen.name,
        cohort_id=chosen.cohort,
        target_id=chosen.target,
        arms=arms,
        seeds=chosen.seeds,
        folds=chosen.folds,
        preset=chosen.preset,
        overrides=changes,
        analysis=analysis_options.chosen_analysis(chosen),
        tuning=Tuning() if tune else None,
        asked=judging_options.asked(chosen),
    )
    for said in judging_options.notes(workspace, study):
        print(said)
    images = tier_images.of_cohort(workspace, pool)
    doubts = images.doubts + arm_overlap.doubts(pool, target, study.arms, study.seeds)
    doubts.append(objectives.doubt(study.preset.objective, study.preset.pretrain_batch))
    for doubt in filter(None, doubts):
        print(f"note: {doubt}", file=sys.stderr)
    if trials := trial_count(study.tuning, study.arms, len(study.run_folds)):
        print(f"tuning: {trials} fine-tunings more, on two thirds of each fold's training people")
    if said := arm_overlap.controls_said(pool, study.arms, study.seeds):
        print(said)
    if images.ranges_said:
        print(images.ranges_said)
    print(analysis_options.said(workspace, study))
    return study.id


def _choices(chosen: argparse.Namespace) -> Choices:
    return Choices(
        percents=chosen.percents and tuple(chosen.percents),
        artefact=chosen.artefact,
        severities=chosen.severities and tuple(chosen.severities),
        of=chosen.of,
        draws=chosen.draws,
    )


LAUNCH_COMMAND = Command(
    "launch",
    "start a study in the background",
    run_launch,
    add_launch_options,
    epilog="A study is planned from --cohort, --target and --arms or --design, or named by its id.",
)
COST_COMMAND = Command(
    "cost",
    "say what a study will cost, from a few steps, before it is started",
    run_cost,
    add_launch_options,
    epilog="A study is planned from --cohort, --target and --arms or --design, or named by its id.",
)
