"""Values of an outcome for the people of a target cohort: from its frozen list, or from the source's table.

Values are read once, when a study is planned, and kept with its scans: a table that changes later changes no
study.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cohorts.frozen_cohort import Cohort
from curation.errors import SourceError, StudyError
from curation.sources import participants_table
from curation.sources.participants_table import People
from curation.storage import tables
from curation.storage.text_tables import ALIASES
from curation.storage.workspace import Source, Workspace
from curation.wording import plural
from training.judging.outcome import AGE, Outcome

#: Columns of a frozen list that may be predicted, besides age.
OF_COHORT = ("sex", "group")
#: More people without a value than this share, and the study is refused.
MOST_MISSING = 0.2
#: Columns of a table of people that say who or where somebody is.
_NO_OUTCOME = {"participant_id", "person", "session_id", "site", "path", "modality", "age_years"}
#: Words for the value that counts as 0.
_NEGATIVE = {"control", "controls", "con", "ctl", "hc", "cn", "nc", "healthy", "normal", "no", "n"}
_NAMED = 4


class Values(NamedTuple):
    """Values of an outcome.

    Parameters
    ----------
    outcome : Outcome
        What they are of.
    values : array of float, shape (scans,)
        In the order of the cohort's scans; 0 and 1 of a two-valued outcome, NaN where not known.
    """

    outcome: Outcome
    values: NDArray[np.float64]


def offered(workspace: Workspace, target: Cohort) -> tuple[str, ...]:
    """Return the names of what may be predicted of a target: age first; those alone that can be."""
    found = ["age"]
    for name, texts in _columns(workspace, target).items():
        try:
            _as_values(name, texts, target.scans["subject_id"])
        except StudyError:
            continue
        found.append(name)
    return tuple(found)


def read(workspace: Workspace, target: Cohort, name: str) -> Values:
    """Read the values of an outcome.

    Parameters
    ----------
    workspace : Workspace
        Knows the sources of the target and their tables of people.
    target : Cohort
        Whose scans are judged on.
    name : str
        ``age``, a column of :data:`OF_COHORT`, or one of the table of people of the target's sources; case
        does not count.

    Raises
    ------
    StudyError
        When there is no such column, its values are one, three or more words, differ within a person, or
        too many are missing.
    """
    if name.strip().casefold() in ("age", *_aliases("age_years")):
        return Values(AGE, target.scans["age_years"].to_numpy(dtype=float))
    columns = _columns(workspace, target)
    asked = name.strip().casefold()
    called = next((ours for ours in OF_COHORT if asked in _aliases(ours)), asked)
    match = next((one for one in columns if one.casefold() == called), None)
    if match is None:
        raise StudyError(
            f"The target cohort {target.id} has no column {name!r}. What it has: age, "
            f"{', '.join(columns) or 'nothing else'}. Add a column to the source's participants.tsv, or "
            "name one of these."
        )
    return _as_values(match, columns[match], target.scans["subject_id"])


def refuse_too_few(values: Values, folds: pd.DataFrame) -> None:
    """Refuse folds in which not every value of a two-valued outcome has two people.

    Parameters
    ----------
    values : Values
        Of the target's scans.
    folds : pandas.DataFrame
        ``subject_id`` and ``fold``, a row a scan, in the same order.
    """
    outcome = values.outcome
    if not outcome.two_valued:
        return
    people = folds.assign(value=values.values).drop_duplicates("subject_id")
    counts = people.groupby(["fold", "value"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[0.0, 1.0], fill_value=0)
    if counts.to_numpy().min() >= 2:
        return
    fold = counts.min(axis=1).idxmin()
    rare = outcome.positive if counts.loc[fold, 1.0] < counts.loc[fold, 0.0] else outcome.negative
    total = int((people["value"] == (rare == outcome.positive)).sum())
    raise StudyError(
        f"Each fold needs 2 people or more of each value of {outcome.name}; a fold has "
        f"{int(counts.loc[fold].min())} with {rare!r}, of whom there are {total} in all. Take fewer folds, "
        "or a larger target cohort."
    )


# ---- columns -------------------------------------------------------------------------------------


def _columns(workspace: Workspace, target: Cohort) -> dict[str, list[str | None]]:
    """Return the texts of every column that may be predicted, one a scan of the target."""
    scans = target.scans
    found: dict[str, list[str | None]] = {
        name: [text if isinstance(text, str) else None for text in scans[name].tolist()]
        for name in OF_COHORT
        if scans[name].notna().any()
    }
    people = _people(workspace, scans["source"].unique().tolist())
    listed = tables.read_scans(workspace).set_index("scan_id").reindex(scans["scan_id"])
    visits = listed["session_id"].where(listed["session_id"].notna(), None)
    rows = [
        people[source].row(participant, visit) if isinstance(participant, str) else {}
        for source, participant, visit in zip(
            scans["source"], listed["participant_id"], visits, strict=True
        )
    ]
    names = dict.fromkeys(name for row in rows for name in row)
    for name in names:
        if name not in _NO_OUTCOME and name not in found:
            texts = [row.get(name) for row in rows]
            if any(text is not None for text in texts):
                found[name] = texts
    return found


def _people(workspace: Workspace, names: Sequence[str]) -> dict[str, People]:
    """Return the table of people of each source; none where there is none any more."""
    sources = {source.name: source for source in workspace.sources()}
    return {name: _table_of(sources[name]) if name in sources else People() for name in names}


def _table_of(source: Source) -> People:
    own = Path(source.path)
    path = own if source.kind == "manifest" else own / "participants.tsv"
    try:
        return participants_table.participants(
            Path(source.participants) if source.participants else path
        )
    except SourceError:  # a manifest without a column of people
        return People()


def _aliases(ours: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in ALIASES[ours].split(","))


# ---- values --------------------------------------------------------------------------------------


def _as_values(name: str, texts: Sequence[str | None], subjects: pd.Series) -> Values:
    known = [text.strip() for text in texts if text is not None]
    different = sorted(set(known))
    without = len(texts) - len(known)
    if len(different) < 2:
        raise StudyError(
            f"{name} has one value ({different[0] if different else 'none'}) in the target: nothing can be "
            "predicted. Name another column, or freeze a target of people who differ in it."
        )
    if without > MOST_MISSING * len(texts):
        raise StudyError(
            f"{name} is not known of {without} of {plural(len(texts), 'scan')} of the target, more than "
            f"{MOST_MISSING:.0%}. Add the values to the source's table of people, or freeze a target of "
            "those of whom it is known."
        )
    numbers = {text: _number(text) for text in different}
    if len(different) == 2:
        outcome = _two_valued(name, different, numbers)
        values = [
            math.nan if text is None else float(text.strip() == outcome.positive) for text in texts
        ]
        _refuse_changing(name, values, subjects)
    else:
        _refuse_words(name, different, numbers)
        values = [math.nan if text is None else numbers[text.strip()] for text in texts]
        outcome = Outcome(name, "numeric", "", digits=_digits(values))
    return Values(outcome, np.array(values, dtype=float))


def _two_valued(name: str, different: Sequence[str], numbers: dict[str, float]) -> Outcome:
    """Say which of two values counts as 1: the larger number, or the word that is no word for a control."""
    first, second = different
    if all(map(math.isfinite, numbers.values())):
        negative, positive = sorted(different, key=lambda text: numbers[text])
    elif second.casefold() in _NEGATIVE and first.casefold() not in _NEGATIVE:
        negative, positive = second, first
    else:
        negative, positive = first, second
    return Outcome(name, "two-valued", "", positive, negative, digits=3)


def _refuse_words(name: str, different: Sequence[str], numbers: dict[str, float]) -> None:
    words = [text for text in different if not math.isfinite(numbers[text])]
    if words:
        more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
        raise StudyError(
            f"{name} has {len(different)} values in the target, of which some are no numbers "
            f"({', '.join(map(repr, words[:_NAMED]))}{more}). An outcome is a number or has two values: put "
            "a column of either into the source's table of people."
        )


def _refuse_changing(name: str, values: Sequence[float], subjects: pd.Series) -> None:
    known = pd.DataFrame({"person": subjects.to_numpy(), "value": values}).dropna()
    changing = known.groupby("person")["value"].nunique()
    count = int((changing > 1).sum())
    if count:
        raise StudyError(
            f"{plural(count, 'person', 'people')} of the target have both values of {name}, at different "
            "scans. Freeze a target of one session a person."
        )


def _number(text: str) -> float:
    """Return a text as a number, NaN where it is none; a decimal comma counts."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _digits(values: Sequence[float]) -> int:
    """Return how many decimals an error of a number needs: those of some hundredths of its spread."""
    spread = float(np.nanstd(values))
    return int(np.clip(3 - math.floor(math.log10(spread)), 0, 6)) if spread > 0 else 2
