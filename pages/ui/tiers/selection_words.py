"""Sentences on Tiers about selection: how the tiers differ in age, site and group, and why."""

import math
from collections.abc import Mapping, Sequence

from curation.scoring.comparison_groups import SOURCE
from curation.tier_effects.selection_bias import (
    FEWEST,
    RANK_LEVELS,
    TRAITS,
    UNEXPLAINED,
    Basis,
    Selection,
    Trait,
    smaller_sides,
    strongest,
)
from curation.tier_effects.standardised_differences import NOTABLE, size_in_words
from curation.tier_effects.tier_balance import Tally
from curation.wording import number, plural
from pages.ui.shell import formatting
from pages.ui.tiers.balance_panel import smd

#: What a scan is called that the rule sorts, and several.
SCORED, VALUED = ("scored scan", "scored scans"), ("scan with a value", "scans with a value")
_MATCH_AGE = "a study that predicts age needs an age-matched control."
_ADVICE = {
    "site": "A study needs a site-matched control.",
    "group": "A study needs a control matched by group, such as diagnosis.",
}


# ---- more than quality explains --------------------------------------------------------------------


def warnings(selections: Sequence[Selection]) -> list[str]:
    """Say in markdown which cut-offs select age, site or group beyond quality and chance, in numbers."""
    return [_WORDS[one.trait](one) for one in selections if one.warns]


def _age(one: Selection) -> str:
    side = "younger" if one.years < 0 else "older"
    better, worse = map(formatting.escape, (one.better, one.worse))
    between = f"**The cut-off between {better} and {worse} selects age.**"
    return f"{between} " + formatting.escape(
        f"Scans on its worse side are of people who are {abs(one.years):.1f} years {side}{_if_part(one)}, "
        f"{size_in_words(one.seen)} ({number(abs(one.seen), 2)} standard deviations, of which quality "
        f"explains {number(abs(one.seen) - one.unexplained, 2)}; 95 of 100 random cuts of this size stay "
        f"below {number(one.null_quantile, 2)})."
    )


def _site(one: Selection) -> str:
    return _category(one, "sources" if one.most and one.most[0].startswith(SOURCE) else "sites")


def _group(one: Selection) -> str:
    return _category(one, "groups")


def _category(one: Selection, what: str) -> str:
    better, worse = formatting.escape(one.better), formatting.escape(one.worse)
    between = f"**The cut-off between {better} and {worse} selects {what}.**"
    text = (
        f"That is {size_in_words(one.seen)} ({smd(one.seen)} standard deviations, of which quality explains "
        f"{number(one.explained, 2)}; 95 of 100 random cuts of this size stay below "
        f"{number(one.null_quantile, 2)})."
    )
    if one.most:
        text = f"On its worse side {_shares(*one.most, one)}. {text}"
    if math.isfinite(one.share_by_trait) and math.isfinite(one.share_by_quality):
        text += (
            f" {what.capitalize()} account for {100 * one.share_by_trait:.0f} % of which side a scan is "
            f"on, quality for {100 * one.share_by_quality:.0f} %."
        )
    return f"{between} {formatting.escape(text)}"


def _shares(name: str, above: int, size: int, one: Selection) -> str:
    """Say how many scans of the level that stands out, and of all that count, lie on the worse side."""
    of_all = f"all {one.counted:,}"
    if one.counted < one.tiered:
        of_all = f"the {one.counted:,} of {one.tiered:,} whose {one.trait} is known"
    lies, scans = "lies" if above == 1 else "lie", plural(size, "scan")
    return (
        f"{lies} {above:,} of {scans} of {name} ({100 * above / size:.0f} %), and {one.above:,} of {of_all} "
        f"({100 * one.above / one.counted:.0f} %)"
    )


def _known_of(one: Selection) -> str:
    """Say of how many of the scans in tiers the trait is known; empty where of all."""
    if one.counted == one.tiered:
        return ""
    return f"{one.trait} is known of {one.counted:,} of {one.tiered:,} scans"


def _if_part(one: Selection) -> str:
    return f" ({part})" if (part := _known_of(one)) else ""


_WORDS = {"age": _age, "site": _site, "group": _group}


# ---- what quality or chance explains ---------------------------------------------------------------


def differences(selections: Sequence[Selection], basis: Basis) -> list[str]:
    """Return, in markdown, differences at cut-offs without a warning: size, explanation, advice.

    Only of scans that people rated is quality told by something other than the score.
    """
    texts = []
    for trait in TRAITS:
        one = strongest(selections, trait)
        if one is None or not one.differs or _warned(selections, trait):
            continue
        if trait == "age":
            fact, rest = _years_apart(selections), f"{_why_years(one, basis)}; {_MATCH_AGE}"
        else:
            fact, rest = _most_unlike(one), f"{_why(one, basis)} {_ADVICE[trait]}"
        texts.append(f"**{formatting.escape(fact)}** {formatting.escape(rest)}")
    return texts


def small_differences(selections: Sequence[Selection]) -> str:
    """Return the traits in which the tiers hardly differ, in words; empty without any."""
    texts = []
    for trait in TRAITS:
        one = strongest(selections, trait)
        if one is None or one.differs or _warned(selections, trait):
            continue
        size, apart = size_in_words(one.seen), f"{smd(abs(one.seen))} standard deviations"
        part = f"; {known}" if (known := _known_of(one)) else ""
        if abs(one.seen) < NOTABLE:
            least = (
                f"; a small difference begins at {NOTABLE}" if smd(abs(one.seen)) != "0.00" else ""
            )
            texts.append(
                f"{size.capitalize()} in {trait} was found between the tiers ({apart} at most{least}{part})."
            )
        else:
            texts.append(
                f"The tiers differ in {trait} by no more than chance would bring about ({apart}; 95 of 100 "
                f"random cuts of this size stay below {smd(one.null_quantile)}{part})."
            )
    return " ".join(texts)


def _warned(selections: Sequence[Selection], trait: Trait) -> bool:
    return any(one.warns for one in selections if one.trait == trait)


def _years_apart(selections: Sequence[Selection]) -> str:
    """Say at each cut-off by how many years the people on its better side differ from those on the other."""
    aged = [one for one in selections if one.trait == "age" and math.isfinite(one.years)]
    told = [
        f"{abs(one.years):.1f} years {'younger' if one.years > 0 else 'older'} at {one.better} | {one.worse}"
        for one in aged
    ]
    apart = f"{' and '.join(told)} than those on its worse side{_if_part(aged[0])}."
    return f"People on the better side of a cut-off are, on average, {apart}"


def _of_few(one: Selection) -> str:
    """Say that levels of quality hold too few scans each: their own means would explain all of it."""
    untold = (
        f"is beyond chance, and {one.counted:,} scans cannot tell how much goes with image quality"
    )
    return untold if one.counted < RANK_LEVELS * FEWEST else ""


def _why_years(one: Selection, basis: Basis) -> str:
    """Say of the largest difference in age whether it is beyond chance, and what quality explains."""
    per_deviation = abs(one.years / one.seen) if math.isfinite(one.seen) else math.nan
    seen = f"{abs(one.years):.1f}"
    bound = number(one.null_quantile * per_deviation)
    explained = number((abs(one.seen) - one.unexplained) * per_deviation)
    at = f"At {one.better} | {one.worse}"
    if abs(one.seen) <= one.null_quantile:
        return f"{at} it may be chance: 95 of 100 random cuts of this size differ by up to {bound} years"
    if few := _of_few(one):
        return f"{at} {few}"
    if one.unexplained > UNEXPLAINED:
        return f"{at} {_what(basis)} explains {explained} of the {seen} years, and the rest may be chance"
    if not basis.ranked:
        return (
            f"{at} that is about what image quality alone would give, as people rated it ({explained} of "
            f"{seen} years)"
        )
    if basis.rated:
        return (
            f"{at} {explained} of the {seen} years go with image quality as people rated it, or, of the "
            f"{plural(basis.ranked, 'scan')} that nobody rated, with the score within each site, which may "
            "take age for quality"
        )
    return (
        f"{at} {explained} of the {seen} years go with the score within each site, and whether that is image "
        "quality, or the score takes age for quality, only ratings can tell"
    )


def _what(basis: Basis) -> str:
    """Say what explains a difference."""
    if not (basis.ranked and basis.rated):
        return "the score itself, within each site," if basis.ranked else "image quality"
    return f"image quality (of {basis.ranked:,} unrated scans the score itself, within each site)"


def _most_unlike(one: Selection) -> str:
    between = f"the cut-off between {one.better} and {one.worse}"
    if one.most is None:
        return f"On either side of {between} lie scans of other {one.trait}s."
    return f"On the worse side of {between} {_shares(*one.most, one)}."


def _why(one: Selection, basis: Basis) -> str:
    """Say whether a difference is beyond chance, and how much of it quality explains where that is known."""
    seen, explained = smd(abs(one.seen)), smd(abs(one.seen) - one.unexplained)
    bound = smd(one.null_quantile)
    if abs(one.seen) <= one.null_quantile:
        return (
            f"It may be chance: 95 of 100 random cuts of this size differ by up to {bound} standard "
            f"deviations, this one by {seen}."
        )
    if few := _of_few(one):
        return f"That {few}."
    if one.unexplained > UNEXPLAINED:
        what = _what(basis)
        return (
            f"{what[0].upper()}{what[1:]} explains {explained} of the {seen} standard deviations at "
            f"{one.better} | {one.worse}; the rest may be chance (95 of 100 random cuts differ by up to "
            f"{bound})."
        )
    if not basis.ranked:
        return (
            "That is about what image quality alone would give, as people rated it "
            f"({explained} of {seen} standard deviations)."
        )
    if basis.rated:
        return (
            f"As much goes with image quality as people rated it, or, of the "
            f"{plural(basis.ranked, 'scan')} that nobody rated, with the score within each site, which may "
            f"take {one.trait} for quality ({explained} of {seen} standard deviations)."
        )
    return (
        f"As much goes with a scan's place by score within its site ({explained} of {seen} standard "
        f"deviations): whether that is image quality, or the score takes {one.trait} for quality, only "
        "ratings can tell."
    )


# ---- what cannot be told ---------------------------------------------------------------------------


def not_assessable(
    selections: Sequence[Selection], tally: Tally, what: tuple[str, str] = SCORED
) -> list[str]:
    """Say which of age, site and group cannot be held against the cut-offs, and why.

    ``what`` says of one scan, and of several, that the rule sorts them.
    """
    scored, assessed = int(tally.scans[:-1].sum()), {one.trait for one in selections}
    if not scored:
        return []
    held = tally.counts("site")[:-1, :-1].sum(axis=0)
    names = tally.traits.categories["site"].names
    sources = sum(n for name, n in zip(names, held, strict=True) if name.startswith(SOURCE))
    known = {
        "age": int(tally.age_counts[:-1].sum()),
        "site": int(held.sum()),
        "group": int(tally.counts("group")[:-1, :-1].sum()),
    }
    one_site = known["site"] == scored and int((held > 0).sum()) == 1
    asked = [
        trait
        for trait in TRAITS
        if not (trait == "group" and not known[trait]) and not (trait == "site" and one_site)
    ]
    called = {trait: trait for trait in asked} | ({"site": "source"} if sources == scored else {})
    texts = _cannot(
        {
            called[trait]: _why_not(trait, called[trait], known[trait], scored, tally, what)
            for trait in asked
            if trait not in assessed
        }
    )
    if one_site:
        one_source = "No site is known, and all scored scans are of one source."
        texts.append(one_source if sources else "All scored scans are of one site.")
    else:
        texts.append(_stand_in(sources, scored))
    return [sentence for sentence in texts if sentence]


def _cannot(reasons: Mapping[str, str]) -> list[str]:
    """Return a sentence for each reason why traits cannot be told, with all of its traits."""
    traits: dict[str, list[str]] = {}
    for trait, reason in reasons.items():
        traits.setdefault(reason, []).append(trait)
    return [
        f"Whether a cut-off selects {' or '.join(names)} cannot be told: {reason}."
        for reason, names in traits.items()
    ]


def _why_not(
    trait: Trait, called: str, known: int, scored: int, tally: Tally, what: tuple[str, str]
) -> str:
    if not known:
        return f"no {called} is known"
    few = [fewest < FEWEST for fewest in smaller_sides(tally, trait)]
    why = [f"fewer than {FEWEST} scans lie on one side"] if any(few) else []
    why += [] if all(few) else ["all of a side are alike"]
    of = "" if known == scored else f"{called} is known {_of_all(known, scored, what)}, and "
    return of + " or ".join(why)


def _of_all(known: int, scored: int, what: tuple[str, str]) -> str:
    return f"of {known:,} of {plural(scored, *what)}"


def _stand_in(by_source: int, scored: int) -> str:
    if not by_source:
        return ""
    if by_source == scored:
        return "No site is known: the source of a scan stands in for its site."
    return f"For {plural(by_source, 'scan')} without a site, the source stands in for it."


# ---- what tells quality ----------------------------------------------------------------------------


def quality_told(basis: Basis, reason: str) -> str:
    """Say what tells the quality of the scans in tiers; ``reason``: why ratings do not, else empty."""
    if reason:
        told = reason
    elif not basis.ranked:
        told = f"Quality is what people say of the {plural(basis.rated, 'scan')} that are rated."
    elif not basis.rated:
        told = "Quality is a scan's place among those of its own site, by score: nobody rated these scans."
    else:
        told = (
            f"Quality is what people say of the {plural(basis.rated, 'scan')} that are rated, and of the "
            f"{basis.ranked:,} others a scan's place among those of its own site, by score. That a scan is "
            "rated explains nothing."
        )
    if basis.unknown:
        told += f" Of {plural(basis.unknown, 'scan')} it is not known, and explains nothing."
    return told
