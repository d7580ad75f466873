"""Series of a DICOM folder: what each is, and what speaks against taking it in."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from curation.dicom import dicom_header
from curation.dicom.dicom_header import Damaged, DicomHeader, NoImage
from curation.dicom.pseudonyms import Pseudonyms, identity, without_names
from curation.dicom.slice_places import Slices
from curation.errors import SourceError
from curation.sources import allowed_roots, image_modality
from curation.sources.allowed_roots import AllowedRoots
from curation.storage import folder_walk

#: An image of a whole head has more slices.
FEW_SLICES = 12
_LOCALIZER = re.compile(
    r"(?<![a-z])(locali[sz]er|loc|scout|survey|plan|3[-_ ]?plane|aahead\w*|pilot)(?![a-z])"
)
_MADE_OF_OTHERS = ("MPR", "MIP", "MINIP", "PROJECTION IMAGE", "REFORMATTED", "SUBTRACTION")
_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # Secondary Capture, also multi-frame
_NO_HEAD = ("dwi", "bold", "T1map", "T2map", "MP2RAGE")
_NAMED = 3

Progress = Callable[[int, int], None]

#: What speaks against a series -> in words. Those of :data:`REFUSED` are never taken in.
MARKS: dict[str, str] = {
    "localizer": "a localizer, to plan the others by",
    "derived": "derived: computed from other images",
    "few": f"fewer than {FEW_SLICES} slices",
    "several": "several volumes in a row (diffusion, function or a dynamic)",
    "other kind": "no image of a head that is read here",
    "not told": "its description does not tell what kind of image it is",
    "burnt in": "text is burnt into the image, which may name somebody",
    "capture": "a capture of a screen, no scan",
    "modality": "neither MR nor PET",
    "people": "its files name several people",
    "damaged": "files of it are damaged",
    "gap": "slices are missing",
}
REFUSED = ("burnt in", "capture", "modality", "people", "damaged", "gap")


@dataclass(frozen=True)
class Series:
    """One series.

    Parameters
    ----------
    id : str
        By which it is chosen; tells nothing.
    person, visit : str
        Labels, see :mod:`curation.dicom.pseudonyms`.
    number : int
        The scanner's number of it.
    description : str
        The scanner's, without words that are the person's.
    modality : str
        DICOM's, such as ``MR``.
    kind : str or None
        Of image, by the description, as in the scans table.
    matrix : tuple of int
        Columns, rows and slices.
    spacing_mm : tuple of float
        Between columns, rows and slices; NaN where it is not told.
    images : int
        Files, or frames of a multi-frame one.
    marks : tuple of str
        Keys of :data:`MARKS`.
    details : tuple of str
        More about marks, such as which files are damaged.
    """

    id: str
    person: str
    visit: str
    number: int
    description: str
    modality: str
    kind: str | None
    matrix: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    images: int
    marks: tuple[str, ...] = ()
    details: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """True where it cannot be taken in at all."""
        return any(mark in REFUSED for mark in self.marks)

    @property
    def chosen(self) -> bool:
        """True where nothing speaks against it, so that it is chosen beforehand."""
        return not self.marks

    def why_not(self) -> str:
        """Return what speaks against it, in words; empty where nothing does."""
        return "; ".join([*(MARKS[mark] for mark in self.marks), *self.details])

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values; NaN is ``None``."""
        spacing = [value if np.isfinite(value) else None for value in self.spacing_mm]
        return asdict(self) | {"spacing_mm": spacing}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Series":
        """Build a series from the result of :meth:`as_dict`."""
        spacing = tuple(np.nan if value is None else value for value in values["spacing_mm"])
        given = {name: tuple(values[name]) for name in ("matrix", "marks", "details")}
        return cls(**{**values, **given, "spacing_mm": spacing})


@dataclass(frozen=True)
class Folder:
    """What is in a DICOM folder.

    Parameters
    ----------
    series : tuple of Series
        By person, visit and number.
    headers : mapping of str to list of DicomHeader
        The files of each series, by its id.
    damaged : tuple of str
        Files that belong to no series as nothing of them can be read, each by its place, with the reason.
    others : int
        Files that hold no image of DICOM.
    notes : tuple of str
        What else there is to say, in sentences.
    places : mapping of str to str
        Path below the folder of each file and folder that is told by its place, as its name may be
        somebody's: to be shown to who looks, and stored nowhere.
    """

    series: tuple[Series, ...]
    headers: Mapping[str, list[DicomHeader]]
    damaged: tuple[str, ...]
    others: int
    notes: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict, repr=False)


def look(
    folder: Path,
    pseudonyms: Pseudonyms,
    allowed: AllowedRoots = allowed_roots.EVERYTHING,
    progress: Progress | None = None,
) -> Folder:
    """Look through a folder and all below it; only headers are read.

    Parameters
    ----------
    folder : Path
        Where to begin.
    pseudonyms : Pseudonyms
        What people, visits and series are called.
    allowed : AllowedRoots
        What may be read; files elsewhere, behind links, are left out and counted.
    progress : callable, optional
        Called with (files looked at, files in all).

    Raises
    ------
    SourceError
        When no DICOM is in it, or the folder may not be read.
    """
    allowed.refuse_others(folder)
    contents = folder_walk.walk(folder, lambda name: name.startswith("."))
    groups: dict[tuple[str, str, str], list[DicomHeader]] = defaultdict(list)
    named = {f"closed folder {n}": one.path for n, one in enumerate(contents.closed, start=1)}
    lost, others, elsewhere = [], 0, 0
    for number, path in enumerate(contents.files, start=1):
        place = f"file {number:,} of {len(contents.files):,}"
        if allowed.reason(path):  # of each, since a link may lead here at any folder above it
            elsewhere += 1
        elif isinstance(header := _read(path), str):
            lost.append(f"{place}: {header}")
            named[place] = path
        elif header is None:
            others += 1
        else:
            groups[identity(header)].append(replace(header, place=place))
            named |= {place: path} if header.problem else {}
        if progress:
            progress(number, len(contents.files))
    dicom_header.refuse_none(len(groups) + len(lost), folder)
    by_id = _by_id(groups, pseudonyms)
    described = [_describe(id_, of_it, pseudonyms) for id_, of_it in by_id.items()]
    described.sort(key=lambda one: (one.person, one.visit, one.number, one.id))
    notes = [
        f"closed folder {n} could not be entered ({each.why}), and nothing in it is listed"
        for n, each in enumerate(contents.closed, start=1)
    ]
    if elsewhere:
        notes.append(f"{elsewhere} files behind links lie outside of what may be read, and are not")
    places = {place: path.relative_to(folder).as_posix() for place, path in named.items()}
    return Folder(tuple(described), by_id, tuple(lost), others, tuple(notes), places)


def _by_id(
    groups: Mapping[tuple[str, str, str], list[DicomHeader]], pseudonyms: Pseudonyms
) -> dict[str, list[DicomHeader]]:
    """Return the files of each series by its id, which tells people apart where they share its number.

    Of many series two have one id by chance: they get longer ones.
    """
    sharing = Counter(number for _, _, number in groups)
    ids = {
        key: (pseudonyms.own_series if sharing[key[2]] > 1 else pseudonyms.series)(of_it[0])
        for key, of_it in groups.items()
    }
    often = Counter(ids.values())
    return {
        ids[key] if often[ids[key]] == 1 else pseudonyms.long_series(of_it[0]): of_it
        for key, of_it in groups.items()
    }


def _read(path: Path) -> DicomHeader | str | None:
    """Return a file's header, why it is damaged, or ``None`` where it holds no image of DICOM."""
    if not path.is_file():  # a pipe, or a link to nowhere
        return None
    try:
        return dicom_header.read(path) if dicom_header.is_dicom(path) else None
    except NoImage:
        return None
    except Damaged as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read ({error.strerror or error})"


# ---- one series ----------------------------------------------------------------------------------------


def _describe(id_: str, headers: list[DicomHeader], pseudonyms: Pseudonyms) -> Series:
    first = headers[0]
    described = without_names(first.text("SeriesDescription") or first.text("ProtocolName"), first)
    kind = image_modality.modality_of_file_name(described)
    if kind == "T1w" and first.text("ContrastBolusAgent"):
        kind = "T1w-ce"
    slices = Slices.of(headers)
    spacing = first.numbers("PixelSpacing")
    rows, columns = (dicom_header.whole(first.values, name) for name in ("Rows", "Columns"))
    marks, details = _marks(headers, described.lower(), kind, slices)
    return Series(
        id=id_,
        person=pseudonyms.person(first),
        visit=pseudonyms.visit(first),
        number=dicom_header.whole(first.values, "SeriesNumber"),
        description=described,
        modality=first.text("Modality"),
        kind="pet" if first.text("Modality") == "PT" else kind,
        matrix=(columns, rows, slices.places),
        spacing_mm=(*(spacing[::-1] if len(spacing) == 2 else (np.nan, np.nan)), slices.apart_mm),
        images=slices.images,
        marks=marks,
        details=details,
    )


def _marks(
    headers: list[DicomHeader], words: str, kind: str | None, slices: "Slices"
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    first = headers[0]
    made = {text for header in headers for text in header.texts("ImageType")}
    broken = [f"{each.place}: {each.problem}" for each in headers if each.problem]
    holds = {
        "localizer": "LOCALIZER" in made or bool(_LOCALIZER.search(words)) or slices.planes > 1,
        "derived": first.texts("ImageType")[:1] == ("DERIVED",)
        or bool(made.intersection(_MADE_OF_OTHERS)),
        "few": slices.places < FEW_SLICES,
        "several": slices.places >= FEW_SLICES and slices.images > slices.places,
        "other kind": kind in _NO_HEAD,
        "not told": kind is None and first.text("Modality") == "MR",
        "burnt in": any(header.text("BurnedInAnnotation").upper() == "YES" for header in headers),
        "capture": first.text("SOPClassUID").startswith(_CAPTURE),
        "modality": first.text("Modality") not in dicom_header.READ,
        "people": _are_several(headers),
        "damaged": bool(broken),
        "gap": slices.missing > 0,
    }
    if holds["capture"] or holds["modality"]:  # whatever else it may be
        return tuple(name for name in ("modality", "capture") if holds[name])[:1], ()
    details = broken[:_NAMED]
    if len(broken) > _NAMED:
        details.append(f"and {len(broken) - _NAMED} more")
    if slices.missing:
        details.append(f"{slices.missing} of {slices.places + slices.missing} are not there")
    found = tuple(name for name in MARKS if holds[name])
    said = tuple(name for name in found if name != "not told") or found  # the least of them
    return said, tuple(details)


def _are_several(headers: list[DicomHeader]) -> bool:
    """Return whether files of one id name different people, as where everybody got the same id."""
    return any(
        len({text for header in headers if (text := header.text(name).strip("^ ").casefold())}) > 1
        for name in ("PatientName", "PatientBirthDate")
    )


def chosen_of(series: Iterable[Series], ids: Iterable[str] | None) -> list[Series]:
    """Return the series that are to be taken in: those of some ids, else those chosen beforehand.

    Raises
    ------
    SourceError
        When an id is none, a series is refused, or none is left.
    """
    known = {one.id: one for one in series}
    if ids is None:
        found = [one for one in known.values() if one.chosen]
        if not found:
            raise SourceError(
                "Something speaks against each series, so none is chosen beforehand: choose some "
                f"yourself. {_listed(known.values())}",
                option="--series",
            )
        return found
    wanted = list(dict.fromkeys(ids))
    if unknown := [id_ for id_ in wanted if id_ not in known]:
        raise SourceError(
            f"There is no series {', '.join(unknown)} in the folder; there are {', '.join(known)}."
        )
    if refused := [known[id_] for id_ in wanted if known[id_].refused]:
        raise SourceError(f"Not taken in: {_listed(refused)}")
    if not wanted:
        raise SourceError("No series was chosen. Choose one at least.")
    return [known[id_] for id_ in wanted]


def _listed(series: Iterable[Series]) -> str:
    told = [
        f"{one.id} ({one.description or 'without description'}): {one.why_not()}" for one in series
    ]
    more = f" … and {len(told) - 10} more" if len(told) > 10 else ""
    return ". ".join(told[:10]) + more + "."
