"""Rule as text (YAML) on Tiers: read, changed, downloaded and saved in versions; and problems of the rule."""

from collections.abc import Collection

import streamlit as st

from curation.access.actions import Action
from curation.errors import RuleError
from curation.storage.workspace import Workspace
from curation.tiers import rule_versions, rule_yaml
from curation.tiers.rule_versions import SavedRule
from curation.tiers.tier_rule import TierRule
from curation.wording import plural
from pages.ui.scan_table import tried_rule
from pages.ui.shell import downloads, formatting, frame, html_marks, person, state

_STAYS = "The last good rule stays in force."
#: The part that these fields are, see :func:`pages.ui.scan_table.tried_rule.change`.
PART = "text"
_LISTED = 20


# ---- the text ------------------------------------------------------------------------------------


def show(workspace: Workspace, rule: TierRule) -> None:
    """Draw the text, and the versions that were saved."""
    _follow(rule)
    with st.container(border=True):
        st.markdown("**The rule as text**")
        with st.container(horizontal=True, key="split-rule", gap="medium"):
            with st.container(width="stretch"):
                _text()
            with st.container(width="stretch"):
                _save(workspace, rule)
                _versions(workspace)


def _follow(rule: TierRule) -> None:
    """Let the text say the rule in force, unless it is the text that is being changed."""
    left = state.get(state.RULE_TEXT) is None  # the page: a field that is not drawn is forgotten
    if left or state.get(state.RULE_TEXT_OF) != rule.as_dict():
        state.put(state.RULE_TEXT, rule_yaml.to_yaml(rule))
        state.put(state.RULE_TEXT_OF, rule.as_dict())
        state.put(state.RULE_TEXT_PROBLEM, None)


def _text() -> None:
    state.put(state.RULE_TEXT, state.get(state.RULE_TEXT))
    st.text_area("Rule (YAML)", key=state.RULE_TEXT, height=230, max_chars=rule_yaml.MAX_LENGTH)
    if problem := state.get(state.RULE_TEXT_PROBLEM):
        st.error(f"{formatting.escape(problem)} The last good rule stays in force\\.")
    problem_of(PART)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Apply the text", on_click=_apply, type="primary")
        downloads.button(
            "Download",
            lambda: state.get(state.RULE_TEXT),
            "rule.yaml",
            "application/yaml",
            icon=":material/download:",
        )
    st.file_uploader(
        "Or take it from a file",
        type=["yaml", "yml", "txt"],
        key=state.RULE_FILE,
        on_change=_upload,
    )
    st.caption(
        "The same file sorts scans without the page: "
        "`python -m curation tiers --workspace W --rule rule.yaml --out cohort.tsv`"
    )


def _apply() -> None:
    apply_text(state.get(state.RULE_TEXT) or "")


def apply_text(written: str) -> None:
    """Put a written rule in force, or say in which line it makes no sense."""
    try:
        rule = rule_yaml.parse(written)
    except RuleError as error:
        state.put(state.RULE_TEXT_PROBLEM, str(error))
        return
    state.put(state.RULE_TEXT, written)
    state.put(state.RULE_TEXT_OF, rule.as_dict())
    state.put(state.RULE_TEXT_PROBLEM, None)
    put_in_force(rule)


def put_in_force(rule: TierRule) -> None:
    """Let a rule be the one that is tried, whatever the text says."""
    state.put(state.SITE, None)
    tried_rule.change(PART, **rule.as_dict())


def _upload() -> None:
    given = state.get(state.RULE_FILE)
    if given is None:
        return
    try:
        written = given.getvalue().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = f"{given.name} is no text in UTF-8. Choose a YAML file, as 'Download' writes it."
        state.put(state.RULE_TEXT_PROBLEM, text)
        return
    if len(written) <= rule_yaml.MAX_LENGTH:
        state.put(state.RULE_TEXT, written)
    apply_text(written)


# ---- versions ------------------------------------------------------------------------------------


def _save(workspace: Workspace, rule: TierRule) -> None:
    if not person.may(Action.SAVE_RULE):
        return
    with (
        st.form("save-rule", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input("Name of the rule", max_chars=rule_versions.MAX_NAME)
        author = person.field("Who decides")
        sent = st.form_submit_button("Save this version")
    if sent:
        with frame.in_words():
            saved = rule_versions.save(workspace, name, _written(rule), author)
            state.put(state.PERSON, author.strip())
            st.success(formatting.escape(f"Saved as {saved.label}."))


def _written(rule: TierRule) -> str:
    """Return the text as people wrote it, comments included, where it says the rule in force."""
    written = state.get(state.RULE_TEXT) or ""
    try:
        return written if rule_yaml.parse(written) == rule else rule_yaml.to_yaml(rule)
    except RuleError:
        return rule_yaml.to_yaml(rule)


def _versions(workspace: Workspace) -> None:
    saved = rule_versions.list_rules(workspace)
    if not saved:
        st.caption(
            "No version is saved yet. A saved one keeps its text, its author and its moment."
        )
        return
    rows = [(one.label, one.hash, one.author, formatting.moment(one.at)) for one in saved[:_LISTED]]
    st.html(html_marks.table(("Saved", "Hash", "By", "When (UTC)"), rows))
    if len(saved) > _LISTED:
        st.caption(f"and {plural(len(saved) - _LISTED, 'older version')}, in the list below.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Version", saved, format_func=lambda one: one.label, width=260)
        st.button("Try it here", on_click=_put_in_force, args=(chosen,))
    st.caption(
        "Saved versions are there for everybody. Which rule is tried is each one's own choice, in this tab: "
        "others go on with theirs until they choose this version, or open your address."
    )


def _put_in_force(saved: SavedRule) -> None:
    apply_text(saved.text)


# ---- problems ------------------------------------------------------------------------------------


def problem_of(part: str) -> None:
    """Say it here, if it was made wrong here."""
    _, problem = tried_rule.current()
    if problem and tried_rule.problem_part() == part:
        st.error(f"{formatting.escape(problem)} {formatting.escape(_STAYS)}")


def problem_elsewhere(shown: Collection[str]) -> None:
    """Say it below the plot, if the part where it was made wrong is not on the screen.

    Parameters
    ----------
    shown : collection of str
        The parts that are on the screen.
    """
    _, problem = tried_rule.current()
    if problem and tried_rule.problem_part() not in shown:
        st.error(f"{formatting.escape(problem)} {formatting.escape(_STAYS)}")
