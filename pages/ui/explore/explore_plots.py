"""Plots of Explore, made of the arrays of a scan table."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from curation.metrics import METRICS
from curation.storage import learned_columns
from curation.tier_effects import metric_pca
from curation.tier_effects.metric_pca import Embedding, read_matrix
from curation.tiers import rule_columns
from curation.tiers.rule_columns import SCORE
from curation.wording import plural
from pages.ui.explore.density import Floats, Panel
from pages.ui.scan_table.scan_arrays import ScanTable
from pages.ui.shell import cache, formatting

#: Sites with a column of their own; the rest share one.
SITES_DRAWN = 40
OTHER_SITES = "other sites"
#: What points may be coloured by, the first unless somebody chooses -> what it is called.
TIER, DATA_SET, SITE, SCANNER = "tier", "data set", "site", "scanner"
COLOURED_BY = {TIER: "Tier", DATA_SET: "Data set", SITE: "Site", SCANNER: "Scanner"}
#: Colours that everyone tells apart (after Okabe & Ito 2008 and Tol 2021), each with a shape: as plotly calls
#: it, and as a letter. The most frequent get one each.
POINT_STYLES = (
    ("#0072B2", "circle", "●"),
    ("#E69F00", "square", "■"),
    ("#009E73", "diamond", "◆"),
    ("#D55E00", "triangle-down", "▼"),
    ("#332288", "cross", "✚"),
    ("#56B4E9", "star", "★"),
    ("#882255", "pentagon", "⬟"),
    ("#5B3A29", "hexagon", "⬢"),
)
#: An open shape has only its edge, which the template draws without width.
_OTHER_STYLE, _UNKNOWN_STYLE = ("#7B8794", "x", "✖"), ("#7B8794", "triangle-left", "◀")
#: What is drawn first, where it is measured.
_USUAL = ("cjv", "snr_total", "efc", "cnr")
_NOT_MEASURED = "not measured on any of these scans"


def measured_columns(scan_table: ScanTable) -> list[str]:
    """Return the scores and metrics that at least one scan has, in the order of the registry."""
    known = _all_of(scan_table).known
    return [
        name
        for name in rule_columns.offered(scan_table.scans)
        if (name in known if name in METRICS else np.isfinite(_values(scan_table, name)).any())
    ]


def all_metrics(scan_table: ScanTable) -> Embedding | None:
    """Return where the scans lie by all their metrics, see :func:`curation.tier_effects.metric_pca.embed`."""
    return _all_of(scan_table).layout


def default_metrics(measured_: list[str]) -> tuple[str, str]:
    """Return the two metrics that are drawn where nobody has chosen any."""
    metrics = [name for name in measured_ if name in METRICS] or measured_
    first = [name for name in _USUAL if name in metrics] or metrics
    return first[0], (first[1:] or metrics[1:] or first)[0]


def title(name: str, between: str = " ") -> str:
    """Return a measure's name with its unit, and its direction where it has one, after ``between``."""
    measure = rule_columns.find(name)
    if measure.is_score:
        return f"{measure.label}{between}(0–100, higher is worse)"
    details = [measure.unit, measure.direction if measure.can_be_cut else ""]
    words = ", ".join(one for one in details if one)
    return f"{measure.label}{between}({words})" if words else measure.label


@dataclass(frozen=True)
class Colouring:
    """Colours and shapes of N points, and what they stand for.

    Parameters
    ----------
    codes : numpy.ndarray of int, shape (N,)
        Position of each point's colour.
    colours, shapes : tuple of str
        ``#RRGGBB``, and plotly's symbols.
    legend : list of tuple of str
        A colour, what it stands for, and the letter of its shape.
    """

    codes: NDArray[np.integer]
    colours: tuple[str, ...]
    shapes: tuple[str, ...]
    legend: list[tuple[str, ...]]


def coloured_by(scan_table: ScanTable) -> list[str]:
    """Return what of :data:`COLOURED_BY` parts these scans: all that has two values or more."""
    others = (name for name in COLOURED_BY if name != TIER)
    return [TIER, *(name for name in others if _values_in_words(scan_table, name).nunique() > 1)]


def coloured(scan_table: ScanTable, rows: NDArray[np.intp], by: str) -> Colouring:
    """Colour some scans by one of :data:`COLOURED_BY` other than the tier.

    Beyond the 8 values that most of them have, the rest share a colour; where it is not known they have
    another.
    """
    words = _values_in_words(scan_table, by).iloc[rows]
    counts = words.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    named, rest = counts.iloc[: len(POINT_STYLES)], counts.iloc[len(POINT_STYLES) :]
    styles = [*POINT_STYLES[: len(named)], _OTHER_STYLE, _UNKNOWN_STYLE]
    other = plural(len(rest), f"other {by}")
    told = [(str(name), int(count)) for name, count in named.items()]
    told += [(other, int(rest.sum())), (f"{by} not known", int(words.isna().sum()))]
    codes = named.index.get_indexer(words)
    codes = np.where(codes < 0, len(named), codes) + words.isna().to_numpy()
    return Colouring(
        codes,
        tuple(colour for colour, _, _ in styles),
        tuple(shape for _, shape, _ in styles),
        [
            (colour, f"{name}: {count:,}", letter)
            for (colour, _, letter), (name, count) in zip(styles, told, strict=True)
            if count
        ],
    )


def _values_in_words(scan_table: ScanTable, by: str) -> pd.Series:
    """Return each scan's data set, site or scanner in words; missing where it is not known."""
    if by == SCANNER:
        return _scanners(scan_table, scan_table.key)
    return scan_table.scans["source" if by == DATA_SET else "site"].astype("str")


@st.cache_resource(max_entries=4, show_spinner=False)
def _scanners(_scan_table: ScanTable, key: tuple[Hashable, ...]) -> pd.Series:
    """Return each scan's scanner as its sidecar tells it: maker and model, and the field."""
    every = cache.scans(_scan_table.workspace).set_index("scan_id")
    scans = every[["manufacturer", "field_strength_t"]].reindex(_scan_table.scores.scan_ids)
    codes, fields = pd.factorize(scans["field_strength_t"].round(1))
    in_words = np.array([*(f"{one:g} T" for one in fields), None], dtype=object)
    tesla = pd.Series(in_words[codes], scans.index, dtype="str")
    made_by = scans["manufacturer"].astype("str")
    return (made_by + ", " + tesla).fillna(made_by).fillna(tesla)


def explore_panels(
    scan_table: ScanTable,
    rows: NDArray[np.intp],
    against: str,
    pair: tuple[str, str],
    by_site: str,
    *,
    by_encoder: bool = False,
) -> tuple[Panel, ...]:
    """Return the four plots of some scans.

    Parameters
    ----------
    scan_table : ScanTable
        The scans.
    rows : numpy.ndarray of int
        Which of them.
    against : str
        What the distortion score is drawn against.
    pair : tuple of str
        Two measures.
    by_site : str
        What is drawn by site.
    by_encoder : bool
        Draw the scans by a pretrained encoder's features instead of by all metrics.
    """
    return (
        _two(scan_table, rows, against, SCORE),
        _two(scan_table, rows, *pair),
        _by_site(scan_table, rows, by_site),
        _encoder(scan_table, rows) if by_encoder else _all(scan_table, rows),
    )


def _two(scan_table: ScanTable, rows: NDArray[np.intp], along: str, up: str) -> Panel:
    x, y = (_values(scan_table, name)[rows] for name in (along, up))
    missing = [
        rule_columns.find(name).label
        for name, one in ((along, x), (up, y))
        if not np.isfinite(one).any()
    ]
    words = f"{' and '.join(missing)}: {_NOT_MEASURED}" if missing else ""
    return Panel(
        title(along), title(up, "\n"), x, y, words=words, formats=(_format(along), _format(up))
    )


def _format(name: str) -> str:
    return formatting.D3_SCORE if rule_columns.find(name).is_score else formatting.D3_NUMBER


def _values(scan_table: ScanTable, name: str) -> Floats:
    if name in scan_table.scores.values or name in METRICS:
        return scan_table.values(name)
    if name in scan_table.scans:
        return scan_table.scans[name].to_numpy(dtype=np.float64)
    return np.full(len(scan_table.scans), np.nan)


def _by_site(scan_table: ScanTable, rows: NDArray[np.intp], name: str) -> Panel:
    codes, sites = few_sites(scan_table.site_codes[rows], scan_table.sites)
    y = _values(scan_table, name)[rows]
    words = "" if np.isfinite(y).any() else f"{rule_columns.find(name).label}: {_NOT_MEASURED}"
    formats = (formatting.D3_NUMBER, _format(name))
    return Panel("Site", title(name, "\n"), codes.astype(float), y, sites, words, formats)


def few_sites(
    codes: NDArray[np.integer], sites: tuple[str, ...]
) -> tuple[NDArray[np.integer], tuple[str, ...]]:
    """Keep the sites that occur; of very many, the largest ones, with the rest joined."""
    size = np.bincount(codes, minlength=len(sites))
    kept = np.flatnonzero(size)
    if len(kept) > SITES_DRAWN:
        kept = np.sort(np.argsort(-size, kind="stable")[: SITES_DRAWN - 1])
    place = np.full(len(sites), len(kept), dtype=np.intp)
    place[kept] = np.arange(len(kept))
    names = tuple(sites[site] for site in kept)
    return place[codes], names if size[kept].sum() == len(codes) else (*names, OTHER_SITES)


def _all(scan_table: ScanTable, rows: NDArray[np.intp]) -> Panel:
    found = all_metrics(scan_table)
    if found is None:
        nothing = np.full(len(rows), np.nan)
        words = "All metrics: two scans and two metrics are needed"
        return Panel("", "", nothing, nothing, words=words)
    along, up = (
        f"Component {axis + 1} of all metrics ({100 * found.explained[axis]:.0f} %)"
        for axis in (0, 1)
    )
    x, y = found.points[rows].T
    words = "" if np.isfinite(x).any() else f"Metrics: {_NOT_MEASURED}"
    return Panel(along, up, x, y, words=words)


def references_caption(scan_table: ScanTable, rows: NDArray[np.intp]) -> str:
    """Say by which references the scans of some rows are judged; empty where it is one for all."""
    scored = cache.scored_scans(scan_table.workspace)
    if "reference" not in scored or scored["reference"].nunique() < 2:
        return ""
    scored = scored[scored[SCORE].notna()]
    shown = scored["scan_id"].isin(scan_table.scores.scan_ids[rows])
    counts = scored.loc[shown, "reference"].value_counts()
    if len(counts) < 2:
        return ""
    told = [
        f"{plural(int(count), 'scan')} by {cache.reference(scan_table.workspace, str(key)).label} ({key})"
        for key, count in counts.items()
    ]
    return (
        f"The distortion scores are judged by {len(counts)} references: {', '.join(told)}. Equal scores mean "
        "the same only among scans of one reference."
    )


def has_encoder(scan_table: ScanTable) -> bool:
    """Return whether a pretrained encoder's features of any of the scans are known."""
    return bool(np.isfinite(_values(scan_table, learned_columns.ENCODER_AXES[0])).any())


def _encoder(scan_table: ScanTable, rows: NDArray[np.intp]) -> Panel:
    x, y = (_values(scan_table, name)[rows] for name in learned_columns.ENCODER_AXES)
    words = "" if np.isfinite(x).any() else "Features of the encoder: known of none of these scans"
    along, up = (f"Component {axis} of the encoder's features" for axis in (1, 2))
    return Panel(along, up, x, y, words=words)


#: Stands below the plots while scans are drawn by the encoder.
ENCODER_CAPTION = (
    "Components: the two principal ones of the mean of a pretrained encoder's tokens, of the model whose "
    "errors are taken on Model; scans lie near each other where it sees them alike, whether for quality, "
    "anatomy or scanner. Of people that it was pretrained on it knows the scans."
)


def embedding_caption(found: Embedding | None) -> str:
    """Say how the picture of all metrics was made."""
    if found is None:
        return ""
    one, two = (
        " and ".join(rule_columns.find(name).label for name in found.mostly(axis))
        for axis in (0, 1)
    )
    text = (
        f"Components: the two principal ones of {len(found.used)} metrics in robust standard deviations, the "
        f"first mostly {one}, the second mostly {two}"
    )
    if found.imputed:
        share = "under 0.1" if found.imputed < 0.001 else f"{100 * found.imputed:.1f}"
        text += f"; {share} % of the values are not measurable and taken as the median"
    if found.left_out:
        left_out = plural(len(found.left_out), "metric")
        text += f"; {left_out} left out, too seldom measured or the same on all scans"
    return f"{text}."


@dataclass(frozen=True)
class _Metrics:
    """Which metrics at least one scan has, and where the scans lie by all of them."""

    known: frozenset[str]
    layout: Embedding | None


def _all_of(scan_table: ScanTable) -> _Metrics:
    return _metrics(scan_table, scan_table.key, cache.stamp(scan_table.workspace.metrics_dir))


@st.cache_resource(max_entries=4, show_spinner="Reading all metrics …")
def _metrics(
    _scan_table: ScanTable, key: tuple[Hashable, ...], metrics_at: cache.Stamp
) -> _Metrics:
    names = list(METRICS)
    values = read_matrix(_scan_table.workspace, _scan_table.scans, names)
    known = [name for place, name in enumerate(names) if np.isfinite(values[:, place]).any()]
    judged = [place for place, name in enumerate(names) if rule_columns.find(name).can_be_cut]
    found = metric_pca.embed([names[place] for place in judged], values[:, judged])
    return _Metrics(frozenset(known), found)
