"""Frozen cohorts: named lists of scans that others can reproduce.

A cohort is a TSV (one row a scan) and a JSON file (the rule, the counts, who and when). Its identity is
its name and the hash of the TSV's bytes and the rule: freezing the same list twice gives the same cohort.
"""

import io
from dataclasses import dataclass
from typing import Any

import pandas as pd

from curation import __version__, database, files, overrides, tables, tiers
from curation.errors import CohortError
from curation.tiers import DEFAULT_RULE, TierRule
from curation.workspace import ROLES, Role, Workspace, slug

#: No path and no name of a person: a cohort may be handed on.
COLUMNS = (
    "scan_id", "subject_id", "source", "sha256", "modality", "site", "age_years", "sex", "group",
    "simulated", "distortion_score", "tier",
)  # fmt: skip


@dataclass(frozen=True)
class CohortHeader:
    """What a list of cohorts shows of each, without its scans.

    Parameters
    ----------
    name, hash : str
        Together the ``id``.
    role : {'pool', 'target'}
        What it is for.
    counts : dict of str to int
        Scans per tier.
    rule : TierRule
        The rule that made the tiers.
    reference : str
        Name and version of the scores' reference.
    created, author, version : str
        When (ISO 8601, UTC), who, and by which Tierscope.
    """

    name: str
    hash: str
    role: Role
    counts: dict[str, int]
    rule: TierRule
    reference: str
    created: str
    author: str
    version: str

    @property
    def id(self) -> str:
        return f"{self.name}-{self.hash}"

    @property
    def size(self) -> int:
        """Number of scans."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Cohort(CohortHeader):
    """A frozen list of scans.

    Parameters
    ----------
    scans : pandas.DataFrame
        One row a scan, the columns of :data:`COLUMNS`.
    """

    scans: pd.DataFrame


def freeze(
    workspace: Workspace, name: str, *, author: str, role: Role = "pool",
    rule: TierRule = DEFAULT_RULE, images_only: bool = False,
) -> Cohort:  # fmt: skip
    """Freeze all usable, scored scans of one role with their tiers, those given by hand included.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are and the cohort will be.
    name : str
        Name of the cohort; turned into a plain file name.
    author : str
        Who decides.
    role : {'pool', 'target'}
        Which scans. Of the target only those with a known age, since others cannot be judged on.
    rule : TierRule
        Makes the tiers.
    images_only : bool
        Leave out scans that came from a table, which cannot be trained on.

    Returns
    -------
    Cohort
        The one on disk; the earlier one where the same list was frozen under this name before.

    Raises
    ------
    CohortError
        When there is no name, no author, or no scan to freeze.
    """
    if not name.strip() or not author.strip():
        raise CohortError("A cohort needs a name and an author: fill in both, then freeze.")
    scans = eligible(workspace, role, images_only)
    scans = scans.assign(tier=overrides.assigned(workspace, scans, rule))
    text = _to_tsv(scans)
    cohort = Cohort(
        name=slug(name),
        hash=files.short_hash(text + rule.identity()),
        role=role,
        counts=tiers.counts(scans["tier"], rule).set_index("tier")["scans"].to_dict(),
        rule=rule,
        reference=_reference(workspace),
        created=database.now().isoformat(timespec="seconds"),
        author=author.strip(),
        version=__version__,
        scans=_from_tsv(text),
    )
    json_path = workspace.cohorts_dir / f"{cohort.id}.json"
    if json_path.exists():
        return load(workspace, cohort.id)
    files.write_text(json_path.with_suffix(".tsv"), text)
    files.write_json(json_path, _header_as_dict(cohort))
    database.note(
        workspace, author=cohort.author, action="freeze cohort", subject=cohort.id,
        detail={"counts": cohort.counts, "rule": rule.as_dict()},
    )  # fmt: skip
    return cohort


def eligible(workspace: Workspace, role: Role, images_only: bool = False) -> pd.DataFrame:
    """Return the scans of a role that a cohort can hold: usable, scored and, for a target, with an age.

    Raises
    ------
    CohortError
        When there is none, with what is missing.
    """
    if role not in ROLES:
        raise CohortError(f"A cohort is of a role, one of {', '.join(ROLES)}; not {role!r}.")
    scans = tables.read_scored_scans(workspace)
    wanted = ("ok",) if images_only else tables.SCORABLE
    scans = scans[(scans["role"] == role) & scans["status"].isin(wanted)]
    if scans.empty:
        raise CohortError(
            f"No readable scan has the role {role!r} ({ROLES[role]}). Ingest a source with "
            f"'--role {role}' first."
        )
    scored = scans[scans["distortion_score"].notna()]
    if scored.empty:
        raise CohortError(f"None of the {len(scans)} {role} scans is scored yet. Score them first.")
    if role == "target":
        scored = scored[scored["age_years"].notna()]
        if scored.empty:
            raise CohortError(
                "No scan of the target has a known age, so no age error can be measured. Add ages to "
                "participants.tsv or to the manifest, and ingest it again."
            )
    return scored


def list_cohorts(workspace: Workspace) -> list[CohortHeader]:
    """Return the headers of all frozen cohorts, newest first."""
    headers = [
        CohortHeader(**_header_values(files.read_json(path)))
        for path in workspace.cohorts_dir.glob("*.json")
    ]
    return sorted(headers, key=lambda header: header.created, reverse=True)


def load(workspace: Workspace, cohort_id: str) -> Cohort:
    """Read a frozen cohort.

    Raises
    ------
    CohortError
        When there is none of that id, or its list was changed after it was frozen.
    """
    json_path = workspace.cohorts_dir / f"{cohort_id}.json"
    if slug(cohort_id) != cohort_id or not json_path.exists():
        known = ", ".join(header.id for header in list_cohorts(workspace)) or "none yet"
        raise CohortError(f"There is no cohort {cohort_id!r}; the workspace has: {known}.")
    values = _header_values(files.read_json(json_path))
    text = json_path.with_suffix(".tsv").read_text(encoding="utf-8")
    if files.short_hash(text + values["rule"].identity()) != values["hash"]:
        raise CohortError(
            f"The list of cohort {cohort_id} was changed after it was frozen, so it is not used. "
            "Restore the file, or freeze the cohort again under another name."
        )
    return Cohort(**values, scans=_from_tsv(text))


def changed_scans(workspace: Workspace, cohort: Cohort) -> pd.DataFrame:
    """Return the rows of a cohort whose scan is gone from the workspace or has other content now."""
    known = tables.read_scans(workspace).set_index("scan_id")["sha256"]
    present = cohort.scans["scan_id"].map(known)
    return cohort.scans[present != cohort.scans["sha256"]]


def _reference(workspace: Workspace) -> str:
    scores = tables.read_scores(workspace)
    return ", ".join(sorted(scores["reference"].dropna().unique())) if len(scores) else ""


def _header_as_dict(cohort: CohortHeader) -> dict[str, Any]:
    names = (name for name in CohortHeader.__dataclass_fields__ if name != "rule")
    return {name: getattr(cohort, name) for name in names} | {"rule": cohort.rule.as_dict()}


def _header_values(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"rule": TierRule.from_dict(values["rule"])}


def _to_tsv(scans: pd.DataFrame) -> str:
    table = scans.reindex(columns=list(COLUMNS)).sort_values("scan_id")
    return table.to_csv(
        sep="\t", index=False, na_rep="n/a", float_format="%.6g", lineterminator="\n"
    )


def _from_tsv(text: str) -> pd.DataFrame:
    floats, texts = ("age_years", "distortion_score"), set(COLUMNS)
    kinds = dict.fromkeys(texts.difference(floats, ("simulated",)), "str")
    return pd.read_csv(
        io.StringIO(text), sep="\t", na_values=["n/a"], keep_default_na=False,
        dtype={**kinds, **dict.fromkeys(floats, "float64"), "simulated": "bool"},
    )  # fmt: skip
