"""Analysis of a study, declared when it is planned: its primary comparison, margin, and one or two sides.

One comparison is confirmatory, which is tested without regard to others; all else is exploratory. The margin
is the difference that would matter: by default what preprocessing alone moves the error of brain age (Dular
et al. 2023, see ``docs/statistics.md``). Of another outcome nobody but who plans the study can say it: a
primary comparison then needs a margin of its own, in the outcome's unit.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from curation.errors import StudyError
from training.arms.study_arms import ALL, SCRATCH, Arm
from training.judging.outcome import AGE, Outcome

#: Of age, where no other is stated.
MARGIN_YEARS = 0.7
#: An AUC is half from chance to perfect.
_AUC_SPAN = 0.5


@dataclass(frozen=True)
class AnalysisPlan:
    """Analysis that is declared before anything is seen.

    Parameters
    ----------
    primary : tuple of str, optional
        The arm and what it is compared with; none where all comparisons are exploratory.
    margin : float, optional
        Difference of two errors (or AUCs) that would matter, above 0, in the outcome's unit; by default that
        of age.
    one_sided : bool
        Whether only *better* and *not worse* are asked, not *worse*.
    outcome : Outcome
        What is predicted: the unit of the margin. It is no part of the analysis, but of the study.
    """

    primary: tuple[str, str] | None = None
    margin: float | None = None
    one_sided: bool = False
    outcome: Outcome = field(default=AGE, compare=False)

    @property
    def margin_years(self) -> float:
        """The margin, years or the outcome's unit; NaN where none is stated of another outcome than age."""
        if self.margin is not None:
            return self.margin
        return MARGIN_YEARS if self.outcome.is_age else math.nan

    @property
    def margin_words(self) -> str:
        """The margin with its unit: ``0.7 years``, ``0.02 AUC``."""
        return self.outcome.bound(self.margin_years)

    @property
    def declared(self) -> bool:
        """Whether there is a primary comparison."""
        return self.primary is not None

    @property
    def pair(self) -> tuple[str, str]:
        """The primary comparison, where there is one."""
        if self.primary is None:
            raise ValueError("no primary comparison is declared")
        return self.primary

    def counts_draw(self, arms: Iterable[Arm]) -> bool:
        """Return whether the primary comparison counts an arm as one draw: against its own control."""
        control = own_control(arms, self.primary) if self.primary else None
        return control is not None and not control.apart

    @property
    def words(self) -> str:
        """The plan as a sentence; empty where nothing is declared."""
        if self.primary is None:
            return ""
        sides = "one-sided: better or not worse" if self.one_sided else "two-sided"
        return (
            f"Primary comparison: {self.primary[0]} against {self.primary[1]}, {sides}, margin "
            f"{self.margin_words}."
        )

    @property
    def entry(self) -> dict[str, Any]:
        """What it adds to a stored plan; nothing where nothing is declared, as in plans of before."""
        if self.primary is None:
            return {}
        return {
            "analysis": {
                "primary": list(self.primary),
                "margin_years": self.margin_years,
                "one_sided": self.one_sided,
            }
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None, outcome: Outcome = AGE) -> "AnalysisPlan":
        """Return a stored analysis; of a study planned without one, the plan that declares nothing."""
        if not values:
            return cls(outcome=outcome)
        arm, reference = values["primary"]
        margin, one_sided = float(values["margin_years"]), bool(values["one_sided"])
        return cls((arm, reference), margin, one_sided, outcome)

    def fitting(self, arms: Sequence[Arm], outcome: Outcome) -> "AnalysisPlan":
        """Return the analysis of an outcome, where the arms can carry it, see :meth:`refuse_unfit`."""
        analysis = replace(self, outcome=outcome)
        analysis.refuse_unfit(arms)
        return analysis

    def refuse_unfit(self, arms: Sequence[Arm]) -> None:
        """Refuse an analysis that the arms of a study cannot carry.

        Parameters
        ----------
        arms : sequence of Arm
            Of the study.

        Raises
        ------
        StudyError
            A margin that is not above 0 (of an AUC: and below 0.5), or none for another outcome than age; a
            primary comparison of an arm with itself or with one that is not in the study, or a margin or side
            without a primary comparison.
        """
        self._refuse_margin()
        if self.primary is None:
            self._refuse_undeclared()
            return
        arm, reference = self.primary
        names = [one.name for one in arms]
        for name in self.primary:
            if name not in names:
                raise StudyError(
                    f"The primary comparison names {name!r}, which is no arm of this study: "
                    f"{', '.join(names)}. Add it to the arms, or compare two of these."
                )
        if arm == reference:
            raise StudyError(
                f"The primary comparison is of {arm!r} with itself. Name two arms, such as "
                f"{' and '.join(names[:2])}."
            )

    def _refuse_margin(self) -> None:
        outcome = self.outcome
        if self.margin is None:
            if self.primary and not outcome.is_age:
                raise StudyError(
                    f"The margin of {MARGIN_YEARS:g} years is one of age: of {outcome.name} only you can say "
                    f"what difference would matter. State it, in {outcome.unit_words}: --margin."
                )
            return
        if not math.isfinite(self.margin) or self.margin <= 0:
            such = f", such as {MARGIN_YEARS:g}" * outcome.is_age
            raise StudyError(
                f"A margin is a difference that would matter, above 0 {outcome.unit_words}, not "
                f"{self.margin:g}: 'equivalent' and 'not worse' are judged by it. Take what a reader would "
                f"care about{such}."
            )
        if outcome.two_valued and self.margin >= _AUC_SPAN:
            raise StudyError(
                f"A margin of {self.margin:g} AUC is all there is between chance and no error. Take less, "
                "such as 0.02."
            )

    def _refuse_undeclared(self) -> None:
        if self.one_sided or self.margin is not None:
            raise StudyError(
                "A margin, and one or two sides, belong to a primary comparison: name its two arms too, such "
                "as '--primary A all', or leave them out."
            )


#: Nothing is declared: every comparison is exploratory.
EXPLORATORY = AnalysisPlan()


def with_controls(arms: Sequence[Arm]) -> list[tuple[Arm, Arm]]:
    """Return each arm with its own controls, in the order of these: a row a control.

    Parameters
    ----------
    arms : sequence of Arm
        Of a study, or of several.

    Returns
    -------
    list of tuple of Arm
        An arm with a random sample of as many scans that is trained as it is: by the same method, on the same
        share of the labels, for the same share of the steps. Trained otherwise, a difference of the two
        would be one of training too.
    """
    return [
        (arm, control)
        for control in arms
        if control.kind == "control"
        for arm in arms
        if arm.encoder == control.matches and _trained_as(arm) == _trained_as(control)
    ]


def own_control(arms: Iterable[Arm], pair: tuple[str, str]) -> Arm | None:
    """Return which of a pair of arms, in whichever order, is the other's own control, if any."""
    named = [arm for arm in arms if arm.name in pair]
    return next((control for _, control in with_controls(named)), None)


def _trained_as(arm: Arm) -> tuple[str, int, float]:
    return arm.method, arm.label_percent, arm.share_of_steps


def proposed(arms: Sequence[Arm]) -> tuple[str, str] | None:
    """Return the primary comparison that suits the arms of a study best.

    It is of the first arm that leaves scans out with all scans (does it harm to leave them out, or help?),
    else with its control (:func:`with_controls`), else of the first pretrained arm with training from
    scratch.

    Parameters
    ----------
    arms : sequence of Arm
        Of the study.

    Returns
    -------
    tuple of str, or None
        Two names; none where no two arms make a question.
    """
    names = [arm.name for arm in arms]
    chosen = [arm for arm in arms if arm.kind not in ("scratch", "control") and arm.name != ALL]
    whole = [arm for arm in chosen if arm.method == "full" and arm.label_percent == 100]
    with_own = with_controls(arms)
    for arm in whole:
        if ALL in names:
            return arm.name, ALL
        for matched, control in with_own:
            if matched == arm:
                return arm.name, control.name
    pretrained = [name for name in (ALL, *(arm.name for arm in whole)) if name in names]
    if SCRATCH in names and pretrained:
        return pretrained[0], SCRATCH
    return None
