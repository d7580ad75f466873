"""Labels of people, visits and series that tell them apart and do not say who they are.

A label is the beginning of a keyed hash of what the scanner calls somebody. The key is that of
:mod:`curation.sources.pseudonyms` and lies outside of the workspace: the same person gets the same label in
all folders, and whoever has a workspace alone cannot try ids.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curation.dicom.dicom_header import DicomHeader
from curation.errors import SourceError
from curation.sources.pseudonyms import key_of
from curation.storage import files, text_tables
from curation.storage.workspace import Workspace

#: Of 100,000 people two have one label by chance once in 50,000 workspaces.
_PERSON_DIGITS, _VISIT_DIGITS, _SERIES_DIGITS = 12, 6, 8
#: Of a label until 0.15, of which the label of now is a continuation; of two series with one id.
_EARLIER_PERSON_DIGITS, _LONG_SERIES_DIGITS = 8, 16
#: Names of so many letters are found within other words as well.
_WITHIN = 4
#: A day, however it is written.
_DATE = re.compile(
    r"(?<!\d)(?:\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})|\d{4}([./-])\d{1,2}\2\d{1,2}|(?:19|20)\d{6})(?!\d)"
)
#: A word, or what stands between two.
_WORD = re.compile(
    r"[^\W\d_]?[^\W\d_A-ZÀ-Þ]+|[^\W\d_]+?(?=[A-ZÀ-Þ][a-zß-ÿ]|[\W\d_]|$)|\d+|[\W_]+|."
)


@dataclass(frozen=True)
class Pseudonyms:
    """Labels under one key.

    Parameters
    ----------
    key : bytes
        Of the hash.
    given : mapping of str to str
        Labels of people that somebody brought, by the scanner's id.
    earlier : frozenset of str
        Labels that versions until 0.15 gave to people who have images; these keep them.
    """

    key: bytes = field(repr=False)
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    earlier: frozenset[str] = frozenset()

    def person(self, header: DicomHeader) -> str:
        """Return the label of whoever was scanned, ``sub-1f9a03c2d5e0``; a visit's where no id is told."""
        patient = header.text("PatientID")
        if patient in self.given:
            return f"sub-{self.given[patient]}"
        who = patient and f"{patient}\n{header.text('IssuerOfPatientID')}"
        label = self._hash(who or header.text("StudyInstanceUID"), _PERSON_DIGITS)
        earlier = f"sub-{label[:_EARLIER_PERSON_DIGITS]}"
        return earlier if earlier in self.earlier else f"sub-{label}"

    def visit(self, header: DicomHeader) -> str:
        """Return the label of one examination, such as ``ses-4b12e0``."""
        return f"ses-{self._hash(header.text('StudyInstanceUID'), _VISIT_DIGITS)}"

    def series(self, header: DicomHeader) -> str:
        """Return the id of a series by its own number alone, by which versions until 0.12 knew it."""
        return self._hash(header.text("SeriesInstanceUID"), _SERIES_DIGITS)

    def own_series(self, header: DicomHeader) -> str:
        """Return the id of a series that no other person's, and no other examination's, has."""
        return self._hash("\n".join(identity(header)), _SERIES_DIGITS)

    def long_series(self, header: DicomHeader) -> str:
        """Return a longer id of a series, for one whose shorter id another series has too."""
        return self._hash("\n".join(identity(header)), _LONG_SERIES_DIGITS)

    def _hash(self, text: str, digits: int) -> str:
        return hmac.new(self.key, text.encode(), "sha256").hexdigest()[:digits]


def identity(header: DicomHeader) -> tuple[str, str, str]:
    """Return patient, examination and series of a file: files that differ in one are of different series."""
    patient = f"{header.text('PatientID')} {header.text('IssuerOfPatientID')}".strip()
    return patient, header.text("StudyInstanceUID"), header.text("SeriesInstanceUID")


def without_names(text: str, header: DicomHeader) -> str:
    """Return a scanner's words without dates, and without those that are somebody's name or id.

    A word is what stands between signs, or between small letters, capitals and digits; names of four letters
    and more are found within others too. What is written otherwise than in the header's own fields is not
    known to be a name.
    """
    who = " ".join(header.text(name) for name in ("PatientName", "PatientID", "PatientBirthDate"))
    names = {word.casefold() for word in re.split(r"[\W_]+", who) if len(word) > 1}
    long = sorted((name for name in names if len(name) >= _WITHIN), key=len, reverse=True)
    within = re.compile("|".join(map(re.escape, long)) or r"(?!)", re.IGNORECASE)
    words = _WORD.findall(within.sub("…", _DATE.sub("…", text)))
    return "".join("…" if word.casefold() in names else word for word in words)[:60]


def of(workspace: Workspace, labels: Path | None = None) -> Pseudonyms:
    """Return the labels of a workspace.

    Parameters
    ----------
    workspace : Workspace
        In which the key may not lie; one is made where there is none yet.
    labels : Path, optional
        A table with the columns ``patient_id``, as the scanner has it, and ``participant_id``, what the
        person is to be called. It is read and not kept.

    Raises
    ------
    SourceError
        When the table lacks a column, its labels cannot be told apart, or the key cannot be used.
    """
    given = {} if labels is None else _given(labels)
    return Pseudonyms(key_of(workspace).encode(), given, _earlier(workspace))


def _earlier(workspace: Workspace) -> frozenset[str]:
    """Return the labels of the length that versions until 0.15 gave, of people who have images."""
    people = {path.name.split("_", 1)[0] for path in workspace.converted_dir.glob("*/sub-*.nii.gz")}
    return frozenset(one for one in people if len(one) == len("sub-") + _EARLIER_PERSON_DIGITS)


def _given(path: Path) -> dict[str, str]:
    table = text_tables.read_table(path)
    missing = [name for name in ("patient_id", "participant_id") if name not in table]
    if missing:
        raise SourceError(
            f"{path.name} has no column {' and none '.join(missing)}. Expected are patient_id, as the "
            "scanner has it, and participant_id, what the person is to be called."
        )
    known = table.dropna(subset=["patient_id", "participant_id"])
    labels = {label: _plain(label) for label in known["participant_id"]}
    if len(set(labels.values())) < len(labels):
        raise SourceError(
            f"{path.name} has two values of participant_id that differ in other things than letters and "
            "digits alone. Write each person's in one way."
        )
    return {
        str(patient): labels[label]
        for patient, label in zip(known["patient_id"], known["participant_id"], strict=True)
    }


def _plain(label: str) -> str:
    """Return a label as BIDS has it, of letters and digits alone."""
    return re.sub(r"[^A-Za-z0-9]+", "", label.removeprefix("sub-")) or files.short_hash(label)
