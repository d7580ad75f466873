"""The tier rule that is tried, in the address of a page: it outlives a reload and can be sent to others."""

import streamlit as st

from curation.errors import RuleError
from curation.tiers import rule_yaml
from curation.tiers.tier_rule import DEFAULT_RULE
from pages.ui.scan_table import tried_rule
from pages.ui.shell import frame, state

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


def _put(written: str) -> None:
    if written == st.query_params.get(_ADDRESS, ""):
        return
    if written:
        st.query_params[_ADDRESS] = written
    else:
        st.query_params.pop(_ADDRESS, None)
