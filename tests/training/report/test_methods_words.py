"""Methods, option by option: each sentence follows what the study was planned with."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_judged, workspace_trainable
from tests.helpers.replanned import replanned
from training.report import content, content_primary
from training.results import site_probes
from training.studies import arm_overlap, planned_study
from training.studies.analysis_plan import AnalysisPlan
from training.studies.planned_study import Study


def told(workspace: Workspace, study: Study) -> str:
    return " ".join(content.build(workspace, study.id).methods)


def planned(workspace: Workspace, **changes: Any) -> Study:
    return workspace_trainable.plan(workspace_trainable.make(workspace), **changes)


@pytest.mark.parametrize("masking", ["uniform", "brain"])
def test_which_patches_were_removed_is_told_by_the_kind_of_masking(
    workspace: Workspace, masking: str
) -> None:
    said = told(workspace, planned(workspace, overrides={"masking": masking}))
    assert ("% of the patches removed)" in said) == (masking == "uniform")
    assert (
        "% of the patches with brain removed, drawn by their share of brain; patches without brain left out"
        in said
    ) == (masking == "brain")
    assert "mean squared error of removed patches, weighted by their share of brain" in said


@pytest.mark.parametrize("backbone", ["vit", "unet"])
@pytest.mark.parametrize(("centred", "locality"), [(True, 0.0), (False, 10.0)])
def test_mean_patches_and_the_start_of_attention_are_told_where_they_are(
    workspace: Workspace, backbone: str, centred: bool, locality: float
) -> None:
    overrides = workspace_trainable.UNET if backbone == "unet" else {}
    overrides = overrides | {"centred": centred, "locality": locality}
    said = told(workspace, planned(workspace, overrides=overrides))
    of_vit = backbone == "vit"
    assert ("mean patch of its place was subtracted" in said) == centred
    assert ("Attention began" in said) == (locality > 0 and of_vit)


def test_a_control_is_of_thirds_of_age_and_leaves_as_much_choice_as_it_does(
    workspace: Workspace,
) -> None:
    study = planned(workspace, arms=["scratch", "A", "all", "control-A"], seeds=[0, 1])
    scans = study.scans()
    first = scans["scan_id"] == scans.loc[scans["tier"] == "A", "scan_id"].iloc[0]
    other = replanned(study, scans.assign(site=scans["site"].mask(first, "West")))
    study = planned_study.load(workspace, other)
    workspace_judged.plant(study)
    report = content.build(workspace, study.id)
    (message,) = [one for one in report.messages if one.name == "controls"]
    assert "of the same size, sites and age tertiles as its arm" in message.lead
    (overlap,) = arm_overlap.of_study(study)
    drawn = (set(study.pretraining_scans("control-A", seed)) for seed in (0, 1))
    assert 0 < overlap.fixed <= len(set.intersection(*drawn))
    choice = f"For {overlap.fixed} of the 4 of control-A there is no choice"
    assert choice in message.points[-1] and choice in report.methods[2]


RATES = {"finetune_lr": 0.002, "probe_lr": 0.01, "cnn_lr": 0.001}


@pytest.mark.parametrize(
    ("arms", "rates"),
    [
        (["scratch", "A"], "0.002, in a pretrained encoder times 0.9 a block towards the input,"),
        (["scratch"], "0.002, batches"),
        (
            ["A", "probe-A", "cnn", "ridge"],
            "0.002 fine-tuned whole, in a pretrained encoder times 0.9 a block towards the input, 0.01 "
            "linear probes, 0.001 the plain network, batches",
        ),
        (["random", "ridge"], "0.01 frozen random features, batches"),
        (["cnn"], "0.001 the plain network, batches"),
        (["ridge"], ""),
    ],
)
def test_each_kind_of_arm_has_its_own_rate_and_whole_networks_are_told_where_they_are(
    workspace: Workspace, arms: list[str], rates: str
) -> None:
    said = told(workspace, planned(workspace, arms=arms, overrides=RATES))
    whole = {"scratch", "A"} & set(arms)
    assert ("Encoder and head were fine-tuned for age" in said) == bool(whole)
    assert ("What is named below was trained for age over" in said) == (
        not whole and arms != ["ridge"]
    )
    for words in ("learning rate", "epoch", "flipped", "the head's normalisation"):
        assert (words in said) == (arms != ["ridge"])
    assert f"learning rate {rates}" in said or not rates
    assert ("pretraining masked anew" in said) == ("A" in arms)
    assert ("No arm was pretrained" in said) == ("A" not in arms)
    encodes = arms[0] in ("scratch", "random") and "A" not in arms
    assert ("No arm was pretrained: the encoder" in said) == encodes


def test_the_pool_is_not_called_pretrained_on_as_a_whole(workspace: Workspace) -> None:
    study = planned(workspace)
    report = content.build(workspace, study.id)
    said = report.methods[0]
    assert "The pool holds 12 scans of 12 people" in said and "those named below. Every arm" in said
    assert "A (tier A, 4 scans)" in report.methods[2]
    question, flow = report.messages[0], report.messages[1]
    assert question.points[0].startswith("A pool of 12 scans of 12 people, in tiers by")
    assert flow.title == "12 scans of 12 people in the pool, 8 scans of 8 people to be judged on"


def test_unknown_sites_are_said_of_the_cohort_that_does_not_know_them(workspace: Workspace) -> None:
    study = planned(workspace, arms=["scratch", "A", "all", "control-A"], seeds=[0, 1])
    workspace_judged.plant(study)
    scans = study.scans()
    site = scans["site"].mask(scans["role"] == "pool")
    report = content.build(workspace, replanned(study, scans.assign(site=site)))
    note = "In the pool, no site is known, and all scans are of one source."
    assert f"{note} A tier may be a scanner." in report.messages[-1].points
    assert note in report.methods[2]
    (message,) = [one for one in report.messages if one.name == "controls"]
    assert note in message.lead


def test_folds_by_site_claim_nothing_of_what_was_pretrained_on(workspace: Workspace) -> None:
    study = workspace_judged.plan(workspace_judged.make(workspace), folds_by="site")
    said = told(workspace, study)
    assert "a site that fine-tuning never learned from" in said
    assert "the model never" not in said


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize(
    ("seeds", "finished", "tested"),
    [
        ([0], True, "it would have been tested"),
        ([0], False, "it would have been tested"),
        ([0, 1], False, "it is tested"),
        ([0, 1], True, "it was tested"),
    ],
)
def test_a_primary_comparison_is_called_tested_only_where_it_was(
    workspace: Workspace, seeds: list[int], finished: bool, tested: str, one_sided: bool
) -> None:
    plan = AnalysisPlan(("A", "scratch"), 0.7, one_sided=one_sided)
    study = planned(workspace, seeds=seeds, analysis=plan)
    if finished:
        files.write_json(study.result_path, {"made": True})
    said = content_primary.analysis_in_words(study)
    sides = "one-sided at 5 %" if one_sided else "two-sided at 5 %"
    assert f"before any training; {tested} {sides}" in said
    assert ("with one seed no verdict is given" in said) == (len(seeds) == 1)
    assert ("once all runs are finished" in said) == (tested == "it is tested")


@pytest.mark.parametrize("seeds", [[0], [0, 1]])
def test_r_is_called_a_mean_of_seeds_where_it_is_one(
    workspace: Workspace, seeds: list[int]
) -> None:
    study = planned(workspace, seeds=seeds)
    workspace_judged.plant(study)
    report = content.build(workspace, study.id)
    (message,) = [one for one in report.messages if one.name == "predicted-age"]
    several = len(seeds) > 1
    assert ("(mean of the seeds' r) with" in message.title) == several
    assert ("that of the points is another" in message.note) == several
    pooled = "pools the spread of seeds over arms trained alike" in report.methods[5]
    assert pooled == several


def test_the_number_of_steps_is_called_the_same_but_of_subsets_that_have_fewer(
    workspace: Workspace,
) -> None:
    workspace_trainable.make(workspace)
    same = "the same number of steps for every arm"
    for arms, words in (
        (["A", "A-share-50-draw-1"], f"{same}."),
        (["A", "A-share-50-draw-1-passes"], f"{same} but subsets at equal passes."),
    ):
        assert words in told(workspace, workspace_trainable.plan(workspace, arms=arms))


def test_what_is_not_corrected_is_told(workspace: Workspace) -> None:
    study = planned(workspace, arms=["scratch", "A", "all"], seeds=[0, 1])
    assert "intervals and sign-flip p-values are not corrected." in told(workspace, study)
    workspace_judged.plant(study)
    report = content.build(workspace, study.id)
    assert "sign-flip p-values and site probes are not corrected." in report.methods[5]
    (message,) = [one for one in report.messages if one.name == "differences"]
    assert message.note.endswith("after Holm's correction, intervals without.")
    (probe,) = [one for one in report.messages if one.name == "site-probe"]
    assert "twice the mean" in probe.lead
    assert probe.table.numbers["p"].tolist() == [0.02] * 3  # planted: 0.01 with each of two seeds


@pytest.mark.parametrize(
    ("of_seeds", "p"), [([0.03], 0.03), ([0.01, 0.03], 0.04), ([0.5, 0.9], 1.0)]
)
def test_p_values_of_several_seeds_become_one_that_is_valid(
    of_seeds: list[float], p: float
) -> None:
    assert site_probes.combined_p(pd.Series(of_seeds)) == pytest.approx(p)


def test_the_combined_p_is_seldom_small_by_chance_however_seeds_depend() -> None:
    rng = np.random.default_rng(0)
    alike = rng.random(4000)
    for other in (alike, 1 - alike, rng.random(4000), np.where(alike < 0.05, 0.05 - alike, alike)):
        pairs = pd.DataFrame({"one": alike, "other": other})
        assert pairs.apply(site_probes.combined_p, axis=1).le(0.05).mean() <= 0.06


def test_sexes_groups_and_the_spread_of_ages_of_both_cohorts_are_told(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, pool=12, target=8)
    scans = tables.read_scans(workspace)
    sexes = ["F", "M", "F"] * 6 + ["F", None]
    groups = ["patient"] * 9 + ["control"] * 8 + [None] * 3
    tables.write_scans(workspace, scans.assign(sex=sexes, group=groups))
    study = workspace_trainable.plan(workspace, arms=["scratch", "A", "ridge"])
    report = content.build(workspace, study.id)
    said, scored = report.methods[:2]
    ages = study.scans().query("role == 'pool'")["age_years"]
    assert f"mean age {ages.mean():.1f} years, SD {ages.std():.1f}, " in said
    assert "8 women, 4 men; groups: 9 patient, 3 of smaller groups" in said
    assert "1 of unknown sex" in said and "3 of unknown group" in said
    assert "Nobody put a scan into a tier by hand." in scored
    assert "not validated on ratings of people" in scored and "adults of 19 to 55 years" in scored
    assert "its penalty chosen among 21 from 0.01 to 1000 by leave-one-out" in report.methods[3]


def test_people_of_one_source_in_both_cohorts_are_told(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, pool=12, target=8)
    assert "from the same data" not in told(workspace, workspace_trainable.plan(workspace))
    scans = tables.read_scans(workspace)
    one = "lab:" + scans["subject_id"].str.partition(":")[2]
    tables.write_scans(workspace, scans.assign(subject_id=one))
    said = told(workspace, workspace_trainable.plan(workspace, name="one"))
    assert "from the same data: 12 of 12 scans of the pool and 8 of 8 of the target" in said
