"""The session's tier rule: fields of the page Tiers, and the last valid rule for every page.

The fields may make no rule for a while, as when two cut-offs cross; the last valid rule then stays in force.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from curation.errors import RuleError
from curation.storage.workspace import Workspace
from curation.tiers import assignment, overrides, tier_rule
from curation.tiers.tier_rule import DEFAULT_RULE, TIER_COLOURS, TierRule
from pages.ui.shell import state
from pages.ui.shell.state import Key

_LAST_VALID = Key[TierRule]("last_good_rule")
_CHANGED_PART = Key[str]("changed_part")
#: Number of tiers -> cut-offs of a score where nobody has chosen any.
_SCORE_CUTOFFS: dict[int, tuple[float, ...]] = {
    2: (50.0,),
    3: DEFAULT_RULE.cutoffs,
    4: (20.0, 40.0, 60.0),
    5: (15.0, 30.0, 45.0, 60.0),
    6: (15.0, 30.0, 45.0, 60.0, 75.0),
}
_NO_COLOUR = "#7F7F7F"


# ---- the rule --------------------------------------------------------------------------------------


def fields() -> dict[str, Any]:
    """Return the fields as :meth:`curation.tiers.tier_rule.TierRule.as_dict` does; they may make no rule."""
    return dict(state.get(state.TRIED) or DEFAULT_RULE.as_dict())


def change(part: str, **changes: Any) -> None:
    """Change some fields.

    Parameters
    ----------
    part : str
        The part of Tiers where the change is made: it shows why the fields make no rule, see
        :func:`problem_part`.
    **changes
        Entries of :func:`fields`.
    """
    state.put(state.TRIED, fields() | changes)
    state.put(_CHANGED_PART, part)


def current() -> tuple[TierRule, str | None]:
    """Return the rule that the fields make, or the last valid one and why the fields make none.

    Returns
    -------
    rule : TierRule
        Valid in any case.
    problem : str or None
        Why the fields make no rule.
    """
    try:
        rule = TierRule.from_dict(fields())
    except RuleError as error:
        return state.get(_LAST_VALID, DEFAULT_RULE), str(error)
    state.put(_LAST_VALID, rule)
    return rule, None


def problem_part() -> str | None:
    """Return the part of Tiers where the last change was made, see :func:`change`."""
    return state.get(_CHANGED_PART)


def at_worst(workspace: Workspace, scans: pd.DataFrame) -> pd.DataFrame:
    """Return scans with ``tier_worst``, see :func:`curation.tiers.assignment.at_worst`.

    Also with ``tier_by_hand``, see :func:`curation.tiers.overrides.reasons`.
    """
    rule, _ = current()
    scans = scans.assign(tier_by_hand=overrides.reasons(workspace, scans, rule))
    held = scans.assign(by_hand=scans["tier_by_hand"].notna())
    return scans.assign(tier_worst=assignment.at_worst(held, rule))


def tier_colour(tier: str) -> str:
    """Return the one colour of a tier; a name that people gave has that of its position in the rule."""
    if tier in TIER_COLOURS:
        return TIER_COLOURS[tier]
    return tier_rule.colours(current()[0]).get(tier, _NO_COLOUR)


# ---- its cut-offs ----------------------------------------------------------------------------------


def default_cutoffs(count: int) -> tuple[float, ...]:
    """Return cut-offs of a score for a number of tiers, 2 to 6, where nobody has chosen any."""
    return _SCORE_CUTOFFS[count]


def cutoffs() -> list[float]:
    """Return the cut-offs that lines and fields show: those of the chosen site, else the common ones."""
    values = fields()
    return list(values["by_site"].get(state.get(state.SITE), values["cutoffs"]))


def set_cutoffs(wanted: Sequence[float], part: str) -> None:
    """Set the cut-offs, from best to worst, of the chosen site, else the common ones; see :func:`change`."""
    site, listed = state.get(state.SITE), [float(value) for value in wanted]
    if site is None:
        change(part, cutoffs=listed)
    else:
        change(part, by_site={**fields()["by_site"], site: listed})


def rounded(cutoff: float) -> float:
    """Return a cut-off of a score on the steps of the sliders."""
    return round(2 * cutoff) / 2


def adopted(cutoff: float) -> list[float]:
    """Return the cut-offs of the score with which the worst tier begins at one.

    Better tiers that it would cross divide the range below it.
    """
    values = fields()
    last = len(values["names"]) - 2
    before = (
        values["cutoffs"] if values["column"] == DEFAULT_RULE.column else default_cutoffs(last + 2)
    )
    wanted = min(max(rounded(cutoff), 0.5 * (last + 1)), 100.0)
    below = [float(value) for value in before[:last]]
    if any(value >= wanted for value in below):
        below = [rounded(wanted * (i + 1) / (last + 1)) for i in range(last)]
    return [*below, wanted]


def adopt_cutoff(cutoff: float, part: str) -> None:
    """Let the worst tier begin at a score, see :func:`adopted`."""
    state.put(state.SITE, None)
    change(part, column=DEFAULT_RULE.column, cutoffs=adopted(cutoff), by_site={})
