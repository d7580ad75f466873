"""Sampling of the scans of a rating session, and their order: drawn once, from a stored seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa

from curation.decisions import database, schema
from curation.errors import SessionError
from curation.ratings import agreement, rating_log
from curation.ratings.scales import all_scales
from curation.sessions import active_learning, saved_lists
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from curation.wording import plural

#: A hidden repeat comes at least this share of the list after the first time.
REPEAT_DISTANCE = 3
_TRIES = 200


@dataclass(frozen=True)
class SamplingRequest:
    """Population that a list is drawn from.

    Parameters
    ----------
    workspace : Workspace
        The workspace.
    scans : pandas.DataFrame
        The scans that have an image, with their scores, by ``scan_id``.
    argument : str
        What stands after the colon of the choice.
    rule : TierRule
        The tiers in use.
    size : int
        How many scans are wanted.
    rng : numpy.random.Generator
        Seeded by the plan.
    """

    workspace: Workspace
    scans: pd.DataFrame
    argument: str
    rule: TierRule
    size: int
    rng: np.random.Generator


@dataclass(frozen=True)
class SamplingMethod:
    """A way of choosing the scans of a session.

    Parameters
    ----------
    key : str
        What a plan's ``choice`` begins with.
    label, meaning : str
        What the screen says.
    argument : str
        What has to follow a colon, in words; empty where nothing may.
    draw : callable
        :class:`SamplingRequest` -> ids of scans.
    """

    key: str
    label: str
    meaning: str
    argument: str
    draw: Callable[[SamplingRequest], list[str]]


def _at_random(ids: list[str], request: SamplingRequest) -> list[str]:
    drawn = request.rng.permutation(len(ids))[: request.size]
    return [ids[index] for index in sorted(drawn)]


def _random(request: SamplingRequest) -> list[str]:
    return _at_random(request.scans["scan_id"].tolist(), request)


def _tier(request: SamplingRequest) -> list[str]:
    rule = request.rule
    if request.argument not in rule.labels:
        raise SessionError(
            f"There is no tier {request.argument!r}; the tiers are {', '.join(rule.tiers)}."
        )
    inside = (
        overrides.tiers_with_overrides(request.workspace, request.scans, rule) == request.argument
    )
    return _at_random(request.scans.loc[inside, "scan_id"].tolist(), request)


def _near_cutoff(request: SamplingRequest) -> list[str]:
    rule = request.rule
    table = tables.with_metrics(request.workspace, request.scans, [rule.column])
    scored = table[table[rule.column].notna()]
    if scored.empty:
        return []
    if request.argument:
        cutoffs = np.array([[_number(request.argument)]])
    else:
        cutoffs = np.array([rule.by_site.get(site, rule.cutoffs) for site in scored["site"]])
    gaps = np.abs(scored[rule.column].to_numpy(dtype=float)[:, None] - cutoffs)
    nearest = scored.assign(gap=gaps.min(axis=1)).sort_values(["gap", "scan_id"])
    return nearest["scan_id"].head(request.size).tolist()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SessionError(f"A number has to follow the colon; {text!r} came.") from None


def _balanced(request: SamplingRequest) -> list[str]:
    """Take unrated scans by turns from every tier, site and third of the ages that there is."""
    given = rating_log.list_ratings(request.workspace)
    scans = request.scans[~request.scans["scan_id"].isin(given["scan_id"])]
    if scans.empty:
        return []
    tiers = overrides.tiers_with_overrides(request.workspace, scans, request.rule)
    sites = scans["site"].fillna(scans["source"])
    thirds = scans["age_years"].rank(pct=True).mul(3).apply(np.ceil).fillna(0)
    groups = scans["scan_id"].groupby([tiers, sites, thirds], sort=True)
    cells = [request.rng.permutation(ids.to_numpy(object)) for _, ids in groups]
    order = request.rng.permutation(len(cells))
    rounds = (cells[cell][turn : turn + 1] for turn in range(len(scans)) for cell in order)
    return [str(one) for part in rounds for one in part][: request.size]


def _suspicious(request: SamplingRequest) -> list[str]:
    scored = request.scans[request.scans["distortion_score"].notna()]
    worst = scored.sort_values(["distortion_score", "scan_id"], ascending=[False, True])
    return worst["scan_id"].head(request.size).tolist()


def _disagreement(request: SamplingRequest) -> list[str]:
    given = rating_log.list_ratings(request.workspace)
    disputed = [
        agreement.contested(given, scale)["scan_id"]
        for scale in all_scales(request.workspace).values()
    ]
    seen = set(request.scans["scan_id"])
    ids = list(dict.fromkeys(one for ids in disputed for one in ids if one in seen))
    return ids[: request.size]


def _teaching(request: SamplingRequest) -> list[str]:
    first = active_learning.next_to_rate(request.workspace)["scan_id"]
    return first.head(request.size).tolist()


def _session(request: SamplingRequest) -> list[str]:
    items = schema.session_items
    number = int(_number(request.argument))
    query = sa.select(items.c.scan_id).where(items.c.session_id == number).distinct()
    with database.engine(request.workspace).connect() as connection:
        listed = set(connection.execute(query).scalars())
    return sorted(listed & set(request.scans["scan_id"]))


def _list(request: SamplingRequest) -> list[str]:
    listed = set(saved_lists.scans_of(request.workspace, int(_number(request.argument))))
    return sorted(listed & set(request.scans["scan_id"]))


def _all(request: SamplingRequest) -> list[str]:
    return request.scans["scan_id"].tolist()


CHOICES: dict[str, SamplingMethod] = {
    choice.key: choice
    for choice in (
        SamplingMethod(
            "random", "Random sample", "Drawn by chance from all scans with an image.", "", _random
        ),
        SamplingMethod(
            "balanced",
            "Balanced, not rated yet",
            "Scans without a rating, by turns of each tier, site and third of the ages.",
            "",
            _balanced,
        ),
        SamplingMethod(
            "tier",
            "One tier",
            "Drawn by chance from one tier of the rule on Tiers.",
            "the tier's name",
            _tier,
        ),
        SamplingMethod(
            "near-cutoff",
            "Near a cut-off",
            "The scans that are nearest to a cut-off of the rule on Tiers, by what it cuts.",
            "a cut-off, or nothing for those in use",
            _near_cutoff,
        ),
        SamplingMethod(
            "teach",
            "What would teach most",
            "Scans where score and ratings are at odds, then unrated ones nearest to the cut-off.",
            "",
            _teaching,
        ),
        SamplingMethod(
            "suspicious",
            "Suspicious only",
            "The scans with the highest distortion scores.",
            "",
            _suspicious,
        ),
        SamplingMethod(
            "disagreement",
            "Disagreements",
            "The scans on which raters disagree, the worst dispute first.",
            "",
            _disagreement,
        ),
        SamplingMethod(
            "session",
            "The scans of another session",
            "The same scans, so that two raters can be compared.",
            "the session's number",
            _session,
        ),
        SamplingMethod(
            "list",
            "A saved list",
            "The scans of a list that was saved on the page Explore.",
            "the list's number",
            _list,
        ),
        SamplingMethod("all", "All scans", "Every scan with an image.", "", _all),
    )
}


def find_choice(text: str) -> tuple[SamplingMethod, str]:
    """Return the choice that ``text`` names, and the argument after its colon.

    Raises
    ------
    SessionError
        When there is no such choice, or its argument is missing.
    """
    key, _, argument = text.partition(":")
    if key not in CHOICES:
        raise SessionError(f"There is no list {text!r}; choose one of {', '.join(CHOICES)}.")
    choice = CHOICES[key]
    if key in ("tier", "session", "list") and not argument:
        raise SessionError(f"The list {key!r} needs {choice.argument} after a colon.")
    return choice, argument


def in_words(text: str, sessions: pd.DataFrame, lists: Mapping[str, str]) -> str:
    """Return a choice as it is read: with the name of its session (of those given) or of its saved list."""
    key, _, argument = text.partition(":")
    if key == "session":
        named = sessions.loc[sessions["id"].astype(str) == argument]
        words = " ".join(f"those of {row.name}, {row.rater}" for row in named.itertuples())
        return words or CHOICES[key].label
    if key == "list":
        return f"List {lists.get(argument, argument)}"
    label = CHOICES[key].label if key in CHOICES else key
    return f"{label} {argument}".strip()


def sample_scans(
    workspace: Workspace, text: str, size: int, seed: int, rule: TierRule = DEFAULT_RULE
) -> list[str]:
    """Draw the scans of a session, each once, shuffled.

    Returns
    -------
    list of str
        At most ``size`` ids (with ``all``, ``session`` and ``list``, as many as there are).

    Raises
    ------
    SessionError
        When the choice leaves no scan.
    """
    choice, argument = find_choice(text)
    scans = tables.read_scored_scans(workspace)
    scans = scans[scans["status"] == "ok"].sort_values("scan_id", ignore_index=True)
    rng = np.random.default_rng(seed)
    ids = choice.draw(SamplingRequest(workspace, scans, argument, rule, size, rng))
    if not ids:
        raise SessionError(
            f"The list {choice.label!r} is empty: {plural(len(scans), 'scan has', 'scans have')} an image, "
            "and none is on it. Choose another list."
        )
    return [ids[index] for index in rng.permutation(len(ids))]


def with_repeats(
    ids: list[str], repeats: int, rng: np.random.Generator
) -> list[tuple[str, int | None]]:
    """Put hidden repeats into a list, each at least a third of the list after the first time.

    Parameters
    ----------
    ids : list of str
        Scans in their order, each once.
    repeats : int
        How many are shown a second time; at most as many as there are.
    rng : numpy.random.Generator
        Draws which, and where.

    Returns
    -------
    list of (str, int or None)
        Scan, and for a repeat the position at which it came first.
    """
    total = len(ids) + repeats
    apart = -(-total // REPEAT_DISTANCE)
    places = _places(total, repeats, apart, rng)
    ordinary = [place for place in range(total) if place not in places]
    scan_at = dict(zip(ordinary, ids, strict=True))
    first_of: dict[int, int] = {}
    for place in places:
        free = [p for p in ordinary if p <= place - apart and p not in first_of.values()]
        first_of[place] = free[rng.integers(len(free))]
    return [(scan_at[first_of.get(place, place)], first_of.get(place)) for place in range(total)]


def _places(total: int, repeats: int, apart: int, rng: np.random.Generator) -> list[int]:
    """Return where repeats go: by chance, with enough scans long enough before each; else last."""
    for _ in range(_TRIES):
        places = sorted(rng.choice(np.arange(apart, total), repeats, replace=False).tolist())
        if all(
            place - apart + 1 - sum(other <= place - apart for other in places) > rank
            for rank, place in enumerate(places)
        ):
            return places
    return list(range(total - repeats, total))
