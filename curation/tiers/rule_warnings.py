"""Warnings about a rule on given scans: it is valid, but somebody should look."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from curation.tiers import assignment, rule_columns
from curation.tiers.assignment import Codes, ScanArrays
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from curation.wording import plural

WarningKind = Literal["not measured", "empty tier", "site", "gate", "images"]

#: Below so many scans of a site, its own cut-offs are drawn by chance.
FEW_SCANS = 10


@dataclass(frozen=True)
class Doubt:
    """One thing that somebody should look at.

    Parameters
    ----------
    kind : str
        What it is about, one of ``not measured``, ``empty tier``, ``site`` and ``gate``; of
        :mod:`curation.tier_effects.tier_images` ``images``.
    where : str
        The column, tier, site, gate or role.
    message : str
        What is doubtful and what to do, in one or two sentences.
    """

    kind: WarningKind
    where: str
    message: str


def problems(
    rule: TierRule, scans: ScanArrays, codes: Codes | None = None, *, trained: bool = True
) -> list[Doubt]:
    """Return warnings about a rule on these scans.

    Parameters
    ----------
    rule : TierRule
        Valid in itself.
    scans : ScanArrays
        With all of ``rule.columns``.
    codes : numpy.ndarray of int, shape (N,), optional
        The tiers, decisions by hand included; by the rule alone where they are not given.
    trained : bool
        Whether arms are trained on these scans; else they are judged on.

    Returns
    -------
    list of Doubt
        Columns without a value, tiers without a scan, sites that are not there or have few scans, gates that
        hold no scan, hold every scan, or hold the better side of a metric.
    """
    if not len(scans):
        return []
    codes = assignment.assign_codes(scans, rule) if codes is None else codes
    gates = [warning for gate in rule.gates for warning in _of_gate(gate, scans)]
    return [
        *_of_columns(rule, scans),
        *_of_tiers(rule, codes, trained),
        *_of_sites(rule, scans),
        *gates,
    ]


def _of_columns(rule: TierRule, scans: ScanArrays) -> list[Doubt]:
    found = []
    for name in rule.columns:
        missing, called = int(np.isnan(scans.values[name]).sum()), rule_columns.find(name).label
        if missing == len(scans):
            then = "no scan gets a tier by it" if name == rule.column else "its gate holds no scan"
            any_of = plural(missing, "scan")
            found.append((name, f"{called}: not measured on any of the {any_of}: {then}."))
        elif missing and name != rule.column:
            pass_it = plural(missing, "scan: it passes its gate", "scans: they pass its gate")
            found.append((name, f"{called}: not measured on {pass_it}."))
    return [Doubt("not measured", where, message) for where, message in found]


def _of_tiers(rule: TierRule, codes: Codes, trained: bool) -> list[Doubt]:
    held = np.bincount(codes, minlength=len(rule.labels))
    follows = (
        "no model can be pretrained on it"
        if trained
        else "errors of this tier cannot be told. What models are pretrained on is not touched by it"
    )
    return [
        Doubt("empty tier", name, f"No scan is in tier {name}: {follows}.")
        for name, count in zip(rule.names, held, strict=False)
        if not count
    ]


def _of_sites(rule: TierRule, scans: ScanArrays) -> list[Doubt]:
    held = np.bincount(scans.site_codes[scans.site_codes >= 0], minlength=len(scans.sites))
    counts = dict(zip(scans.sites, held.tolist(), strict=True))
    found = []
    for site in rule.by_site:
        if site not in counts:
            near = rule_columns.closest(site, scans.sites, ": its cut-offs apply to no scan.")
            found.append((site, f"No scan here is of site {site!r}{near}"))
        elif counts[site] < FEW_SCANS:
            what = plural(counts[site], "scan")
            found.append((site, f"Site {site} has {what}: cut-offs of its own rest on chance."))
    return [Doubt("site", where, message) for where, message in found]


def _of_gate(gate: Gate, scans: ScanArrays) -> list[Doubt]:
    values = scans.values[gate.column]
    if gate.tag is not None:
        return [] if values.any() else [Doubt("gate", gate.column, _nobody_tagged(gate))]
    held, known = int(gate.holds(values).sum()), int(np.isfinite(values).sum())
    rule_column, said = rule_columns.find(gate.column), gate.describe()
    found = []
    if known and not held:
        found.append(
            f"The gate '{said}' holds no scan: the values here lie between "
            f"{np.nanmin(values):.4g} and {np.nanmax(values):.4g}."
        )
    if known and held == known:
        found.append(f"The gate '{said}' holds every scan that has a value.")
    if rule_column.can_be_cut and rule_column.better_is_higher == (gate.above is not None):
        found.append(
            f"The gate '{said}' holds the better side: of {gate.column}, {rule_column.direction}."
        )
    return [Doubt("gate", gate.column, message) for message in found]


def _nobody_tagged(gate: Gate) -> str:
    then = "no scan" if gate.above is not None else "every scan"
    return f"No scan here has the tag {gate.tag}: the gate '{gate.describe()}' holds {then}."
