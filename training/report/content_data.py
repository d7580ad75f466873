"""Messages on a study's data: the question, inclusion, and the cut-offs of the tiers."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from curation.cohorts.flow_chart import TierCount
from curation.cohorts.frozen_cohort import Cohort
from curation.imaging import thumbnails
from curation.tiers.rule_columns import SCORE, SCORE_DIGITS
from curation.tiers.tier_rule import TIER_COLOURS, TierRule
from curation.wording import plural
from training.judging.outcome import Outcome
from training.report.plots import Box, FlowTable, Line, Message, Picture, Plot, Series
from training.report.source import ReportSource, ages_of, count_of, counted, external_name, tiers_of
from training.results.conclusions import EXPLAINED
from training.settings.backbones import BACKBONES
from training.settings.objectives import OBJECTIVES
from training.studies import pool_target_separation

BIN = 2.5
#: What the words of one cut-off take of the axis of the score, in points.
_ROOM = 20.0
_GREY = "#7F7F7F"


def question(source: ReportSource) -> Message:
    """State the question, the cohorts and the design."""
    study, pool, target = source.study, source.of("pool"), source.of("target")
    arms = [f"{arm.name} ({arm.label})" for arm in study.arms]
    return Message(
        "question",
        "What is each quality tier worth for pretraining?",
        "Do scans of low quality help or hinder a model that learns from scans without labels?",
        points=(
            f"A pool of {count_of(pool)}, in tiers by their {_measure(source)}: arms are pretrained on some "
            "or all of it.",
            f"Judged on {count_of(target)} of another cohort, {ages_of(target)}: "
            f"{_outcome(source.outcome)}.",
            *_external(source),
            f"{len(arms)} arms ({EXPLAINED['arm']}): {', '.join(arms)}.",
            f"Each trained with {plural(len(study.seeds), 'seed')} (each {EXPLAINED['seed']}) and judged on "
            f"people that it never saw: {study.folds} folds {study.judging.folds_words}.",
        ),
        note=f"Arms with pretraining start from {_pretrained(source)}, one a seed; then all learn "
        f"{source.outcome.name}.",
    )


def _external(source: ReportSource) -> list[str]:
    return [
        f"Judged besides on the {external_name(cohort_id)}, {count_of(scans)}: nothing is learned from it."
        for cohort_id, scans in source.study.external().items()
    ]


def _pretrained(source: ReportSource) -> str:
    """Return what arms with pretraining start from."""
    preset = source.study.preset
    objective = OBJECTIVES[preset.objective]
    if preset.backbone != "vit":
        return f"a {BACKBONES[preset.backbone].label} that {objective.meaning}"
    if objective.name == "mae":
        return "a masked autoencoder"
    return f"an encoder that {objective.meaning}"


def _outcome(outcome: Outcome) -> str:
    if outcome.is_age:
        return "brain age, in years"
    return f"{outcome.noun}, by {outcome.measure}"


def _measure(source: ReportSource) -> str:
    """Return the measure that the tiers were cut on."""
    rule = source.pool.rule if source.pool else None
    return rule.rule_column.own_label.lower() if rule else "distortion score"


def flow(source: ReportSource) -> Message:
    """Show inclusion and exclusion, as flow charts of both cohorts."""
    pool, target = source.of("pool"), source.of("target")
    found = (("Pretraining pool", source.pool, pool), ("Target cohort", source.target, target))
    return Message(
        "data",
        f"{count_of(pool)} in the pool, {count_of(target)} to be judged on",
        flows=tuple(_flow(title, cohort, used) for title, cohort, used in found),
        note="Counts were taken when the cohorts were frozen. "
        + pool_target_separation.in_short(source.study.separation),
    )


def _flow(title: str, cohort: Cohort | None, used: pd.DataFrame) -> FlowTable:
    tiers = tiers_of(used)
    if cohort is None or cohort.flow is None:
        ends = tuple(Box(f"Tier {t}", (count_of(used[used["tier"] == t]),)) for t in tiers)
        return FlowTable(title, (Box("In the frozen cohort", (count_of(used),)),), ends)
    boxes = tuple(
        Box(
            stage.label,
            (counted(stage.scans, stage.people),),
            tuple(f"{out.scans:,} {out.reason}" for out in stage.left_out),
        )
        for stage in cohort.flow.stages
    )
    ends = tuple(
        Box(f"Tier {end.tier}", (counted(end.scans, end.people), *_by_other(end)))
        for end in cohort.flow.tiers
    )
    return FlowTable(title, boxes, ends)


def _by_other(end: TierCount) -> tuple[str, ...]:
    parts = [(end.by_gate, "by a gate"), (end.by_hand, "by hand")]
    return tuple(f"{count:,} {way}" for count, way in parts if count)


def tiers(source: ReportSource) -> Message | None:
    """Show the scores of the pool with the cut-offs, and example scans of each tier."""
    pool = source.of("pool")
    known = pool[pool["distortion_score"].notna()]
    if known.empty:
        return None
    names = tiers_of(pool)
    counts = known.groupby("tier").size()
    rule = source.pool.rule if source.pool else None
    cut = rule.describe() if rule else []
    lines = _cutoffs(rule) if rule and rule.column == SCORE else ()
    plot = Plot(
        "tiers",
        "bars",
        _histogram(known, names),
        x="score_from",
        y="scans",
        by="tier",
        x_label="Distortion score (0 pristine – 100 unusable; higher is worse)",
        y_label="Scans",
        series=tuple(Series(name, f"Tier {name}", _colour(name)) for name in names),
        lines=lines,
        width=BIN,
        digits=0,
        alt="Histogram of the distortion score of the pretraining pool, coloured by tier",
    )
    pictures = _examples(source, known, names) if source.options.pictures else ()
    told = ", ".join(f"{counts.get(name, 0):,} in {name}" for name in names)
    measure = (
        ""
        if rule is None or rule.column == SCORE
        else f" Tiers are cut on {rule.rule_column.own_label.lower()}."
    )
    gates = (
        ""
        if rule is None or not rule.gates
        else (" Gates: " + "; ".join(gate.in_prose(names=False) for gate in rule.gates) + ".")
    )
    sites = " Some sites have cut-offs of their own." if rule and rule.by_site else ""
    return Message(
        "tiers",
        f"Tiers of the pretraining pool: {told}",
        "; ".join(cut) + f".{measure}{gates}{sites}" if cut else "",
        plot=plot,
        pictures=pictures,
        note=f"Bins of {BIN:g} points."
        + " Examples: the scan of the median score of each tier, one axial slice." * bool(pictures),
    )


def _cutoffs(rule: TierRule) -> tuple[Line, ...]:
    """Return the cut-offs as lines; those that lie close together have their words in one."""
    lines: list[Line] = []
    for at, better, worse in zip(rule.cutoffs, rule.names, rule.names[1:], strict=False):
        words, first = f"{better} | {worse} at {at:g}", len(lines) - 1
        while first >= 0 and not lines[first].label:
            first -= 1
        if first >= 0 and at - lines[first].at < _ROOM:
            lines[first] = replace(lines[first], label=f"{lines[first].label}, {words}")
            words = ""
        lines.append(Line("x", at, words))
    return tuple(lines)


def _histogram(pool: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    edges = np.arange(0, 100 + BIN, BIN)
    rows = []
    for name in names:
        found, _ = np.histogram(pool.loc[pool["tier"] == name, "distortion_score"], edges)
        rows += [
            {"tier": name, "score_from": low, "score_to": low + BIN, "scans": int(n)}
            for low, n in zip(edges, found, strict=False)
        ]
    table = pd.DataFrame(rows)
    full = table.groupby("score_from")["scans"].transform("sum") > 0
    span = table.loc[full, "score_from"]
    return table[table["score_from"].between(span.min(), span.max())].reset_index(drop=True)


def _examples(source: ReportSource, pool: pd.DataFrame, names: list[str]) -> tuple[Picture, ...]:
    found = []
    for name in names:
        scans = pool[pool["tier"] == name].sort_values("distortion_score")
        if scans.empty:
            continue
        scan = scans.iloc[(len(scans) - 1) // 2]
        path = source.workspace.preview_path(scan["scan_id"])
        score = f"Tier {name}, score {scan['distortion_score']:.{SCORE_DIGITS}f}"
        with contextlib.suppress(OSError):  # a thumbnail that is not there, or is damaged
            found.append(Picture(_axial(path), score, _colour(name)))
    return tuple(found)


def _axial(path: Path) -> bytes:
    """Return the axial slice of a thumbnail, drawn anew: nothing of its file but the pixels."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L"))[:, 2 * thumbnails.TILE :]
    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(target, format="PNG")
    return target.getvalue()


def _colour(tier: str) -> str:
    return TIER_COLOURS.get(tier, _GREY)
