"""Sentences of the Methods text on distorted arms and random subsets."""

from curation.wording import plural
from training.arms import distortion
from training.results import distortion_effects
from training.results.dose_harm import UNDONE_BY_ALIGNMENT
from training.studies.planned_study import Study


def methods(study: Study) -> str:
    """Return how arms were distorted, drawn and kept apart; each sentence with a space before it."""
    told = [*_apart(study), *_distorted(study), *_subsets(study)]
    return "".join(f" {sentence}" for sentence in told)


def _apart(study: Study) -> list[str]:
    names = [arm.name for arm in study.arms if arm.apart]
    if not names:
        return []
    return [f"{' and '.join(names)} were drawn from the scans that the matched arm does not hold."]


def _distorted(study: Study) -> list[str]:
    done = [arm.distortion for arm in study.arms if arm.distortion]
    if not done:
        return []
    artefacts = dict.fromkeys(one.artefact for one in done)
    kinds = ", ".join(distortion.label_of(name) for name in artefacts)
    severities = ", ".join(f"{severity:g}" for severity in sorted({one.severity for one in done}))
    told = [
        f"Arms with {distortion.MARK} in their names were pretrained on the very same scans as their clean "
        f"arms, distorted by simulation ({kinds}; severity {severities} of 1) with one seed for each scan, "
        "in the scan's own voxels before it was resampled, by the alignment of the scan as it is. Their "
        "errors are compared with those of the clean arm, paired by person and seed, corrected by Holm's "
        "method among themselves."
    ]
    if set(artefacts) & set(UNDONE_BY_ALIGNMENT):
        told.append(
            "A registration of the distorted scans would have taken back part of shear and wrong voxel size."
        )
    if any(one.clean_too for one in done):
        told.append("Arms named twice before it held each scan as it is and distorted.")
    if study.distortion_effects_path.exists():
        measured = distortion_effects.read(study).dropna(subset=["score_distorted"])
        most = int(measured.groupby(["artefact", "severity"]).size().max()) if len(measured) else 0
        told.append(
            "The change of a volume is its mean squared difference within the brain as a share of the "
            "variance between people; distorted images were scored, with an alignment of their own, on up "
            f"to {plural(most, 'scan')} a distortion."
        )
    return told


def _subsets(study: Study) -> list[str]:
    subsets = [arm.subset for arm in study.arms if arm.subset]
    if not subsets:
        return []
    count = len({one.draw for one in subsets})
    told = [
        f"Random subsets are of people, {plural(count, 'draw')} of each size, a smaller one of a draw within "
        f"its larger ones; their interval is over people{' and draws' if count > 1 else ' alone'}."
    ]
    if any(one.equal_passes for one in subsets):
        told.append(
            "Subsets at equal passes were pretrained for as many passes over their scans as the whole, in "
            "fewer steps; all others for as many steps."
        )
    return told
