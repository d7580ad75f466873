"""Summary of a listed source: scans of each kind, and points that need attention."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from curation.errors import SourceError
from curation.sources import duplicates, image_modality, sex_codes, who_is_who
from curation.sources.ingest import IngestSummary
from curation.storage import tables, text_tables
from curation.storage.workspace import Source, Workspace
from curation.wording import plural


def counts(scans: pd.DataFrame) -> str:
    """Return counts of a source's scans by status, and of images that are not scored, in a sentence."""
    by_status = scans.loc[~scans["status"].isin(tables.LISTED), "status"].value_counts()
    said = [", ".join(f"{number} {status}" for status, number in by_status.items())]
    besides = scans.loc[scans["status"].isin(tables.LISTED), "modality"].value_counts()
    if len(besides):
        said.append(f"listed, not scored: {image_modality.counts_in_words(besides.to_dict())}")
    return "; ".join(filter(None, said))


def people(scans: pd.DataFrame) -> str:
    """Return of how many people the usable scans are, to be said after counts; nothing without any."""
    whose = scans.loc[scans["status"].isin(tables.SCORABLE), "subject_id"]
    return f"; scans of {plural(whose.nunique(), 'person', 'people')}" if len(whose) else ""


def lines(workspace: Workspace, summary: IngestSummary) -> Iterator[str]:
    """Yield the notes on a source besides the counts, a line each."""
    if summary.ignored_columns:
        yield f"columns not understood and left out: {', '.join(summary.ignored_columns)}"
    source, scans = summary.source, summary.scans
    if told := ages(scans):
        yield f"  {told}"
    for note in (
        *summary.notes,
        *of_source(source, scans),
        *duplicates.notes(workspace, [source.name]),
    ):
        yield f"  note: {note}"
    for row in summary.problems.itertuples():
        yield f"  {row.status}: {row.scan_id}: {row.reason}"
    for row in scans[scans["note"].notna()].itertuples():
        yield f"  note: {row.scan_id}: {row.note}"


def ages(scans: pd.DataFrame) -> str:
    """Say of how many usable scans the age is known, and from what to what; nothing where of none."""
    usable = scans.loc[scans["status"].isin(tables.SCORABLE), "age_years"]
    known = usable.dropna()
    if known.empty:
        return ""
    return f"ages: of {len(known)} of {len(usable)} scans, {known.min():.0f} to {known.max():.0f} years"


def of_older(sources: Iterable[Source], scans: pd.DataFrame) -> list[str]:
    """Say which scans were scored as if they were T1w, before Tierscope told them apart, in sentences."""
    said = []
    for source in sources:
        its = scans[(scans["source"] == source.name) & scans["status"].isin(tables.SCORABLE)]
        wrong = its[its["modality"].notna() & (its["modality"] != source.modality)]
        if len(wrong):
            kinds = image_modality.counts_in_words(wrong["modality"].value_counts().to_dict())
            said.append(
                f"{kinds} of {source.name} were scored as {source.modality}, before they were told apart. "
                "List the sources again: they are then listed and not scored."
            )
    return said


def is_gone(source: Source) -> bool:
    """Return whether nothing lies where the images of a source were; an imported table is not needed."""
    return source.kind != "mriqc" and not os.path.exists(source.path)  # noqa: PTH110 - it never raises


def of_gone(source: Source) -> str:
    """Say that a source is gone from its place, and what to do."""
    return (
        f"{source.name}: there is nothing at {source.path}. Its scans are listed as they were; none of its "
        "images can be looked at, measured or trained on meanwhile. See whether its disk is there and bring "
        "it back; if it moved, add it from its new place, in its role, under its short name "
        f"({source.name}; 'python -m curation ingest NEW-PLACE --name {source.name}')."
    )


def without_age(source: Source, usable: pd.DataFrame) -> str:
    """Say how many usable scans of a target have no age, and what to do; empty where all have one."""
    ageless = int(usable["age_years"].isna().sum())
    if source.role != "target" or not ageless:
        return ""
    lies = " and ".join(_tables_of_people(source))
    return (
        f"{ageless} of {len(usable)} scans have no age and cannot be judged on"
        + (", so this can be no target" if ageless == len(usable) else "")
        + ". Add it again with a table of people that has a column of ages (on Cohort the field Table of "
        "people, in a terminal --participants)" + (f"; in its folder lies {lies}." if lies else ".")
    )


def _tables_of_people(source: Source) -> list[str]:
    """Return the tables in the folder of a source that tell people's ages and are not joined yet."""
    found = []
    for path in sorted(Path(source.path).glob("*.[ct]sv")) if source.kind != "manifest" else []:
        if str(path) == source.participants or path.name == "participants.tsv":
            continue
        try:
            columns = text_tables.read_table(path).columns
        except (SourceError, OSError):
            continue
        if {"participant_id", "age_years"} <= set(columns):
            found.append(path.name)
    return found


def of_source(source: Source, scans: pd.DataFrame) -> list[str]:
    """Return warnings to read before a source is used, in sentences."""
    usable = scans[scans["status"].isin(tables.SCORABLE)]
    listed = scans.loc[scans["status"] == "other", "modality"].value_counts()
    said = []
    if usable.empty and len(listed):
        kinds = " or ".join(kind for kind in listed.index if kind in image_modality.KINDS)
        told = " and ".join(listed.index)
        said.append(
            f"No {source.modality} was found, so nothing of this source is scored. "
            + (
                f"To score its {kinds}, ingest it again with '--modality KIND'."
                if kinds
                else f"It says that its images are {told}. Where they are T1w, write T1w there."
            )
        )
    if told := without_age(source, usable):
        said.append(told)
    if people := who_is_who.visits_untold(usable):
        said.append(
            f"{plural(people, 'person has', 'people have')} scans at ages more than "
            f"{who_is_who.SESSION_YEARS:g} year apart, and no session is told: taken as visits. Where "
            "they are different people, give each a participant_id of their own in the table."
        )
    codes = usable["sex"].dropna().unique().tolist()
    if sex_codes.sexes_in(codes) is None:
        said.append(sex_codes.unread_sexes_in_words(codes))
    elif told := sex_codes.neither_in_words(usable.drop_duplicates("subject_id")["sex"].dropna()):
        said.append(told)
    return said
