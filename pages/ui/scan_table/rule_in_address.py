"""The tier rule that is tried, in the address of a page: it outlives a reload and can be sent to others."""

import streamlit as st

from curation.cohorts.frozen_cohort import newest_pool
from curation.errors import RuleError
from curation.storage.workspace import Workspace
from curation.tiers import rule_yaml
from curation.tiers.rule_versions import same_rule, summary_line
from curation.tiers.tier_rule import DEFAULT_RULE
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, formatting, frame, state

_ADDRESS = "rule"
#: What stays well below the length that browsers and mail programs cut an address at.
MAX_LENGTH = 1500
#: The part of Tiers that a rule of the address counts as changed in, see ``tried_rule.change``.
PART = "address"


def take_from_address() -> None:
    """Note the rule that the address names, where this session has none; before the page is drawn."""
    if state.get(state.TRIED) is None and (named := st.query_params.get(_ADDRESS)):
        state.put(state.PENDING_RULE, named)


def follow() -> None:
    """Put the rule that was noted in force, and let the address name the present one.

    A text that makes no rule is reported in words, and the rule that Tierscope starts with holds. A rule that
    is too long for an address is not named there: it can be saved on Tiers.
    """
    noted = state.get(state.PENDING_RULE)
    state.put(state.PENDING_RULE, None)
    if noted:
        try:
            tried_rule.change(PART, **rule_yaml.parse(noted).as_dict())
        except RuleError as error:
            frame.report(f"The tier rule in the address is left out: {error}")
    rule, _ = tried_rule.current()
    written = "" if rule == DEFAULT_RULE else rule_yaml.to_yaml(rule)
    _put(written if len(written) <= MAX_LENGTH else "")


def offer_frozen(workspace: Workspace, *, short: bool = False) -> None:
    """Say that tiers are shown otherwise than the newest pool cohort was cut, and offer its rule.

    In ``short`` the rule stands in the button's help, and the button is small.
    """
    pool = newest_pool(cache.cohort_headers(workspace)[0])
    if pool is None or same_rule(pool.rule, tried_rule.current()[0]):
        return
    rule = formatting.escape(summary_line(pool.rule))
    said = f"The newest frozen pool cohort, {formatting.escape(pool.id)}, was cut by another rule"
    key = "as-frozen-short" if short else "as-frozen"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        st.caption(f"{said}." if short else f"{said}: {rule}.", width="content")
        st.button(
            "Show its tiers",
            key="take-frozen-rule",
            type="tertiary" if short else "secondary",
            on_click=tried_rule.change,
            args=(PART,),
            kwargs=pool.rule.as_dict(),
            help=f"Scans are then sorted into tiers by that rule on every page of this session: {rule}.",
        )


def _put(written: str) -> None:
    if written == st.query_params.get(_ADDRESS, ""):
        return
    if written:
        st.query_params[_ADDRESS] = written
    else:
        st.query_params.pop(_ADDRESS, None)
