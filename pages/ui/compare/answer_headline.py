"""The answer of a study in one sentence on Compare, with its arms in words."""

import html

import streamlit as st

from curation.storage.workspace import Workspace
from curation.tiers.rule_versions import same_rule, summary_line
from pages.ui.compare.comparison_data import Comparison
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache
from training.results.conclusions import Conclusion

#: Arms up to which each is explained under the answer.
_MOST_IN_WORDS = 8


def show(workspace: Workspace, shown: Comparison, conclusion: Conclusion) -> None:
    """Draw the conclusion of the study, before the figures that it rests on.

    Parameters
    ----------
    workspace : Workspace
        For the rules that the tiers were cut by.
    shown : Comparison
        Its arms are explained where they are met first; of many, those of the answer.
    conclusion : Conclusion
        Of the study.
    """
    framed = "" if conclusion.ranks else " ts-note"
    st.html(f'<div class="ts-headline{framed}">{html.escape(conclusion.headline)}</div>')
    asked = shown.primary_pair or ()
    few = len(shown.arms) <= _MOST_IN_WORDS
    told = [
        f"<b>{html.escape(arm.name)}</b> {html.escape(arm.label)}"
        for arm in shown.arms
        if few or arm.name in asked
    ]
    lines = [f"Arms: {' · '.join(told)}" if told else "", html.escape(_tiers(workspace, shown))]
    if any(lines):
        st.html(f'<div class="ts-muted">{"<br>".join(filter(None, lines))}</div>')


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
