"""The report of a really trained study: the same numbers everywhere, and nobody to be told from it."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from curation.cohorts import frozen_cohort
from curation.errors import StudyError
from curation.storage import files, json_lines, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers import report_reader, workspace_finished, workspace_trainable
from tests.helpers.replanned import replanned
from training.__main__ import main
from training.held_out import stored_predictions
from training.held_out.predictions import BASELINE
from training.report import content, content_results, source
from training.report.plots import Report
from training.report.source import Options
from training.report_files import bundle
from training.results import error_strata
from training.settings.objectives import OBJECTIVES
from training.settings.tuning import Tuning
from training.studies import planned_study, pool_target_separation, runs
from training.studies.planned_study import Study

Made = tuple[Workspace, Study, Path, Report]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished study and the files of its report."""
    folder = tmp_path_factory.mktemp("report")
    workspace, study = workspace_finished.make(folder / "workspace")
    seen: list[tuple[int, int]] = []
    bundle.write(workspace, study.id, folder / "out", progress=lambda *at: seen.append(at))
    assert seen[-1] == (len(seen), len(seen))
    return workspace, study, folder / "out", content.build(workspace, study.id)


def _csv(made: Made, name: str) -> pd.DataFrame:
    return pd.read_csv(made[2] / "numbers" / f"{name}.csv")


def _result(made: Made) -> pd.DataFrame:
    table = pd.DataFrame(files.read_json(made[1].result_path)["final_errors"])
    return table.set_index("arm")


# ---- the same numbers ------------------------------------------------------------------------------


def test_every_plot_is_there_as_html_png_svg_and_numbers(made) -> None:
    _, _, out, report = made
    names = {plot.name for plot in report.plots}
    assert {
        "tiers",
        "age-error-curves",
        "final-errors",
        "differences",
        "controls",
        "tier-by-tier",
        "predicted-age",
    } <= names
    figures = report_reader.html_figures((out / "report.html").read_text())
    assert set(figures) == names
    for name in names:
        with Image.open(out / "figures" / f"{name}.png") as image:
            assert image.size[0] > 1000
        assert (out / "figures" / f"{name}.svg").read_text().startswith("<?xml")
        assert len(_csv(made, name))
    assert set(report_reader.chart_tables(out / "deck.pptx")) == names - {"tier-by-tier"}


def test_final_errors_are_those_of_the_study_s_result_in_every_file(made) -> None:
    result, csv = _result(made), _csv(made, "final-errors").set_index("arm")
    assert set(csv.index) == set(result.index) == {*workspace_finished.ARMS, BASELINE}
    told = content_results.told_intervals(
        result
    )  # what no table tells is not drawn, nor in its file
    for name in ("age_mae_years", "ci_low", "ci_high", "r", "slope"):
        assert np.allclose(csv[name], told.loc[csv.index, name], equal_nan=True)
    drawn = report_reader.html_figures((made[2] / "report.html").read_text())["final-errors"]
    shown = {trace["name"].split(":")[0]: trace["x"][0] for trace in drawn["data"]}
    shown[BASELINE] = shown.pop("predict the mean age")
    assert shown == pytest.approx(result["age_mae_years"].to_dict())


def test_native_charts_hold_the_numbers_of_the_csv(made) -> None:
    charts = report_reader.chart_tables(made[2] / "deck.pptx")
    for name, value in (("final-errors", "age_mae_years"), ("differences", "difference_years")):
        csv = _csv(made, name)
        head, *rows = charts[name]
        low, high = head.index("95 % low"), head.index("95 % high")
        assert len(rows) == len(csv)
        for place, (row, numbers) in enumerate(zip(rows, csv.to_dict("records"), strict=True)):
            assert row[1 + place] == pytest.approx(numbers[value])
            ends = [np.nan if end is None else end for end in (row[low], row[high])]
            assert ends == pytest.approx([numbers["ci_low"], numbers["ci_high"]], nan_ok=True)


def test_native_lines_and_bars_hold_the_numbers_of_the_csv(made) -> None:
    charts = report_reader.chart_tables(made[2] / "deck.pptx")
    held = _numbers(charts["age-error-curves"])
    csv = _csv(made, "age-error-curves")
    for column in ("age_mae_years", "seed_0", "seed_1"):
        assert all(any(np.isclose(value, h) for h in held) for value in csv[column].dropna())
    bars, scans = charts["tiers"], _csv(made, "tiers")
    assert sum(sum(row[1:]) for row in bars[1:]) == scans["scans"].sum() == 24


def test_the_table_of_a_slide_is_the_grid_of_the_csv(made) -> None:
    told = report_reader.deck_texts(made[2] / "deck.pptx")
    for value in _csv(made, "tier-by-tier")["age_mae_years"]:
        assert f"{value:.2f}" in told


def test_tier_by_tier_is_what_the_page_compare_shows(made) -> None:
    workspace, study, *_ = made
    table = error_strata.tier_by_tier(stored_predictions.read(workspace, study))
    both = table.merge(_csv(made, "tier-by-tier"), on=["arm", "tier"], suffixes=("", "_csv"))
    assert len(both) == len(table)
    assert np.allclose(both["age_mae_years"], both["age_mae_years_csv"])


def test_verdicts_stand_on_their_slide_and_in_the_page(made) -> None:
    report, out = made[3], made[2]
    (message,) = [m for m in report.messages if m.name == "differences"]
    assert len(message.points) == len(message.plot.table)
    for point in message.points:
        assert point in report_reader.deck_texts(out / "deck.pptx")


def test_slides_have_bias_corrected_figures_only_where_they_are_asked_for(made) -> None:
    workspace, study, out, _ = made
    assert "bias-corrected" not in report_reader.deck_texts(out / "deck.pptx").lower()
    assert "corrected_mae_years" not in _csv(made, "final-errors")
    asked = content.build(workspace, study.id, Options(corrected=True))
    (figures,) = [m for m in asked.messages if m.name == "figures"]
    assert "MAE, bias-corrected (years)" in figures.table.head
    assert "shrink too far towards the mean age" in figures.note
    assert "may be larger than that of predicting the mean for everybody" in figures.note


def test_a_try_out_is_called_one_on_every_page_of_every_file(made) -> None:
    out, report = made[2], made[3]
    words = (
        "Preset smoke (small network, coarse images): to try Tierscope out, not for conclusions."
    )
    assert words in (out / "report.html").read_text() and words in report.state
    assert report_reader.deck_texts(out / "deck.pptx").count(words) >= len(report.messages)
    assert words in (out / "figures" / "final-errors.svg").read_text()


def test_what_the_study_cannot_say_is_from_its_own_numbers(made) -> None:
    points = made[3].messages[-1].points
    assert "Quality falls with age" not in " ".join(points)
    assert any(point.startswith("Tier A holds 8 of 24 scans") for point in points)
    assert any("two seeds" in point or point.startswith("2 seeds") for point in points)


def test_the_zip_file_holds_every_file_as_it_is(made) -> None:
    out = made[2]
    with zipfile.ZipFile(out / "report.zip") as archive:
        names = set(archive.namelist())
        assert names == {
            str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()
        } - {"report.zip"}
        assert all(archive.read(name) == (out / name).read_bytes() for name in names)


# ---- methods and state -----------------------------------------------------------------------------


def test_methods_name_counts_hashes_and_versions(made) -> None:
    _, study, out, _ = made
    told = (out / "methods.txt").read_text()
    for hash_ in (study.id, study.cohort_id, study.target_id):
        assert hash_.rsplit("-", 1)[1] in told
    assert "24 scans of 24 people" in told and "12 scans of 12 people" in told
    assert "torch 2.13.0" in told and f"Tierscope {study.version}" in told
    assert "Pretraining pool:" in told  # the flow of inclusion, as text


def test_methods_claim_no_more_than_was_compared(made) -> None:
    _, study, out, _ = made
    told = (out / "methods.txt").read_text()
    assert study.separation is not None and study.separation.by_voxels == 36
    assert pool_target_separation.words(study.separation) in told
    assert "No person and no file" not in told


def test_methods_tell_of_arms_that_are_trained_in_other_ways(workspace) -> None:
    workspace_trainable.make(workspace)
    arms = ["scratch", "all", "probe-all", "all-labels-50", "random", "cnn", "ridge"]
    study = workspace_trainable.plan(workspace, arms=arms)
    told = " ".join(content.build(workspace, study.id).methods)
    assert "Linear probes" in told and "plain 3D network" in told and "Ridge regression" in told
    assert "Some arms learned from 50 % of the people's ages." in told
    assert "an encoder of random weights" in told
    assert "over 3 epochs, fixed beforehand" in told


@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_methods_tell_what_was_pretrained_for(workspace, objective: str) -> None:
    study = workspace_trainable.plan(
        workspace_trainable.make(workspace), overrides={"objective": objective, "warp_mm": 3.0}
    )
    told = " ".join(content.build(workspace, study.id).methods)
    chosen = OBJECTIVES[objective]
    assert ("mean squared error of removed patches" in told) == chosen.reconstructs
    assert ("NT-Xent loss of SimCLR (temperature 0.2" in told) == chosen.contrasts
    assert ("Both views were deformed alike." in told) == chosen.contrasts
    assert ("without its decoder" in told) == (objective == "contrast")


def test_methods_tell_of_a_u_net(workspace) -> None:
    overrides = workspace_trainable.UNET | {"centred": True}
    study = workspace_trainable.plan(workspace_trainable.make(workspace), overrides=overrides)
    built = content.build(workspace, study.id)
    told = " ".join(built.methods)
    assert "U-Net of two convolutions a level with 4, 8, 16, 32, 24 channels" in told
    assert "removed patches shown as the mean patch of their place" in told
    assert "times 0.9 a level towards the input" in told
    assert "blocks of width" not in told and "block towards" not in told


def test_methods_tell_who_chose_rates_and_lengths_and_which(workspace) -> None:
    workspace_trainable.make(workspace, target=12)
    study = workspace_trainable.plan(workspace, arms=["scratch", "all"], tuning=Tuning())
    for kind, best in (("scratch", 4), ("pretrained", 0)):
        for fold in range(2):
            for run in runs.trials_of(study, kind, fold):
                error = 5.0 + (run.trial != best)
                row = {"age_mae_years": error, "predictions": [{"subject_id": "target:1"}]}
                files.write_json(run.result_path, row)
    told = " ".join(content.build(workspace, study.id).methods)
    assert "by an inner validation on a third of its training people, among 6 trials" in told
    assert "no pretraining: rate 0.006 over 6 epochs in 2 of 2 folds" in told
    assert "pretrained encoders: rate 0.002 over 3 epochs in 2 of 2 folds" in told
    assert "fixed beforehand" not in told and "learning rate as tuned" in told


def test_methods_name_the_rules_of_both_cohorts_and_that_they_differ(workspace) -> None:
    workspace_trainable.make(workspace)
    same = workspace_trainable.plan(workspace)
    told = content.build(workspace, same.id).methods[1]
    assert (
        "Tiers of pool and target were cut by the same rule" in told and "A: 0 to under 25" in told
    )
    target = frozen_cohort.freeze(
        workspace, "other", author="Ada", role="target", rule=TierRule(cutoffs=(15.0, 60.0))
    )
    other = planned_study.plan(
        workspace,
        name="other",
        cohort_id=same.cohort_id,
        target_id=target.id,
        arms=["scratch", "A"],
        seeds=[0],
        folds=2,
        preset="smoke",
    )
    told = content.build(workspace, other.id).methods[1]
    for words in (
        "A: 0 to under 25",
        "A: 0 to under 15",
        "cut by different rules",
        "not the same quality",
    ):
        assert words in told


def test_methods_tell_tiers_by_hand_and_call_equal_cut_offs_equal(workspace) -> None:
    workspace_trainable.make(workspace)
    scans = tables.read_scans(workspace)
    pool = scans.loc[scans["role"] == "pool", "scan_id"]
    overrides.override(workspace, pool.iloc[0], "Ada", "C", "moved")
    cohorts = {
        "pool": frozen_cohort.freeze(workspace, "p", author="Ada"),
        "target": frozen_cohort.freeze(
            workspace,
            "t",
            author="Ada",
            role="target",
            rule=TierRule(gates=(Gate("distortion_score", above=99.5),)),
        ),
    }
    study = workspace_trainable.plan(
        workspace, cohort_id=cohorts["pool"].id, target_id=cohorts["target"].id
    )
    told = content.build(workspace, study.id).methods[1]
    assert "People put 1 scan of the pool into a tier by hand." in told
    assert "cut at the same values; which scans count as unusable differs" in told
    assert "not the same quality" not in told


def test_methods_and_limits_claim_of_controls_only_what_was_matched(workspace) -> None:
    workspace_trainable.make(workspace)
    study = workspace_trainable.plan(workspace, arms=["scratch", "A", "all", "control-A"])
    scans, known = study.scans(), content.build(workspace, study.id)
    assert "at random within sites and age tertiles." in known.methods[2]
    assert "scans of A are also in control-A." in known.methods[2]
    assert not any("scanner" in point for point in known.messages[-1].points)
    for stand_in, words in (
        (scans["scan_id"], "within sources and age tertiles"),
        ("one", "random within age tertiles"),
    ):
        without_site = replanned(study, scans.assign(site=None, source=stand_in))
        study = planned_study.load(workspace, without_site)
        report = content.build(workspace, study.id)
        assert words in report.methods[2] and "In the pool, no site is known" in report.methods[2]
        assert "within sites" not in report.methods[2]
        assert any("A tier may be a scanner." in point for point in report.messages[-1].points)
    bare = workspace_trainable.plan(workspace, name="bare", arms=["scratch", "all"])
    assert "controls" not in content.build(workspace, bare.id).methods[2]


def test_every_file_says_that_the_data_are_simulated(made) -> None:
    out = made[2]
    for path in (out / "report.html", out / "methods.txt", out / "README.txt"):
        assert "Simulated data" in path.read_text()
    assert report_reader.deck_texts(out / "deck.pptx").count("Simulated data") >= len(
        made[3].messages
    )
    assert "Simulated data" in (out / "figures" / "final-errors.svg").read_text()


def test_a_study_that_has_not_begun_has_a_report_of_what_there_is(workspace, tmp_path) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    written = bundle.write(workspace, study.id, tmp_path / "out")
    assert {path.name for path in written} >= {"report.html", "deck.pptx", "tiers.csv"}
    assert "Not finished" in (tmp_path / "out" / "report.html").read_text()


def test_a_study_half_way_through_is_told_so(made, tmp_path) -> None:
    workspace, study, *_ = made
    kept = study.result_path.read_bytes()
    study.result_path.unlink()
    try:
        report = content.build(workspace, study.id)
    finally:
        study.result_path.write_bytes(kept)
    assert "Not finished" in report.state
    assert "not finished" in report.messages[-1].points[0]


def test_an_unknown_study_is_refused_in_words(workspace, tmp_path) -> None:
    with pytest.raises(StudyError, match="There is no study"):
        bundle.write(workspace, "nothing", tmp_path)


def test_the_command_writes_the_files_and_says_what_it_removed(made, tmp_path, capsys) -> None:
    workspace, study, *_ = made
    arguments = ["report", "--workspace", str(workspace.root), "--study", study.id]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--no-pictures"]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "out" / "report.zip") in said
    assert "Names of sites: replaced" in said and "Example images: none" in said
    assert "<figure>" not in (tmp_path / "out" / "report.html").read_text()
    assert "<figure>" in (made[2] / "report.html").read_text()


# ---- nobody can be told from it --------------------------------------------------------------------


def test_no_file_holds_a_name_an_id_or_a_path(made) -> None:
    workspace, study, out, _ = made
    secrets = workspace_finished.secrets(workspace, study)
    assert len(secrets) > 100
    looked = 0
    for path in sorted(out.rglob("*")):
        assert not any(secret in path.name for secret in secrets)
        for name, data in report_reader.every_byte(path) if path.is_file() else ():
            looked += 1
            found = [secret for secret in secrets if secret.encode() in data]
            assert not found, (name, found)
    assert looked > 200  # the deck and the zip file were opened up, down to workbooks


def test_sites_leave_under_numbers_unless_asked_for(made) -> None:
    workspace, study, _, report = made
    (message,) = [m for m in report.messages if m.name == "by-site"]
    assert set(message.plot.table["site"]) == {"Site 1", "Site 2"}
    kept = content.build(workspace, study.id, Options(sites=True))
    (message,) = [m for m in kept.messages if m.name == "by-site"]
    assert set(message.plot.table["site"]) == set(workspace_finished.SITES.values())
    assert any("kept, as was asked for" in line for line in kept.removed)


def test_examples_are_announced_only_where_there_are_any(made) -> None:
    workspace, study, _, report = made
    without = content.build(workspace, study.id, Options(pictures=False))
    notes = [next(m.note for m in one.messages if m.name == "tiers") for one in (report, without)]
    assert "Examples: " in notes[0] and "Examples: " not in notes[1]


def test_examples_are_the_axial_slice_alone_drawn_anew(made) -> None:
    (message,) = [m for m in made[3].messages if m.name == "tiers"]
    assert [picture.label.split(",")[0] for picture in message.pictures] == [
        "Tier A",
        "Tier B",
        "Tier C",
    ]
    for picture in message.pictures:
        image = Image.open(io.BytesIO(picture.png))
        assert image.size == (160, 160) and not image.info
        assert np.asarray(image).std() > 50  # the white planes beside it are not in it


def test_single_scans_are_rounded_and_lose_their_order() -> None:
    table = pd.DataFrame(
        {
            "age_years": [93.4, 20.49, 20.51],
            "predicted_age_years": [80.123, 30.06, 25.0],
            "arm": "A",
        }
    )
    told = source.without_identity(table)
    assert told["age_years"].tolist() == [20.0, 21.0, 90.0]
    assert told["predicted_age_years"].tolist() == [30.1, 25.0, 80.1]
    assert table["age_years"].tolist() == [93.4, 20.49, 20.51]  # left as it was


def test_points_in_the_files_are_rounded_scans(made) -> None:
    points = _csv(made, "predicted-age")
    assert set(points) == {"arm", "age_years", "predicted_age_years"}
    assert (points["age_years"] % 1 == 0).all()
    assert len(points) == 12 * points["arm"].nunique()


def test_a_source_in_the_place_of_a_site_leaves_without_its_name() -> None:
    sites = pd.Series(["North", "source secret", "source secret"])
    for keep in (True, False):
        assert source.site_names(sites, keep=keep)["source secret"] == "Source 1"


def test_sites_are_numbered_by_size_then_name() -> None:
    sites = pd.Series(["b", "a", "c", "c", None])
    assert source.site_names(sites, keep=False) == {"c": "Site 1", "a": "Site 2", "b": "Site 3"}
    assert source.site_names(sites, keep=True) == {"c": "c", "a": "a", "b": "b"}


def _numbers(rows: list[list[object]]) -> list[float]:
    return [float(cell) for row in rows for cell in row if isinstance(cell, int | float)]


def test_runs_are_read_from_their_files_alone(made) -> None:
    """What a report shows of the curves is what the runs wrote."""
    csv, study = _csv(made, "age-error-curves"), made[1]
    last = csv[csv["epoch"] == csv["epoch"].max()].set_index("arm")["age_mae_years"]
    for arm in workspace_finished.ARMS:
        lines = [
            json_lines.read(run.metrics_path)[-1]["age_mae_years"]
            for run in runs.runs_of(study)
            if run.kind == "finetune" and run.arm == arm
        ]
        assert last[arm] == pytest.approx(np.mean(lines))
