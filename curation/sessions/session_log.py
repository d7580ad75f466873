"""Rating sessions: a list drawn once, rated one scan after the other, resumed where it was left.

Everything is in the database and only ever appended: plan, list, each rating, and each one taken back.
A rating is known by session, position and attempt (how often the position was taken back before), so that a
doubled click, a retry or a second tab makes no second rating.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded, require_author
from curation.decisions import actions, database, schema
from curation.decisions.schema import MAX_REPEATS_SHARE, AuditAction
from curation.errors import SessionError
from curation.ratings import rating_log, rating_record
from curation.ratings.rating_record import MAX_RATER, Opinion, Rating
from curation.ratings.scales import find_scale
from curation.sessions import sampling, unblinding
from curation.sessions.session_plan import MAX_SIZE, Session, SessionItem, SessionPlan
from curation.storage.workspace import Workspace


@guarded(Action.RATE)
def start(workspace: Workspace, plan: SessionPlan) -> Session:
    """Draw the list of a session and store both.

    Raises
    ------
    SessionError
        When the plan does not make sense, its list is empty, or the rater has a session of this name.
    """
    require_author(plan.rater)
    plan = _checked(workspace, plan)
    ids = sampling.sample_scans(workspace, plan.choice, plan.size, plan.seed, plan.rule)
    repeats = min(round(plan.repeats_share * len(ids)), len(ids) - 1)
    rng = np.random.default_rng([plan.seed, 1])
    items = sampling.with_repeats(ids, repeats, rng)
    row = {
        "at": database.now(),
        "name": plan.name,
        "rater": plan.rater,
        "plan": plan.as_dict(),
        "version": __version__,
    }
    try:
        with database.writing(workspace) as connection:
            insert = schema.sessions.insert().values(row).returning(schema.sessions.c.id)
            number = connection.execute(insert).scalar_one()
            connection.execute(
                schema.session_items.insert(),
                [
                    {"session_id": number, "position": place, "scan_id": scan, "repeat_of": first}
                    for place, (scan, first) in enumerate(items)
                ],
            )
    except sa.exc.IntegrityError:
        raise SessionError(
            f"{plan.rater} has a session named {plan.name!r} already; one that was taken back keeps its "
            "name. Go on with it, or choose another name."
        ) from None
    return load(workspace, number)


def _checked(workspace: Workspace, plan: SessionPlan) -> SessionPlan:
    name, rater = plan.name.strip(), plan.rater.strip()
    if not name or not rater or max(len(name), len(rater)) > MAX_RATER:
        raise SessionError(
            f"Name the session and say who rates, each in at most {MAX_RATER} letters."
        )
    find_scale(workspace, plan.scale)
    sampling.find_choice(plan.choice)
    if not 1 <= plan.size <= MAX_SIZE:
        raise SessionError(f"A session has 1 to {MAX_SIZE:,} scans; {plan.size} came.")
    if not 0 <= plan.repeats_share <= MAX_REPEATS_SHARE or plan.seed < 0:
        raise SessionError(
            f"Repeats are a share from 0 to {MAX_REPEATS_SHARE:g} and the seed is 0 or more; "
            f"{plan.repeats_share:g} and {plan.seed} came."
        )
    return replace(plan, name=name, rater=rater)


def list_sessions(workspace: Workspace, rater: str | None = None) -> pd.DataFrame:
    """Return the sessions, newest first.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    rater : str, optional
        Only this person's.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``at``, ``name``, ``rater``, ``scale``, ``choice``, ``blinded``, ``done``, ``total``,
        ``untouched`` (no rating was ever given in it), ``finished`` (rated to its end, or ended), ``ended``
        (what it hid was shown). Those of :func:`unreadable_sessions` and those that were taken back are left
        out.
    """
    items = schema.session_items
    totals = sa.select(items.c.session_id, sa.func.count()).group_by(items.c.session_id)
    standing = _standing(schema.details.c.session_id, sa.func.count()).group_by(
        schema.details.c.session_id
    )
    with database.engine(workspace).connect() as connection:
        rows, _ = stored_sessions(connection, rater)
        shown = actions.subjects_of(connection, AuditAction.SESSION_UNBLINDED)
        total: dict[int, int] = {row[0]: row[1] for row in connection.execute(totals)}
        done: dict[int, int] = {row[0]: row[1] for row in connection.execute(standing)}
        rated = frozenset(
            connection.execute(sa.select(schema.details.c.session_id).distinct()).scalars()
        )
        hidden = unblinding.taken_back(connection)
    columns = ["id", "at", "name", "rater", "scale", "choice", "blinded", "done", "total"]
    table = pd.DataFrame(
        [
            (
                row.id,
                row.at,
                row.name,
                row.rater,
                plan.scale,
                plan.choice,
                plan.blinded,
                done.get(row.id, 0),
                total.get(row.id, 0),
            )
            for row, plan in rows
            if rating_log.session_subject(row.id) not in hidden
        ],
        columns=columns,
    )
    ended = table["id"].map(rating_log.session_subject).isin(shown)
    finished = ended | (table["done"] == table["total"])
    return table.assign(untouched=~table["id"].isin(rated), finished=finished, ended=ended)


def names(workspace: Workspace) -> frozenset[str]:
    """Return the names of all sessions, also of those that were taken back."""
    with database.engine(workspace).connect() as connection:
        return frozenset(connection.execute(sa.select(schema.sessions.c.name)).scalars())


def unreadable_sessions(workspace: Workspace) -> list[str]:
    """Name the sessions whose plan cannot be read, newest first; their ratings stay as they are."""
    with database.engine(workspace).connect() as connection:
        _, unreadable = stored_sessions(connection)
    return [f"{row.name} ({row.rater})" for row in unreadable]


def stored_sessions(
    connection: sa.Connection, rater: str | None = None
) -> tuple[list[tuple[sa.Row, SessionPlan]], list[sa.Row]]:
    """Return the sessions with their plans, newest first, and those whose plan cannot be read."""
    query = sa.select(schema.sessions).order_by(schema.sessions.c.id.desc())
    if rater is not None:
        query = query.where(schema.sessions.c.rater == rater)
    known: list[tuple[sa.Row, SessionPlan]] = []
    unreadable: list[sa.Row] = []
    for row in connection.execute(query):
        try:
            known.append((row, SessionPlan.from_dict(row.plan)))
        except SessionError:
            unreadable.append(row)
    return known, unreadable


def _standing(*columns: Any) -> sa.Select:
    """Select from the details of sessions' ratings that were not taken back."""
    details, withdrawals = schema.details, schema.withdrawals
    joined = details.outerjoin(withdrawals, withdrawals.c.rating_id == details.c.rating_id)
    chosen = sa.select(*columns).select_from(joined)
    return chosen.where(withdrawals.c.id.is_(None), details.c.session_id.is_not(None))


def load(workspace: Workspace, session_id: int) -> Session:
    """Read a session as it stands.

    Raises
    ------
    SessionError
        When there is none of this number, or it was taken back.
    """
    with database.engine(workspace).connect() as connection:
        return _load(connection, session_id)


def _load(connection: sa.Connection, session_id: int) -> Session:
    sessions, items, details = schema.sessions, schema.session_items, schema.details
    session_id = int(session_id)  # a number out of a table is numpy's, which drivers do not know
    row = connection.execute(sa.select(sessions).where(sessions.c.id == session_id)).one_or_none()
    if row is None:
        raise SessionError(
            f"There is no session {session_id}. Choose one of the list, or start one."
        )
    if rating_log.session_subject(session_id) in unblinding.taken_back(connection):
        raise SessionError(
            f"Session {row.name!r} of {row.rater} was taken back before anything was rated in it, so nothing "
            "can be rated in it any more. Choose one of the list, or start one."
        )
    listed = (
        sa.select(items.c.position, items.c.scan_id, items.c.repeat_of)
        .where(items.c.session_id == session_id)
        .order_by(items.c.position)
    )
    ratings, withdrawn = schema.ratings.c, schema.withdrawals.c
    given = (
        sa.select(details.c.position, ratings.id, ratings.label, withdrawn.id.label("withdrawal"))
        .join_from(details, schema.ratings, ratings.id == details.c.rating_id)
        .outerjoin(schema.withdrawals, withdrawn.rating_id == details.c.rating_id)
        .where(details.c.session_id == session_id)
    )
    rated: dict[int, int] = {}
    words: dict[int, str] = {}
    attempts: dict[int, int] = {}
    places = tuple(SessionItem(*one) for one in connection.execute(listed))
    for one in connection.execute(given):
        if one.withdrawal is None:
            rated[one.position], words[one.position] = one.id, one.label
        else:
            attempts[one.position] = attempts.get(one.position, 0) + 1
    ended = unblinding.moment_of(connection, session_id) is not None
    return Session(row.id, SessionPlan.from_dict(row.plan), places, rated, words, attempts, ended)


@guarded(Action.RATE)
def save(
    workspace: Workspace,
    session_id: int,
    position: int,
    opinion: Opinion,
    *,
    attempt: int | None = None,
) -> int:
    """Append the rating of one position.

    Parameters
    ----------
    workspace, session_id, position
        The session and the place in its list.
    opinion : Opinion
        What the rater entered.
    attempt : int, optional
        The session's ``attempt`` when the scan was shown. A rating sent again late, after an undo, is then
        not taken for a new one. The present attempt by default.

    Returns
    -------
    int
        The number of the rating, safely stored; the same when the same is sent again.

    Raises
    ------
    RatingError
        When the position has another rating already, the session was ended, or the rating cannot be taken.
    """
    with database.writing(workspace) as connection:
        database.take_turn(connection, session_id)
        session = _load(connection, session_id)
        session_id, plan = session.id, session.plan
        require_author(plan.rater)
        if not 0 <= position < session.total:
            raise SessionError(
                f"Session {plan.name!r} has the positions 0 to {session.total - 1}; {position} came."
            )
        item = session.items[position]
        open_now = session.attempts.get(position, 0)
        attempt = open_now if attempt is None else min(attempt, open_now)
        rating = Rating(
            **vars(opinion),
            scan_id=item.scan_id,
            rater=plan.rater,
            scale=plan.scale,
            key=f"session {session_id} position {position} attempt {attempt}",
            session_id=session_id,
            position=position,
            repeat=item.repeat_of is not None,
        )
        row = rating_record.checked_rows(rating, find_scale(workspace, plan.scale))
        stored = _stored(connection, row)
        if stored is None and session.ended:
            raise SessionError(
                "This session was ended, and what it hid has been shown. A rating given after that would not "
                "be blind: start another session to rate more scans."
            )
        return rating_record.append(connection, [row])[0] if stored is None else stored


def _stored(connection: sa.Connection, row: rating_record.RatingRows) -> int | None:
    """Return the number of the rating with this key, if there is one; refuse another opinion there."""
    given, detail = row
    table = schema.ratings.join(schema.details)
    found = connection.execute(
        sa.select(schema.ratings, schema.details)
        .select_from(table)
        .where(schema.details.c.key == detail["key"])
    ).one_or_none()
    if found is None:
        return None
    before = (found.value, found.comment, found.confidence, found.artefacts)
    now = (given["value"], given["comment"], detail["confidence"], detail["artefacts"])
    if before != now:
        raise SessionError(
            f"This scan of the session was rated {found.label!r} already, perhaps in another window. Undo "
            "that rating to give another."
        )
    return found.id


@guarded(Action.TAKE_BACK)
def undo(workspace: Workspace, session_id: int, rating_id: int | None = None) -> Session:
    """Take back a rating: it stays in the database, with a withdrawal, and its position is open again.

    Parameters
    ----------
    workspace, session_id
        The session.
    rating_id : int, optional
        Which rating, of whatever position. With the session's ``last`` as it was shown, a doubled click takes
        back one rating, not two. The newest that stands by default.

    Raises
    ------
    SessionError
        When there is nothing to take back, the rating is of another session, or what the session hid was
        shown (:mod:`curation.sessions.unblinding`).
    """
    with database.writing(workspace) as connection:
        database.take_turn(connection, session_id)
        session = _load(connection, session_id)
        require_author(session.plan.rater)
        if session.ended:
            raise SessionError(
                "What this session hid has been shown. A rating given after that would not be blind: start "
                "another session to rate a scan again."
            )
        number = session.last if rating_id is None else rating_id
        if number is None:
            raise SessionError("There is no rating in this session to undo.")
        if number in session.rated.values():
            row = rating_log.withdrawal(number, session.plan.rater)
            connection.execute(schema.withdrawals.insert().values(row))
    return load(workspace, session_id)
