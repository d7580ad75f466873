"""Source of a report: a study read once, anonymised, with the names of the report's files.

Nobody can be identified from a report: names, ids, paths and free text never reach its tables; they are not
filtered out afterwards.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from curation.cohorts import flow_chart, frozen_cohort
from curation.cohorts.flow_chart import Exclusion
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import CohortError
from curation.scoring.comparison_groups import SOURCE
from curation.storage.text_tables import OLDEST_YEARS
from curation.storage.workspace import Role, Workspace
from curation.tier_effects import standardised_differences, tier_images
from curation.tier_effects.tier_images import TierImages
from curation.wording import plural
from training.arms import arm_scans
from training.held_out import stored_predictions
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import Outcome
from training.report.plots import Series
from training.results import comparisons, conclusions, primary_comparison, study_summary
from training.results.comparisons import Comparisons
from training.results.conclusions import Conclusion
from training.results.primary_comparison import Primary
from training.studies import planned_study
from training.studies.planned_study import Study
from training.theme import MUTED, arm_styles

#: Groups of fewer people are not named.
_FEWEST_NAMED = 5


def site_names(sites: pd.Series, *, keep: bool) -> dict[str, str]:
    """Return the name of each site in a report.

    Parameters
    ----------
    sites : pandas.Series of str
        One a scan.
    keep : bool
        Keep the names; else they are ``Site 1``, ``Site 2`` and so on, the largest first. A source that
        stands in for an unknown site is ``Source 1``, ``Source 2`` in either case.
    """
    counts = sites.dropna().astype(str).value_counts()
    order = sorted(counts.index, key=lambda site: (-counts[site], site))
    return {
        site: f"Source {place}" if site.startswith(SOURCE) else site if keep else f"Site {place}"
        for place, site in enumerate(order, start=1)
    }


def without_identity(points: pd.DataFrame) -> pd.DataFrame:
    """Return values of single scans such that no row identifies a person.

    Parameters
    ----------
    points : pandas.DataFrame
        Columns of numbers and of group names only; ``age_years`` becomes whole years, at most
        :data:`curation.storage.text_tables.OLDEST_YEARS`, other years one decimal.

    Returns
    -------
    pandas.DataFrame
        Ordered by its own values, so that the order says nothing either.
    """
    table = points.copy()
    for name in table.columns:
        if name == "age_years":
            table[name] = np.minimum(np.round(table[name].astype(float)), OLDEST_YEARS)
        elif name.endswith("_years"):
            table[name] = table[name].astype(float).round(1)
    return table.sort_values(list(table.columns), ignore_index=True)


def removed(*, sites_kept: bool, pictures: bool) -> tuple[str, ...]:
    """Return the statements on what was removed from a report."""
    return (
        "Ids of scans, people and sessions, file names and paths: left out everywhere. Points of "
        "plots are "
        "single scans without an id, ordered by their own values.",
        "Names of the study, of cohorts, sources and authors: left out; content hashes stand for "
        "them.",
        "Names of sites: kept, as was asked for."
        if sites_kept
        else "Names of sites: replaced by Site 1, Site 2 and so on, the largest first.",
        "Notes, tags, comments, ratings and reasons: left out. Of joined tables the names are left out, "
        "those of their columns kept.",
        f"Ages of single scans: whole years, {OLDEST_YEARS} and above as {OLDEST_YEARS}; predicted "
        "ages of "
        "single scans to a tenth of a year. Summaries are of the exact values.",
        "Sex, group and dates of single scans: left out.",
        "Example images: one axial slice through the brain a tier, drawn anew, without anything of "
        "its file."
        if pictures
        else "Example images: none.",
    )


@dataclass(frozen=True)
class Options:
    """Options of a report.

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
class ReportSource:
    """A study with its predictions and cohorts (none where they are gone or were changed)."""

    workspace: Workspace
    study: Study
    held_out: Predictions
    pool: Cohort | None
    target: Cohort | None
    options: Options

    @property
    def outcome(self) -> Outcome:
        """What is predicted."""
        return self.study.outcome

    @cached_property
    def final(self) -> pd.DataFrame:
        """See :func:`training.results.study_summary.summarise`; the best arm first."""
        return self.outcome.best_first(study_summary.summarise(self.held_out))

    @cached_property
    def scans(self) -> pd.DataFrame:
        """The scans of the study."""
        return self.study.scans()

    @cached_property
    def images(self) -> TierImages | None:
        """What images the tiers of the pool hold, as it was frozen; none where its list is gone."""
        return tier_images.of_cohort(self.workspace, self.pool) if self.pool else None

    def of(self, role: str) -> pd.DataFrame:
        """Return the study's scans of a role."""
        return self.scans[self.scans["role"] == role]

    @cached_property
    def reference(self) -> str | None:
        """The arm that others are compared with."""
        return study_summary.default_reference(self.held_out, self.study.analysis.primary)

    @cached_property
    def compared(self) -> Comparisons:
        """See :func:`training.results.comparisons.compare_all`; the primary one with its own verdict."""
        found = comparisons.compare_all(self.held_out, self.reference, self.study.analysis.primary)
        return primary_comparison.judged(found, self.primary)

    @cached_property
    def primary(self) -> Primary | None:
        """The primary comparison; none where none was declared."""
        return primary_comparison.of_study(self.held_out, self.study.analysis)

    @cached_property
    def conclusion(self) -> Conclusion:
        """Conclusion of the study."""
        if self.primary:
            return self.primary.conclusion
        return conclusions.conclude(self.held_out, self.compared, self.reference)

    def called(self, arm: str) -> str:
        """Return an arm's name with what it is, as legends have it."""
        return next(one.label for one in self.series if one.name == arm)

    def what_of(self, arm: str) -> str:
        """Return what an arm was pretrained on, see :func:`training.arms.arm_scans.what_of`."""
        return next(arm_scans.what_of(one) for one in self.study.arms if one.name == arm)

    def made_as(self, arm: str) -> str:
        """Return how an arm was made, see :func:`training.arms.arm_scans.pretrained`."""
        return next(arm_scans.pretrained(one) for one in self.study.arms if one.name == arm)

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Style of each arm, and of predicting the mean."""
        styles = arm_styles(self.study.arms)
        arms = [
            Series(name, style.label, style.colour, style.dash, hollow=style.dash != "solid")
            for name, style in styles.items()
        ]
        return (*arms, Series(BASELINE, self.outcome.no_model_label, MUTED, "dot", hollow=True))


def read(workspace: Workspace, study_id: str, options: Options) -> ReportSource:
    """Read a study.

    Raises
    ------
    StudyError
        When there is none of that id.
    """
    study = planned_study.load(workspace, study_id)
    return ReportSource(
        workspace,
        study,
        stored_predictions.read(workspace, study),
        _cohort(workspace, study.cohort_id),
        _cohort(workspace, study.target_id),
        options,
    )


def _cohort(workspace: Workspace, cohort_id: str) -> Cohort | None:
    try:
        return _nameless(frozen_cohort.load(workspace, cohort_id))
    except CohortError:
        return None


def _nameless(cohort: Cohort) -> Cohort:
    """Return a cohort whose flow names no tag, no joined table and not the cohort that it was drawn from."""
    if cohort.flow is None:
        return cohort
    column = cohort.rule.rule_column
    told = {gate.describe(): gate.nameless() for gate in cohort.rule.gates}
    told[flow_chart.not_scored(column.label)] = flow_chart.not_scored(column.own_label)
    drawn_from = cohort.drawn["cohort"] if cohort.drawn else None
    stages = tuple(
        replace(
            stage,
            label=stage.label.replace(drawn_from, short(drawn_from)) if drawn_from else stage.label,
            left_out=tuple(
                Exclusion(told.get(out.reason, out.reason), out.scans) for out in stage.left_out
            ),
        )
        for stage in cohort.flow.stages
    )
    return replace(cohort, flow=replace(cohort.flow, stages=stages))


# ---- words ---------------------------------------------------------------------------------------


def short(named: str) -> str:
    """Return the hash that ends an id of a study or cohort: it identifies them without their names."""
    return named.rsplit("-", 1)[-1]


def external_name(cohort_id: str) -> str:
    """Return what an external cohort is called in a report: its own name may tell people, and stays here."""
    return f"external cohort {short(cohort_id)}"


def counted(scans: int, people: int) -> str:
    """Return how many scans of how many people."""
    return f"{plural(scans, 'scan')} of {plural(people, 'person', 'people')}"


def count_of(scans: pd.DataFrame) -> str:
    """Return how many scans of how many people a table holds."""
    return counted(len(scans), scans["subject_id"].nunique())


def ages_of(scans: pd.DataFrame, *, spread: bool = False) -> str:
    """Return mean and range of ages, with their ``spread`` if asked; the very old are not told apart."""
    ages = scans["age_years"].dropna()
    if ages.empty:
        return "ages not known"
    oldest = f"{ages.max():.0f}" if ages.max() < OLDEST_YEARS else f"{OLDEST_YEARS} or more"
    if spread and len(ages) > 1:
        return (
            f"mean age {ages.mean():.1f} years, SD {ages.std():.1f}, {ages.min():.0f} to {oldest}"
        )
    return f"{ages.mean():.0f} years on average ({ages.min():.0f} to {oldest})"


def people_of(source: ReportSource, role: Role) -> str:
    """Return how many scans of how many people a cohort holds; ages, sexes, groups in an open bracket."""
    scans = source.of(role)
    cohort = source.pool if role == "pool" else source.target
    told = [ages_of(scans, spread=True)]
    if cohort is not None:
        held = cohort.scans[cohort.scans["scan_id"].isin(scans["scan_id"])]
        people = held.drop_duplicates("subject_id")
        told += [_sexes(people), _groups(people)]
    return f"{count_of(scans)} ({'; '.join(told)}"


def _sexes(people: pd.DataFrame) -> str:
    read = standardised_differences.sexes(people["sex"], people["source"])
    if read.names != standardised_differences.SEXES:
        return "sex not known"
    counts = np.bincount(read.codes, minlength=3).tolist()
    named = zip(counts, ("women", "men", "of unknown sex"), strict=True)
    return ", ".join(f"{count:,} {name}" for count, name in named if count)


def _groups(people: pd.DataFrame) -> str:
    """Return how many people are of each group; small ones together, so that nobody is recognised."""
    counts = people["group"].value_counts()
    if counts.empty:
        return "groups not known"
    large = counts[counts >= _FEWEST_NAMED]
    told = [f"{count:,} {name}" for name, count in large.items()]
    for count, words in (
        (int(counts.sum() - large.sum()), "of smaller groups"),
        (len(people) - int(counts.sum()), "of unknown group"),
    ):
        told += [f"{count:,} {words}"] * bool(count)
    return f"groups: {', '.join(told)}"


def sites_said(cohort: str, note: str) -> str:
    """Return what is not known of sites as said of one cohort: the other may know them; empty of nothing."""
    return f"In the {cohort}, {note[0].lower()}{note[1:]}" if note else ""


def tiers_of(scans: pd.DataFrame) -> list[str]:
    """Return the tiers of a table of scans, best first."""
    return sorted(scans["tier"].dropna().astype(str).unique())


REPORT, DECK, METHODS, REMOVED, ALL = (
    "report.html",
    "deck.pptx",
    "methods.txt",
    "README.txt",
    "report.zip",
)
