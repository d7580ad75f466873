"""Frozen cohorts: named lists of scans that others can reproduce.

A cohort is a TSV (one row a scan), the rule as YAML, and a JSON file (rule, reference, versions, counts,
flow, tiers by hand, who and when). Its identity is its name and the hash of the TSV's bytes and the rule:
freezing the same list twice gives the same cohort, whoever does it and whenever.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from curation import __version__, errors
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.cohorts import cohort_draft
from curation.cohorts.cohort_draft import CohortDraft, draft_cohort
from curation.cohorts.flow_chart import Flow
from curation.decisions import database
from curation.decisions.schema import AuditAction
from curation.errors import CohortError, TierscopeError
from curation.storage import files
from curation.storage.files import slug
from curation.storage.workspace import Role, Workspace
from curation.tiers import rule_versions, rule_yaml
from curation.tiers.overrides import TierByHand
from curation.tiers.rule_checks import UNUSABLE
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule

#: What to do where a file of a cohort cannot be read.
_REMEDY = "Put back a copy of it (a BIDS export holds one), or move it away: other cohorts go on without it."


@dataclass(frozen=True)
class CohortHeader:
    """Header of a cohort, without its scans.

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
    images_only : bool
        Whether scans that came from a table were left out.
    sources : tuple of str
        Whose scans alone, by name; empty where they are of all sources.
    versions : dict of str to str
        Of Python, libraries and metrics; empty before 0.3.
    flow : Flow, optional
        From the scans found to these; none before 0.3.
    drawn : dict, optional
        Of a control: ``cohort``, ``tiers`` that it matches, and ``seed``.
    by_hand : tuple of TierByHand, optional
        The scans whose tier is by hand, and why; ``None`` where that is not known, as of earlier cohorts.
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
    images_only: bool = False
    sources: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    flow: Flow | None = None
    drawn: dict[str, Any] | None = None
    by_hand: tuple[TierByHand, ...] | None = None

    @property
    def id(self) -> str:
        return f"{self.name}-{self.hash}"

    @property
    def size(self) -> int:
        """Number of scans in the list."""
        return sum(self.counts.values())

    @property
    def unusable(self) -> int:
        """How many of them a gate holds: listed, but never trained on or exported."""
        return self.counts.get(UNUSABLE, 0)


@dataclass(frozen=True)
class Cohort(CohortHeader):
    """A frozen list of scans.

    Parameters
    ----------
    scans : pandas.DataFrame
        One row a scan, the columns of :func:`curation.cohorts.cohort_draft.columns_of`.
    """

    scans: pd.DataFrame = field(default_factory=pd.DataFrame)


def freeze(
    workspace: Workspace,
    name: str,
    *,
    author: str,
    role: Role = "pool",
    rule: TierRule = DEFAULT_RULE,
    images_only: bool = False,
) -> Cohort:
    """Freeze all usable scans of one role that have a tier, those given by hand included.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are and the cohort will be.
    name, author : str
        Name of the cohort, turned into a plain file name, and who decides.
    role, rule, images_only
        As of :func:`curation.cohorts.cohort_draft.draft_cohort`.

    Returns
    -------
    Cohort
        The one on disk; the earlier one where the same list was frozen under this name before.

    Raises
    ------
    CohortError
        When there is no name, no author, or no scan to freeze.
    """
    _check_names(name, author)
    drafted = draft_cohort(workspace, role, rule, images_only=images_only)
    return freeze_draft(workspace, drafted, name=name, author=author)


def freeze_draft(workspace: Workspace, drafted: CohortDraft, *, name: str, author: str) -> Cohort:
    """Freeze a draft, as :func:`freeze` does; its warnings can be shown before.

    Raises
    ------
    CohortError
        When there is no name or no author.
    """
    return store(
        workspace,
        drafted.text,
        name=name,
        author=author,
        role=drafted.role,
        rule=drafted.rule,
        counts=drafted.counts,
        reference=drafted.reference,
        images_only=drafted.images_only,
        sources=drafted.sources,
        flow=drafted.flow,
        by_hand=drafted.by_hand,
    )


@guarded(Action.FREEZE, author="author")
def store(
    workspace: Workspace, text: str, *, name: str, author: str, rule: TierRule, **about: Any
) -> Cohort:
    """Write a cohort, its JSON last, and note who did it.

    Parameters
    ----------
    workspace : Workspace
        Where it goes.
    text : str
        The list, see :func:`curation.cohorts.cohort_draft.to_tsv`.
    name, author, rule
        As of :func:`freeze`.
    **about
        The other fields of :class:`CohortHeader` that do not follow from these.

    Returns
    -------
    Cohort
        The one on disk; the earlier one where the same list was frozen under this name before.

    Raises
    ------
    CohortError
        When there is no name or no author.
    """
    _check_names(name, author)
    scans = cohort_draft.from_tsv(text)
    cohort = Cohort(
        name=slug(name),
        hash=cohort_draft.content_hash(text, rule),
        author=author.strip(),
        rule=rule,
        created=database.now().isoformat(timespec="seconds"),
        version=__version__,
        versions=cohort_draft.versions(workspace, scans),
        scans=scans,
        **about,
    )
    json_path = workspace.cohort_path(cohort.id)
    if json_path.exists():
        stored = load(workspace, cohort.id)
        note_if_missing(workspace, stored)
        return stored
    files.write_text(json_path.with_suffix(".tsv"), text)
    files.write_text(json_path.with_suffix(".yaml"), rule_yaml.to_yaml(rule))
    _write_with_note(workspace, cohort, json_path)
    return cohort


def _write_with_note(workspace: Workspace, cohort: Cohort, path: Path) -> None:
    """Write the file that makes the cohort and its line in the audit: both, or neither."""
    try:
        with database.writing(workspace) as connection:
            database.note_within(connection, **_line_of(cohort))
            files.write_json(path, _header_as_dict(cohort))
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def is_noted(workspace: Workspace, cohort: CohortHeader) -> bool:
    """Return whether the audit has a line of a cohort."""
    with database.engine(workspace).connect() as connection:
        return database.is_noted(connection, action=AuditAction.COHORT_FROZEN, subject=cohort.id)


def note_if_missing(workspace: Workspace, cohort: CohortHeader) -> None:
    """Add the audit line of a cohort whose writer was killed before it, or that is older than 0.4."""
    if not is_noted(workspace, cohort):
        database.note(workspace, **_line_of(cohort))


def _line_of(cohort: CohortHeader) -> dict[str, Any]:
    return {
        "author": cohort.author,
        "action": AuditAction.COHORT_FROZEN.value,
        "subject": cohort.id,
        "detail": {"counts": cohort.counts, "rule": cohort.rule.brief(), "drawn": cohort.drawn},
    }


def list_cohorts(workspace: Workspace) -> list[CohortHeader]:
    """Return the headers of all frozen cohorts that can be read, newest first."""
    return read_cohorts(workspace)[0]


def newest_pool(headers: Iterable[CohortHeader]) -> CohortHeader | None:
    """Return the first pool of headers, newest first; a control only where all are. Targets take its rule."""
    pools = [header for header in headers if header.role == "pool"]
    return next((header for header in pools if not header.drawn), pools[0] if pools else None)


def read_cohorts(
    workspace: Workspace,
) -> tuple[list[CohortHeader], list[TierscopeError | OSError]]:
    """Return the headers of all frozen cohorts, newest first, and the errors of unreadable ones."""
    found, troubles = errors.read_each(sorted(workspace.cohorts_dir.glob("*.json")), _read_header)
    return sorted(found, key=lambda header: header.created, reverse=True), troubles


def _read_header(path: Path) -> CohortHeader:
    with errors.readable(path, _REMEDY):
        return CohortHeader(**_header_values(files.read_json(path, _REMEDY)))


def load(workspace: Workspace, cohort_id: str) -> Cohort:
    """Read a frozen cohort.

    Raises
    ------
    CohortError
        When there is none of that id, or its list is gone or was changed after it was frozen.
    DamagedError
        When its file cannot be read.
    """
    json_path = workspace.cohort_path(cohort_id)
    if slug(cohort_id) != cohort_id or not json_path.exists():
        known = ", ".join(header.id for header in list_cohorts(workspace)) or "none yet"
        raise CohortError(f"There is no cohort {cohort_id!r}; the workspace has: {known}.")
    header = _read_header(json_path)
    text = _list_of(json_path)
    if cohort_draft.content_hash(text, header.rule) != header.hash:
        raise CohortError(
            f"The list of cohort {cohort_id} ({json_path.with_suffix('.tsv')}) was changed after it was "
            "frozen, so it is not used. Restore the file, or freeze the cohort again under another name."
        )
    plain = {item.name: getattr(header, item.name) for item in fields(CohortHeader)}
    return Cohort(**plain, scans=cohort_draft.from_tsv(text))


def _list_of(json_path: Path) -> str:
    path = json_path.with_suffix(".tsv")
    try:
        with errors.readable(path, _REMEDY):
            return files.read_text(path)
    except FileNotFoundError:
        raise CohortError(
            f"The list of cohort {json_path.stem} is gone ({path}). Put back a copy of it, or freeze the "
            "cohort again under another name."
        ) from None


def _check_names(name: str, author: str) -> None:
    if not name.strip() or not author.strip():
        raise CohortError("A cohort needs a name and an author: fill in both, then freeze.")


def _header_as_dict(cohort: CohortHeader) -> dict[str, Any]:
    plain = {item.name: getattr(cohort, item.name) for item in fields(CohortHeader)}
    return plain | {
        "rule": cohort.rule.as_dict(),
        "rule_yaml": rule_yaml.to_yaml(cohort.rule),
        "rule_hash": rule_versions.content_hash(cohort.rule),
        "flow": cohort.flow and cohort.flow.as_dict(),
        "by_hand": cohort.by_hand and [asdict(one) for one in cohort.by_hand],
    }


def _header_values(values: dict[str, Any]) -> dict[str, Any]:
    known = {item.name for item in fields(CohortHeader)}
    flow, by_hand = values.get("flow"), values.get("by_hand")
    return {name: value for name, value in values.items() if name in known} | {
        "rule": TierRule.from_dict(values["rule"]),
        "flow": flow and Flow.from_dict(flow),
        "sources": tuple(map(str, values.get("sources") or ())),
        "by_hand": None if by_hand is None else tuple(TierByHand(**one) for one in by_hand),
    }
