"""The log of ratings: appended, never overwritten."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import pandas as pd
import sqlalchemy as sa

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded, require_author
from curation.decisions import actions, database, schema
from curation.decisions.schema import AuditAction, plan_field
from curation.errors import RatingError
from curation.ratings.rating_record import RATING_ROLES, Rating, append, checked_rows
from curation.ratings.scales import SCALES, Scale, all_scales, find_scale, scales_of
from curation.storage.workspace import Workspace

#: From this version on ratings of a blinded session wait until it is unblinded.
_WAITS_FROM = (0, 15)
_UNBLINDED = AuditAction.SESSION_UNBLINDED
#: Kinds of columns of the table of ratings that are not Python's own objects.
_KINDS = {
    "bool": ("blinded", "running", "repeat", "excluded"),
    "float64": ("value", "confidence", "seconds", "level"),
    "int64": ("id",),
    "Int64": ("session_id", "position", "seed"),
}


@guarded(Action.RATE)
def add_rating(workspace: Workspace, rating: Rating) -> int:
    """Append one rating.

    Parameters
    ----------
    workspace : Workspace
        Where it goes.
    rating : Rating
        The rating.

    Returns
    -------
    int
        The number of the rating's row, given by the database once it is safely stored.

    Raises
    ------
    RatingError
        When the rater is not named, the scale is unknown, or the value is not on it.
    """
    require_author(rating.rater)
    rows = checked_rows(rating, find_scale(workspace, rating.scale))
    with database.writing(workspace) as connection:
        return append(connection, [rows])[0]


@guarded(Action.IMPORT_RATINGS)
def add_ratings(workspace: Workspace, ratings: Sequence[Rating]) -> None:
    """Append many ratings of whoever gave them, as a table holds them, all or none.

    Parameters
    ----------
    workspace : Workspace
        Where they go.
    ratings : sequence of Rating
        The ratings.

    Raises
    ------
    RatingError
        See :func:`add_rating`.
    """
    scales = all_scales(workspace)
    rows = []
    for rating in ratings:
        if rating.scale not in scales:
            raise RatingError(
                f"There is no scale {rating.scale!r}; choose one of {', '.join(scales)}."
            )
        rows.append(checked_rows(rating, scales[rating.scale]))
    with database.writing(workspace) as connection:
        append(connection, rows)


@guarded(Action.ADJUDICATE, author="author")
def adjudicate(
    workspace: Workspace, *, scan_id: str, author: str, scale: str, value: float, reason: str
) -> int:
    """Append an adjudicator's decision on a contested scan: one more row, which ends the dispute.

    Raises
    ------
    RatingError
        As :func:`add_rating`, and when no reason is given.
    """
    if not reason.strip():
        raise RatingError("An adjudication needs a reason: say in a sentence what decided it.")
    rating = Rating(
        scan_id=scan_id,
        rater=author,
        scale=scale,
        value=value,
        comment=reason,
        role="adjudicator",
    )
    return add_rating(workspace, rating)


@guarded(Action.TAKE_BACK, author="author")
def withdraw(workspace: Workspace, rating_id: int, author: str) -> None:
    """Take back a rating that was given outside a session; it stays in the database, with a withdrawal.

    Parameters
    ----------
    workspace : Workspace
        Where it is.
    rating_id : int
        As :func:`add_rating` returned. One that is taken back already stays so.
    author : str
        Who takes it back: its own rater alone may.

    Raises
    ------
    RatingError
        When there is no such rating, it is another rater's, or it is of a session, which has an undo of its
        own (:func:`curation.sessions.session_log.undo`).
    """
    details, withdrawals = schema.details, schema.withdrawals
    given = _joined().where(schema.ratings.c.id == rating_id)
    with database.writing(workspace) as connection:
        row = connection.execute(given).mappings().first()
        if row is None:
            raise RatingError(f"There is no rating {rating_id} to take back.")
        if row["rater"] != author.strip():
            raise RatingError(f"Only {row['rater']} can take this rating back.")
        if row[details.c.session_id.name] is not None:
            raise RatingError("This rating is of a session; take it back there.")
        if row["withdrawn"] is None:
            connection.execute(withdrawals.insert().values(withdrawal(rating_id, row["rater"])))


def withdrawal(rating_id: int, author: str) -> dict[str, object]:
    """Return the row that says that a rating was taken back, now."""
    return {
        "at": database.now(),
        "rating_id": rating_id,
        "author": author,
        "version": __version__,
    }


def list_ratings(
    workspace: Workspace, scan_id: str | None = None, *, withdrawn: bool = False
) -> pd.DataFrame:
    """Read the ratings, oldest first: see :func:`curation.decisions.database.oldest_first`.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    scan_id : str, optional
        Only those of one scan.
    withdrawn : bool
        With those that were taken back.

    Returns
    -------
    pandas.DataFrame
        One row a rating: the columns of the tables ``ratings`` and ``rating_details``; ``session``,
        ``blinded`` and ``seed`` of its session; ``running``, see :func:`counted`; ``level`` (the level of the
        scale that the value belongs to), ``excluded`` (whether that is the worst one) and ``withdrawn`` (when
        it was taken back, or ``None``).
    """
    query = _joined()
    if scan_id is not None:
        query = query.where(schema.ratings.c.scan_id == scan_id)
    if not withdrawn:
        query = query.where(schema.withdrawals.c.id.is_(None))
    with database.engine(workspace).connect() as connection:
        found = connection.execute(query)
        names, rows = list(found.keys()), database.oldest_first(found)
        scales = scales_of(connection) if rows else SCALES
        raw = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
        among = {number for number in raw.get("session_id", ()) if number is not None}
        running = running_sessions(connection, among) if among else frozenset()
    return _typed(raw, scales, running) if rows else _no_ratings(tuple(names)).copy()


@lru_cache(maxsize=1)
def _no_ratings(names: tuple[str, ...]) -> pd.DataFrame:
    return _typed({name: [] for name in names}, SCALES, frozenset())


def _joined() -> sa.Select:
    ratings, details, withdrawals = schema.ratings, schema.details, schema.withdrawals
    more = [column for column in details.c if column.name != "rating_id"]
    joined = ratings.outerjoin(details, details.c.rating_id == ratings.c.id).outerjoin(
        withdrawals, withdrawals.c.rating_id == ratings.c.id
    )
    sessions = schema.sessions
    joined = joined.outerjoin(sessions, sessions.c.id == details.c.session_id)
    columns = (
        *ratings.c,
        *more,
        withdrawals.c.at.label("withdrawn"),
        sessions.c.name.label("session"),
        sessions.c.plan,
    )
    return sa.select(*columns).select_from(joined).order_by(ratings.c.id)


def _typed(
    raw: dict[str, list], scales: Mapping[str, Scale], running: Collection[int]
) -> pd.DataFrame:
    """Fill in columns that older ratings lack, and derive each rating's level on its scale."""
    plans = raw.pop("plan")
    known = [
        (scales.get(name), value) for name, value in zip(raw["scale"], raw["value"], strict=True)
    ]
    levels = [scale.level(value) if scale else value for scale, value in known]
    raw |= {
        "role": [role or RATING_ROLES[0] for role in raw["role"]],
        "repeat": [bool(repeat) for repeat in raw["repeat"]],
        "origin": [origin or "" for origin in raw["origin"]],
        "artefacts": [tuple(keys) if keys else () for keys in raw["artefacts"]],
        "blinded": [bool(plan_field(plan, "blinded")) for plan in plans],
        "running": [number in running for number in raw["session_id"]],
        "seed": [plan_field(plan, "seed") for plan in plans],
        "level": levels,
        "excluded": [
            scale is not None and level == scale.worst
            for (scale, _), level in zip(known, levels, strict=True)
        ],
    }
    kinds = {name: kind for kind, named in _KINDS.items() for name in named}
    return pd.DataFrame(
        {name: pd.Series(values, dtype=kinds.get(name, "object")) for name, values in raw.items()}
    )


def current(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the ratings that stand.

    Parameters
    ----------
    ratings : pandas.DataFrame
        See :func:`list_ratings`, in its order.

    Returns
    -------
    pandas.DataFrame
        In the same order. Not withdrawn; of each rater's ratings of a scan in a session, on a scale and in a
        role, the newest. A hidden repeat stands beside the first. Ratings outside sessions count as one
        session.
    """
    standing = ratings[ratings["withdrawn"].isna()]
    one = ["rater", "scan_id", "scale", "role", "session_id", "repeat"]
    return standing.drop_duplicates(one, keep="last").reset_index(drop=True)


def counted(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the ratings that are set against scores and tiers.

    Those of a blinded session are left out until what it hides was shown: whoever rates would else see how
    his ratings lie against the score, and rate on by it. Sessions begun before version 0.15 count at once,
    as they did.
    """
    return ratings[~ratings["running"]]


def session_subject(session_id: int) -> str:
    """Return how the audit names a session."""
    return f"session {session_id}"


def running_sessions(
    connection: sa.Connection, among: Collection[int] | None = None
) -> frozenset[int]:
    """Return the numbers of the blinded sessions, or of some, that have not shown what they hide."""
    table = schema.sessions.c
    query = sa.select(table.id, table.plan, table.version)
    if among is not None:
        query = query.where(table.id.in_(among))
    hiding = [
        number
        for number, plan, version in connection.execute(query)
        if plan_field(plan, "blinded") and _waits(version)
    ]
    shown = actions.subjects_of(connection, _UNBLINDED) if hiding else frozenset()
    return frozenset(number for number in hiding if session_subject(number) not in shown)


def _waits(version: str) -> bool:
    """Tell whether ratings of sessions that were begun with a version count only once it is unblinded."""
    parts = version.split(".")[:2]
    return all(part.isdecimal() for part in parts) and tuple(map(int, parts)) >= _WAITS_FROM


def not_counted(workspace: Workspace) -> tuple[int, int]:
    """Return how many ratings do not count yet (:func:`counted`), and of how many sessions they are."""
    details, withdrawals = schema.details.c, schema.withdrawals.c
    with database.engine(workspace).connect() as connection:
        running = running_sessions(connection)
        if not running:
            return 0, 0
        numbers = sa.select(sa.func.count(), sa.func.count(details.session_id.distinct())).where(
            details.session_id.in_(running),
            details.rating_id.not_in(sa.select(withdrawals.rating_id)),
        )
        ratings, sessions = connection.execute(numbers).one()
        return ratings, sessions


def newest(workspace: Workspace) -> int:
    """Return a number that grows with each rating, withdrawal and unblinding; 0 before the first."""
    counts = [
        sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery()
        for table in (schema.ratings, schema.withdrawals)
    ]
    with database.engine(workspace).connect() as connection:
        given = connection.execute(sa.select(counts[0] + counts[1])).scalar_one()
        return int(given) + actions.count_of(connection, _UNBLINDED)


def rated_scans(workspace: Workspace, *, running: bool = True) -> frozenset[str]:
    """Return the ids of the scans that have a rating that stands.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    running : bool
        Whether one of a session that is running is enough, see :func:`counted`.
    """
    ratings, details, withdrawals = schema.ratings, schema.details, schema.withdrawals
    taken_back = sa.select(withdrawals.c.rating_id)
    query = sa.select(ratings.c.scan_id).where(ratings.c.id.not_in(taken_back)).distinct()
    with database.engine(workspace).connect() as connection:
        if not running and (left_out := running_sessions(connection)):
            its = sa.select(details.c.rating_id).where(details.c.session_id.in_(left_out))
            query = query.where(ratings.c.id.not_in(its))
        return frozenset(connection.execute(query).scalars())
