"""Messages on subgroups and dose: by tier of the test scan, score, age and site, by size and labels."""

from dataclasses import replace

import pandas as pd

from curation.cohorts import cohort_diff
from curation.scoring.comparison_groups import SOURCE
from curation.storage import learned_columns, tables
from curation.wording import number, plural
from training.held_out.predictions import BASELINE
from training.reconstruction import reconstruction_files
from training.report.content_results import intervals_of
from training.report.plots import Message, Plot, Series
from training.report.source import ReportSource, site_names, without_identity
from training.results import error_strata, study_sets
from training.results.crossed_effects import ALPHA

_AVERAGED = "A person's scans of a group are averaged."
_KEPT, _CONTROL = "#0072B2", "#7F7F7F"


def tier_by_tier(source: ReportSource) -> Message | None:
    """Show the error by pretraining arm (rows) and tier of the test scan (columns)."""
    table = error_strata.tier_by_tier(source.held_out)
    if table["tier"].nunique() < 2:
        return None
    plot = Plot(
        "tier-by-tier",
        "grid",
        table.sort_values("tier", kind="stable"),
        x="tier",
        y="arm",
        by="arm",
        value="age_mae_years",
        low="ci_low",
        high="ci_high",
        shade="difference_years",
        people="n_subjects",
        series=source.series,
        x_label="Tier of the test scan",
        y_label="Pretrained on",
        alt=f"{_error(source)} by what was pretrained on and by the tier of the test scan",
        digits=2 if source.outcome.two_valued else source.outcome.digits,
    )
    order = {series.name: place for place, series in enumerate(source.series)}
    ordered = plot.table.sort_values("arm", key=lambda arm: arm.map(order), kind="stable")
    return Message(
        "tier-by-tier",
        "Does it matter how good the test scan is?",
        f"{_error_heading(source)} by what was pretrained on and the tier of the test scan. "
        f"{error_strata.colours_said(table)}",
        plot=replace(plot, table=ordered.reset_index(drop=True)),
        points=(rules,) if (rules := _rules_differ(source)) else (),
        note=f"Read a column down: across a row people differ too. {intervals_of(table)} {_AVERAGED}",
    )


def _rules_differ(source: ReportSource) -> str:
    if source.pool is None or source.target is None:
        return ""
    return cohort_diff.letters_differ(source.pool, source.target, names=False)


def along_score(source: ReportSource) -> Message | None:
    """Show how the error runs along the distortion score of the test scan."""
    parts = []
    for arm in source.held_out.there:
        parts.append(error_strata.along(source.held_out, arm, "distortion_score").assign(arm=arm))
    table = pd.concat(parts, ignore_index=True) if any(map(len, parts)) else pd.DataFrame()
    if table.empty:
        return None
    plot = Plot(
        "error-along-score",
        "lines",
        table[["arm", "at", "mean", "low", "high", "n_scans", "n_seeds"]],
        x="at",
        y="mean",
        low="low",
        high="high",
        by="arm",
        x_label=error_strata.NUMBERS["distortion_score"],
        y_label=source.outcome.scan_error_label,
        series=source.series,
        alt=f"{_error(source)} against the distortion score of the test scan, a line an arm",
    )
    trends = error_strata.trends(source.held_out, "distortion_score")
    return Message(
        "along-score",
        _trend(source, table, trends),
        plot=plot,
        points=(error_strata.trends_said(trends), error_strata.scores_said(source.held_out))
        if len(trends)
        else (),
        note=f"Mean in bins of equally many scans. {_drawn(plot, intervals_of(table))} {_AVERAGED}",
    )


def _trend(source: ReportSource, table: pd.DataFrame, trends: pd.DataFrame) -> str:
    """Say whether errors go with the quality of test scans, and how far where that was shown."""
    shown = trends[trends["p_holm"] <= ALPHA].sort_values("p_holm", kind="stable")
    if shown.empty:
        scores = source.held_out.scans["distortion_score"].dropna()
        return (
            "No trend of errors with the quality of the test scan was found, between scores of "
            f"{scores.min():.0f} and {scores.max():.0f}"
        )
    arm, rises = str(shown["arm"].iloc[0]), bool(shown["rho"].iloc[0] > 0)
    title = f"{arm} errs {'more' if rises else 'less'} the worse the test scan"
    ends = table[table["arm"] == arm].sort_values("at")["mean"]
    if source.outcome.two_valued or (ends.iloc[-1] > ends.iloc[0]) != rises:
        return title
    first, last = (source.outcome.amount(float(value)) for value in (ends.iloc[0], ends.iloc[-1]))
    return f"{title}: by {first} on the best, by {last} on the worst"


def predicted(source: ReportSource) -> Message | None:
    """Show predicted against true age, of the best arm and of the reference.

    Values of single people of another outcome are nobody's business.
    """
    trained = source.final[source.final["arm"] != BASELINE]
    if trained.empty or not source.outcome.is_age:
        return None
    arms = list(dict.fromkeys([trained.iloc[0]["arm"], source.reference]))
    parts = [error_strata.errors_by_scan(source.held_out, str(arm)).assign(arm=arm) for arm in arms]
    points = pd.concat(parts)[["arm", "age_years", "predicted_age_years"]]
    plot = Plot(
        "predicted-age",
        "scatter",
        without_identity(points),
        x="age_years",
        y="predicted_age_years",
        by="arm",
        x_label="True age (years)",
        y_label="Predicted age (years)",
        diagonal=True,
        digits=0,
        series=source.series,
        alt="Predicted against true age, a point a scan",
    )
    rows = trained.set_index("arm")
    told = "; ".join(
        f"{arm}: r {number(rows.at[arm, 'r'], 2)}, slope of the error on age "
        f"{number(rows.at[arm, 'slope'], 2)}"
        for arm in arms
        if arm in rows.index
    )
    several = len(source.study.seeds) > 1
    of_seeds = " (mean of the seeds' r)" * several
    return Message(
        "predicted-age",
        f"Predicted against true age: r {number(rows.at[arms[0], 'r'], 2)}{of_seeds} with {arms[0]}",
        f"{told}. On the dotted line both are the same.",
        plot=plot,
        note="Mean over seeds of held-out predictions, a point a scan, years rounded."
        + " r is the mean of those of single seeds: that of the points is another." * several,
    )


def by_site(source: ReportSource) -> Message | None:
    """Show the error of the best arm site by site."""
    trained = source.final[source.final["arm"] != BASELINE]
    if trained.empty:
        return None
    scans = error_strata.errors_by_scan(source.held_out, trained.iloc[0]["arm"])
    names = site_names(scans["site"], keep=source.options.sites)
    if len(names) < 2:
        return None
    sites = source.held_out.scans["site"]
    judged = source.held_out.of_scans((sites.isna() | sites.isin(list(names))).to_numpy())
    nameless = replace(judged, scans=judged.scans.assign(site=judged.scans["site"].map(names)))
    best = str(trained.iloc[0]["arm"])
    table = error_strata.by_group(nameless, best, "site")
    table = table.sort_values("age_mae_years", ignore_index=True)
    plot = Plot(
        "error-by-site",
        "intervals",
        table,
        x="age_mae_years",
        y="site",
        by="site",
        low="ci_low",
        high="ci_high",
        x_label=source.outcome.scan_error_label,
        y_label="",
        from_zero=True,
        series=tuple(Series(str(site), str(site), _KEPT) for site in table["site"]),
        alt=f"{_error(source)} of the best arm site by site, with 95 % intervals",
    )
    sources = [name for name in names if name.startswith(SOURCE)]
    what = "source by source" if len(sources) == len(names) else "site by site"
    stands = " Where no site is known, the source stands in for it." if sources else ""
    return Message(
        "by-site",
        f"{_error(source)} of {trained.iloc[0]['arm']} {what}",
        plot=plot,
        note=f"{intervals_of(table)} {_AVERAGED}{stands}".strip(),
    )


def by_size(source: ReportSource) -> Message | None:
    """Show the error along the number of scans kept, beside as many at random."""
    table = study_sets.by_size(source.held_out, study_sets.sizes(source.study))
    if table.loc[table["role"] == "kept", "n_scans"].nunique() < 3:
        return None
    plot = Plot(
        "by-size",
        "lines",
        table,
        x="n_scans",
        y="age_mae_years",
        low="ci_low",
        high="ci_high",
        by="role",
        x_label="Scans pretrained on",
        y_label=source.outcome.measure_label,
        series=(
            Series("kept", "the best by score", _KEPT),
            Series("control", "as many at random", _CONTROL, "dash", hollow=True),
        ),
        alt=f"{_measure(source)} against the number of scans pretrained on, the best and as many at random",
    )
    return Message(
        "by-size",
        "Is less more? The best scans alone against as many at random",
        f"{_measure(source)} by how many scans are kept: the best by score, and as many at random.",
        plot=plot,
        note=_drawn(plot, intervals_of(table)),
    )


def by_labels(source: ReportSource) -> Message | None:
    """Show the error along the share of labels."""
    table = study_sets.by_labels(source.held_out)
    if table.empty:
        return None
    plot = Plot(
        "by-labels",
        "lines",
        table,
        x="label_percent",
        y="age_mae_years",
        low="ci_low",
        high="ci_high",
        by="base",
        x_label=f"People whose {source.outcome.name} is learned from (%)",
        y_label=source.outcome.measure_label,
        series=source.series,
        alt=f"{_measure(source)} against the share of people that are learned from",
    )
    return Message(
        "by-labels",
        "What if fewer ages are known?"
        if source.outcome.is_age
        else f"What if {source.outcome.name} is known of fewer people?",
        plot=plot,
        note=_drawn(plot, intervals_of(table)),
    )


def learned(source: ReportSource) -> Message | None:
    """Show a model's reconstruction error against the score, of people that it has not seen."""
    scored = tables.read_scored_scans(source.workspace)
    if "reconstruction_error" not in scored or not _is_ours(source):
        return None
    known = scored.dropna(subset=["reconstruction_error", "distortion_score"])
    held = known[~known["pretrained_on"] & known["scan_id"].isin(source.scans["scan_id"])]
    found = reconstruction_files.correlation(held, "distortion_score", "reconstruction_error")
    if found.rho != found.rho:
        return None
    points = held[["distortion_score", "reconstruction_error"]].assign(kind="held out")
    plot = Plot(
        "reconstruction-error",
        "scatter",
        without_identity(points),
        x="distortion_score",
        y="reconstruction_error",
        by="kind",
        x_label=error_strata.NUMBERS["distortion_score"],
        y_label="Reconstruction error (higher is worse)",
        series=(Series("held out", "held out", _KEPT),),
        alt="Reconstruction error of a pretrained model against the distortion score, a point a scan",
    )
    return Message(
        "learned",
        "Does a model that was never told what an artefact is see the same?",
        f"Correlation of its reconstruction error with the score {number(found.rho, 2)} "
        f"({number(found.low, 2)} to "
        f"{number(found.high, 2)}) over {plural(found.people, 'person', 'people')} that it has not "
        "seen.",
        plot=plot,
        note="Spearman's over people; Bonett and Wright's 95 % interval.",
    )


def _measure(source: ReportSource) -> str:
    """What arms are judged by, at the beginning of a sentence."""
    return source.outcome.measure[:1].upper() + source.outcome.measure[1:]


def _error(source: ReportSource) -> str:
    """The error of single scans, at the beginning of a sentence."""
    return source.outcome.scan_error[:1].upper() + source.outcome.scan_error[1:]


def _error_heading(source: ReportSource) -> str:
    return _error(source) if source.outcome.two_valued else source.outcome.measure_heading


def _drawn(plot: Plot, intervals: str) -> str:
    """Describe the bands of a plot in words, or state that they are not drawn."""
    if plot.bands or not intervals:
        return intervals
    return f"{intervals.removesuffix('.')}; not drawn here, where they would hide the lines."


def _is_ours(source: ReportSource) -> bool:
    offered = learned_columns.read(source.workspace, ["study"])
    return bool((offered["study"] == source.study.id).any())
