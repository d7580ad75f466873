"""Conclusion of a study in one sentence, the same on every page and in every report."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from training.arms import arm_scans
from training.arms.study_arms import Arm
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import AGE, Outcome
from training.results import comparisons, study_summary, verdicts
from training.results.comparisons import Comparisons
from training.results.crossed_effects import ALPHA
from training.studies import analysis_plan, runs
from training.studies.planned_study import Study

#: Presets that are for trying things out, and what they are.
TRY_OUTS = {"smoke": "small network, coarse images"}
#: What a reader of a study meets first, explained in a few words.
EXPLAINED = {
    "arm": "what a model was pretrained on",
    "seed": "a repetition of all training with other random numbers",
    "fold": "a share of the people, predicted by models that learned from the others",
}

#: A loss below this is what rounding leaves of none.
_ROUNDING = 1e-12
#: What a reader of single intervals has to know.
PAIRED = (
    "Two arms may be told apart although their intervals overlap: both predict the same people, and their "
    "difference is taken person by person."
)
#: Outcomes as they are called on pages and in reports.
CALLED: dict[verdicts.Outcome, str] = {
    "better": "better",
    "worse": "worse",
    "equivalent": "equivalent",
    "not worse": "not worse",
    "leaning": "looks so, may be chance",
    "open": "unresolved",
    "withheld": "no verdict",
    "unknown": "no runs in common",
}


class Conclusion(NamedTuple):
    """Conclusion of a study.

    Parameters
    ----------
    headline : str
        The sentence; empty where no run is finished.
    ranks : bool
        Whether arms can be ranked at all: at least one is shown to predict age better than the mean age does.
    withheld : bool
        Whether verdicts are withheld, whatever the numbers are.
    beside : tuple of str
        What has to be known with the headline, in sentences, see :func:`beside`.
    """

    headline: str
    ranks: bool
    withheld: bool = False
    beside: tuple[str, ...] = ()


def conclude(held_out: Predictions, found: Comparisons, reference: str | None) -> Conclusion:
    """Return the conclusion from the exploratory comparisons of a study that declared no primary one.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    found : Comparisons
        From :func:`training.results.comparisons.compare_all`, with the same reference.
    reference : str or None
        The arm that others were compared with.
    """
    if found.mean_age.empty:
        return Conclusion("", ranks=False)
    if not comparisons.learned(held_out):
        return Conclusion(nothing_learned(held_out), ranks=False)
    table = found.mean_age if found.reference.empty else found.reference
    withheld = bool(table["verdict"].isin(["withheld", "unknown"]).all())
    if found.reference.empty:
        return Conclusion(_of_mean_age(table, held_out), ranks=True, withheld=withheld)
    return Conclusion(
        _of_arms(table, str(reference), held_out),
        ranks=True,
        withheld=withheld,
        beside=() if withheld else beside(held_out, _asked(table, held_out), found=found),
    )


def nothing_learned(held_out: Predictions) -> str:
    """Return the headline of a study of which no arm is shown to have learned anything."""
    outcome = held_out.outcome
    if too_easy(held_out):
        so_far = "All" if whole(held_out) else "Not the whole study: so far all"
        return (
            f"{so_far} arms tell {outcome.positive} and {outcome.negative} apart without a mistake (AUC 1): "
            "the task is too easy to rank tiers"
        )
    told = study_summary.mean_age_error(held_out) or 0.0
    than = (
        "chance (AUC 0.5)"
        if outcome.two_valued
        else f"the mean {outcome.name} ({outcome.amount(told, outcome.coarse_digits)})"
    )
    said = f"arm is shown to predict {outcome.noun} better than {than}"
    headline = f"Not the whole study: so far no {said}"
    if whole(held_out):
        headline = f"No {said}: this study cannot rank tiers"
    if alone := comparisons.untested(held_out):
        names = " and ".join(comparisons.called(held_out, name) for name in alone)
        return f"{headline}; of {names} there is no test, because people and seeds do not differ"
    return headline


def too_easy(held_out: Predictions) -> bool:
    """Tell whether every arm that is there separates two values perfectly, so that none can be the better."""
    if not held_out.outcome.two_valued:
        return False
    trained = [name for name in held_out.there if name != BASELINE]
    means = [study_summary.estimate(held_out, name)[0].mean for name in trained]
    return bool(means) and all(mean < _ROUNDING for mean in means)


def _of_mean_age(table: pd.DataFrame, held_out: Predictions) -> str:
    """Return which arms are better than the mean age, where there is nothing else to compare them with."""
    better = table.loc[table["verdict"] == "better", "arm"]
    if better.empty:
        return _none_called(held_out)
    so_far = "Better" if whole(held_out) else "Not the whole study: so far better"
    made = "; ".join(arm_scans.pretrained(arm) for arm in held_out.arms if arm.name in {*better})
    return f"{so_far} than {held_out.outcome.no_model}: {made}"


def _of_arms(table: pd.DataFrame, reference: str, held_out: Predictions) -> str:
    """Return the verdict that matters most, or the reason why there is none."""
    so_far = "Exploratory: " if whole(held_out) else "Not the whole study, exploratory: so far "
    if pair := _most_apart(table):
        arm, other = (one for name in pair for one in held_out.arms if one.name == name)
        seen = study_summary.compare(held_out, *pair).estimate
        said = verdicts.told_apart(held_out.outcome, arm, other, seen)
        return so_far + said[0].lower() + said[1:]
    if table["verdict"].isin(["withheld", "unknown"]).all():
        return _none_called(held_out)
    rows = table[table["verdict"].isin(["open", "leaning"])]
    rests = f"{rows['n_subjects'].max():.0f} people and {rows['n_seeds'].max():.0f} seeds"
    (against,) = (arm_scans.what_of(arm) for arm in held_out.arms if arm.name == reference)
    by = held_out.outcome.judged_by
    return f"{so_far}no arm is told apart from {against} by its {by}, with these {rests}"


def _most_apart(table: pd.DataFrame) -> tuple[str, str] | None:
    """Return the pair of the verdict that matters most: the best that is better, else the worst; if any."""
    for verdict, place in (("better", 0), ("worse", -1)):
        rows = table[table["verdict"] == verdict].sort_values("difference_years")
        if len(rows):
            return str(rows.iloc[place]["arm"]), str(rows.iloc[place]["reference"])
    return None


def _asked(table: pd.DataFrame, held_out: Predictions) -> tuple[str, str] | None:
    """Return the pair that a headline is about; where no arms are told apart, that of the first arm."""
    proposed = analysis_plan.proposed(held_out.arms)
    known = {(row.arm, row.reference) for row in table.itertuples()}
    first = next((pair for pair in sorted(known) if proposed and pair[0] == proposed[0]), proposed)
    return _most_apart(table) or first


# ---- what has to be known with a headline ----------------------------------------------------------

_ANSWERS = {
    "better": "yes",
    "worse": "no, worse",
    "withheld": "no verdict",
    "unknown": "no verdict",
}
#: What makes a tier better, as the docs have it.
_RULE = "A tier counts as better only where it beats as many scans at random."


def beside(
    held_out: Predictions,
    pair: tuple[str, str] | None,
    *,
    declared: tuple[str, str] | None = None,
    found: Comparisons | None = None,
) -> tuple[str, ...]:
    """Answer whether the arm of a headline is better than as many scans at random, and than no pretraining.

    Parameters
    ----------
    held_out : Predictions
        Of the runs that are finished.
    pair : tuple of str or None
        What the headline is about: it is not told again.
    declared : tuple of str, optional
        The primary comparison.
    found : Comparisons, optional
        Where they were made already.

    Returns
    -------
    tuple of str
        A sentence a question that the arms can answer, then how to read them; nothing of none.
    """
    if pair is None or (arm := held_out.arm(pair[0])) is None or arm.kind in ("scratch", "control"):
        return ()
    controls = [
        one for own, one in analysis_plan.with_controls(held_out.arms) if own.name == arm.name
    ]
    plain = [one for one in held_out.arms if one.kind == "scratch" and _trained_alike(one, arm)]
    told: list[str] = []
    shown = True
    for other in (*controls, *plain):
        if {arm.name, other.name} == {*pair} or not {arm.name, other.name} <= {*held_out.there}:
            continue
        row = _row_of(found, (arm.name, other.name))
        row = row or comparisons.beside(held_out, (arm.name, other.name), declared)
        shown = shown and (other.kind != "control" or row["verdict"] == "better")
        told.append(_answer(arm, other, row, held_out.outcome, first=not told))
    if not told:
        return ()
    how = f"Exploratory; differences of the {held_out.outcome.judged_by}, {_better_side(held_out.outcome)}."
    return (*told, how + f" {_RULE}" * (not shown))


def _trained_alike(one: Arm, other: Arm) -> bool:
    same_study = (
        one.name.rpartition(arm_scans.BESIDE)[0] == other.name.rpartition(arm_scans.BESIDE)[0]
    )
    return same_study and (one.method, one.label_percent) == (other.method, other.label_percent)


def _better_side(outcome: Outcome) -> str:
    return f"{outcome.favours} is better"


def _row_of(found: Comparisons | None, pair: tuple[str, str]) -> dict[str, Any] | None:
    for table in found[1:] if found else ():
        for row in table.to_dict("records"):
            if (row["arm"], row["reference"]) == pair:
                return row
    return None


def _answer(arm: Arm, other: Arm, row: dict[str, Any], outcome: Outcome, *, first: bool) -> str:
    """Return one question with its answer."""
    than = f"as many {'of the other ' * other.apart}scans at random"
    than = than if other.kind == "control" else arm_scans.what_of(other)
    asked = (
        f"Is {arm_scans.what_of(arm)} better than {than}?"
        if first
        else f"Is it better than {than}?"
    )
    if row["difference_years"] != row["difference_years"]:
        return f"{asked} No verdict yet: the two have no runs in common."
    said = _ANSWERS.get(str(row["verdict"]), "not told apart")
    size = f"{outcome.signed_amount(row['difference_years'])} ({outcome.span(row['ci_low'], row['ci_high'])})"
    alone = row["verdict"] == "leaning" and row["p"] <= ALPHA
    many = f"; among so many comparisons that may be chance, p = {row['p_holm']:.2f}" * alone
    return f"{asked} {said[0].upper()}{said[1:]}: {size}{many}."


def _none_called(held_out: Predictions) -> str:
    """Return the headline where verdicts are withheld, with the reason."""
    if not whole(held_out):
        return "Not the whole study: no arm is called better or worse"
    if len(held_out.seeds) < 2:
        return "One seed: no arm is called better or worse"
    return "No arm is called better or worse: people and seeds do not differ in what arms differ by"


def whole(held_out: Predictions) -> bool:
    """Tell whether all runs of all arms are finished, and none is filtered out."""
    return not held_out.narrowed and all(held_out.finished(arm.name) for arm in held_out.arms)


def intervals_over(table: pd.DataFrame) -> str:
    """Say what the intervals of a table of errors or differences are over; empty where it has none."""
    low = table["low"] if "low" in table else table["ci_low"]
    if low.isna().all():
        return ""
    if table["n_seeds"].max() < 2:
        return "95 %, over people alone: one seed"
    return "95 %, over people and seeds"


def detectable(table: pd.DataFrame, outcome: Outcome = AGE) -> str:
    """Return a remark on the differences that comparisons can miss; empty where none was estimated."""
    years = table["detectable_years"].dropna()
    if years.empty:
        return ""
    low, high = (outcome.amount(v, outcome.coarse_digits) for v in (years.min(), years.max()))
    size = high if low == high else f"{low.split()[0]} to {high}, by arm,"
    return (
        f"True differences below {size} can stay unseen: one study in five misses as much, even of a "
        "comparison that is tested alone."
    )


def outdated(studies: Iterable[Study]) -> str:
    """Return a warning about runs made by a faulty version; empty where there is none."""
    warnings = []
    for study in studies:
        if count := len(runs.made_before_calibration_on_all(study)):
            made = "run was made" if count == 1 else "runs were made"
            warnings.append(
                f"{count} {made} before Tierscope 0.4.0, which calibrated models on the wrong people. Do "
                f"them again before you conclude anything: 'python -m training retry {study.id} "
                f"{' '.join(_arms_of(study))} --anew'."
            )
    return " ".join(warnings)


def _arms_of(study: Study) -> list[str]:
    return [arm.name for arm in study.arms]


def try_out(studies: Iterable[Study]) -> str:
    """Return a warning about studies with a preset for trying things out; empty where there is none."""
    names = sorted({study.preset.name for study in studies} & set(TRY_OUTS))
    if not names:
        return ""
    told = " and ".join(f"{name} ({TRY_OUTS[name]})" for name in names)
    return f"Preset {told}: to try Tierscope out, not for conclusions."


def by_chance(count: int, *, declared: bool) -> str:
    """Say how many exploratory comparisons would look like a find by chance, and what the answer is.

    Examples
    --------
    >>> by_chance(40, declared=True)[:71]
    'Were all arms worth the same, about 2 of these 40 comparisons would fal'
    """
    of = f"about {ALPHA * count:.0f} of these {count} comparisons"
    if ALPHA * count < 1:
        of = f"one in {1 / ALPHA:.0f} such comparisons"
    said = f"Were all arms worth the same, {of} would fall under p = {ALPHA} by chance alone."
    if declared:
        return f"{said} The answer of this study is its declared primary comparison."
    return f"{said} None is the answer of this study, which declared no primary comparison."
