"""What is wrong with a scan, in words: the main trouble, the metric behind it, and how sure that is."""

import html
import math

import pandas as pd

from curation.anchors import Anchor
from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES
from pages.ui import text

#: Each kind of trouble, as one says it of a scan.
TROUBLES: dict[str, str] = {
    "noise": "noise",
    "motion": "motion or ghosting",
    "blur": "blur",
    "contrast": "loss of contrast",
    "inhomogeneity": "uneven brightness",
    "incompleteness": "loss of parts of the head",
    "geometry": "geometric distortion",
}
#: From this sub-score on, a trouble is called so.
_DEGREES = ((80.0, "Severe"), (50.0, "Clear"), (30.0, "Slight"))
_CHANCES = ((80.0, "most likely"), (50.0, "probably"), (25.0, "possibly"))
_MENTIONED = 50.0  # other kinds from here on are named too
#: From this share of what the reference judges on. Without air (stripped, masked) it is some 0.85.
_SURE = ((0.95, "sure"), (0.7, "fairly sure"))


def certainty(value: float) -> str:
    """Return how sure a score is, in words: ``sure``, ``fairly sure``, ``unsure``; empty where not known."""
    if not math.isfinite(value):
        return ""
    return next((word for least, word in _SURE if value >= least), "unsure")


def headline(scores: pd.Series, parts: pd.DataFrame, anchors: dict[str, Anchor]) -> str:
    """Say in one line of HTML what is wrong with a scan.

    Parameters
    ----------
    scores : pandas.Series
        With the seven sub-scores.
    parts : pandas.DataFrame
        As :func:`curation.scores.explain` returns for the scan.
    anchors : dict of str to Anchor
        What its metrics were judged by.
    """
    known = pd.to_numeric(scores.reindex(list(FAMILIES))).dropna()
    if known.empty:
        return "Nothing of this scan could be judged."
    of_score = parts.groupby("family")["share_of_score"].sum()
    main = str(of_score.idxmax()) if of_score.sum() > 0 else str(known.idxmax())
    by_model = bool(of_score.sum() > 0) and parts["metric"].iloc[0] not in anchors
    if by_model:
        return _foretold(float(scores["distortion_score"]), main)
    degree = _degree(float(known.get(main, 0.0)))
    if degree is None:
        return f"<b>Nothing stands out.</b> The most there is: {TROUBLES[main]}."
    others = [TROUBLES[name] for name in known.index if name != main and known[name] >= _MENTIONED]
    also = f" Also {html.escape(' and '.join(others))}." if others else ""
    said = f"<b>{degree} {html.escape(TROUBLES[main])}.</b>"
    return f"{said} {html.escape(_fact(parts[parts['family'] == main], anchors))}{also}"


def _foretold(chance: float, main: str) -> str:
    """Say what a model learned from ratings makes of a scan; ``chance`` of exclusion in percent."""
    word = next((word for least, word in _CHANCES if chance >= least), None)
    if word is None:
        return "<b>People would keep it:</b> nothing stands out."
    return f"<b>People would {word} exclude it.</b> What speaks against it most: {TROUBLES[main]}."


def good_and_bad(anchor: Anchor | None) -> tuple[str, str]:
    """Say which values are good and which are bad, e.g. ``('≤ 0.6', '≥ 1.2')``."""
    if anchor is None:
        return "", ""
    good, bad = (text.significant(value, digits=3) for value in (anchor.good, anchor.bad))
    rises = anchor.bad > anchor.good
    return (f"≤ {good}", f"≥ {bad}") if rises else (f"≥ {good}", f"≤ {bad}")


def _degree(score: float) -> str | None:
    return next((word for least, word in _DEGREES if score >= least), None)


def _fact(parts: pd.DataFrame, anchors: dict[str, Anchor]) -> str:
    """Say the metric that made most of a sub-score, and what would be good."""
    part = parts.iloc[0]
    metric, anchor = METRICS[part["metric"]], anchors.get(part["metric"])
    value = text.significant(part["value"], metric.unit, digits=3)
    if anchor is None:
        return f"{metric.label}: {value}."
    bound = "or less" if anchor.bad > anchor.good else "or more"
    return f"{metric.label}: {value}; good is {text.significant(anchor.good, digits=3)} {bound}."
