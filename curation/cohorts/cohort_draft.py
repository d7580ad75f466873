"""Draft of a cohort: the scans of a role with their tiers by a rule, before it is frozen.

The list is text, one line a scan; page and command line take it from here, so it is the same to the byte.
"""

import importlib.metadata
import io
import platform
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cohorts import flow_chart
from curation.cohorts.flow_chart import Flow
from curation.errors import CohortError
from curation.references import reference_library
from curation.scoring.distortion_score import SCORING_VERSION
from curation.sources import duplicates, image_modality
from curation.sources.source import NO_IMAGE
from curation.storage import files, tables, text_tables
from curation.storage.workspace import ROLES, Role, Workspace
from curation.tier_effects import tier_images
from curation.tier_effects.tier_images import TierImages
from curation.tiers import assignment, overrides, rule_values, rule_warnings
from curation.tiers.assignment import Codes, ScanArrays
from curation.tiers.overrides import TierByHand
from curation.tiers.rule_checks import UNUSABLE
from curation.tiers.rule_warnings import Doubt
from curation.tiers.tier_rule import TierRule

#: No path and no name of a person: a cohort may be handed on. What a rule looks at besides, such as a
#: metric, stands before the tier.
COHORT_COLUMNS = (
    "scan_id",
    "subject_id",
    "source",
    "sha256",
    "modality",
    "site",
    "age_years",
    "sex",
    "group",
    "simulated",
    "distortion_score",
    "unusual_anatomy",
    "tier",
)
#: Whose versions are kept with a cohort: what scores and lists are made with.
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "nibabel", "PyYAML")
#: Columns that lists of before lack: what is drawn from these is written as it was.
_ADDED_COLUMNS = ("unusual_anatomy",)


@dataclass(frozen=True)
class CohortDraft:
    """A cohort before it is frozen.

    Parameters
    ----------
    role : {'pool', 'target'}
        What it is for.
    rule : TierRule
        Made the tiers, decisions by hand on top.
    images_only : bool
        Whether scans that came from a table are left out.
    sources : tuple of str
        Whose scans alone, by name; empty: of all sources.
    text : str
        The list as TSV.
    hash : str
        8 hexadecimal digits of the list and the rule: neither time nor author nor name is in it.
    counts : dict of str to int
        Scans per tier, best first.
    flow : Flow
        From the scans found to these.
    doubts : tuple of Doubt
        What somebody should look at before this is frozen.
    reference : str
        Names and versions of the references that the scans were scored by.
    images : TierImages
        What images the tiers hold.
    by_hand : tuple of TierByHand
        Those of these scans whose tier is by hand; not in the list, which keeps its columns and hash.
    """

    role: Role
    rule: TierRule
    images_only: bool
    sources: tuple[str, ...]
    text: str
    hash: str
    counts: dict[str, int]
    flow: Flow
    doubts: tuple[Doubt, ...]
    reference: str
    images: TierImages
    by_hand: tuple[TierByHand, ...]

    @cached_property
    def scans(self) -> pd.DataFrame:
        """One row a scan, ordered by ``scan_id``, the columns of :func:`columns_of`."""
        return from_tsv(self.text)


def draft_cohort(
    workspace: Workspace,
    role: Role,
    rule: TierRule,
    *,
    images_only: bool = False,
    sources: Collection[str] = (),
) -> CohortDraft:
    """Apply a rule to all usable scans of a role, and drop those without a tier.

    Parameters
    ----------
    workspace : Workspace
        Where the scans and the decisions are. Nothing is written but scores made in an earlier way, anew.
    role : {'pool', 'target'}
        Which scans. Of the target only those with a known age, since others cannot be judged on.
    rule : TierRule
        Makes the tiers.
    images_only : bool
        Leave out scans that came from a table, which cannot be trained on.
    sources : collection of str
        Names of the sources whose scans it is; empty: of all of the role.

    Raises
    ------
    CohortError
        When there is no such source or no scan left, with what is missing.
    """
    reference_library.bring_up_to_date(workspace)
    found = _of_role(workspace, role, rule)
    if chosen_sources := _known(sources, found, role):
        found = _those(found, found["source"].isin(chosen_sources).to_numpy()).reset_index(
            drop=True
        )
    usable = _those(found, flow_chart.usable_rows(found, images_only))
    if problem := mixed(usable, f"The {role}"):
        raise CohortError(problem)
    if usable.empty:
        raise CohortError(
            f"No readable scan has the role {role!r} ({ROLES[role]}). Ingest a source with "
            f"'--role {role}' first."
        )
    table = rule_values.beside(workspace, usable, rule.columns)
    arrays = assignment.prepare(table, rule.columns)
    by_rule = assignment.assign_codes(arrays, rule)
    decided = overrides.in_force(workspace)
    codes, _ = assignment.with_decisions(by_rule, arrays, rule, decided)
    chosen = codes < len(rule.tiers)
    if not chosen.any():
        raise CohortError(_nothing_scored(len(usable), role, rule))
    if role == "target":
        chosen = _of_known_age(usable, chosen)
    listed = _those(table.assign(tier=assignment.names(codes, rule)), chosen)
    text, reference = to_tsv(listed, rule), _references(table, chosen)
    images = tier_images.of_list(workspace, listed, rule, role, reference)
    held = np.bincount(codes[chosen], minlength=len(rule.tiers)).tolist()
    return CohortDraft(
        role,
        rule,
        images_only,
        chosen_sources,
        text,
        content_hash(text, rule),
        dict(zip(rule.tiers, held, strict=False)),
        flow_chart.flow_of_rule(
            found, role, images_only, rule, arrays, by_rule, codes, sources=chosen_sources
        ),
        _doubts(rule, arrays, codes, images),
        reference,
        images,
        overrides.of_scans(decided, listed["scan_id"], rule),
    )


def _of_known_age(scans: pd.DataFrame, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    chosen = chosen & scans["age_years"].notna().to_numpy()
    if not chosen.any():
        raise CohortError(
            "No scan of the target has a known age, so no age error can be measured. Add ages to "
            "participants.tsv or to the manifest, and ingest it again."
        )
    return chosen


def _doubts(
    rule: TierRule, arrays: ScanArrays, codes: Codes, images: TierImages
) -> tuple[Doubt, ...]:
    of_rule = rule_warnings.problems(rule, arrays, codes, trained=images.role == "pool")
    return (*of_rule, *(Doubt("images", images.role, said) for said in images.doubts))


def _references(table: pd.DataFrame, chosen: NDArray[np.bool_]) -> str:
    if "reference" not in table:
        return ""
    return ", ".join(sorted(table["reference"][chosen].dropna().unique()))


def columns_of(rule: TierRule) -> tuple[str, ...]:
    """Return the columns of a list that a rule made."""
    seen = (name for name in rule.columns if name not in COHORT_COLUMNS)
    return (*COHORT_COLUMNS[:-1], *seen, COHORT_COLUMNS[-1])


def content_hash(text: str, rule: TierRule) -> str:
    """Return the hash of a list and the rule that made it."""
    return files.short_hash(text, more=rule.identity())


def to_tsv(scans: pd.DataFrame, rule: TierRule) -> str:
    """Return a list as text: tabs between, ``n/a`` for missing, six digits, ordered by ``scan_id``.

    A text that a spreadsheet would run has ``'`` in front, see :mod:`curation.storage.text_tables`.
    """
    columns = [name for name in columns_of(rule) if name in scans or name not in _ADDED_COLUMNS]
    order = scans["scan_id"].array.argsort()
    return text_tables.tab_separated(scans.reindex(columns=columns), order)


def from_tsv(text: str) -> pd.DataFrame:
    """Read a list back."""
    names = text.partition("\n")[0].split("\t")
    texts = set(COHORT_COLUMNS).difference(
        ("age_years", "distortion_score", "simulated", "unusual_anatomy")
    )
    kinds = {name: "str" if name in texts else "float64" for name in names}
    table = pd.read_csv(
        io.BytesIO(text.encode()),
        sep="\t",
        na_values=["n/a"],
        keep_default_na=False,
        dtype=kinds | {"simulated": "bool"},
    )
    return text_tables.unguarded_table(table)


def versions(workspace: Workspace, scans: pd.DataFrame) -> dict[str, str]:
    """Return the versions behind the scores and the list of some scans."""
    measured = tables.read_metrics(workspace, ("metrics_version", "measured_by"))
    measured = tables.rows_of(measured, scans["scan_id"])
    told = {"python": platform.python_version()}
    told |= {name: importlib.metadata.version(name) for name in LIBRARIES}
    told["scoring_version"] = str(tables.scoring_version(workspace) or SCORING_VERSION)
    for name in ("metrics_version", "measured_by"):
        if name in measured:
            told[name] = ", ".join(sorted(map(str, measured[name].dropna().unique())))
    return told


def included(scans: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a list that are used: all but the unusable."""
    return scans[scans["tier"] != UNUSABLE]


def mixed(scans: pd.DataFrame, whose: str) -> str | None:
    """Say why scans of several kinds are no cohort: neither scores nor models set a T1w against a FLAIR.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``scan_id`` and ``modality``.
    whose : str
        What they are, the beginning of the sentence.

    Returns
    -------
    str or None
        How many there are of each kind, which are the few, and what to do; ``None`` where all are of a kind.
    """
    kinds = scans["modality"].fillna(image_modality.SCORED)
    counts = kinds.value_counts()
    if len(counts) < 2:
        return None
    few = scans.loc[kinds != counts.index[0], "scan_id"]
    return (
        f"{whose} holds {image_modality.counts_in_words(counts.to_dict())}, such as "
        f"{duplicates.some(few)}. Tiers of different kinds of images mean nothing. Ingest the sources "
        "again: then only plain T1w is scored, or "
        "what '--modality' names."
    )


def _of_role(workspace: Workspace, role: Role, rule: TierRule) -> pd.DataFrame:
    if role not in ROLES:
        raise CohortError(f"A cohort is of a role, one of {', '.join(ROLES)}; not {role!r}.")
    seen = {*COHORT_COLUMNS, *rule.columns, "role", "status", "reason", "reference"}
    scans = tables.read_scored_scans(workspace, seen)
    nobody = scans["reason"].fillna("").str.startswith(NO_IMAGE)  # a person, but no scan
    beside = scans["status"].isin(("pet", "world"))  # what no tier is made of
    mine = (scans["role"] == role) & ~beside & ~nobody
    return _those(scans, mine.to_numpy()).reset_index(drop=True)


def _known(sources: Collection[str], found: pd.DataFrame, role: Role) -> tuple[str, ...]:
    """Return names of sources in order."""
    there = set(found["source"])
    if unknown := sorted(set(sources) - there):
        raise CohortError(
            f"No scan of the {role} is of a source {', '.join(map(repr, unknown))}. Its sources are "
            f"{', '.join(sorted(there)) or 'none yet'}."
        )
    return tuple(sorted(set(sources)))


def _those(table: pd.DataFrame, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the chosen rows; the table itself where that is all of them, since it may be large."""
    return table if chosen.all() else table[chosen]


def _nothing_scored(count: int, role: Role, rule: TierRule) -> str:
    if rule.rule_column.is_score:
        return f"None of the {count} {role} scans is scored yet. Score them first."
    return (
        f"None of the {count} {role} scans has a value of {rule.column}, so the rule gives no tier to "
        "any. Measure them first, or cut something else."
    )
