"""The suggested cut-off that was passed on: kept among the decisions, and whether it still holds."""

from dataclasses import asdict

import pandas as pd
import sqlalchemy as sa

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.decisions.schema import AuditAction
from curation.sessions.suggested_cutoff import Suggestion, references_of
from curation.storage.workspace import Workspace


@guarded(Action.SUGGEST_CUTOFF, author="author")
def save_suggestion(workspace: Workspace, suggestion: Suggestion, author: str) -> None:
    """Append a suggestion, for the Tiers page to offer."""
    database.note(
        workspace,
        author=author.strip(),
        action=AuditAction.CUTOFF_SUGGESTED.value,
        subject=f"{suggestion.cutoff:.1f}",
        detail=asdict(suggestion),
    )


def latest_suggestion(workspace: Workspace) -> Suggestion | None:
    """Return the suggestion saved last, ``None`` where there is none."""
    audit = schema.audit
    of_suggestions = schema.is_action(AuditAction.CUTOFF_SUGGESTED)
    query = sa.select(audit.c.detail).where(of_suggestions).order_by(audit.c.id.desc())
    with database.engine(workspace).connect() as connection:
        detail = connection.execute(query.limit(1)).scalar()
    return detail and Suggestion(**detail | {"warnings": tuple(detail["warnings"])})


def is_of(suggestion: Suggestion, scored: pd.DataFrame) -> bool:
    """Tell whether a cut-off is one of the present scores: by another reference a score is another number.

    Parameters
    ----------
    suggestion : Suggestion
        One that does not say by which reference its scores were made passes.
    scored : pandas.DataFrame
        The scored scans, see :func:`curation.storage.tables.read_scored_scans`.
    """
    return set(suggestion.references) <= set(references_of(scored))
