"""Saved versions of tier rules, each a row that is never changed, and the comparison of two rules."""

import datetime
from dataclasses import dataclass, replace

import sqlalchemy as sa

from curation import __version__, errors
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.errors import RuleError
from curation.ratings.rating_record import MAX_RATER
from curation.storage import files
from curation.storage.workspace import Workspace
from curation.tiers import rule_yaml
from curation.tiers.rule_checks import UNUSABLE
from curation.tiers.tier_rule import TierRule

MAX_NAME = 100


@dataclass(frozen=True)
class SavedRule:
    """One version of a rule.

    Parameters
    ----------
    name : str
        What its versions share.
    number : int
        1 for the first of the name.
    hash : str
        See :func:`content_hash`.
    author : str
        Who saved it.
    at : datetime.datetime
        When, UTC.
    text : str
        The YAML as it was written.
    version : str
        Of Tierscope.
    """

    name: str
    number: int
    hash: str
    author: str
    at: datetime.datetime
    text: str
    version: str

    @property
    def label(self) -> str:
        """Name and number, as people say them."""
        return f"{self.name}, version {self.number}"

    @property
    def rule(self) -> TierRule:
        """The rule that the text says."""
        return rule_yaml.parse(self.text)


def content_hash(rule: TierRule) -> str:
    """Return the hash of a rule's effect, 8 hexadecimal digits: comments and order do not count."""
    return files.short_hash(rule.identity())


@guarded(Action.SAVE_RULE, author="author")
def save(workspace: Workspace, name: str, text: str, author: str) -> SavedRule:
    """Append a version of a rule; text that is the newest version already is not saved twice.

    Parameters
    ----------
    workspace : Workspace
        Whose decisions.
    name : str
        An old name gets its next version.
    text : str
        YAML, see :func:`curation.tiers.rule_yaml.parse`; kept as it is, comments included.
    author : str
        Who decides.

    Returns
    -------
    SavedRule
        The version on disk.

    Raises
    ------
    RuleError
        Without name or author, or where the text is no rule.
    """
    name, author = name.strip(), author.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise RuleError(f"A saved rule needs a name, of at most {MAX_NAME} letters.")
    if not author or len(author) > MAX_RATER:
        raise RuleError(f"Say who decides, in at most {MAX_RATER} letters.")
    rule = rule_yaml.parse(text)
    with database.writing(workspace) as connection:
        database.take_turn_with_rules(connection)
        newest = connection.execute(_query(name).limit(1)).first()
        if newest is not None and newest.text == text:
            return SavedRule(**newest._mapping)
        saved = SavedRule(
            name,
            1 if newest is None else newest.number + 1,
            content_hash(rule),
            author,
            database.now(),
            text,
            __version__,
        )
        connection.execute(schema.rules.insert().values(vars(saved)))
    return saved


def list_rules(workspace: Workspace, name: str | None = None) -> list[SavedRule]:
    """Return all saved versions, of one name or of all, newest first."""
    with (
        errors.readable(workspace.database_path),
        database.engine(workspace).connect() as connection,
    ):
        return [SavedRule(**row._mapping) for row in connection.execute(_query(name))]


def load(workspace: Workspace, name: str, number: int | None = None) -> SavedRule:
    """Return a saved version, the newest where no number is given.

    Raises
    ------
    RuleError
        When there is none.
    """
    versions = list_rules(workspace, name)
    found = [saved for saved in versions if number in (None, saved.number)]
    if not found:
        known = ", ".join(dict.fromkeys(saved.label for saved in list_rules(workspace)))
        which = name if number is None else f"{name}, version {number}"
        raise RuleError(f"There is no saved rule {which!r}; there are: {known or 'none yet'}.")
    return found[0]


def _query(name: str | None) -> sa.Select:
    table = schema.rules
    columns = (table.c[field] for field in SavedRule.__dataclass_fields__)
    query = sa.select(*columns).order_by(table.c.id.desc())
    return query if name is None else query.where(table.c.name == name)


# ---- rules compared ----------------------------------------------------------------------------------


def same_rule(pool: TierRule, target: TierRule) -> bool:
    """Return whether two rules do the same to every scan: only then is the same letter the same quality."""
    return pool.identity() == target.identity()


def same_tiers(pool: TierRule, target: TierRule) -> bool:
    """Return whether two rules make the same tiers, whatever each takes for unusable."""
    return _of_tiers(pool).identity() == _of_tiers(target).identity()


def _of_tiers(rule: TierRule) -> TierRule:
    return replace(rule, gates=tuple(gate for gate in rule.gates if gate.tier != UNUSABLE))


def summary_line(rule: TierRule, *, names: bool = True) -> str:
    """Return a rule in one line: column, tiers with their cut-offs, gates.

    Sites are never named; without ``names``, which people chose, neither are tags and joined tables.
    """
    label = rule.rule_column.label if names else rule.rule_column.own_label
    parts = [f"{label.lower()}, {', '.join(rule.describe())}"]
    parts += [gate.in_prose(names=names) for gate in rule.gates]
    parts += ["some sites have cut-offs of their own"] if rule.by_site else []
    return "; ".join(parts)


def rule_difference(pool: TierRule, target: TierRule, *, names: bool = True) -> str:
    """Return a sentence on how the rules of pool and target differ; empty where they are the same.

    For ``names`` see :func:`summary_line`.
    """
    if same_rule(pool, target):
        return ""
    how = (
        "The tiers of pool and target are cut at the same values; which scans count as unusable differs."
        if same_tiers(pool, target)
        else "Pool and target were cut by different rules, so the same letter is not the same quality in "
        "both."
    )
    return f"{how} Pool: {summary_line(pool, names=names)}. Target: {summary_line(target, names=names)}."
