"""The documentation page of metrics and flags, made from the registries: ``docs/metrics.md``."""

import argparse
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from curation.cli.framework import Command
from curation.imaging.image_flags import FLAGS, Flag
from curation.metrics import METRICS, Metric
from curation.metrics.registry import FAMILIES, PREPARED
from curation.references import reference_library
from curation.scoring import cohort_anchors, unmeasured
from curation.scoring.distortion_score import SCORING_VERSION
from curation.scoring.score_reference import Anchor, Reference, builtin, earlier_builtin

#: What each of :data:`curation.metrics.NEEDS` asks of a scan, in plain words.
NEEDS_IN_WORDS = {
    "air": "air around the head, not zeroed",
    "brain": "the whole brain in view",
    "face": "a face that was not removed",
    "outside": "skull and scalp",
    "t1w": "T1 weighting",
    "tissues": "tissues that can be told apart",
}
_HEAD = """\
# Metrics

Made by `python -m curation describe-metrics > docs/metrics.md` from the registries in `curation/metrics/` and
`curation/imaging/image_flags.py`: change it there.

{count} metrics: of {families} families of distortion, and of the *prepared volume*, which is no family and
has no sub-score. Each is a pure function of one scan. Where a scan lacks what a metric needs, the metric has
no value and says why; it is never 0 or −1. {scored} of them count for the score by the built-in reference
`{reference}`, and the same ones in a reference made from the cohort's own scans; the others are shown, and
can count in references learned from ratings. Of MRIQC's rows a cohort's reference judges every metric that
has a better and a worse side and is none of [unusual anatomy](#unusual-anatomy). MRIQC's names stand only
where the definition is MRIQC's.

## From metrics to the score

Scoring version {scoring}. By anchors each metric becomes a badness b from 0 (pristine) to 100, see the
tables below. A sub-score combines the metrics of a family, the distortion score all of them:
`100 · (1 − Π(1 − (b / 100)²⁰))^(1/20)`, a smooth maximum. One metric beyond unusable makes the scan unusable;
another metric in a family dilutes nothing; a scan on which every metric is exactly good stays in tier A at
the usual cut-off. References made before `builtin-2` keep the power mean that they were made for, `100 · (Σ
(b / 100)¹⁰ / N)^(1/10)` over all N metrics that they judge.

**What could not be measured** adds nothing: by anchors a scan never scores worse for lacking it; by a
reference learned from ratings, a missing value that would have spoken for the scan can make it worse. How
much worse a scan may be is said beside the score: `score_high` is its upper end. Of {cases} damaged scans of
`measured-cases.csv`, real and simulated, on which nearly everything could be measured, the {neighbours}
that look most nearly as good by the same metrics are taken, and the largest rise of one of them by all
metrics is added: the worst of 19 is exceeded by one like them in 5 %. Clean scans are no part of it, so
that it answers how bad a scan may be and not how usual damage is. It equals the score where nothing is
missing. What the cases hold nothing of makes it 100; where a learned model lacks one of its metrics it has
no value. `certainty` is the score's **coverage**: the measured part of what the reference judges, averaged
over the families that it judges. It is no error: a scan of which everything was measured can be misjudged. A
sub-score of which nothing was measured has no value. References learned from ratings add log-odds instead: a
metric without a value counts as usual.

**How usual a brain is** counts for no score: symmetry, agreement with the template, size and stretch answer
to a stroke, a tumour, atrophy, a child or a rare head as they do to a bent image, and no number tells
which. They make `unusual_anatomy` (0 usual to 100), and from 50 on the flag *Unusual anatomy: look*. So
warps and wrong voxel sizes are **not claimed** to be found; of geometry the score judges what scanners do
and heads do not: shear beyond that of heads, the shape of voxels, the orientation and a wrong axis in the
header.

The experts' reference, `experts-2`, is a directed model of three quantities: `cjv`, `snr_wm` and
`summary_wm_p95 / summary_wm_median − 1`, each as `z = ± (ln value − centre) / spread`, positive on the bad
side and held between −5 and 30. `score = 100 / (1 + exp(−(a + b · mean z)))`, `b ≥ 0`: none of them can
improve the score by getting worse. The centre is that of accepted scans and the same for all sites, so a
site that is bad as a whole shows. Tierscope's own metrics and MRIQC's tables lie on different scales and
have a centre each (`model` in `assets/references/experts-2.json`). Where a whole workspace of MRIQC's rows
lies beyond the best or the worst rated site, as with versions that define tissues otherwise, its centre is
moved by the excess: the order stays, and no table is told to be worse than the worst rated site. A
quantity without a value adds nothing to a scan that is worse than usual by the others; of the rated scans,
95 in 100 rise by no more than `missing_rise` of its `evidence` (2.3 points without one, 2.7 without two).
It holds for T1w of people from 6 to 64 years with voxels of 0.5 to 1.5 mm, as in its tables. MRIQC's rows
are judged by it alone; Tierscope's own scans by the anchors of the other families as well. `experts-1`, of
62 metrics scaled within sites, stays readable, and what it scored keeps its scores.

Version 1 divided by the number of metrics that were measured, so that missing ones raised the score; version
2 by all that are judged, so that the worst metric was averaged away; version 3 had upper ends that were made
from clean scans as well and were too low for damage of another kind; version 4 counted a nodding head as
slightly distorted, had a floor of 8 for every image, and took any unevenness of the lines of k-space for
ruin; version 5 told scores by the anchors of `builtin-3` as by `builtin-2`; version 6 counted a family that
the reference does not judge as not measured, so that the coverage of MRIQC's rows by `experts-2` was told as
28 % where all was measured; version {scoring} is this one. Scores of an earlier version are made anew from
the stored metrics when a workspace is opened or a cohort drafted; nothing is measured for that. Frozen
cohorts and studies keep the scores and tiers that they were made with; `versions` in a cohort's JSON holds
the `scoring_version`.

## For whom the references hold

A scan of another kind of image than a reference holds for gets **no score**, and the reason (flag *No
reference*); the kinds in brackets, and scans outside of the ages, field strengths or voxels, are scored with
the flag *Outside the reference*. Age comes from the table of people, scanner and field strength from the JSON
files beside the images. What is not known makes no flag. A reference made from a workspace's own scans (20 or
more) holds for the kind, ages and field strengths of these, so T2w or low-field scans can be judged among
themselves. Its anchors lie {cohort.GOOD_SD:g} and {cohort.BAD_SD:g} robust standard deviations
(interquartile range over 1.349) from the median of a site, on the bad side; a site of fewer than
{cohort.MIN_COHORT} scans is compared with all sites together. What is wrong with all scans of
a site alike it cannot see, with one exception: damage that a sound scan has none of, or next to none. These
are {defects}.
No anchor of them is laxer than the built-in one by more than {cohort.LAXER_STEPS:g} of the step from its
good to its bad value, so what is bad (80) by the built-in anchors is above 66 at every site. A metric
without spread, or judged by ratios with a quarter or more of the scans at exactly 0, keeps its built-in
anchor: from 0 there is no distance by ratios. All this is of Tierscope's own metrics. Rows of MRIQC have no
built-in anchors: fewer than {cohort.MIN_COHORT} of them are left to `{experts}`, and a column of theirs
without spread is not judged. References made earlier keep the anchors that they have; make a new one.

{populations}
## Metrics by family

Reading: ↑ higher is better, ↓ lower is better, – describes the acquisition, not the quality. What a metric
needs of a scan:

{needs}
"""
_ANATOMY = """\
## Unusual anatomy

Of the metrics above these count for no score by `{reference}`. Beyond half way from usual to unusual they
make the flag *Unusual anatomy: look*.
"""
_ANCHORS = """\
Scored by `{reference}` from good (badness {good:.0f} of 100) to bad ({bad:.0f} of 100):
"""
_KINDS = """\
## Anchors of some kinds of scans

Scans with such a flag are judged by these values instead.
"""
_PREPARED = """\
As the network sees it: these are measured on the scan at 3 mm on the template, smoothed and masked as for
training, and count for no score. The score judges the image as it was acquired, and much of what it finds is
gone once 27 voxels became one. Beside them stands `prepared_distance`, a column of the scans that compares
each with the pretraining pool: root mean square over the brain's voxels of (x − median) / (1.4826 × median
absolute deviation) between people, each voxel at most 5; near 1 for a scan like the others. It needs ten
people, and is large for a lesion or an old brain among young ones as well: it says how far the network's
input is from the rest, and not why. All are columns to plot and to cut on; which of distance and score goes
with harm is told by the studies `dose` and `harm` ([training.md](training.md)).
"""
_FLAGS = """\
## Flags

What kind of image a scan is, where that limits what its numbers mean. A flag is no verdict on quality.
"""
_ARROWS = {"higher is better": "↑", "higher is worse": "↓", "describes the acquisition": "–"}
_ORDER = (*FAMILIES, PREPARED)
_TITLES: dict[str, str] = {PREPARED: "Prepared volume"}
_JUDGED = ("higher is better", "higher is worse")


def page(
    metrics: Mapping[str, Metric] = METRICS,
    flags: Mapping[str, Flag] = FLAGS,
    reference: Reference | None = None,
) -> str:
    """Describe metrics and flags in Markdown: a table a family, one of its anchors, one of the flags.

    Parameters
    ----------
    metrics : mapping of str to Metric
        By name; the registry by default.
    flags : mapping of str to Flag
        By key.
    reference : Reference, optional
        Whose anchors are told; the built-in one by default.

    Returns
    -------
    str
        Text that ends with a line break.
    """
    reference = reference or builtin()
    families = sorted({entry.family for entry in metrics.values()}, key=_ORDER.index)
    parts = [
        _HEAD.format(
            count=len(metrics),
            families=len(set(families) - {PREPARED}),
            scored=len(set(reference.anchors) & set(metrics)),
            reference=reference.id,
            scoring=SCORING_VERSION,
            cases=len(unmeasured.cases()),
            neighbours=unmeasured.NEIGHBOURS,
            populations=_populations([reference, reference_library.experts(), *earlier_builtin()]),
            cohort=cohort_anchors,
            defects=", ".join(
                f"`{name}`" for name in reference.anchors if name in cohort_anchors.DEFECTS
            ),
            experts=reference_library.EXPERTS[-1],
            needs="\n".join(f"- **{need}**: {words}" for need, words in NEEDS_IN_WORDS.items()),
        ),
        " · ".join(
            f"[{_title(family)}](#{_title(family).lower().replace(' ', '-')})"
            for family in families
        )
        + " · [Unusual anatomy](#unusual-anatomy) · [Flags](#flags)\n",
    ]
    for family in families:
        own = sorted(
            (entry for entry in metrics.values() if entry.family == family),
            key=lambda entry: (entry.direction not in _JUDGED, entry.name not in reference.anchors),
        )
        parts += [f"## {_title(family)}\n", *([_PREPARED] if family == PREPARED else [])]
        parts += [_metrics_table(own), *_anchors_table(own, reference)]
    parts += [_ANATOMY.format(reference=reference.id), _anatomy_table(reference, metrics)]
    if reference.kinds:
        parts += [_KINDS, _kinds_table(reference, metrics)]
    parts += [_FLAGS, _flags_table(flags.values())]
    return "\n".join(parts)


def _title(family: str) -> str:
    return _TITLES.get(family, family.capitalize())


def _metrics_table(entries: Sequence[Metric]) -> str:
    rows = [
        (
            f"`{entry.name}` {_ARROWS[entry.direction]}",
            f"**{_cell(entry.label)}**. {_cell(entry.meaning)}",
            _code(entry.formula) + (f", in {_cell(entry.unit)}" if entry.unit else ""),
            ", ".join(sorted(entry.needs)) or "–",
            _cell(entry.citation),
        )
        for entry in entries
    ]
    return _table(("name", "what it says", "formula", "needs", "from"), rows)


def _anchors_table(entries: Sequence[Metric], reference: Reference) -> list[str]:
    rows = []
    for entry in entries:
        if anchor := reference.anchors.get(entry.name):
            values = f"{anchor.good:g}", f"{anchor.bad:g}", anchor.scale
            rows.append((f"`{entry.name}`", *values, _cell(anchor.source)))
    if not rows:
        return []
    head = ("name", "good", "bad", "scale", "source of the two values")
    good, bad = Anchor(0.0, 1.0).penalty(np.array([0.0, 1.0]))
    return [_ANCHORS.format(reference=reference.id, good=good, bad=bad), _table(head, rows)]


def _populations(references: Sequence[Reference]) -> str:
    """Return for whom references hold, a row each."""
    rows = []
    for each in references:
        held = each.population
        beside = f" ({', '.join(held.beside)})" if held.beside else ""
        rows.append(
            (
                f"`{each.id}`",
                ", ".join(held.modalities) + beside or "–",
                "–" if held.ages_years is None else "{:g}–{:g}".format(*held.ages_years),
                ", ".join(f"{tesla:g} T" for tesla in held.field_strengths_t) or "–",
                ", ".join(held.manufacturers) or "–",
                "–" if held.voxel_mm is None else "{:g}–{:g} mm".format(*held.voxel_mm),
                _cell(held.words) or "not written down: it judges whatever it is given",
            )
        )
    head = ("reference", "kinds", "years", "field", "makers", "voxels", "in words")
    return _table(head, rows)


def _anatomy_table(reference: Reference, metrics: Mapping[str, Metric]) -> str:
    rows = [
        (f"`{name}`", f"{anchor.good:g}", f"{anchor.bad:g}", anchor.scale, _cell(anchor.source))
        for name, anchor in reference.anatomy.items()
        if name in metrics
    ]
    return _table(("name", "usual", "unusual", "scale", "source of the two values"), rows)


def _kinds_table(reference: Reference, metrics: Mapping[str, Metric]) -> str:
    rows = [
        (f"{kind}: `{name}`", f"{one.good:g}", f"{one.bad:g}", one.scale, _cell(one.source))
        for kind, own in reference.kinds.items()
        for name, one in own.items()
        if name in metrics
    ]
    return _table(("flag and metric", "good", "bad", "scale", "source of the two values"), rows)


def _flags_table(flags: Iterable[Flag]) -> str:
    rows = [
        (f"`{flag.key}`", _cell(flag.label), _cell(flag.meaning), _cell(flag.consequence))
        for flag in flags
    ]
    return _table(("key", "on screen", "what it is", "what follows"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    """Escape characters that would end a cell or read as markup."""
    for sign in "\\`*_<[":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.replace("|", "\\|").split())


def _code(text: str) -> str:
    """Show a formula as it is written; a bar would end the cell even there."""
    return "`" + " ".join(text.replace("`", "'").replace("|", "\\|").split()) + "`"


def run(_: argparse.Namespace) -> int:
    """Print the page."""
    print(page(), end="")
    return 0


COMMAND = Command(
    "describe-metrics",
    "print the page of metrics and flags, docs/metrics.md",
    run,
    on_workspace=False,
)
