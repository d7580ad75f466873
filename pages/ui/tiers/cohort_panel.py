"""Panel of one frozen cohort: flow chart, integrity of its files, controls and exports."""

import shlex

import streamlit as st

from curation.access.actions import Action
from curation.cohorts import (
    cohort_draft,
    cohort_export,
    cohort_integrity,
    flow_svg,
    matched_controls,
)
from curation.cohorts.cohort_integrity import changed_listing
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.storage.workspace import Workspace
from curation.tiers import rule_yaml, tier_rule
from curation.wording import plural
from pages.ui.shell import cache, controls, downloads, formatting, frame, html_marks, person, state
from pages.ui.tiers import diff_panel, rule_text_panel

_KINDS = {"list": "Plain list", "links": "Folder of links", "bids": "BIDS derivatives"}
_LISTED = 50


def show(workspace: Workspace, headers: list[CohortHeader]) -> None:
    """Draw the cohort that is chosen here, the newest at first."""
    names = [header.id for header in headers]
    if (wanted := state.get(state.PENDING_COHORT)) in names:
        state.put(state.COHORT, wanted)
        state.put(state.PENDING_COHORT, None)
    cohort_id = controls.choose(st.selectbox, "Cohort", names, key=state.COHORT, width=480)
    with frame.in_words():
        cohort = cache.cohort(workspace, cohort_id)
        with st.container(horizontal=True, key="split-cohort", gap="medium"):
            with st.container(width="stretch"):
                _flow(cohort)
            with st.container(width="stretch"):
                _facts(workspace, cohort)
                _changed(workspace, cohort)
                _exports(workspace, cohort)
                _control(workspace, cohort)
        diff_panel.show(workspace, cohort, headers)


def _flow(cohort: Cohort) -> None:
    if cohort.flow is None:
        st.caption("It was frozen before flow charts were kept. Freeze it again to have one.")
        return
    drawn = flow_svg.svg(cohort.flow, tier_rule.colours(cohort.rule), f"Cohort {cohort.id}")
    st.image(drawn, width="stretch")
    downloads.button(
        "Flow chart (SVG)",
        drawn,
        f"{cohort.id}_flow.svg",
        "image/svg+xml",
        icon=":material/download:",
        on_click="ignore",
    )


def _facts(workspace: Workspace, cohort: Cohort) -> None:
    rows = [
        ("Role", cohort.role),
        ("Frozen by", f"{cohort.author}, {formatting.moment(cohort.created)} UTC"),
        ("Scans", f"{cohort.size:,}"),
        ("Hash of list and rule", cohort.hash),
        ("Scored by", cohort.reference or formatting.DASH),
        ("Tierscope", cohort.version),
        ("Rule", "; ".join([*cohort.rule.describe(), *(g.describe() for g in cohort.rule.gates)])),
    ]
    if cohort.by_hand:
        named = _some([f"{one.scan_id} ({one.tier})" for one in cohort.by_hand])
        rows.append(("Tiers by hand", f"{named}: the metadata say why"))
    if cohort.drawn:
        of = f"{', '.join(cohort.drawn['tiers'])} of {cohort.drawn['cohort']}"
        rows.append(("Drawn at random", f"to match {of}; seed {cohort.drawn['seed']}"))
    st.html(html_marks.table(("", ""), rows, whole=(0,)))
    path = workspace.cohorts_dir / f"{cohort.id}.json"
    with st.container(horizontal=True):
        for label, ending in (("List (TSV)", ".tsv"), ("Metadata (JSON)", ".json")):
            downloads.button(
                label,
                path.with_suffix(ending).read_bytes,
                f"{cohort.id}{ending}",
                icon=":material/download:",
                on_click="ignore",
            )
        downloads.button(
            "Rule (YAML)",
            rule_yaml.to_yaml(cohort.rule),
            f"{cohort.id}.yaml",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button(
            "Use this rule",
            key="use-rule",
            icon=":material/rule:",
            on_click=rule_text_panel.put_in_force,
            args=(cohort.rule,),
            help="Its cut-offs and gates become those of the plot above; the cohort stays as it is.",
        )
    if not cohort.drawn:
        only = " --images-only" if cohort.images_only else ""
        if cohort.sources:
            only += f" --source {shlex.join(cohort.sources)}"
        where, rule = (shlex.quote(str(one)) for one in (workspace.root, path.with_suffix(".yaml")))
        st.caption("Reproduce this list from the command line; it stops if anything differs:")
        st.code(
            f"python -m curation tiers --workspace {where} --role {cohort.role}{only} "
            f"--rule {rule} --expect {cohort.hash} --out {cohort.id}.tsv",
            language="shell",
            wrap_lines=True,
        )


def _changed(workspace: Workspace, cohort: Cohort) -> None:
    """Draw the scans that changed since: by the tables at once, by the files on request."""
    gone = _gone(workspace, cohort, cache.stamp(workspace.scans_path))
    if gone:
        text = f"{plural(len(gone), 'scan')} changed or gone since it was frozen: {_some(gone)}"
        st.warning(formatting.escape(text))
    if st.button("Look at the files themselves", icon=":material/fact_check:"):
        with st.spinner("Looking at the files …"):
            found = cohort_integrity.changed_files(workspace, cohort)
        if found.empty:
            st.success("Every file is what it was when the cohort was frozen.")
        else:
            st.warning(f"{plural(len(found), 'scan is', 'scans are')} no longer what they were.")
            st.dataframe(found.head(_LISTED), hide_index=True, placeholder=formatting.DASH)


@st.cache_data(
    max_entries=16,
    show_spinner=False,
    hash_funcs=cache.BY_FOLDER | {Cohort: lambda cohort: cohort.id},
)
def _gone(workspace: Workspace, cohort: Cohort, scans_at: cache.Stamp) -> list[str]:
    return changed_listing(workspace, cohort)["scan_id"].tolist()


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + rest


def _exports(workspace: Workspace, cohort: Cohort) -> None:
    st.markdown("**Export**")
    if not person.may(Action.EXPORT_COHORT):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tiers = st.multiselect(
            "Tiers in the list and the links", cohort.rule.names, default=cohort.rule.names
        )
        asked = [
            kind
            for kind, label in _KINDS.items()
            if st.button(
                label,
                key=f"export-{kind}",
                help=cohort_export.EXPORT_FORMATS[kind],
                disabled=not tiers,
            )
        ]
    for kind in asked:
        with frame.in_words():
            made = cohort_export.export(workspace, cohort, kind, tiers)
            st.success(formatting.escape(f"Written: {made}"))
            if made.suffix == ".txt":
                downloads.button(
                    "Download it", made.read_bytes, made.name, "text/plain", on_click="ignore"
                )


def _control(workspace: Workspace, cohort: Cohort) -> None:
    if not person.may(Action.FREEZE):
        return
    with (
        st.form(f"control-{cohort.id}", border=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        matched = matched_controls.matching_criteria(cohort_draft.included(cohort.scans))
        st.markdown(
            f"**Create a matched random control**, of the same {matched.words}. {matched.note}"
        )
        chosen = st.multiselect("As tiers", cohort.rule.names, default=list(cohort.rule.names[:1]))
        seed = st.number_input("Seed", min_value=0, max_value=2**31 - 1, value=0, step=1)
        author = person.field("Who draws it")
        sent = st.form_submit_button("Draw and freeze it")
    if sent:
        with frame.in_words():
            drawn = matched_controls.draw_control(
                workspace, cohort.id, tuple(chosen), seed=int(seed), author=author
            )
            state.put(state.PERSON, author.strip())
            state.put(state.PENDING_COHORT, drawn.id)
            st.toast(formatting.escape(f"Frozen as {drawn.id}: {plural(drawn.size, 'scan')}."))
            st.rerun()
