"""Judgement of one scan: its metrics and flags, the reference that judges it, and the headline in words."""

import html
import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import pandas as pd

from curation.errors import DamagedError
from curation.metrics import METRICS, PLACES, up_to_date
from curation.metrics.registry import FAMILIES
from curation.scoring import distortion_score
from curation.scoring.comparison_groups import POOLED, groups_of, sites_of
from curation.scoring.score_reference import Anchor, Reference
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import DEFAULT_RULE
from pages.ui.shell import cache, flags, formatting

#: Each kind of trouble, as one says it of a scan.
TROUBLES: dict[str, str] = {
    "noise": "noise",
    "motion": "motion or ghosting",
    "blur": "blur",
    "contrast": "loss of grey-white contrast",
    "inhomogeneity": "uneven brightness",
    "incompleteness": "loss of coverage or of slices",
    "geometry": "geometric distortion",
}
#: A kind's words mislead where one of these metrics makes the most of it, which has a name of its own.
_METRIC_TROUBLES: dict[str, str] = {
    "voxel_anisotropy": "thick slices (voxels that are no cubes)",
    "orientation_missing": "a header that does not tell left from right",
    "head_turn": "a head turned against its header",
    "folded_share": "wrap-around",
    "saturated_share": "saturation",
    "grey_levels": "coarse grey levels",
    "wave_amplitude": "herringbone or spikes",
    "ripples": "ringing or ripples of motion",
}
#: Those of all these words that are more than one thing.
_PLURAL = frozenset({"voxel_anisotropy", "grey_levels", "wave_amplitude", "ripples"})
#: What only one cause leaves, each looked for by its own pattern: a wave, copies of the head, lost slices.
_SIGNS = frozenset(
    {"wave_amplitude", "ghost_x", "ghost_y", "ghost_z", "ripples", "uneven_lines", "broken_lines"}
    | {"folded_share", "empty_slices", "brain_missing", "repeated_slices", "saturated_share"}
)
#: Kinds that such a sign carries along: blur is measured on edges, contrast on tissues, and a wave, a copy of
#: the head or a gap that lies over these changes both. They lead only where no sign is of the same degree.
_CARRIED = frozenset({"blur", "contrast"})
#: From this sub-score on, a trouble is called so; slight where the default rule's best tier ends.
_DEGREES = ((80.0, "Severe"), (50.0, "Clear"), (DEFAULT_RULE.cutoffs[0], "Slight"))
_CHANCES = ((80.0, "most likely"), (50.0, "probably"), (25.0, "possibly"))
#: The penalty of a value that is good just so, with what rounding adds.
_GOOD = 20.0 + 1e-6
#: Flags that a reader must see on the image, whatever the score, the weightiest first.
_TO_BE_SEEN = ("field_of_view_cut", "name_contradicted", "unusual_anatomy")
_MENTIONED = 50.0  # other kinds from here on are named too
#: A metric is looked for on the image where it makes this share of the score, or, judged by a model, its
#: score would fall by so much without it; so many are offered.
_COUNTS, _SPEAKS, _MOST_PLACES = 0.01, 5.0, 3


@dataclass(frozen=True)
class ScanJudgement:
    """Metrics, flags and reference behind a scan's scores.

    Parameters
    ----------
    reference : Reference
        What judged it, or would.
    site : str or None
        Where it was made, see :func:`curation.scoring.comparison_groups.sites_of`.
    group : str
        The group of comparable scans that it is judged with, see :mod:`curation.scoring.comparison_groups`.
    row : pandas.Series
        Its row of metrics; empty where it is not measured, or could not be.
    parts : pandas.DataFrame
        As :func:`curation.scoring.distortion_score.explain` returns; empty like ``row``.
    anchors : dict of str to Anchor
        What its metrics were judged by; none for those that a model judged.
    flags : dict of str to str
        What was recognised, with the evidence.
    failure : str or None
        Why it could not be measured, or what was measured cannot be read.
    """

    reference: Reference
    site: str | None
    group: str = POOLED
    row: pd.Series = field(default_factory=lambda: pd.Series(dtype=object))
    parts: pd.DataFrame = field(default_factory=pd.DataFrame)
    anchors: dict[str, Anchor] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    failure: str | None = None

    @property
    def measured(self) -> bool:
        """Whether there is a row of metrics."""
        return not self.row.empty

    def usual(self, metric: str) -> float:
        """Return a metric's median in the scan's group, where a model judges it; NaN elsewhere."""
        model = self.reference.model
        return math.nan if model is None else model.usual(metric, self.group)

    @property
    def outdated(self) -> bool:
        """Whether an older version of the metrics measured it."""
        return self.measured and not up_to_date(self.row.to_frame().T).all()

    @property
    def reasons(self) -> dict[str, str]:
        """Why some metrics have no value."""
        return json.loads(self.row.get("reasons") or "{}")

    def reason(self, metric: str) -> str:
        """Say why a metric has no value."""
        if metric in self.reasons:
            return self.reasons[metric]
        if str(self.row.get("measured_by", "")).startswith("mriqc"):
            return "the imported table has no value"
        if self.outdated:
            return "measured by an older version; score the scans again"
        return "no reason was noted"


def judgement_of(workspace: Workspace, scan: pd.Series) -> ScanJudgement:
    """Return the judgement of a scan, a row of the scored scans."""
    named = scan.get("reference")
    reference = cache.reference(workspace, named if isinstance(named, str) else None)
    site = sites_of(scan.to_frame().T).iloc[0]
    try:
        row = cache.metrics_row(workspace, scan["scan_id"])
    except DamagedError as error:
        return ScanJudgement(reference, site, failure=str(error))
    if row is None:
        return ScanJudgement(reference, site)
    if isinstance(row.get("failure"), str):
        return ScanJudgement(reference, site, failure=row["failure"])
    table = row.to_frame().T
    group = str(groups_of(table, pd.Series([site], table.index)).iloc[0])
    return ScanJudgement(
        reference,
        site,
        group,
        row,
        distortion_score.explain(row, reference, site),
        _anchors(reference, group, flags.flags_of_row(row)),
        flags.flags_of_row(row) | flags.of_score(scan),
    )


def _anchors(reference: Reference, group: str, found: Iterable[str]) -> dict[str, Anchor]:
    """Return the anchors that judge a group's scans, of the metrics that no model judges."""
    modelled = reference.model.metrics if reference.model else ()
    anchors = reference.anchors_for(group, found).items()
    return {name: anchor for name, anchor in anchors if name not in modelled}


# ---- the headline --------------------------------------------------------------------------------


def headline(
    scores: pd.Series,
    parts: pd.DataFrame,
    anchors: dict[str, Anchor],
    found: Collection[str] = (),
) -> str:
    """Return the main trouble of a scan in one line of HTML.

    Parameters
    ----------
    scores : pandas.Series
        With the seven sub-scores.
    parts : pandas.DataFrame
        As :func:`curation.scoring.distortion_score.explain` returns for the scan.
    anchors : dict of str to Anchor
        What its metrics were judged by.
    found : collection of str
        Its flags: of a scan that the score calls good, those of :data:`_TO_BE_SEEN` are told instead.
    """
    known = pd.to_numeric(scores.reindex(list(FAMILIES))).dropna()
    if reason := flags.flags_of_row(scores, "score_flags").get("no_reference"):
        return f"<b>Not scored:</b> {html.escape(reason)}."
    if known.empty:
        return "Nothing of this scan could be judged."
    main = _main(known, parts, anchors)
    if _by_model(parts, anchors):
        return _foretold(float(scores["distortion_score"]), _trouble(main, parts), _seen(found))
    degree = _degree(float(known.get(main, 0.0)))
    if degree is None:
        stands_out = _seen(found) and f"<b>{_seen(found)}.</b> Nothing else stands out."
        return f"{stands_out or '<b>Nothing stands out.</b>'} {_most(main, parts, anchors)}"
    others = [name for name in known.index if name != main and known[name] >= _MENTIONED]
    named = " and ".join(_trouble(name, parts) for name in others)
    more = _CARRIED.issuperset(others) and any(known[others] > known.get(main, 0.0))
    also = f" Also {html.escape(named)}{', which may come of it' * more}." if others else ""
    text = f"<b>{degree} {html.escape(_trouble(main, parts))}.</b>"
    return f"{text} {html.escape(_fact(_told(main, parts), anchors))}{also}"


def _seen(found: Collection[str]) -> str:
    """Return what of the flags stands out on the image, in their labels' words; else nothing."""
    labels = "; ".join(flags.label(key) for key in _TO_BE_SEEN if key in found)
    return html.escape(labels[:1] + labels[1:].lower())


def _by_model(parts: pd.DataFrame, anchors: dict[str, Anchor]) -> bool:
    """Return whether a learned model made the score."""
    return bool(parts["share_of_score"].sum() > 0) and parts["metric"].iloc[0] not in anchors


def _main(known: pd.Series, parts: pd.DataFrame, anchors: dict[str, Anchor]) -> str:
    """Return the kind of trouble that is named first; ``known``: the sub-scores that there are.

    It is the one that makes most of the score; where a kind that is carried along does, the worst one with a
    sign of its own that is as severe in words.
    """
    of_score = parts.groupby("family")["share_of_score"].sum()
    most = str(of_score.idxmax() if of_score.sum() > 0 else known.idxmax())
    degree = _degree(float(known.get(most, 0.0)))
    if most not in _CARRIED or degree is None or _by_model(parts, anchors):
        return most
    signed = parts[parts["metric"].isin(_SIGNS) & (parts["penalty"] >= _least(degree))]
    alike = known[known.index.isin(signed["family"]) & ~known.index.isin(_CARRIED)]
    return str(alike.idxmax()) if len(alike) else most


def _most(family: str, parts: pd.DataFrame, anchors: dict[str, Anchor]) -> str:
    """Name the kind of trouble that there is most of; none where its own metric is good."""
    its = _told(family, parts)
    anchor = anchors.get(str(its["metric"].iloc[0])) if len(its) else None
    if anchor and anchor.penalty(its["value"].to_numpy()[:1])[0] <= _GOOD:
        return "What makes most of its score is within what is good."
    return f"The most there is: {_trouble(family, parts)}."


def _told(family: str, parts: pd.DataFrame) -> pd.DataFrame:
    """Return a family's metrics, the one first that is told: of equal degree, a sign before all others."""
    its = parts[parts["family"] == family]
    degree = _degree(float(its["penalty"].iloc[0])) if len(its) else None
    if degree is None:
        return its
    sign = its["metric"].isin(_SIGNS) & (its["penalty"] >= _least(degree))
    return pd.concat([its[sign], its[~sign]])


def _trouble(family: str, parts: pd.DataFrame) -> str:
    """Return a kind of trouble in words: those of the metric that is told, if it has any."""
    its = _told(family, parts)["metric"]
    most = str(its.iloc[0]) if len(its) else ""
    return _METRIC_TROUBLES.get(most, TROUBLES[family])


# ---- where on the image --------------------------------------------------------------------------


def places(scores: pd.Series, judgement: ScanJudgement) -> tuple[list[str], str]:
    """Return what of a scan's trouble can be shown on its image, and what is said where the main one cannot.

    Parameters
    ----------
    scores : pandas.Series
        With the seven sub-scores.
    judgement : ScanJudgement
        Of the scan.

    Returns
    -------
    names : list of str
        Metrics of :data:`curation.metrics.PLACES`: those that are not good, of the headline's trouble first,
        cavities where these are called unusual, and the border where the field of view is cut.
    whole : str
        A sentence where none of the headline's trouble has a place; else empty.
    """
    known = pd.to_numeric(scores.reindex(list(FAMILIES))).dropna()
    cavity = METRICS["cavity_volume"].label in judgement.flags.get("unusual_anatomy", "")
    also = ["cavity_volume"] if cavity else []
    also += ["border_signal"] if "field_of_view_cut" in judgement.flags else []
    if known.empty or judgement.parts.empty:
        return also, ""
    parts = judgement.parts[_not_good(known, judgement)]
    main = parts["family"] == _main(known, judgement.parts, judgement.anchors)
    names = [*parts.loc[main, "metric"], *parts.loc[~main, "metric"]]
    shown = [*dict.fromkeys([name for name in names if name in PLACES][:_MOST_PLACES] + also)]
    its = parts.loc[main, "metric"].tolist()
    if not its or any(name in PLACES for name in its):
        return shown, ""
    trouble = _trouble(METRICS[its[0]].family, parts)
    verb = "concern" if its[0] in _PLURAL else "concerns"
    return shown, f"{trouble[0].upper()}{trouble[1:]} {verb} the whole image."


def _not_good(known: pd.Series, judgement: ScanJudgement) -> pd.Series:
    """Return which metrics of the judged ones are not good and count, or are of a kind that is told."""
    parts = judgement.parts
    anchored = parts["metric"].isin(judgement.anchors)
    bad = (parts["penalty"] > _GOOD).where(anchored, parts["points"] >= _SPEAKS)
    told = parts["family"].isin(
        [_main(known, parts, judgement.anchors), *known.index[known >= _MENTIONED]]
    )
    return bad & (told | (parts["share_of_score"] >= _COUNTS))


def _foretold(chance: float, trouble: str, seen: str) -> str:
    """Return a learned reference's opinion in words; ``chance``: probability of exclusion, percent."""
    word = next((word for least, word in _CHANCES if chance >= least), None)
    if word is None and seen:
        return f"<b>People would keep it. {seen};</b> nothing else stands out."
    if word is None:
        return "<b>People would keep it:</b> nothing stands out."
    return f"<b>People would {word} exclude it.</b> What speaks against it most: {trouble}."


def _degree(score: float) -> str | None:
    return next((word for least, word in _DEGREES if score >= least), None)


def _least(degree: str) -> float:
    """Return the sub-score from which on a degree is told."""
    return next(least for least, word in _DEGREES if word == degree)


def _fact(parts: pd.DataFrame, anchors: dict[str, Anchor]) -> str:
    """Return the metric that made most of a sub-score, and a good value, in words."""
    part = parts.iloc[0]
    metric, anchor = METRICS[part["metric"]], anchors.get(part["metric"])
    value = formatting.in_unit(part["value"], metric.unit)
    if anchor is None:
        return f"{metric.label}: {value}."
    bound = "or less" if anchor.bad > anchor.good else "or more"
    good = formatting.in_unit(anchor.good, metric.unit, brief=True)
    good = good.replace(" ", "\N{NO-BREAK SPACE}")  # no line begins with a unit
    return f"{metric.label}: {value}; good is {good} {bound}."
