"""Evidence beside the cut-offs: what distortions cost a model in studies here, and their scores."""

import pandas as pd
import streamlit as st

from curation.errors import TierscopeError
from curation.storage.workspace import Workspace
from curation.tiers.rule_columns import SCORE
from curation.tiers.tier_rule import TierRule
from pages.ui.shell import cache, formatting
from training.held_out import stored_predictions
from training.judging.outcome import Outcome
from training.results import comparisons, conclusions, dose_harm, study_summary
from training.studies import planned_study
from training.studies.planned_study import Study

#: Sentences that are shown, at most, the most harmful first.
SHOWN = 6


def show(workspace: Workspace, rule: TierRule) -> None:
    """Draw what finished studies measured of distortions; nothing where none did, or no score is cut."""
    if rule.column != SCORE:
        return
    found = _found(workspace)
    if found.empty:
        return
    with st.expander(
        "What distortions of such scores cost a model here", icon=":material/science:"
    ):
        rows = found.sort_values("years_lost", ascending=False)
        for words in map(sentence, rows.head(SHOWN).to_dict("records"), [rule] * SHOWN):
            st.markdown(f"- {formatting.escape(words)}")
        more = f" {len(rows) - SHOWN} more on Compare." if len(rows) > SHOWN else ""
        st.caption(
            "The very same scans, distorted by simulation, against the scans as they are; 95 % intervals "
            f"over people and seeds. A few scans were scored of each.{more} Real scans with such a score "
            "may differ in more than this."
        )


def sentence(row: dict, rule: TierRule) -> str:
    """Return what a distortion cost and scored, and the tier of that score by a rule.

    Parameters
    ----------
    row : dict
        A row of :func:`training.results.dose_harm.dose_harm`, with ``study`` (its name), ``ranks`` (whether
        any arm of it predicts better than no model does) and ``beaten`` (what none of it predicts otherwise).
    rule : TierRule
        Cut on the distortion score.
    """
    words = f"Study {row['study']}, scans of {row['clean']}: {row['words']}"
    if not row["ranks"]:
        words += f" No arm of it predicts {row['beaten']}: nothing to conclude."
    if row["score_distorted"] != row["score_distorted"]:
        return words
    passed = sum(row["score_distorted"] >= cutoff for cutoff in rule.cutoffs)
    tier = f", tier {rule.names[passed]} by these cut-offs" if not rule.by_site else ""
    return (
        f"{words} Such scans scored {row['score_distorted']:.0f} on average{tier} "
        f"({row['score_clean']:.0f} as they are, {row['n_scored']:.0f} scored)."
    )


@st.cache_data(ttl=60, max_entries=4, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _found(workspace: Workspace) -> pd.DataFrame:
    """Return the distortions of all finished studies; those that cannot be read are told on Compare."""
    parts = []
    for study in planned_study.list_studies(workspace):
        if study.result_path.exists() and any(arm.distortion for arm in study.arms):
            try:
                parts.append(_of(workspace, study))
            except TierscopeError:
                continue
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _of(workspace: Workspace, study: Study) -> pd.DataFrame:
    held_out = stored_predictions.read(workspace, study)
    lost = dose_harm.dose_harm(held_out, dose_harm.effects_by_arm(study))
    reference = study_summary.default_reference(held_out)
    found = comparisons.compare_all(held_out, reference)
    ranks = conclusions.conclude(held_out, found, reference).ranks
    return lost[lost["withheld"] == ""].assign(
        study=study.name, ranks=ranks, beaten=_beaten(held_out.outcome)
    )


def _beaten(outcome: Outcome) -> str:
    return f"{outcome.noun} better than {outcome.no_model_does.removesuffix(' does')}"
