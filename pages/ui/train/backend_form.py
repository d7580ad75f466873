"""Form for the execution backend of a study: this machine, Slurm, or a Snakemake profile."""

import os
from dataclasses import replace
from typing import Any

import streamlit as st

from curation.assessment import snakemake_profiles
from curation.errors import TierscopeError
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import formatting
from training.jobs import execution_backend, mlflow_log, slurm
from training.jobs.execution_backend import BACKENDS, Backend, BackendKind
from training.settings.hardware import gpu_count


def machine() -> str:
    """Return what this machine computes with, in words."""
    gpus = gpu_count()
    return plural(gpus, "GPU") if gpus else plural(os.cpu_count() or 1, "processor core")


def choose(
    workspace: Workspace, before: Backend, *, tracked: bool, key: str
) -> tuple[Backend | None, bool]:
    """Let people choose an execution backend, and whether runs go to MLflow.

    Parameters
    ----------
    workspace : Workspace
        Remembers Slurm's settings from one study to the next.
    before : Backend
        Where it ran before, which is offered first.
    tracked : bool
        Whether its runs went to MLflow before.
    key : str
        Tells several forms on a page apart.

    Returns
    -------
    Backend or None
        None where it cannot be used, with the reason on the screen.
    bool
        Whether its runs go to MLflow.
    """
    kinds: list[BackendKind] = list(BACKENDS)
    kind = st.segmented_control(
        "Where it runs",
        kinds,
        default=before.kind,
        key=f"place-{key}",
        required=True,
        format_func=lambda kind: f"{BACKENDS[kind][0].upper()}{BACKENDS[kind][1:]}",
    )
    known = before
    if before.kind != kind:
        known = execution_backend.remembered_backend(workspace)
        tracked = mlflow_log.remembered(workspace)
    try:
        values = _FIELDS[kind](known, key)
        tracked = mlflow_log.lacks() is None and st.checkbox(
            "Also log finished runs to MLflow", value=tracked, key=f"mlflow-{key}"
        )
        backend = replace(Backend(kind, stage=known.stage), **values)
        execution_backend.refuse_unusable(backend)
    except TierscopeError as error:
        st.warning(formatting.escape(str(error)))
        return None, False
    return backend, tracked


def _here(known: Backend, key: str) -> dict[str, Any]:
    st.caption(f"On {machine()}. Another study that runs here is waited for.")
    beside = st.checkbox("Start at once, beside what runs", value=known.beside, key=f"beside-{key}")
    return {"beside": beside, "cores": known.cores}


def _slurm(known: Backend, key: str) -> dict[str, Any]:
    if lacking := slurm.lacks():
        st.caption(formatting.escape(lacking))
        return {}
    left, right = st.columns(2)
    values = {
        "partition": left.text_input("Partition", known.partition, key=f"partition-{key}"),
        "account": right.text_input("Account", known.account, key=f"account-{key}"),
        "hours": left.number_input(
            "Longest time of a run, hours",
            0.1,
            1000.0,
            known.hours,
            key=f"hours-{key}",
            help="A run that needs longer goes on when the study is resumed.",
        ),
        "memory_gb": right.number_input(
            "Memory of a run, GB", 1.0, 4000.0, known.memory_gb, key=f"memory-{key}"
        ),
        "gres": left.text_input(
            "Resource of a training run",
            known.gres,
            placeholder="gpu:1",
            key=f"gres-{key}",
            help="As Slurm's --gres: NAME, NAME:COUNT or NAME:TYPE:COUNT.",
        ),
        "at_once": right.number_input(
            "Jobs at once", 1, 10_000, known.at_once, key=f"at-once-{key}"
        ),
    }
    st.caption("Empty: Slurm's own default. The workspace lies on a disk that every node sees.")
    return values


def _profile(known: Backend, key: str) -> dict[str, Any]:
    """Draw the choice of a profile; one noted by an older version as a path is reported as unknown."""
    names = list(snakemake_profiles.named())
    if not names:
        return {"profile": known.profile}
    other = known.profile not in ("", *names)  # not silently taken for another
    name = st.selectbox(
        "Profile",
        names,
        None if other else names.index(known.profile or names[0]),
        key=f"profile-{key}",
        placeholder="Choose a profile",
        help="A Snakemake profile says where jobs run. Whoever runs Tierscope names them.",
    )
    return {"profile": name or known.profile}


_FIELDS = {"here": _here, "slurm": _slurm, "profile": _profile}
