"""Page of the documentation on the study: every figure and every claim is of the finished splits."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from string import Template
from typing import NamedTuple

import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from curation import __version__
from curation.metrics import METRICS_VERSION
from curation.wording import number
from tests.real_study import people
from tests.real_study.run import DESIGN, Finished, Settings
from training.held_out import stored_predictions
from training.held_out.predictions import BASELINE, Predictions
from training.results import comparisons, conclusions, dose_harm, primary_comparison, study_summary

#: Two runs of the study on different machines: scores may differ by so many points, errors by so many years.
SCORE_TOLERANCE, ERROR_TOLERANCE_YEARS = 0.5, 0.5
_MINUS = "−"


class Result(NamedTuple):
    """What a split came to.

    Parameters
    ----------
    split : Finished
        Of which.
    held_out : Predictions
        Of its study.
    final : pandas.DataFrame
        A row an arm, from :func:`training.results.study_summary.summarise`.
    """

    split: Finished
    held_out: Predictions
    final: pd.DataFrame


def read(split: Finished) -> Result:
    """Read what a finished split came to."""
    held_out = stored_predictions.read(split.workspace, split.study)
    return Result(split, held_out, study_summary.summarise(held_out))


def figures(results: Iterable[Result]) -> dict[str, dict[str, float]]:
    """Return what two runs of the study are compared by: mean scores by severity, errors by arm."""
    found: dict[str, dict[str, float]] = {}
    for one in results:
        scores = one.split.damage.groupby("severity")["distortion_score"].mean()
        errors = one.final.set_index("arm")["age_mae_years"]
        found[f"{one.split.name} scores"] = {
            f"{key:g}": round(value, 2) for key, value in scores.items()
        }
        found[f"{one.split.name} errors"] = {key: round(value, 3) for key, value in errors.items()}
    return found


def differences(
    found: dict[str, dict[str, float]], before: dict[str, dict[str, float]]
) -> dict[str, object]:
    """Return how far two runs of the study lie apart, and whether within the tolerance."""
    apart = {"scores": 0.0, "errors": 0.0}
    same = found.keys() == before.keys() and all(found[k].keys() == before[k].keys() for k in found)
    for name in found.keys() & before.keys():
        kind = name.rsplit(" ", 1)[1]
        for key in found[name].keys() & before[name].keys():
            apart[kind] = max(apart[kind], abs(found[name][key] - before[name][key]))
    within = apart["scores"] <= SCORE_TOLERANCE and apart["errors"] <= ERROR_TOLERANCE_YEARS
    return {
        "score_difference": round(apart["scores"], 2),
        "error_difference_years": round(apart["errors"], 3),
        "reproduced": same and within,
    }


def page(results: Sequence[Result], settings: Settings, minutes: float, load: float) -> str:
    """Write the page.

    Parameters
    ----------
    results : sequence of Result
        Of both splits.
    settings : Settings
        What was trained with.
    minutes : float
        How long the whole took.
    load : float
        The highest mean load of the machine over a quarter of an hour while it was measured.
    """
    study = results[0].split.study
    return _filled(
        "page",
        headlines="\n".join(map(_conclusion, results)),
        people=_people(results),
        severities=" and ".join(f"{value:g}" for value in people.SEVERITIES),
        design=DESIGN,
        seeds=" ".join(map(str, range(settings.seeds))),
        seed_count=settings.seeds,
        folds=settings.folds,
        learned_from=settings.folds - 1,
        preset=settings.preset,
        cutoffs=" and ".join(f"{value:g}" for value in settings.rule.cutoffs),
        arms=", ".join(f"`{arm.name}`" for arm in study.arms),
        damage=_damage(results),
        splits="\n".join(map(_split, results)).strip(),
        carried=_carried(results),
        judged=results[0].split.target.size,
        oldest=f"{_oldest(results):.0f}",
        day=date.today().isoformat(),
        version=__version__,
        metrics_version=METRICS_VERSION,
        torch=torch.__version__.split("+")[0],
        machine=platform.machine(),
        minutes=f"{minutes:.0f}",
        load=f"{load:.0f}",
        score_tolerance=f"{SCORE_TOLERANCE:g}",
        error_tolerance=f"{ERROR_TOLERANCE_YEARS:g}",
    )


def _filled(template: str, **values: object) -> str:
    text = Path(__file__).with_name(f"{template}.md").read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _headline(one: Result) -> str:
    analysis = one.split.study.analysis
    return primary_comparison.conclusion_of(one.held_out, analysis).headline


def _conclusion(one: Result) -> str:
    """Return an item of the list that the page begins with."""
    told = f"- {one.split.name} split: **{_headline(one)}.**"
    found = primary_comparison.of_study(one.held_out, one.split.study.analysis)
    if found is None:
        return told
    seen = found.difference
    return (
        f"{told} A against all, as declared: {_signed(seen.mean)} years ({_interval(seen.low, seen.high)}), "
        f"p = {seen.p:.2f}; {found.detectable_years:.1f} years would be found in four of five such studies."
    )


def _people(results: Sequence[Result]) -> str:
    header = ("split", "role", "data set", "people", "scans", "ages")
    return _table(header, (row for one in results for row in _people_of(one)))


def _people_of(one: Result) -> Iterator[tuple[str, ...]]:
    for role, cohort in (("pretraining", one.split.pool), ("test", one.split.target)):
        for site, there in cohort.scans.groupby("site"):
            ages = there["age_years"]
            named = (
                there["subject_id"].str.rpartition(":")[2].nunique()
            )  # copies are a source apart
            span = f"{ages.min():.0f} to {ages.max():.0f}"
            yield one.split.name, role, str(site), str(named), str(len(there)), span


def _damage(results: Sequence[Result]) -> str:
    header = (
        "split",
        "severity of the damage",
        "scans",
        "score, median (quartiles)",
        "tiers",
        "AUC against as it was",
    )
    return _table(header, (row for one in results for row in _damage_of(one)))


def _damage_of(one: Result) -> Iterator[tuple[str, ...]]:
    damage = one.split.damage
    clean = damage.loc[damage["severity"] == 0, "distortion_score"]
    for severity, there in damage.groupby("severity"):
        tiers, scores = there["tier"].value_counts(), there["distortion_score"]
        low, middle, high = scores.quantile([0.25, 0.5, 0.75])
        yield (
            one.split.name,
            f"{severity:g}" if severity else "as it was",
            str(len(there)),
            f"{middle:.0f} ({low:.0f} to {high:.0f})",
            ", ".join(f"{tiers.get(tier, 0)} {tier}" for tier in one.split.pool.counts),
            f"{_auc(scores, clean):.3f}" if severity else "",
        )


def _split(one: Result) -> str:
    study = one.split.study
    reference = study_summary.default_reference(one.held_out)
    found = comparisons.compare_all(one.held_out, reference, study.analysis.primary)
    harm = dose_harm.dose_harm(one.held_out, dose_harm.effects_by_arm(study))
    return _filled(
        "split",
        name=one.split.name,
        headline=_headline(one),
        judged=one.split.target.size,
        final=_arms(one),
        detectable=conclusions.detectable(found.controls),
        controls=_compared(found.controls),
        doses=_doses(harm),
    )


def _arms(one: Result) -> str:
    rows = []
    for row in one.final.itertuples():
        rows.append(
            (
                f"**{row.label}**" if row.arm == BASELINE else f"`{row.arm}`",
                _pretrained_on(one, row.arm) if row.arm != BASELINE else "",
                f"{row.age_mae_years:.2f}",
                _interval(row.ci_low, row.ci_high),
                _signed(row.r),
                _signed(row.r2),
            )
        )
    return _table(
        ("arm", "scans pretrained on", "age error, years", "95 % interval", "r", "R²"), rows
    )


def _pretrained_on(one: Result, name: str) -> str:
    encoder = one.split.study.arm(name).encoder
    return str(len(one.split.study.pretraining_scans(encoder, 0))) if encoder else "none"


def _compared(table: pd.DataFrame) -> str:
    rows = [
        (
            f"`{row.arm}` against `{row.reference}`",
            _signed(row.difference_years),
            _interval(row.ci_low, row.ci_high),
            number(row.p_holm, 2),
            f"{row.detectable_years:.1f}",
            str(row.verdict),
        )
        for row in table.itertuples()
    ]
    header = (
        "pair",
        "years",
        "95 % interval",
        "p (Holm)",
        "found in four of five studies",
        "verdict",
    )
    return _table(header, rows)


def _doses(harm: pd.DataFrame) -> str:
    rows = [
        (
            f"{row.severity:g}",
            _signed(row.years_lost),
            _interval(row.ci_low, row.ci_high),
            f"{row.p_holm:.2f}",
            f"{row.score_clean:.0f} to {row.score_distorted:.0f}",
        )
        for row in harm.itertuples()
    ]
    return _table(("severity", "years lost", "95 % interval", "p (Holm)", "mean score"), rows)


def _carried(results: Sequence[Result]) -> str:
    ranks = [
        primary_comparison.conclusion_of(one.held_out, one.split.study.analysis).ranks
        for one in results
    ]
    if all(ranks):
        return "In both splits some arm is shown to predict age better than the mean age does."
    if any(ranks):
        return "Only in one of the splits is any arm shown to predict age better than the mean age does."
    return (
        "No arm of either split is shown to predict age better than the mean age does, so neither can rank "
        "tiers: that "
        "arms are not told apart here says nothing of distortion."
    )


def _oldest(results: Sequence[Result]) -> float:
    return max(
        cohort.scans["age_years"].max()
        for one in results
        for cohort in (one.split.pool, one.split.target)
    )


def _auc(bad: pd.Series, good: pd.Series) -> float:
    """Return the probability that a distorted scan scores higher than one as it was, ties counted half."""
    return float(roc_auc_score([1] * len(bad) + [0] * len(good), pd.concat([bad, good])))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _signed(value: float) -> str:
    if value != value:
        return ""
    shown = f"{value:.2f}"
    return "0.00" if float(shown) == 0 else shown.replace("-", _MINUS)


def _interval(low: float, high: float) -> str:
    return f"{_signed(low)} to {_signed(high)}" if low == low else ""
