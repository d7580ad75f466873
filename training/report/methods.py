"""The methods of a study as paragraphs for a paper, with versions, hashes and counts."""

import importlib.metadata
import platform
from collections.abc import Iterable

from curation import __version__, target_rules
from curation.cohorts import Cohort
from training import images, overlap, sweeps
from training.report.source import Source, ages_of, count_of, plural, short

#: Whose versions a reader needs to make the same again.
LIBRARIES = ("torch", "monai", "numpy", "scipy", "SimpleITK", "nilearn")


def paragraphs(source: Source) -> tuple[str, ...]:
    """Return the methods, a paragraph each: data, scoring, pretraining, fine-tuning, statistics, versions."""
    return (
        _data(source), _scoring(source.pool, source.target), _pretraining(source), _finetuning(source),
        _statistics(), _versions(source),
    )  # fmt: skip


def _data(source: Source) -> str:
    pool, target = source.of("pool"), source.of("target")
    simulated = " All or some scans are simulated." if source.study.simulated else ""
    return (
        f"Data. {count_of(pool)} were pretrained on ({ages_of(pool)}; cohort "
        f"{short(source.study.cohort_id)}); "
        f"every arm was judged on {count_of(target)} of an external cohort ({ages_of(target)}; "
        "cohort "
        f"{short(source.study.target_id)}). No person and no file is in "
        f"both.{simulated}{_excluded(source)}"
    )


def _excluded(source: Source) -> str:
    """Tell the flow of inclusion in words."""
    told = []
    for name, cohort in (("pool", source.pool), ("target", source.target)):
        if cohort is None or cohort.flow is None:
            continue
        lost = [out for stage in cohort.flow.stages for out in stage.left_out]
        first = cohort.flow.stages[0].scans
        why = "; ".join(f"{out.scans:,} {out.reason}" for out in lost) or "none"
        told.append(f" Of {plural(first, 'scan')} found for the {name}, left out: {why}.")
    return "".join(told)


def _scoring(pool: Cohort | None, target: Cohort | None) -> str:
    if pool is None:
        return "Scoring. Each scan got a distortion score from 0 (pristine) to 100 (unusable)."
    return (
        "Scoring. Each scan got a distortion score from 0 (pristine) to 100 (unusable), made of "
        "seven sub-scores "
        f"and judged by the reference {pool.reference}. {_rules(pool, target)}"
    )


def _rules(pool: Cohort, target: Cohort | None) -> str:
    """Tell by which rule each cohort was cut into tiers."""
    own = target_rules.in_words(pool.rule)
    if target is None:
        return f"Tiers of the pool were cut on {own}."
    if target_rules.same(pool.rule, target.rule):
        return f"Tiers of pool and target were cut by the same rule, on {own}."
    return (
        f"Tiers of the pool were cut on {own}; those of the target by another rule, on "
        f"{target_rules.in_words(target.rule)}: the same letter is not the same quality in both."
    )


def _pretraining(source: Source) -> str:
    preset, sizes = source.study.preset, sweeps.sizes(source.study)
    arms = "; ".join(
        f"{arm.name} ({arm.label}, {plural(sizes[arm.name], 'scan')})" for arm in source.study.arms
    )
    side = " × ".join(map(str, preset.shape))
    return (
        f"Pretraining. Arms: {arms}. Scans were aligned to the ICBM152 template, cut to the brain "
        "and resampled to "
        f"{side} voxels of {preset.spacing_mm:g} mm. {_images(source)}A 3D masked autoencoder (patches of "
        f"{preset.patch}³ voxels, "
        f"encoder of {preset.layers} blocks of width {preset.hidden}, "
        f"{100 * preset.masking_ratio:.0f} % of the "
        f"patches removed) was trained for {preset.pretrain_epochs} epochs of "
        f"{preset.pretrain_steps} steps of "
        f"{preset.pretrain_batch} scans, the same number of steps for every arm."
        f"{_controls(source)}"
    )


def _controls(source: Source) -> str:
    """Say how controls were drawn and what they share with their arms; nothing where there is none."""
    matched = overlap.controls_matched_on(source.study)
    if matched is None:
        return ""
    within = [*filter(None, [matched.places.words]), *["thirds of age"] * matched.ages]
    strata = f" within {' and '.join(within)}" if within else ""
    told = [f"Size-matched controls were drawn at random{strata}.", matched.note]
    told += [one.words for one in overlap.of_study(source.study)]
    return "".join(f" {sentence}" for sentence in told if sentence)


def _images(source: Source) -> str:
    """Say what was looked at, where it was not the T1w alone."""
    looked_at = images.of(source.study.preset)
    if "pet" not in looked_at.modalities:
        return ""
    return (
        f"Images: {looked_at.label} ({looked_at.meaning}). A PET was brought to the template by the "
        "alignment of its T1w and divided by the mean of the whole brain (SUVR). "
    )


#: Arms that are not fine-tuned whole, as sentences.
_METHODS = {
    "probe": "Linear probes trained the head alone, on an encoder left as it was pretrained.",
    "cnn": "A plain 3D network was trained without pretraining.",
    "ridge": "Ridge regression was fitted to tissue volumes.",
}


def _finetuning(source: Source) -> str:
    study, preset = source.study, source.study.preset
    used = {arm.method for arm in study.arms}
    others = "".join(f" {words}" for method, words in _METHODS.items() if method in used)
    few = {arm.label_percent for arm in study.arms} - {100}
    shares = f" Some arms learned from {_listed(few)} % of the people's ages." if few else ""
    return (
        "Fine-tuning. Encoder and head were fine-tuned for age over "
        f"{plural(preset.finetune_epochs, 'epoch')}, fixed beforehand; the last weights were used."
        f"{others}{shares} {study.folds} folds by person, the same for every arm; "
        f"{plural(len(study.seeds), 'seed')} ({_listed(study.seeds)}). No held-out person chose "
        "anything."
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _statistics() -> str:
    return (
        "Statistics. A person's scans were averaged. Intervals are 95 %, of a two-way "
        "random-effects layout of seeds "
        "and people with Satterthwaite's degrees of freedom; differences are paired by person and "
        "seed; p-values were "
        "corrected by Holm's method for the number of trained arms compared. Bias-corrected "
        "figures were fitted on the "
        "other folds. Predicting the mean age of the training folds is shown beside every arm."
    )


def _versions(source: Source) -> str:
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return (
        f"Versions and hashes. Study {short(source.study.id)}, planned {source.study.created[:10]} "
        "with Tierscope "
        f"{source.study.version}; pool {short(source.study.cohort_id)}, target "
        f"{short(source.study.target_id)}, preset "
        f"{source.study.preset.name}. Report by Tierscope {__version__}, Python "
        f"{platform.python_version()}, {found}."
    )
