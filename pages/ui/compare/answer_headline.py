"""The answer of a study in one sentence, first on each view of Compare, with its arms in words."""

import html

import streamlit as st

from curation.storage.workspace import Workspace
from curation.tiers.rule_versions import same_rule, summary_line
from pages.ui.compare.comparison_data import Comparison
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, state
from training.held_out.predictions import BASELINE
from training.results import comparisons, conclusions, study_summary
from training.results.comparisons import Comparisons
from training.results.conclusions import EXPLAINED, Conclusion

#: Arms up to which each is explained under the answer.
_MOST_IN_WORDS = 8


def reference_of(shown: Comparison) -> str | None:
    """Return the arm that others are compared with: the chosen one, else that of the report; if any."""
    arms = [name for name in shown.arms_with_predictions if name != BASELINE]
    first = study_summary.default_reference(shown.held_out, shown.primary_pair)
    chosen = state.get(state.COMPARE_REFERENCE)
    if chosen == state.get(state.REFERENCE_BY_ITSELF):
        chosen = None  # of another study, or of this one when it had fewer arms
    return next((name for name in (chosen, first, *arms) if name in arms), None)


def compared(shown: Comparison) -> Comparisons:
    """Return the comparisons of all arms with the one of :func:`reference_of`."""
    return comparisons.compare_all(shown.held_out, reference_of(shown), shown.primary_pair)


def concluded(shown: Comparison, found: Comparisons | None = None) -> Conclusion:
    """Return the conclusion: of the primary comparison where there is one, else of the others."""
    if shown.primary:
        return shown.primary.conclusion
    return conclusions.conclude(shown.held_out, found or compared(shown), reference_of(shown))


def show(
    workspace: Workspace,
    shown: Comparison,
    *,
    arms: bool = True,
    found: Comparisons | None = None,
) -> None:
    """Draw the conclusion, framed where nothing is to be concluded yet, and the arms in words.

    Parameters
    ----------
    workspace : Workspace
        For the rules that the tiers were cut by.
    shown : Comparison
        Its arms are explained where they are met first; of many, those of the answer.
    arms : bool
        Whether they are met on the view.
    found : Comparisons, optional
        Where :func:`compared` was called already.
    """
    conclusion, try_out = concluded(shown, found), conclusions.try_out(shown.parts.values())
    said = html.escape(conclusion.headline)
    if try_out:
        said += f"<small>{html.escape(try_out)}</small>"
    if said:
        framed = " ts-note" if try_out or _unsettled(shown, conclusion) else ""
        st.html(f'<div class="ts-headline{framed}">{said}</div>')
    if conclusion.beside:
        st.html(f'<div class="ts-beside">{html.escape(" ".join(conclusion.beside))}</div>')
    told = [html.escape(" ".join(shown.people_said()))]
    if arms:
        told += filter(None, [_arms(shown), html.escape(_tiers(workspace, shown))])
    st.html(f'<div class="ts-arms">{"<br>".join(told)}</div>')


def _unsettled(shown: Comparison, conclusion: Conclusion) -> bool:
    """Tell whether a headline says that there is no answer, or not yet."""
    finished = all(study.result_path.exists() for study in shown.parts.values())
    part = shown.held_out.narrowed and not shown.primary
    none = shown.primary and shown.primary.verdict.outcome in ("withheld", "unknown")
    return not conclusion.ranks or conclusion.withheld or not finished or part or bool(none)


def _arms(shown: Comparison) -> str:
    """Name the arms with what they are, and say what a seed and a fold is, as HTML."""
    asked = shown.primary_pair or ()
    few = len(shown.arms) <= _MOST_IN_WORDS
    told = [
        f"<b>{html.escape(arm.name)}</b> {html.escape(arm.label)}"
        for arm in shown.arms
        if few or arm.name in asked
    ]
    named = f"Arms ({EXPLAINED['arm']}): {' · '.join(told)}.<br>" if told else ""
    return f"{named}Seed: {EXPLAINED['seed']}. Fold: {EXPLAINED['fold']}."


def _tiers(workspace: Workspace, shown: Comparison) -> str:
    """Say by which cut-offs the tiers of the studies were frozen, and whether other pages show others now."""
    headers = {header.id: header for header in cache.cohort_headers(workspace)[0]}
    rules = {
        name: headers[study.cohort_id].rule
        for name, study in shown.parts.items()
        if study.cohort_id in headers
    }
    if not rules:
        return ""
    lines = {name: summary_line(rule) for name, rule in rules.items()}
    alike = len(set(lines.values())) == 1
    told = lines.values() if alike else (f"{name}: {line}" for name, line in lines.items())
    said = f"Tiers as frozen: {'; '.join(dict.fromkeys(told))}."
    if all(same_rule(rule, tried_rule.current()[0]) for rule in rules.values()):
        return said
    return f"{said} Other pages show tiers that are cut otherwise just now: the same letters, other scans."
