"""Primary comparison of a study: the one that was declared when it was planned, from the whole study.

No filter and no other choice of a reader changes it: it takes all seeds and folds of the two arms.
"""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from training.arms import arm_scans
from training.arms.study_arms import ALL, Arm
from training.held_out.predictions import Predictions
from training.results import comparisons, conclusions, study_summary, verdicts
from training.results.comparisons import Comparisons
from training.results.conclusions import Conclusion
from training.results.crossed_effects import ALPHA, Estimate, detectable_years
from training.results.verdicts import Outcome, Verdict
from training.studies.analysis_plan import AnalysisPlan


class Primary(NamedTuple):
    """Result of the primary comparison.

    Parameters
    ----------
    plan : AnalysisPlan
        As it was declared.
    difference : Estimate
        Loss of its arm less that of its reference, in the unit of the outcome.
    verdict : Verdict
        Confirmatory.
    conclusion : Conclusion
        Of the study.
    detectable_years : float
        True difference that four of five such studies would find.
    """

    plan: AnalysisPlan
    difference: Estimate
    verdict: Verdict
    conclusion: Conclusion
    detectable_years: float

    @property
    def pair(self) -> tuple[str, str]:
        """The arm and its reference."""
        return self.plan.pair

    def table(self) -> pd.DataFrame:
        """Return the result as a table of one row, for what is exported."""
        arm, reference = self.pair
        seen = self.difference
        tests = verdicts.margin_tests(seen, self.plan.margin_years)
        row = {
            "arm": arm,
            "reference": reference,
            "role": "primary",
            "margin_years": self.plan.margin_years,
            "one_sided": self.plan.one_sided,
            "difference_years": seen.mean,
            "ci_low": seen.low,
            "ci_high": seen.high,
            "ci90_low": tests.low,
            "ci90_high": tests.high,
            "p": seen.p,
            "p_better": tests.p_better,
            "p_equivalent": tests.p_equivalent,
            "p_not_worse": tests.p_not_worse,
            "degrees_of_freedom": seen.df,
            "detectable_years": self.detectable_years,
            "n_subjects": seen.people,
            "n_seeds": seen.seeds,
            "verdict": self.verdict.outcome,
            "words": self.verdict.words,
        }
        return pd.DataFrame([row])


def of_study(held_out: Predictions, plan: AnalysisPlan) -> Primary | None:
    """Return the primary comparison of a study; none where none was declared.

    Parameters
    ----------
    held_out : Predictions
        Of all finished runs of the study, unfiltered.
    plan : AnalysisPlan
        Of the study.
    """
    if plan.primary is None:
        return None
    arm, reference = plan.primary
    difference = study_summary.compare(held_out, arm, reference).estimate
    meaning = _meaning(held_out.arm(arm), held_out.arm(reference))
    withheld = _withheld(held_out, plan.primary, difference)
    called = comparisons.called(held_out, arm), comparisons.called(held_out, reference)
    verdict = comparisons.as_sentence(
        verdicts.confirmatory(plan, difference, called=called, meaning=meaning, withheld=withheld)
    )
    counted = comparisons.draw_words(held_out, plan.primary, verdict)
    verdict = verdict._replace(words=verdict.words + counted)
    told = headline(plan, held_out.arms, difference, verdict, meaning=meaning)
    return Primary(
        plan,
        difference,
        verdict,
        _conclusion(held_out, plan.primary, verdict, told),
        detectable_years(difference, sides=1 if plan.one_sided else 2),
    )


def conclusion_of(held_out: Predictions, plan: AnalysisPlan) -> Conclusion:
    """Return the conclusion of a whole study: of its primary comparison, else of the exploratory ones."""
    if primary := of_study(held_out, plan):
        return primary.conclusion
    reference = study_summary.default_reference(held_out)
    return conclusions.conclude(held_out, comparisons.compare_all(held_out, reference), reference)


def _withheld(held_out: Predictions, pair: tuple[str, str], difference: Estimate) -> str:
    """Return the reason why there is no verdict; empty where there may be one.

    Of two arms of which neither learned anything, equivalence would say nothing of what they were pretrained
    on.
    """
    if reason := comparisons.no_verdict(held_out, pair, difference.seeds):
        return reason
    if conclusions.too_easy(held_out):
        return "no arm makes a mistake, so that none can be the better"
    if not set(pair) & set(comparisons.learned(held_out)):
        return f"neither is shown to be better than {held_out.outcome.no_model}"
    return ""


def headline(
    plan: AnalysisPlan,
    arms: Iterable[Arm],
    seen: Estimate,
    said: Verdict,
    *,
    meaning: str = "",
) -> str:
    """Return a confirmatory verdict as a headline, which names the measure and both arms in words.

    Parameters
    ----------
    plan : AnalysisPlan
        With a primary comparison.
    arms : iterable of Arm
        Of the study.
    seen : Estimate
        As :func:`training.results.verdicts.confirmatory` takes it.
    said : Verdict
        What that gave.
    meaning : str
        What is done by taking the arm instead of the reference.
    """
    if said.outcome in ("withheld", "unknown"):
        return f"Primary comparison: {said.words.rstrip('.')}"
    by_name = {arm.name: arm for arm in arms}
    arm, reference = (by_name[name] for name in plan.pair)
    outcome, tests = plan.outcome, verdicts.margin_tests(seen, plan.margin_years)
    if said.outcome in ("better", "worse"):
        least = f"{outcome.number(-tests.high)} at least" if plan.one_sided else ""
        small = f", within the margin of {plan.margin_words}" * (tests.p_equivalent <= ALPHA)
        return verdicts.told_apart(outcome, arm, reference, seen, bounds=least) + small
    ours, theirs = arm_scans.pretrained(arm), arm_scans.pretrained(reference)
    done = meaning or f"taking {arm_scans.what_of(arm)} instead of {arm_scans.what_of(reference)}"
    done, measure = done[0].upper() + done[1:], outcome.judged_by
    if said.outcome == "equivalent":
        return (
            f"{done} makes no difference that matters: {ours} or {theirs}, the {measure} is the same within "
            f"{plan.margin_words} ({outcome.span(tests.low, tests.high)}, 90 %)"
        )
    if said.outcome == "not worse":
        return (
            f"{done} does no harm that matters: {ours}, the {measure} is not worse by {plan.margin_words} "
            f"than {theirs} (difference {verdicts.at_most(outcome, tests)})"
        )
    return (
        f"Not told apart: {ours} or {theirs}, the {measure} differs by {outcome.signed_amount(seen.mean)} "
        f"({outcome.span(seen.low, seen.high)}; {outcome.favours} favours {arm_scans.what_of(arm)}), margin "
        f"{plan.margin_words}"
    )


def _conclusion(
    held_out: Predictions, pair: tuple[str, str], verdict: Verdict, headline: str
) -> Conclusion:
    if not held_out.there:
        return Conclusion("", ranks=False)
    if not comparisons.learned(held_out):
        return Conclusion(conclusions.nothing_learned(held_out), ranks=False)
    beside = conclusions.beside(held_out, pair, declared=pair)
    if conclusions.whole(held_out) or verdict.outcome in ("withheld", "unknown"):
        return Conclusion(headline, ranks=True, beside=beside)
    return Conclusion(f"Not the whole study yet: {headline}", ranks=True, beside=beside)


def _meaning(arm: Arm | None, reference: Arm | None) -> str:
    """Return what is done by taking an arm instead of all scans; empty for other pairs."""
    if arm is None or reference is None or reference.name != ALL or arm.method != reference.method:
        return ""
    if arm.kind == "sweep":
        return f"leaving out the worst {100 - arm.keep_percent} % of the scans"
    dropped = [tier for tier in reference.tiers if tier not in arm.tiers]
    if arm.kind != "tiers" or not dropped:
        return ""
    return f"leaving out tier{'s' * (len(dropped) > 1)} {' and '.join(dropped)}"


#: What a verdict says of the pair turned round.
_TURNED: dict[str, Outcome] = {"better": "worse", "worse": "better", "not worse": "open"}


def judged(
    found: Comparisons, primary: Primary | None, called: tuple[str, str] | None = None
) -> Comparisons:
    """Return comparisons of a whole study in which the primary one has its own verdict.

    Where its arm is the reference of the table, the verdict is turned round; its words stay.

    Parameters
    ----------
    found : Comparisons
        Of all seeds and folds.
    primary : Primary, optional
        Without one nothing changes.
    called : tuple of str, optional
        Names of its arms in the tables, where they are called otherwise there.
    """
    if primary is None:
        return found
    _, reference = called or primary.pair
    return Comparisons(*(_judged(table, primary, reference) for table in found))


def _judged(table: pd.DataFrame, primary: Primary, reference: str) -> pd.DataFrame:
    table = table.copy()
    for place, row in zip(table.index, table.itertuples(), strict=True):
        if row.role == "primary":
            straight = row.reference == reference
            outcome = primary.verdict.outcome
            table.loc[place, "verdict"] = outcome if straight else _TURNED.get(outcome, outcome)
            table.loc[place, "words"] = f"Primary comparison: {primary.verdict.words}"
    return table
