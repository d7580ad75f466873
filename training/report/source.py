"""What the messages of a report are made from, read once."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from curation import cohorts
from curation.cohorts import Cohort
from curation.errors import CohortError
from curation.workspace import Workspace
from training import comparisons, conclusions, predictions, statistics
from training import study as studies
from training.comparisons import Comparisons
from training.conclusions import Conclusion
from training.predictions import BASELINE, BASELINE_LABEL, Predictions
from training.report.anonymous import OLDEST_YEARS
from training.report.look import MUTED, arm_styles
from training.report.plots import Series
from training.study import Study


@dataclass(frozen=True)
class Options:
    """What people choose of a report.

    Parameters
    ----------
    sites : bool
        Keep the names of sites.
    pictures : bool
        Show an example scan of each tier, one axial slice.
    corrected : bool
        Show bias-corrected figures beside the raw ones.
    """

    sites: bool = False
    pictures: bool = True
    corrected: bool = False


@dataclass(frozen=True)
class Source:
    """A study with its predictions and cohorts (none where they are gone or were changed)."""

    workspace: Workspace
    study: Study
    held_out: Predictions
    pool: Cohort | None
    target: Cohort | None
    options: Options

    @cached_property
    def final(self) -> pd.DataFrame:
        """See :func:`training.statistics.summarise`."""
        return statistics.summarise(self.held_out)

    @cached_property
    def scans(self) -> pd.DataFrame:
        """The scans of the study."""
        return self.study.scans()

    def of(self, role: str) -> pd.DataFrame:
        """Return the study's scans of a role."""
        return self.scans[self.scans["role"] == role]

    @cached_property
    def reference(self) -> str | None:
        """The arm that others are compared with."""
        return statistics.default_reference(self.held_out)

    @cached_property
    def compared(self) -> Comparisons:
        """See :func:`training.comparisons.compare_all`."""
        return comparisons.compare_all(self.held_out, self.reference)

    @cached_property
    def conclusion(self) -> Conclusion:
        """What the study came to."""
        return conclusions.conclude(self.held_out, self.compared, self.reference)

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """How each arm is drawn, and predicting the mean."""
        styles = arm_styles(self.study.arms)
        arms = [
            Series(name, style.label, style.colour, style.dash, hollow=style.dash != "solid")
            for name, style in styles.items()
        ]
        return (*arms, Series(BASELINE, BASELINE_LABEL, MUTED, "dot", hollow=True))


def read(workspace: Workspace, study_id: str, options: Options) -> Source:
    """Read a study.

    Raises
    ------
    StudyError
        When there is none of that id.
    """
    study = studies.load(workspace, study_id)
    return Source(
        workspace,
        study,
        predictions.read(workspace, study),
        _cohort(workspace, study.cohort_id),
        _cohort(workspace, study.target_id),
        options,
    )


def _cohort(workspace: Workspace, cohort_id: str) -> Cohort | None:
    try:
        return cohorts.load(workspace, cohort_id)
    except CohortError:
        return None


# ---- words ---------------------------------------------------------------------------------------


def short(named: str) -> str:
    """Return the hash that ends an id of a study or cohort: what tells it from others, without its name."""
    return named.rsplit("-", 1)[-1]


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def counted(scans: int, people: int) -> str:
    """Return how many scans of how many people."""
    return f"{plural(scans, 'scan')} of {plural(people, 'person', 'people')}"


def count_of(scans: pd.DataFrame) -> str:
    """Return how many scans of how many people a table holds."""
    return counted(len(scans), scans["subject_id"].nunique())


def ages_of(scans: pd.DataFrame) -> str:
    """Return mean and range of the ages of a table; the very old are not told apart."""
    ages = scans["age_years"].dropna()
    if ages.empty:
        return "ages not known"
    oldest = f"{ages.max():.0f}" if ages.max() < OLDEST_YEARS else f"{OLDEST_YEARS} or more"
    return f"{ages.mean():.0f} years on average ({ages.min():.0f} to {oldest})"


def number(value: float, digits: int = 2) -> str:
    """Return a number with a true minus; a dash where it is not known."""
    if value != value:
        return "–"
    shown = f"{value:.{digits}f}"
    return (shown.removeprefix("-") if float(shown) == 0 else shown).replace("-", "−")


def tiers_of(scans: pd.DataFrame) -> list[str]:
    """Return the tiers of a table of scans, best first."""
    return sorted(scans["tier"].dropna().astype(str).unique())
