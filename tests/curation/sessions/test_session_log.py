"""A session is drawn once, resumed where it was left, and never makes two ratings of one."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from curation.decisions import database, schema
from curation.decisions.audit_trail import history
from curation.errors import RatingError
from curation.interchange import rating_export
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion, Rating
from curation.sessions import sampling, saved_lists, session_log
from curation.sessions.sampling import CHOICES
from curation.sessions.session_plan import Session, SessionPlan
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import DEFAULT_RULE, TierRule
from tests.helpers import workspace_full
from tests.helpers.workspace_scored import put_scans

PLAN = SessionPlan("first", "Ada", "mriqc-4", size=10, repeats_share=0.2, seed=7)


@pytest.fixture
def scored(tmp_path: Path) -> Workspace:
    return workspace_full.make(tmp_path / "workspace")


def _finish(scored: Workspace, session: Session, value: Callable[[str], float]) -> Session:
    for item in session.items[session.position :]:
        session_log.save(
            scored, session.id, item.position, Opinion(value(item.scan_id), seconds=3.0, shown={})
        )
    return session_log.load(scored, session.id)


def test_a_session_is_rated_interrupted_resumed_and_ended(scored: Workspace) -> None:
    session = session_log.start(scored, PLAN)
    assert (session.total, session.done, session.position, session.finished) == (12, 0, 0, False)
    for position in range(5):
        session_log.save(
            scored, session.id, position, Opinion(3.0, seconds=2.5, shown={"views": ["background"]})
        )
    again = session_log.load(scored, session.id)
    assert (again.items, again.position, again.done) == (session.items, 5, 5)
    ended = _finish(scored, again, lambda _: 2.0)
    assert ended.finished and ended.position == ended.total
    assert session_log.load(scored, session_log.list_sessions(scored)["id"].iloc[0]) == ended
    (row,) = session_log.list_sessions(scored).to_dict("records")
    assert (row["name"], row["done"], row["total"], row["finished"]) == ("first", 12, 12, True)
    kept = rating_log.list_ratings(scored)
    assert len(kept) == 12
    assert kept["repeat"].sum() == 2
    assert kept["seconds"].tolist() == [2.5] * 5 + [3.0] * 7
    assert kept["shown"][0] == {"views": ["background"]}


def test_a_session_says_how_many_scans_it_has_and_whether_more_were_asked_for(
    scored: Workspace,
) -> None:
    assert session_log.start(scored, PLAN).extent == "10 scans, 2 of them twice"
    asked = replace(PLAN, name="C alone", choice="tier:C", size=900, repeats_share=0.0)
    few = session_log.start(scored, asked)
    assert 0 < few.drawn < 900 and few.fell_short
    assert few.extent == f"{few.drawn} scans; 900 were asked for, the choice has no more"
    whole = session_log.start(scored, replace(asked, name="whole", choice="all"))
    assert not whole.fell_short and whole.extent == f"{whole.drawn} scans"
    assert few.shortfall == "900 scans were asked for; the choice has no more."
    assert whole.shortfall == ""


def test_what_a_session_lacks_tells_nothing_of_hidden_repeats(scored: Workspace) -> None:
    drawn = session_log.start(scored, replace(PLAN, choice="tier:C", size=900)).drawn
    again = session_log.start(
        scored,
        replace(PLAN, name="b", choice="tier:C", size=drawn + 1, repeats_share=0.5),
    )
    assert again.fell_short and again.total > drawn + 1
    assert again.shortfall == "Fewer scans than were asked for: the choice has no more."


def test_history_says_how_sure_a_rater_was_and_which_rating_is_of_a_hidden_repeat(
    scored: Workspace,
) -> None:
    session = session_log.start(scored, PLAN)
    for item in session.items:
        opinion = Opinion(3.0, confidence=2.0 if item.repeat_of is None else None)
        session_log.save(scored, session.id, item.position, opinion)
    names = {"confidence 2": "how sure: fairly"}
    told = history(scored, names=names).query("what == 'rating'")["detail"]
    assert told.str.contains("; hidden repeat").sum() == 2
    assert told.str.contains("; how sure: fairly").sum() == 10
    plain = history(scored).query("what == 'rating'")["detail"]
    assert plain.str.contains("; confidence 2, 0 to 4").sum() == 10


def test_the_same_plan_draws_the_same_list_and_another_seed_another(scored: Workspace) -> None:
    lists = [
        session_log.start(scored, replace(PLAN, rater=rater, seed=seed)).items
        for rater, seed in (("Ada", 7), ("Bob", 7), ("Eve", 8))
    ]
    assert lists[0] == lists[1] != lists[2]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("size", "repeats"), [(1, 0), (2, 1), (10, 2), (10, 5), (40, 20)])
def test_hidden_repeats_are_at_least_a_third_of_the_list_apart(seed, size, repeats) -> None:
    ids = [f"s{i}" for i in range(size)]
    items = sampling.with_repeats(ids, repeats, np.random.default_rng(seed))
    firsts = [scan for scan, first in items if first is None]
    again = [(place, scan, first) for place, (scan, first) in enumerate(items) if first is not None]
    assert firsts == ids
    assert len(again) == len({first for _, _, first in again}) == repeats
    for place, scan, first in again:
        assert items[first] == (scan, None)
        assert place - first >= len(items) / 3


def test_what_is_sent_twice_is_one_rating(scored: Workspace) -> None:
    session = session_log.start(scored, PLAN)
    sent = {"confidence": 2.0, "artefacts": ["inu", "head-motion"], "comment": " odd "}
    first = session_log.save(scored, session.id, 0, Opinion(1.0, seconds=4.0, **sent))
    assert session_log.save(scored, session.id, 0, Opinion(1.0, seconds=9.0, **sent)) == first
    assert len(rating_log.list_ratings(scored)) == 1


@pytest.mark.parametrize(
    "change", [{"value": 2.0}, {"comment": "b"}, {"confidence": 1.0}, {"artefacts": ["inu"]}]
)
def test_another_opinion_on_a_rated_position_is_refused_not_dropped(scored, change) -> None:
    session = session_log.start(scored, PLAN)
    given = {"value": 1.0, "comment": "a"}
    session_log.save(scored, session.id, 0, Opinion(**given))
    with pytest.raises(RatingError, match="rated 'exclude' already"):
        session_log.save(scored, session.id, 0, Opinion(**given | change))
    assert rating_log.list_ratings(scored)["value"].tolist() == [1.0]


def test_undo_appends_and_opens_the_position_again(scored: Workspace) -> None:
    session = session_log.start(scored, PLAN)
    session_log.save(scored, session.id, 0, Opinion(1.0))
    taken_back = session_log.save(scored, session.id, 1, Opinion(1.0))
    before = rating_log.newest(scored)
    after = session_log.undo(scored, session.id, taken_back)
    assert (after.position, after.attempt, after.done) == (1, 1, 1)
    assert rating_log.newest(scored) > before
    # the doubled click takes back nothing more
    assert session_log.undo(scored, session.id, taken_back).done == 1
    session_log.save(scored, session.id, 1, Opinion(4.0), attempt=1)
    assert rating_log.list_ratings(scored)["value"].tolist() == [1.0, 4.0]
    everything = rating_log.list_ratings(scored, withdrawn=True)
    assert everything["value"].tolist() == [1.0, 1.0, 4.0]
    assert everything["withdrawn"].notna().tolist() == [False, True, False]
    assert rating_log.current(everything)["value"].tolist() == [1.0, 4.0]


def test_a_chosen_rating_is_taken_back_alone_and_the_session_goes_on_where_it_was(
    scored: Workspace,
) -> None:
    session = session_log.start(scored, PLAN)
    given = [
        session_log.save(scored, session.id, position, Opinion(float(1 + position % 4)))
        for position in range(5)
    ]
    before = session_log.load(scored, session.id)
    assert before.words == dict(
        enumerate(["exclude", "poor", "acceptable", "excellent", "exclude"])
    )
    after = session_log.undo(scored, session.id, given[1])
    assert (after.position, after.attempt, after.done) == (1, 1, 4)
    assert sorted(after.words) == sorted(after.rated) == [0, 2, 3, 4]
    session_log.save(scored, session.id, 1, Opinion(4.0), attempt=after.attempt)
    again = session_log.load(scored, session.id)
    assert (again.position, again.words[1]) == (5, "excellent")
    (line,) = (row for row in history(scored).itertuples() if "taken back" in row.what)
    assert line.who == "Ada"


def test_a_rating_that_arrives_late_after_an_undo_is_not_a_new_one(scored: Workspace) -> None:
    session = session_log.start(scored, PLAN)
    first = session_log.save(scored, session.id, 0, Opinion(1.0), attempt=session.attempt)
    session_log.undo(scored, session.id)
    assert session_log.save(scored, session.id, 0, Opinion(1.0), attempt=session.attempt) == first
    assert session_log.load(scored, session.id).done == 0
    session_log.save(scored, session.id, 0, Opinion(2.0), attempt=99)
    with pytest.raises(RatingError, match="already"):
        session_log.save(scored, session.id, 0, Opinion(3.0), attempt=100)


def test_undo_of_nothing_is_said(scored: Workspace) -> None:
    session = session_log.start(scored, PLAN)
    with pytest.raises(RatingError, match="no rating"):
        session_log.undo(scored, session.id)


def test_only_scans_with_an_image_are_drawn_whatever_the_choice(scored: Workspace) -> None:
    ok = set(tables.read_scans(scored).query("status == 'ok'")["scan_id"])
    other = session_log.start(scored, PLAN)
    session_log.start(scored, replace(PLAN, rater="Bob", scale="pass-fail", name="b"))
    for scan_id in sorted(ok)[:4]:
        for rater, value in (("Ada", 1.0), ("Bob", 0.0)):
            rating_log.add_rating(
                scored, Rating(scan_id=scan_id, rater=rater, scale="pass-fail", value=value)
            )
    saved = saved_lists.save(scored, "looked odd", "Ada", sorted(ok)[:5])
    argument = {"tier": ":B", "session": f":{other.id}", "list": f":{saved}"}
    for key in CHOICES:
        plan = replace(PLAN, name=key, choice=key + argument.get(key, ""), size=3)
        session = session_log.start(scored, plan)
        drawn = [item.scan_id for item in session.items if item.repeat_of is None]
        assert set(drawn) <= ok and len(set(drawn)) == len(drawn)
        assert len(drawn) == {"all": len(ok), "session": 10, "list": 5}.get(key, 3), key


def test_each_choice_draws_what_it_says(scored: Workspace) -> None:
    scores = tables.read_scored_scans(scored).set_index("scan_id")["distortion_score"]

    def drawn(choice: str, size: int = 5, rule: TierRule = DEFAULT_RULE) -> set[str]:
        return set(sampling.sample_scans(scored, choice, size, 0, rule))

    assert drawn("suspicious") == set(scores.nlargest(5).index)
    assert drawn("near-cutoff:42.5") == set((scores - 42.5).abs().nsmallest(5).index)
    assert scores[list(drawn("tier:A", 99))].max() < 25 <= scores[list(drawn("tier:B", 99))].min()
    assert scores[list(drawn("tier:A", 99, TierRule(("A", "B"), (10.0,))))].max() < 10
    near = scores[list(drawn("near-cutoff", 6))]
    assert set(near.between(20, 30) | near.between(45, 55)) == {True}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "Name the session"),
        ({"rater": ""}, "who rates"),
        ({"scale": "stars"}, "no scale 'stars'"),
        ({"choice": "best"}, "no list 'best'"),
        ({"choice": "tier:Z"}, "no tier 'Z'"),
        ({"choice": "tier"}, "needs the tier's name"),
        ({"choice": "near-cutoff:x"}, "number has to follow"),
        ({"choice": "disagreement"}, "is empty"),
        ({"size": 0}, "1 to"),
        ({"repeats_share": 0.7}, "0 to 0.5"),
        ({"seed": -1}, "0 or more"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_in_words(scored: Workspace, change, words) -> None:
    with pytest.raises(RatingError, match=words):
        session_log.start(scored, replace(PLAN, **change))
    assert session_log.list_sessions(scored).empty


def test_a_tier_is_drawn_by_the_whole_rule_and_by_what_people_decided(scored: Workspace) -> None:
    scans = tables.with_metrics(scored, tables.read_scored_scans(scored), ["snr_total"])
    scans = scans[scans["status"] == "ok"].set_index("scan_id")
    gate = Gate("snr_total", below=float(scans["snr_total"].quantile(0.2)))
    rule = TierRule(("good", "bad"), (25.0,), gates=(gate,), by_site={"South": (60.0,)})
    south = scans[(scans["site"] == "South") & scans["distortion_score"].between(30, 55)].index
    north = scans[(scans["site"] == "North") & (scans["distortion_score"] > 30)].index
    overrides.override(scored, north[0], "Ada", "good", "only the neck is noisy")
    for tier in rule.tiers:
        held = (
            overrides.tiers_with_overrides(scored, tables.read_scored_scans(scored), rule) == tier
        )
        expected = set(tables.read_scored_scans(scored).loc[held, "scan_id"]) & set(scans.index)
        assert (
            expected and set(sampling.sample_scans(scored, f"tier:{tier}", 99, 0, rule)) == expected
        )
    good = sampling.sample_scans(scored, "tier:good", 99, 0, rule)
    held = scans.index[scans["snr_total"] < gate.limit]
    assert set(south) - set(held) <= set(good) and north[0] in good
    assert set(sampling.sample_scans(scored, "tier:unusable", 99, 0, rule)) == set(held) - {
        north[0]
    }


def test_near_a_cutoff_means_what_the_rule_cuts_and_each_sites_own_cutoffs(
    scored: Workspace,
) -> None:
    scans = tables.with_metrics(scored, tables.read_scored_scans(scored), ["cjv"])
    scans = scans[scans["status"] == "ok"].set_index("scan_id")
    rule = TierRule(("A", "B"), (0.5,), "cjv", by_site={"South": (1.5,)})
    cut = scans["site"].map({"North": 0.5, "South": 1.5})
    nearest = (scans["cjv"] - cut).abs().nsmallest(6).index
    assert set(sampling.sample_scans(scored, "near-cutoff", 6, 0, rule)) == set(nearest)
    nearest = (scans["cjv"] - 1.1).abs().nsmallest(6).index
    assert set(sampling.sample_scans(scored, "near-cutoff:1.1", 6, 0, rule)) == set(nearest)
    nowhere = TierRule(("A", "B"), (0.5,), "reconstruction_error")
    with pytest.raises(RatingError, match="is empty"):
        sampling.sample_scans(scored, "near-cutoff", 6, 0, nowhere)


def test_a_session_keeps_the_rule_it_was_drawn_by(scored: Workspace) -> None:
    rule = TierRule(
        ("good", "bad"), (25.0,), gates=(Gate("cjv", above=9.0),), by_site={"S": (60.0,)}
    )
    session = session_log.start(scored, replace(PLAN, choice="tier:good", rule=rule))
    assert session_log.load(scored, session.id).plan.rule == rule


def test_a_plan_of_cutoffs_alone_is_still_read() -> None:
    old = {key: value for key, value in PLAN.as_dict().items() if key != "rule"}
    assert SessionPlan.from_dict(old | {"cutoffs": [10.0]}).rule == TierRule(("A", "B"), (10.0,))
    assert SessionPlan.from_dict(PLAN.as_dict()) == PLAN


@pytest.mark.parametrize("plan", [["a", "list"], "text", {}, {"blinded": 1, "seed": "x"}, None])
def test_a_stored_plan_that_cannot_be_read_is_named_and_costs_nothing_else(scored, plan) -> None:
    """As an import of an earlier version may have stored it."""
    session = session_log.start(scored, PLAN)
    session_log.save(scored, session.id, 0, Opinion(3.0))
    good = session_log.start(scored, replace(PLAN, name="second"))
    table = schema.sessions
    with database.writing(scored) as connection:
        damage = table.update().where(table.c.id == session.id)
        connection.execute(damage.values(plan=sa.JSON.NULL if plan is None else plan))
    assert session_log.list_sessions(scored)["id"].tolist() == [good.id]
    assert session_log.unreadable_sessions(scored) == ["first (Ada)"]
    (line,) = (row for row in history(scored).itertuples() if row.subject == "first")
    assert "cannot be read" in line.detail
    assert len(rating_log.list_ratings(scored)) == 1
    exported = json.loads((rating_export.export_ratings(scored) / "sessions.json").read_text())
    assert [one["name"] for one in exported["sessions"]] == ["second"]
    with pytest.raises(RatingError, match="cannot be read"):
        session_log.load(scored, session.id)


def test_a_rater_has_one_session_of_a_name(scored: Workspace) -> None:
    session_log.start(scored, PLAN)
    with pytest.raises(RatingError, match="Go on with it"):
        session_log.start(scored, PLAN)
    session_log.start(scored, replace(PLAN, rater="Bob"))
    assert session_log.list_sessions(scored)["rater"].tolist() == ["Bob", "Ada"]
    assert session_log.list_sessions(scored, "Ada")["rater"].tolist() == ["Ada"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"position": 12}, "positions 0 to 11"),
        ({"value": 9.0}, "not on the scale"),
        ({"confidence": 5.0}, "0 to 4"),
        ({"artefacts": ["gremlins"]}, "gremlins is not known"),
        ({"seconds": -1.0}, "0 or more"),
        ({"session_id": 99}, "no session 99"),
    ],
)
def test_a_rating_that_cannot_be_taken_stores_nothing(scored: Workspace, given, words) -> None:
    given = dict(given)
    session = session_log.start(scored, PLAN)
    with pytest.raises(RatingError, match=words):
        session_log.save(
            scored,
            given.pop("session_id", session.id),
            given.pop("position", 0),
            Opinion(**{"value": 1.0} | given),
        )
    assert rating_log.list_ratings(scored, withdrawn=True).empty


def test_what_is_rated_next_is_balanced_over_tiers_sites_and_ages(workspace: Workspace) -> None:
    rows = [
        {"distortion_score": score, "site": site, "age_years": age}
        for score, site, age, count in (
            (5.0, "large", 20.0, 40),
            (30.0, "large", 20.0, 10),
            (80.0, "large", 70.0, 3),
            (5.0, "small", 45.0, 4),
            (5.0, None, None, 2),
        )
        for _ in range(count)
    ]
    put_scans(workspace, rows)
    scans = tables.read_scored_scans(workspace).set_index("scan_id")
    rated = scans.index[scans["distortion_score"] == 80.0][:1].tolist()
    rating_log.add_rating(
        workspace, Rating(1.0, scan_id=rated[0], rater="Ada", scale="three-level")
    )
    drawn = scans.loc[sampling.sample_scans(workspace, "balanced", 15, 0)]
    cells = drawn.fillna({"site": "?", "age_years": -1}).groupby(
        ["distortion_score", "site", "age_years"]
    )
    # five cells of which two run out: 2 without site, 2 of 3 bad ones, and the rest by turns
    assert sorted(cells.size().tolist()) == [2, 2, 3, 4, 4]
    assert rated[0] not in drawn.index
    everything = sampling.sample_scans(workspace, "balanced", 99, 0)
    assert sorted(everything) == sorted(set(scans.index) - set(rated))
    assert sampling.sample_scans(workspace, "balanced", 15, 1) != list(drawn.index)
