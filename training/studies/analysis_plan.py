"""Analysis of a study, declared when it is planned: its primary comparison, margin, and one or two sides.

One comparison is confirmatory, which is tested without regard to others; all else is exploratory. The margin
is the difference that would matter: by default what preprocessing alone moves the error of brain age (Dular
et al. 2023, see ``docs/statistics.md``).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.errors import StudyError
from training.arms.study_arms import ALL, SCRATCH, Arm

MARGIN_YEARS = 0.7


@dataclass(frozen=True)
class AnalysisPlan:
    """Analysis that is declared before anything is seen.

    Parameters
    ----------
    primary : tuple of str, optional
        The arm and what it is compared with; none where all comparisons are exploratory.
    margin_years : float
        Difference of two errors that would matter, above 0.
    one_sided : bool
        Whether only *better* and *not worse* are asked, not *worse*.
    """

    primary: tuple[str, str] | None = None
    margin_years: float = MARGIN_YEARS
    one_sided: bool = False

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

    @property
    def words(self) -> str:
        """The plan as a sentence; empty where nothing is declared."""
        if self.primary is None:
            return ""
        sides = "one-sided: better or not worse" if self.one_sided else "two-sided"
        return (
            f"Primary comparison: {self.primary[0]} against {self.primary[1]}, {sides}, margin "
            f"{self.margin_years:g} years."
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
    def from_dict(cls, values: Mapping[str, Any] | None) -> "AnalysisPlan":
        """Return a stored analysis; of a study planned without one, the plan that declares nothing."""
        if not values:
            return cls()
        arm, reference = values["primary"]
        return cls(
            (arm, reference), float(values["margin_years"]), one_sided=bool(values["one_sided"])
        )

    def refuse_unfit(self, arms: Sequence[Arm]) -> None:
        """Refuse an analysis that the arms of a study cannot carry.

        Parameters
        ----------
        arms : sequence of Arm
            Of the study.

        Raises
        ------
        StudyError
            A margin that is not above 0, a primary comparison of an arm with itself or with one that is not
            in the study, or a margin or side without a primary comparison.
        """
        if not math.isfinite(self.margin_years) or self.margin_years <= 0:
            raise StudyError(
                f"A margin is a difference that would matter, above 0 years, not {self.margin_years:g}: "
                "'equivalent' and 'not worse' are judged by it. Take what a reader would care about, such as "
                f"{MARGIN_YEARS:g}."
            )
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

    def _refuse_undeclared(self) -> None:
        if self.one_sided or self.margin_years != MARGIN_YEARS:
            raise StudyError(
                "A margin, and one or two sides, belong to a primary comparison: name its two arms too, such "
                "as '--primary A all', or leave them out."
            )


#: Nothing is declared: every comparison is exploratory.
EXPLORATORY = AnalysisPlan()


def proposed(arms: Sequence[Arm]) -> tuple[str, str] | None:
    """Return the primary comparison that suits the arms of a study best.

    It is of the first arm that leaves scans out with all scans (does it harm to leave them out, or help?),
    else with its control, else of the first pretrained arm with training from scratch.

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
    controls = {arm.matches: arm.name for arm in arms if arm.kind == "control"}
    for arm in whole:
        if ALL in names:
            return arm.name, ALL
        if arm.name in controls:
            return arm.name, controls[arm.name]
    pretrained = [name for name in (ALL, *(arm.name for arm in whole)) if name in names]
    if SCRATCH in names and pretrained:
        return pretrained[0], SCRATCH
    return None
