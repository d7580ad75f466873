"""Methods section of a study as paragraphs for a paper, with versions, hashes and counts."""

import contextlib
import importlib.metadata
import platform
from collections.abc import Iterable

from curation import __version__
from curation.cohorts import cohort_diff
from curation.cohorts.frozen_cohort import Cohort
from curation.cohorts.matched_controls import AGE_BANDS, TRAITS
from curation.errors import TierscopeError
from curation.references import reference_library
from curation.scoring.score_reference import Reference
from curation.storage import files
from curation.tier_effects import tier_images
from curation.tiers.rule_versions import summary_line
from curation.wording import plural
from training.judging.outcome import Outcome
from training.report import (
    arm_words,
    content_alignment,
    content_primary,
    judging_methods,
    methods_machines,
    methods_training,
)
from training.report.source import ReportSource, people_of, short, sites_said
from training.results import site_probes, study_sets
from training.settings import input_images, tuning
from training.studies import arm_overlap, pool_target_separation
from training.studies.planned_study import Study

#: Whose versions a reader needs to make the same again.
LIBRARIES = ("torch", "monai", "numpy", "scipy", "nilearn")


def paragraphs(source: ReportSource) -> tuple[str, ...]:
    """Return the methods, a paragraph each, from the data to the versions of everything."""
    return (
        _data(source),
        _scoring(source),
        _pretraining(source),
        _finetuning(source),
        _optimisation(source),
        _statistics(source),
        _versions(source),
    )


def _data(source: ReportSource) -> str:
    simulated = " All or some scans are simulated." if source.study.simulated else ""
    below = "; arms were pretrained on those named below" * _pretrains(source.study)
    return (
        f"Data. The pool holds {people_of(source, 'pool')}; cohort {short(source.study.cohort_id)})"
        f"{below}. Every arm was judged on another cohort, the target, {people_of(source, 'target')}; "
        f"cohort {short(source.study.target_id)}).{_of_one_source(source)} "
        f"{pool_target_separation.words(source.study.separation)}{simulated}{_excluded(source)}"
    )


def _of_one_source(source: ReportSource) -> str:
    """Say where people of pool and target come from the same data; nothing where they do not."""
    if source.pool is None or source.target is None:
        return ""
    pool, target = (
        cohort.scans["subject_id"].str.partition(":")[0] for cohort in (source.pool, source.target)
    )
    shared = set(pool) & set(target)
    if not shared:
        return ""
    counts = (f"{int(own.isin(shared).sum()):,} of {len(own):,}" for own in (pool, target))
    return (
        " Both come in part or whole from the same data: {} scans of the pool and {} of the target are of "
        "people from sources that both hold, so the target is no sample of another population."
    ).format(*counts)


def _pretrains(study: Study) -> bool:
    return any(arm.encoder for arm in study.arms)


def _excluded(source: ReportSource) -> str:
    """Tell the flow of inclusion in words."""
    told = []
    for name, cohort in (("pool", source.pool), ("target", source.target)):
        if cohort is None or cohort.flow is None:
            continue
        lost = [out for stage in cohort.flow.stages for out in stage.left_out]
        first = cohort.flow.stages[0].scans
        told_of = (f"{plural(out.scans, 'scan')} ({out.reason})" for out in lost)
        why = "; ".join(told_of) or "none"
        told.append(f" Of {plural(first, 'scan')} found for the {name}, left out: {why}.")
    return "".join(told)


def _scoring(source: ReportSource) -> str:
    pool, target = source.pool, source.target
    if pool is None:
        return "Scoring. Each scan got a distortion score from 0 (pristine) to 100 (unusable)."
    return (
        "Scoring. Each scan got a distortion score from 0 (pristine) to 100 (unusable), made of "
        "seven sub-scores "
        f"and judged by the reference {pool.reference}{_validated(source)}. "
        f"{_rules(pool, target)}{_by_hand(pool, target)}"
        f"{_images_of_tiers(source)}"
    )


def _validated(source: ReportSource) -> str:
    """Tell in brackets for whom the references hold, and on what their agreement with people was found."""
    told = []
    for name in source.pool.reference.split(", ") if source.pool else ():
        with contextlib.suppress(TierscopeError, OSError):  # of another workspace
            reference = reference_library.load(source.workspace, name)
            holds = reference.population.words.partition(". ")[0].rstrip(".")
            told += [f"{holds[:1].lower()}{holds[1:]}", _agreed(reference)]
    return f" ({'; '.join(filter(None, told))})" if any(told) else ""


def _agreed(reference: Reference) -> str:
    if reference.kind == "builtin" and reference.model is None:
        return (
            "anchors set by hand on clean scans and on scans with simulated artefacts, not validated on "
            "ratings of people"
        )
    evidence = reference.evidence
    if not {"auc", "low", "high", "scans"} <= set(evidence):
        return "not validated on ratings of people"
    return (
        f"validated on ratings of {evidence['scans']:,} scans, each held out: area under the curve "
        f"{evidence['auc']:.2f} ({evidence['low']:.2f} to {evidence['high']:.2f})"
    )


def _images_of_tiers(source: ReportSource) -> str:
    """Tell where scores lie, how images of each tier were prepared, and which may be worse."""
    told = []
    for cohort in filter(None, (source.pool, source.target)):
        images = tier_images.of_cohort(source.workspace, cohort)
        told += [images.ranges_said, images.good_said, images.kinds_said, images.worse_said]
    return "".join(f" {said}" for said in told if said)


def _rules(pool: Cohort, target: Cohort | None) -> str:
    """Tell by which rule each cohort was cut into tiers."""
    own = summary_line(pool.rule, names=False)
    if target is None:
        return f"Tiers of the pool were cut on {own}."
    if differ := cohort_diff.letters_differ(pool, target, names=False):
        return f"Tiers of the pool were cut on {own}. {differ}"
    return f"Tiers of pool and target were cut by the same rule, on {own}."


def _by_hand(pool: Cohort, target: Cohort | None) -> str:
    """Tell how many scans people put into a tier against the rule."""
    moved = {
        name: sum(tier.by_hand for tier in cohort.flow.tiers)
        for name, cohort in (("pool", pool), ("target", target))
        if cohort is not None and cohort.flow is not None
    }
    told = [f"{plural(count, 'scan')} of the {name}" for name, count in moved.items() if count]
    none = " Nobody put a scan into a tier by hand." * bool(moved)
    return f" People put {' and '.join(told)} into a tier by hand." if told else none


def _pretraining(source: ReportSource) -> str:
    preset, sizes = source.study.preset, study_sets.sizes(source.study)
    arms = "; ".join(
        f"{arm.name} ({arm.label}, {plural(sizes[arm.name], 'scan')})" for arm in source.study.arms
    )
    side = " × ".join(map(str, preset.shape))
    return (
        f"Pretraining. Arms: {arms}. Scans were aligned to the ICBM152 template, cut to the brain "
        "and resampled to "
        f"{side} voxels of {preset.spacing_mm:g} mm. {_alignment(source)}{_images(source)}"
        f"{methods_training.pretrained(source.study)}"
        f"{methods_training.shown(source.study)}{_controls(source)}{arm_words.methods(source.study)}"
    )


def _controls(source: ReportSource) -> str:
    """Describe the sampling of controls and their overlap with their arms; nothing where there is none."""
    matched = arm_overlap.controls_matched_on(source.study)
    if matched is None:
        return ""
    within = [
        *filter(None, [matched.places.words]),
        *[AGE_BANDS] * matched.ages,
        *(TRAITS[name] for name in matched.traits),
    ]
    strata = (
        f" within {', '.join(within[:-1])}{' and ' * (len(within) > 1)}{within[-1]}"
        if within
        else ""
    )
    told = [
        f"Size-matched controls were drawn at random{strata}.",
        sites_said("pool", matched.note),
    ]
    told += [one.words for one in arm_overlap.of_study(source.study)]
    return "".join(f" {sentence}" for sentence in told if sentence)


def _alignment(source: ReportSource) -> str:
    """Tell how many alignments are in doubt; nothing where none was measured."""
    said = content_alignment.in_words(source)
    return f"{said} " if said else ""


def _images(source: ReportSource) -> str:
    """Describe the input images where they are not the T1w alone."""
    looked_at = input_images.images_of(source.study.preset)
    if "pet" not in looked_at.modalities:
        return ""
    return (
        f"Images: {looked_at.label} ({looked_at.meaning}). A PET was brought to the template by the "
        "alignment of its T1w and divided by the mean of the whole brain (SUVR). "
    )


#: Arms that are not fine-tuned whole, as sentences: by method, and whether there was a pretraining.
_METHODS = {
    (
        "probe",
        True,
    ): "Linear probes trained the head alone, on an encoder left as it was pretrained.",
    (
        "probe",
        False,
    ): "Frozen random features: the head alone was trained, on an encoder of random weights.",
    ("cnn", False): "A plain 3D network was trained without pretraining.",
    (
        "ridge",
        False,
    ): "Ridge regression was fitted to tissue volumes, its penalty chosen among 21 from 0.01 to 1000 by "
    "leave-one-out on the training people alone.",
}
_COMBAT = (
    " For the arm ridge-combat, these were harmonised between sites by ComBat (Johnson et al. 2007), fitted "
    "on the training folds alone, without what is predicted as a covariate."
)


def _finetuning(source: ReportSource) -> str:
    study = source.study
    used = {(arm.method, arm.encoder is not None) for arm in study.arms}
    others = "".join(f" {words}" for way, words in _METHODS.items() if way in used)
    others += _COMBAT * any(arm.harmonised for arm in study.arms)
    few = {arm.label_percent for arm in study.arms} - {100}
    what = "ages" if study.outcome.is_age else f"values of {study.outcome.name}"
    shares = f" Some arms learned from {_listed(few)} % of the people's {what}." if few else ""
    return (
        f"Fine-tuning.{methods_training.finetuned(study)}{others}{shares} "
        f"{study.folds} folds {study.judging.folds_words}, "
        "the same for every arm; "
        f"{plural(len(study.seeds), 'seed')} ({_listed(study.seeds)}). No held-out person chose "
        f"anything.{judging_methods.told(source)}"
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _optimisation(source: ReportSource) -> str:
    """Tell how networks were trained, from the preset that the study keeps."""
    preset, took = source.study.preset, files.read_json(source.study.result_path) or {}
    moved = f"shifted by up to {plural(preset.shift_voxels, 'voxel')}, " * bool(preset.shift_voxels)
    warped = f" and deformed smoothly by some {preset.warp_mm:g} mm" * bool(preset.warp_mm)
    seconds = took.get("training_seconds")
    hours = (
        f" Added up, runs took {seconds / 3600:.2g} hours of time on the clock." if seconds else ""
    )
    ran = f"{methods_machines.told(source.study)}{hours}"
    if not tuning.kinds_of(source.study.arms):
        return f"Optimisation. No network was trained.{ran}"
    pretraining, masked = "", "."
    if _pretrains(source.study):
        pretraining = (
            f" Pretraining: {methods_training.loss(preset)}, learning rate {preset.pretrain_lr:g}, batches "
            f"of {preset.pretrain_batch}."
        )
        masked = f", and in pretraining masked anew at each step{warped}.{methods_training.views(preset)}"
    return (
        f"Optimisation. AdamW (betas 0.9 and 0.95, weight decay {preset.weight_decay:g} of matrices, "
        f"gradients clipped to a norm of {preset.clip_norm:g}); the learning rate rose over the first "
        f"{100 * preset.warmup:.0f} % of the steps and fell to 0 by half a cosine.{pretraining} "
        f"Fine-tuning: {judging_methods.loss(source.study.outcome)}, learning rate "
        f"{methods_training.rate(source.study)}, batches of {preset.finetune_batch}, dropout "
        f"{preset.dropout:g}. In training networks, volumes were flipped left to right at random, {moved}"
        f"changed in contrast and brightness by some 5 %{masked}{ran}"
    )


def _no_model(outcome: Outcome) -> str:
    mean = f"predicting the mean {outcome.name} of the training folds"
    return "chance" if outcome.two_valued else mean


def _statistics(source: ReportSource) -> str:
    name = source.study.outcome.name
    seeds = (
        "Intervals are 95 %, of a two-way random-effects layout of seeds and people with Satterthwaite's "
        "degrees of freedom; an arm's own pools the spread of seeds over arms trained alike, unless its own "
        "is larger by an F-test at 10 %; differences are paired by person and seed, with the variance of the "
        "seeds of the two arms compared (Welch)"
        if len(source.study.seeds) > 1
        else "Intervals are 95 %, Student's over people (one seed, so no verdicts); differences are paired "
        "by person"
    )
    corrected = (
        f" Bias-corrected figures were fitted on the other folds, where predictions follow {name}."
        * (source.options.corrected and not source.study.outcome.two_valued)
    )
    probed = not site_probes.read(source.study).empty
    plain = "sign-flip p-values and site probes" if probed else "and sign-flip p-values"
    return (
        f"Statistics. {content_primary.analysis_in_words(source.study)} A person's scans were averaged."
        f"{judging_methods.measure(source.study.judging)} {seeds}; p-values of exploratory comparisons were "
        f"corrected by Holm's method for their number, those with {_no_model(source.study.outcome)} by "
        f"themselves; intervals{',' * probed} {plain} are not corrected. No arm is ranked unless one "
        f"at least is shown to predict {source.study.outcome.noun} better than that. Detectable differences "
        "are those of a power of 80 % (non-central t) of one test that is not corrected. "
        f"{content_primary.pool_in_words(source.study)}{corrected}"
    )


def _versions(source: ReportSource) -> str:
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return (
        f"Versions and hashes. Study {short(source.study.id)}, planned {source.study.created[:10]} "
        "with Tierscope "
        f"{source.study.version}; pool {short(source.study.cohort_id)}, target "
        f"{short(source.study.target_id)}, preset "
        f"{source.study.preset.name}{_metrics(source.pool)}. Report by Tierscope {__version__}, Python "
        f"{platform.python_version()}, {found}."
    )


def _metrics(pool: Cohort | None) -> str:
    version = pool.versions.get("metrics_version") if pool else None
    return f", metrics of version {version}" if version else ""
