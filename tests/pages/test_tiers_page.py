"""Tiers: cut-offs, what they do, frozen cohorts, and what judges the scans."""

import pytest

from curation.cohorts import frozen_cohort
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.references import reference_library
from curation.references.fit_from_ratings import MIN_RATINGS
from curation.references.reference_library import active, available
from curation.scoring.score_reference import builtin
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import rule_yaml
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from pages.tiers import COHORTS, JUDGE, NEAR, PARTS, PEOPLE, RULE
from pages.ui.shell import formatting, state
from pages.ui.shell.frame import PAGES
from pages.ui.tiers import tier_cut, tier_gates
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, components, words


def plot(page) -> dict:  # type: ignore[no-untyped-def]
    """What the plot draws."""
    return next(data for data in components(page) if "cutoffs" in data)


def counts(page) -> dict[str, int]:  # type: ignore[no-untyped-def]
    return {card["name"]: card["count"] for card in plot(page)["cards"]}


def opened(run, workspace: Workspace, part: str, **session: object):  # type: ignore[no-untyped-def]
    return run("tiers", workspace, **{state.TIERS_PART: part}, **session)


def _gate(tier: str, column: str = "incompleteness") -> Gate:
    return Gate(column, above=20.0, tier=tier)


def test_moving_a_slider_moves_the_number_the_counts_and_the_line(full, run) -> None:
    page = run("tiers", full.workspace)
    before = counts(page)
    page.slider(key=tier_cut.slider_key(0)).set_value(40.0).run()
    assert page.number_input(key=tier_cut.number_key(0)).value == 40.0
    assert plot(page)["cutoffs"] == [40.0, 50.0]
    assert counts(page)["A"] > before["A"]
    assert "0 to under 40" in words(page)
    page.number_input(key=tier_cut.number_key(0)).set_value(12.5).run()
    assert page.slider(key=tier_cut.slider_key(0)).value == 12.5
    assert plot(page)["cutoffs"] == [12.5, 50.0]


def test_a_number_finer_than_the_slider_is_kept(full, run) -> None:
    page = run("tiers", full.workspace)
    page.number_input(key=tier_cut.number_key(0)).set_value(12.34).run()
    assert plot(page)["cutoffs"] == [12.34, 50.0]
    assert checked(page.run()).number_input(key=tier_cut.number_key(0)).value == 12.34


def test_crossing_cutoffs_are_said_and_the_last_good_rule_stays(full, run) -> None:
    page = run("tiers", full.workspace)
    page.slider(key=tier_cut.slider_key(0)).set_value(80.0).run()
    (error,) = page.error
    assert "cross" in error.value and "The last good rule stays in force" in words(page)
    assert plot(page)["cutoffs"] == [25.0, 50.0]
    assert page.slider(key=tier_cut.slider_key(0)).value == 80.0
    page.segmented_control(key=state.TIERS_PART).set_value(PEOPLE).run()
    assert "cross" in page.error[0].value  # said also where its fields are not on the screen
    page.segmented_control(key=state.TIERS_PART).set_value(PARTS[0]).run()
    page.slider(key=tier_cut.slider_key(1)).set_value(90.0).run()
    assert not page.error
    assert plot(page)["cutoffs"] == [80.0, 90.0]


def test_a_cutoff_of_zero_is_kept(full, run) -> None:
    page = run("tiers", full.workspace)
    page.slider(key=tier_cut.slider_key(0)).set_value(0.0).run()
    assert plot(page)["cutoffs"] == [0.0, 50.0]
    assert any("No scan is in tier A" in warning.value for warning in page.warning)
    assert not page.error


def test_number_of_tiers_brings_its_cutoffs(full, run) -> None:
    page = run("tiers", full.workspace)
    page.segmented_control(key=state.TIER_COUNT).set_value(5).run()
    assert len(checked(page).slider) == 4
    assert "Tier E" in words(page)


def test_cutoffs_outlive_a_visit_to_another_page(full, run) -> None:
    app = run("app", full.workspace)
    app.switch_page(PAGES["tiers"].path).run()
    app.slider(key=tier_cut.slider_key(0)).set_value(33.0).run()
    app.switch_page(PAGES["review"].path).run()
    app.switch_page(PAGES["tiers"].path).run()
    assert checked(app).slider(key=tier_cut.slider_key(0)).value == 33.0


def test_a_renamed_tier_keeps_its_gates(full, run) -> None:
    rule = TierRule(gates=(_gate("C"),))
    page = run("tiers", full.workspace, **{state.TRIED: rule.as_dict()})
    page.text_input(key=tier_cut.name_key(2)).set_value("poor").run()
    assert not checked(page).error
    assert "poor" in counts(page)
    assert state_of(page).gates[0].tier == "poor"


def test_a_name_that_is_there_already_is_refused(full, run) -> None:
    page = run("tiers", full.workspace)
    page.text_input(key=tier_cut.name_key(2)).set_value("A").run()
    assert "different names" in checked(page).error[0].value.replace("\\", "")
    assert "C" in counts(page)


# ---- what is cut -------------------------------------------------------------------------------------


def test_a_metric_of_which_more_is_better_is_cut_from_the_right(full, run) -> None:
    page = run("tiers", full.workspace)
    page.selectbox(key=state.COLUMN).set_value("cnr").run()
    drawn = plot(checked(page))
    assert drawn["names"] == ["C", "B", "A"]
    assert drawn["cutoffs"] == sorted(drawn["cutoffs"])
    assert state_of(page).cutoffs == tuple(sorted(drawn["cutoffs"], reverse=True))
    assert "higher is better" in drawn["title"]
    assert all(0 < count < workspace_full.POOL for count in counts(page).values())


def test_a_metric_that_was_never_measured_is_said_and_breaks_nothing(full, run) -> None:
    unmeasured = next(iter(workspace_full.METRICS))
    page = run(
        "tiers",
        full.workspace,
        **{state.TRIED: TierRule(gates=(_gate("C", unmeasured),)).as_dict()},
    )
    assert "not measured on any" in words(checked(page))


def test_counts_of_the_bins_are_those_of_the_rule(full, run) -> None:
    """What the browser counts while a line moves is what the server counts when it rests."""
    for column in ("distortion_score", "noise", "cnr", "efc"):
        page = run("tiers", full.workspace)
        page.selectbox(key=state.COLUMN).set_value(column).run()
        drawn = plot(page)
        edges = [drawn["low"] + k * drawn["step"] for k in range(len(drawn["bins"]))]
        bands = [sum(edge + drawn["step"] / 2 > cut for cut in drawn["cutoffs"]) for edge in edges]
        for place, card in enumerate(drawn["cards"][: len(drawn["names"])]):
            inside = (n for n, band in zip(drawn["bins"], bands, strict=True) if band == place)
            assert sum(inside) + card["fixed"] == card["count"]


# ---- sites -------------------------------------------------------------------------------------------


def test_a_site_gets_cutoffs_of_its_own(full, run) -> None:
    page = run("tiers", full.workspace)
    page.selectbox(key=state.SITE).set_value("North").run()
    assert plot(page)["up"] == "Scans of North"
    page.slider(key=tier_cut.slider_key(0)).set_value(40.0).run()
    assert state_of(page).by_site == {"North": (40.0, 50.0)}
    assert state_of(page).cutoffs == (25.0, 50.0)
    page.selectbox(key=state.SITE).set_value(None).run()
    rows = {row["name"]: row for row in plot(page)["rows"]}
    assert (rows["North"]["follows"], rows["South"]["follows"]) == (False, True)
    assert sum(plot(page)["fixed"]) == rows["North"]["scans"]
    button(page, formatting.escape("Back to the common ones: all sites")).click().run()
    assert state_of(checked(page)).by_site == {}


def test_each_site_gets_the_same_shares(full, run) -> None:
    page = run("tiers", full.workspace)
    button(page, "Each site its own, same shares").click().run()
    assert set(state_of(checked(page)).by_site) == {"North", "South"}


# ---- the rule as text, gates and versions ------------------------------------------------------------


def state_of(page) -> TierRule:  # type: ignore[no-untyped-def]
    """The rule that the session tries."""
    return TierRule.from_dict(page.session_state[state.TRIED])


def test_a_gate_is_added_changed_and_removed(full, run) -> None:
    page = opened(run, full.workspace, RULE)
    before = counts(page)
    button(page, "Add a gate").click().run()
    assert counts(checked(page)) == before
    assert "Not in force yet. It would hold incompleteness over 20 → unusable" in words(page)
    button(page, "Use this gate").click().run()
    (gate,) = state_of(checked(page)).gates
    assert gate.describe() == "incompleteness over 20 → unusable"
    page.selectbox(key=tier_gates.gate_key(0, "column")).set_value("noise").run()
    page.number_input(key=tier_gates.gate_key(0, "limit")).set_value(0.0).run()
    page.selectbox(key=tier_gates.gate_key(0, "tier")).set_value("C").run()
    assert state_of(page).gates[0].describe() == "noise over 0 → C"
    assert counts(checked(page))["C"] > 0
    button(page, "Remove").click().run()
    assert state_of(checked(page)).gates == ()


def test_gates_that_overlap_are_refused_where_they_stand(full, run) -> None:
    good = TierRule(gates=(_gate("unusable"),))
    page = opened(run, full.workspace, RULE, **{state.TRIED: good.as_dict()})
    button(page, "Add a gate").click().run()
    page.selectbox(key=tier_gates.gate_key(1, "column")).set_value("incompleteness").run()
    (error,) = checked(page).error
    assert "same limit" in error.value and button(page, "Use this gate").disabled
    assert state_of(page) == good
    page.selectbox(key=tier_gates.gate_key(1, "column")).set_value("noise").run()
    button(page, "Use this gate").click().run()
    assert len(state_of(checked(page)).gates) == 2
    page.selectbox(key=tier_gates.gate_key(1, "column")).set_value("incompleteness").run()
    assert "same limit" in checked(page).error[0].value
    assert rule_yaml.parse(page.text_area(key=state.RULE_TEXT).value).gates != good.gates


def test_a_gate_that_is_being_made_can_be_given_up(full, run) -> None:
    page = opened(run, full.workspace, RULE)
    button(page, "Add a gate").click().run()
    button(page, "Cancel").click().run()
    assert button(checked(page), "Add a gate")
    assert "Not in force" not in words(page)


def test_the_text_says_the_rule_and_makes_it(full, run) -> None:
    page = opened(run, full.workspace, RULE)
    text = page.text_area(key=state.RULE_TEXT)
    assert rule_yaml.parse(text.value) == TierRule()
    text.set_value("tiers: [good, bad]\ncutoffs: [30]  # mine\n")
    button(page, "Apply the text").click().run()
    assert state_of(checked(page)).names == ("good", "bad")
    assert set(counts(page)) == {"good", "bad"}
    assert "# mine" in page.text_area(key=state.RULE_TEXT).value


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("tiers: [A, B, C]\ncutoffs: [50, 25]", "Line 2"),
        ("tiers: [A, B]\ncutoffs: [50]\ncolumn: nonsense", "no score or metric"),
        ("tiers: [A, B", "not valid YAML"),
        ("", "empty"),
    ],
)
def test_a_text_that_is_no_rule_is_said_with_its_line_and_stays(full, run, written, said) -> None:
    page = opened(run, full.workspace, RULE)
    page.text_area(key=state.RULE_TEXT).set_value(written)
    button(page, "Apply the text").click().run()
    assert said in checked(page).error[0].value.replace("\\", "")
    assert plot(page)["cutoffs"] == [25.0, 50.0]
    assert page.text_area(key=state.RULE_TEXT).value == written


def test_versions_are_saved_with_their_author_and_compared(own, run) -> None:
    page = opened(run, own, RULE)
    name, author = (
        next(f for f in page.text_input if f.label == label)
        for label in ("Name of the rule", "Who decides")
    )
    name.set_value("mine")
    author.set_value("Ada")
    checked(button(page, "Save this version").click().run())
    assert "mine, version 1" in words(page)
    page.text_area(key=state.RULE_TEXT).set_value("tiers: [A, B, C]\ncutoffs: [40, 50]\n")
    button(page, "Apply the text").click().run()
    page.selectbox(key=state.BEFORE).set_value("mine, version 1").run()
    flows = next(data for data in components(checked(page)) if "links" in data)
    moved = [link for link in flows["links"] if (link["from"], link["to"]) == (1, 3)]
    assert moved[0]["scans"] > 0
    assert "B → A" in page.selectbox(key=state.MOVE).options[0]
    button(page, "Try it here").click().run()
    assert state_of(checked(page)) == TierRule()


def test_what_a_gate_leaves_out_is_no_judgement_where_two_rules_are_compared(own, run) -> None:
    page = opened(run, own, RULE)
    assert "is what a gate leaves out" not in words(page)
    gated = "tiers: [A, B, C]\ncutoffs: [25, 50]\ngates:\n- {column: noise, above: 1}\n"
    page.text_area(key=state.RULE_TEXT).set_value(gated)
    button(page, "Apply the text").click().run()
    page.selectbox(key=state.BEFORE).set_value("The rule that Tierscope starts with").run()
    said = words(checked(page)).replace("\\", "")
    assert "“Unusable” is what a gate leaves out of the study: noise over 1 → unusable." in said


def test_the_rule_of_a_target_is_not_offered_where_a_pool_is_compared(own, run) -> None:
    made = {
        role: frozen_cohort.freeze(own, role, author="Ada", role=role, rule=TierRule(cutoffs=cut))
        for role, cut in (("pool", (20.0, 50.0)), ("target", (15.0, 60.0)))
    }
    offered = {role: f"Rule of cohort {cohort.id}" for role, cohort in made.items()}
    choices = opened(run, own, RULE).selectbox(key=state.BEFORE).options
    assert offered["pool"] in choices and offered["target"] not in choices
    choices = opened(run, own, RULE, **{state.ROLE: "target"}).selectbox(key=state.BEFORE).options
    assert {*offered.values()} <= {*choices}


def test_a_rule_without_author_is_not_saved(own, run) -> None:
    page = opened(run, own, RULE)
    checked(button(page, "Save this version").click().run())
    assert "needs a name" in page.error[0].value


# ---- what it does ------------------------------------------------------------------------------------


def test_who_is_where_and_what_lies_at_the_cutoffs_follow_the_rule(full, run) -> None:
    page = opened(run, full.workspace, PEOPLE)
    assert "How far the tiers are apart" in words(page)
    page.segmented_control(key=state.TIERS_PART).set_value(NEAR).run()
    said = words(checked(page))
    assert "nearest better" in said and "one rater's standard deviation" in said
    assert "measured again" in said and "95 in 100 repeats differ by less" in said
    assert "No scan here is rated, or raters are split on each" in said


def test_tiers_that_differ_in_how_images_were_prepared_are_warned_of(own, run) -> None:
    scores, metrics = tables.read_scores(own), tables.read_metrics(own)
    stripped = scores.loc[scores["distortion_score"] < 25, "scan_id"]
    flags = metrics["scan_id"].isin(stripped).map({True: '{"skull_stripped": "x"}', False: "{}"})
    for path in own.metrics_dir.glob("*.parquet"):
        path.unlink()
    files.write_parquet(own.metrics_dir / "part-made.parquet", metrics.assign(flags=flags))
    page = opened(run, own, PEOPLE)
    warned = " ".join(warning.value for warning in page.warning).replace("\\", "")
    assert "scans are skull-stripped" in warned and "how the images were prepared" in warned
    assert "<td>image</td>" in words(page)


def test_the_cut_can_be_made_where_the_metrics_cannot_be_read(own, run) -> None:
    for path in own.metrics_dir.glob("*.parquet"):
        path.write_bytes(path.read_bytes()[:100])
    page = opened(run, own, PEOPLE)
    said = words(checked(page))
    assert "part-made.parquet" in said and "How far the tiers are apart" in said
    assert "<td>age</td>" in said and "<td>image</td>" not in said


def test_a_share_of_women_that_is_not_known_says_why_and_what_to_do(own, run) -> None:
    scans = tables.read_scans(own)
    assert "Sex is written as" not in words(opened(run, own, PEOPLE))
    codes = [("M", "<b>v")[number % 2] for number in range(len(scans))]
    tables.write_scans(own, scans.assign(sex=codes))
    said = words(opened(run, own, PEOPLE)).replace("\\", "")
    assert "The share of women is not known. Sex is written as <b>v and M: which is which" in said
    assert "codes of women and of men" in said


def test_of_how_many_scans_the_sex_is_not_known_is_said_beside_the_share_of_women(own, run) -> None:
    scans = tables.read_scans(own)
    codes = [("M", "F", "X", None)[number % 4] for number in range(len(scans))]
    tables.write_scans(own, scans.assign(sex=codes))
    said = words(opened(run, own, PEOPLE)).replace("\\", "")
    pool = zip(codes, scans["role"] == "pool", strict=True)
    unknown = sum(is_pool and code in ("X", None) for code, is_pool in pool)
    assert "Female is the share of those whose sex is known." in said
    assert f"Of {unknown} scans it is not, or told as neither." in said


def test_agreement_with_ratings_is_told_where_there_are_some(rated, run) -> None:
    page = opened(run, rated, NEAR)
    assert "rated scan" in words(checked(page))


def test_scans_of_a_tier_and_near_a_cutoff_can_be_selected_for_explore(full, run) -> None:
    page = opened(run, full.workspace, PEOPLE)
    checked(page.button(key="see-2").click().run())
    picked = page.session_state[state.SELECTED]
    scores = tables.read_scored_scans(full.workspace).set_index("scan_id")["distortion_score"]
    assert len(picked) and (scores[list(picked)] >= 50).all()
    page = opened(run, full.workspace, NEAR, **{state.EXPLORED_SITES: ["North"]})
    checked(page.button(key="see-near").click().run())
    assert page.session_state[state.EXPLORED_SITES] == []
    assert (
        f"{len(page.session_state[state.SELECTED])} scans near a cut-off"
        in page.button(key="see-near").label
    )


# ---- frozen cohorts ----------------------------------------------------------------------------------


def test_freezing_needs_an_author_then_lists_the_cohort(own, run) -> None:
    page = opened(run, own, COHORTS)
    checked(button(page, "Freeze this pool cohort").click().run())
    assert "name and an author" in page.error[0].value
    page.text_input[1].set_value("Ada")
    checked(button(page, "Freeze this pool cohort").click().run())
    (header,) = frozen_cohort.list_cohorts(own)
    assert (header.author, header.role, header.size) == ("Ada", "pool", 24)
    assert header.id in words(page)


# ---- what judges the scans -------------------------------------------------------------------------


def test_each_reference_is_described_and_one_is_in_use(full, run) -> None:
    page = opened(run, full.workspace, JUDGE)
    radio = page.radio(key=state.REFERENCE)
    pairs = zip(available(full.workspace), radio.options, strict=True)
    assert all(header.label in option.replace("\\", "") for header, option in pairs)
    assert button(page, "This one is chosen").disabled
    assert builtin().description[:60] in words(page)


def test_judging_by_the_scans_themselves_scores_anew_and_says_so(own, run) -> None:
    page = opened(run, own, JUDGE)
    checked(button(page, "Fit to the scans").click().run())
    assert "38 scans scored anew" in words(page)
    assert tables.read_scores(own)["reference"].str.startswith("cohort-").all()
    assert page.radio(key=state.REFERENCE).value == active(own).id
    page.radio(key=state.REFERENCE).set_value(builtin().id).run()
    checked(button(page, f"Judge by {builtin().label}").click().run())
    assert active(own).id == builtin().id


def test_ratings_that_are_missing_are_counted_until_there_are_enough(own, run) -> None:
    _rate(own, MIN_RATINGS - 1)
    page = opened(run, own, JUDGE)
    assert f"{MIN_RATINGS - 1} ratings of scored scans so far. 1 more" in words(page)
    assert button(page, "Learn from the ratings").disabled
    _rate(own, 1, rater="Grace")
    assert not button(page.run(), "Learn from the ratings").disabled


def test_what_was_learned_from_ratings_shows_its_evidence(own, run) -> None:
    _rate(own, MIN_RATINGS)
    page = opened(run, own, JUDGE)
    checked(button(page, "Learn from the ratings").click().run(timeout=120))
    assert not page.error
    captions = page.radio(key=state.REFERENCE).proto.captions
    assert any("AUC" in caption and "95 % interval" in caption for caption in captions)


def _rate(workspace: Workspace, count: int, rater: str = "") -> None:
    """Rate by the noise in white matter, so that there is something to learn."""
    metrics = tables.read_metrics(workspace)
    rows = [metrics.iloc[number % len(metrics)] for number in range(count)]
    given = [
        Rating(
            scan_id=row["scan_id"],
            rater=rater or f"rater {number // len(metrics)}",
            scale="pass-fail",
            value=float(row["noise_wm"] < 1.0),
        )
        for number, row in enumerate(rows)
    ]
    rating_log.add_ratings(workspace, given)


def test_freezing_offers_to_leave_out_scans_without_image(own, tmp_path, run) -> None:
    workspace_full.import_table(own, tmp_path / "tables", 6)
    page = opened(run, own, COHORTS, **{state.PERSON: "Ada"})
    (offer,) = (box for box in page.checkbox if "without image" in box.label)
    assert offer.value
    checked(button(page, "Freeze this pool cohort").click().run())
    (header,) = frozen_cohort.list_cohorts(own)
    assert header.size == 24


# ---- a rule from a file ------------------------------------------------------------------------------


def test_a_rule_is_taken_from_a_file(full, run) -> None:
    page = opened(run, full.workspace, RULE)
    _upload(page, "rule.yaml", b"\xef\xbb\xbftiers: [fine, poor]\ncutoffs: [33]\n")
    assert state_of(checked(page)).names == ("fine", "poor")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\xfe\x00rule", "no text in UTF-8"), (b"# " + b"x" * 200_000, "short text")],
)
def test_a_file_that_is_no_rule_is_refused_in_words(full, run, content, said) -> None:
    page = opened(run, full.workspace, RULE)
    _upload(page, "rule.yaml", content)
    assert said in checked(page).error[0].value.replace("\\", "")
    assert plot(page)["cutoffs"] == [25.0, 50.0]


def _upload(page, name: str, content: bytes) -> None:  # type: ignore[no-untyped-def]
    page.file_uploader(key=state.RULE_FILE).upload(name, content, "text/yaml").run()


@pytest.mark.parametrize("column", [next(iter(workspace_full.METRICS)), "reconstruction_error"])
def test_what_nobody_has_a_value_of_can_be_chosen_and_is_said(full, run, column) -> None:
    page = run("tiers", full.workspace)
    page.selectbox(key=state.COLUMN).set_value(column).run()
    assert not checked(page).error
    assert "not measured on any" in page.warning[0].value.replace("\\", "")
    assert counts(page)["not scored"] == workspace_full.POOL
    page.segmented_control(key=state.TIER_COUNT).set_value(6).run()
    assert len(checked(page).slider) == 5
    for part in PARTS[1:]:
        page.segmented_control(key=state.TIERS_PART).set_value(part).run()
        checked(page)


def test_the_text_of_the_rule_is_there_again_when_one_comes_back(own, run) -> None:
    page = run("tiers", own, **{state.TIERS_PART: RULE})
    written = page.text_area[0].value
    assert "cutoffs" in written
    again = run("tiers", own, **{state.TIERS_PART: RULE, state.RULE_TEXT_OF: TierRule().as_dict()})
    assert again.text_area[0].value == written


def test_one_cut_off_of_scores_by_two_references_is_warned_of(own, run) -> None:
    assert "Equal scores mean" not in words(run("tiers", own))
    scores = tables.read_scores(own)
    other = reference_library.fit_cohort(own).id
    scores.loc[:3, "reference"] = other
    files.write_parquet(own.scores_path, scores)
    said = words(run("tiers", own)).replace("\\", "")
    assert "Equal scores mean the same only among scans of one reference" in said
    assert "take the other source out on Cohort" in said
