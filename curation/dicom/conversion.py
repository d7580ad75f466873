"""Series of a DICOM folder made into images of the workspace by dcm2niix, and listed as a source.

What leaves the DICOM files is the image, where it lies, and the fields of :data:`KEPT` about how it was made.
"""

import gzip
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dcm2niix
import numpy as np

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions
from curation.dicom import last_look, pseudonyms, series
from curation.dicom.dicom_header import DicomHeader
from curation.dicom.people_table import put_people
from curation.dicom.pseudonyms import Pseudonyms
from curation.dicom.series import Folder, Series
from curation.errors import BusyError, SourceError
from curation.sources import allowed_roots
from curation.sources.ingest import IngestSummary, ingest
from curation.storage import files, typed_paths
from curation.storage.files import slug
from curation.storage.workspace import Role, Workspace

#: Name of the source that they become where nobody names it: a folder's own name may be somebody's.
USUAL_NAME = "dicom"
#: Fields that the sidecar keeps: none of them is free text, a date, a place or a number of somebody.
KEPT = (
    *("Modality", "MagneticFieldStrength", "Manufacturer", "ManufacturersModelName"),
    *("SequenceName", "PulseSequenceName", "ScanningSequence", "SequenceVariant", "ScanOptions"),
    *("MRAcquisitionType", "ImageType", "NonlinearGradientCorrection", "SeriesNumber"),
    *("RepetitionTime", "EchoTime", "EchoNumber", "EchoTrainLength", "InversionTime", "FlipAngle"),
    *("SliceThickness", "SpacingBetweenSlices", "PixelBandwidth", "PercentPhaseFOV"),
    *("PercentSampling", "PhaseEncodingSteps", "AcquisitionMatrixPE", "ReconMatrixPE"),
    *("ParallelReductionFactorInPlane", "PartialFourier", "NumberOfAverages", "ReceiveCoilName"),
    *("InPlanePhaseEncodingDirectionDICOM", "ImageOrientationPatientDICOM", "DwellTime"),
    *("ConversionSoftware", "ConversionSoftwareVersion"),
)
_LONGEST_S = 3600
#: Texts of a NIfTI header, which programs fill as they like: offset and length in bytes.
_TEXTS = ((4, 10), (14, 18), (148, 80), (228, 24), (328, 16))
_CAL_MAX, _CAL_MIN = 124, 128
#: What dcm2niix adds to a name where a series holds several images, as BIDS says it.
_PARTS = (
    ("_e(\\d+)", "_echo-{}"),
    ("_ph", "_part-phase"),
    ("_real", "_part-real"),
    ("_imaginary", "_part-imag"),
)


@dataclass(frozen=True)
class Conversion:
    """What became of a DICOM folder.

    Parameters
    ----------
    made, before : int
        Images that were made now, and that were there already.
    failed : tuple of str
        Series that could not be made into images, each with the reason.
    left_out : tuple of Series
        Those that were not chosen.
    folder : Folder
        What was found.
    summary : IngestSummary
        Of the source.
    """

    made: int
    before: int
    failed: tuple[str, ...]
    left_out: tuple[Series, ...]
    folder: Folder
    summary: IngestSummary


@guarded(Action.INGEST)
def take_in(
    workspace: Workspace,
    folder: Path,
    *,
    chosen: list[str] | None = None,
    name: str | None = None,
    role: Role | None = None,
    modality: str | None = None,
    labels: Path | None = None,
    ages: bool = False,
    progress: series.Progress | None = None,
) -> Conversion:
    """Make images of series of a DICOM folder, and list them as a source.

    Parameters
    ----------
    workspace : Workspace
        Where the images are kept. The folder is only read.
    folder : Path
        With DICOM files, at any depth.
    chosen : list of str, optional
        Ids of series; those against which nothing speaks by default.
    name : str, optional
        Of the source; further folders may be added to one.
    role, modality : str, optional
        As :func:`curation.sources.ingest.ingest` takes them.
    labels : Path, optional
        What people are to be called, see :func:`curation.dicom.pseudonyms.of`.
    ages : bool
        Whether age and sex are taken from the files, into the source's table of people.
    progress : callable, optional
        Called with (series done, series in all).

    Raises
    ------
    SourceError
        When the folder may not be read or holds no DICOM, a series is not to be had, or none could be made.
    BusyError
        When another process is taking in a folder.
    """
    allowed = allowed_roots.of(workspace)
    for path in (folder, *filter(None, [labels])):
        allowed.refuse_others(path)
    folder = typed_paths.resolved(folder)
    if not folder.is_dir():
        raise SourceError(f"There is no folder at {folder}. Check the path.")
    called = slug(name or USUAL_NAME)
    into = workspace.converted_dir / called
    _refuse_name(workspace, called, into)
    names = pseudonyms.of(workspace, labels)
    found = series.look(folder, names, allowed)
    wanted = series.chosen_of(found.series, chosen)
    busy = BusyError(
        "Another DICOM folder is being taken in just now. Try again when that is done."
    )
    with files.lock(workspace.converted_dir / ".lock", busy):
        places = [_Place.of(into, one, found.headers[one.id][0], names) for one in wanted]
        made, before, failed = _convert_all(workspace, places, found, progress)
        if not made + before:
            raise SourceError(f"No image could be made. {' '.join(failed)}")
        if ages:
            put_people(into, (found.headers[one.id][0] for one in wanted), names)
    summary = ingest(workspace, into, name=called, role=role, modality=modality)
    last_look.forget(workspace)
    actions.note(workspace, "dicom taken in", called, series=len(wanted), images=made)
    left = tuple(one for one in found.series if one not in wanted)
    return Conversion(made, before, tuple(failed), left, found, summary)


def _refuse_name(workspace: Workspace, called: str, into: Path) -> None:
    other = next((source for source in workspace.sources() if source.name == called), None)
    if other and Path(other.path) != into:
        raise SourceError(
            f"The workspace has a source {called!r} that was not made of DICOM files. Give this one another "
            "short name.",
            option="--name",
        )


def _convert_all(
    workspace: Workspace,
    places: "list[_Place]",
    found: Folder,
    progress: series.Progress | None,
) -> tuple[int, int, list[str]]:
    for left in workspace.converted_dir.glob(".work-*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    made, before, failed = 0, 0, []
    for number, place in enumerate(places, start=1):
        one = place.series
        place.into.mkdir(parents=True, exist_ok=True)
        held = list(place.made_before())
        try:
            made += 0 if held else _convert(workspace, place, found.headers[one.id])
            before += len(held)
        except SourceError as error:
            failed.append(f"{one.description or one.id}: {error}")
        if progress:
            progress(number, len(places))
    return made, before, failed


@dataclass(frozen=True)
class _Place:
    """Where images of a series lie, and by which ids their sidecars say that they are of it.

    Of several series whose images would have the same name, as those that a scanner gave no number, the first
    has it; the others have a part of their id in theirs, and all keep what they have.
    """

    into: Path
    series: Series
    own_id: str
    earlier_id: str

    @classmethod
    def of(cls, into: Path, one: Series, header: DicomHeader, names: Pseudonyms) -> "_Place":
        return cls(into, one, names.own_series(header), names.series(header))

    def stem(self) -> str:
        """Return the name that images of the series have, or get now, without part and suffix."""
        usual, own = self._stems()
        whose = self._whose(usual)
        if whose & {self.own_id, self.earlier_id}:
            return usual
        return own if whose or self._whose(own) else usual

    def made_before(self) -> Iterator[Path]:
        """Yield the images of the series that are there, of as many files as it has now."""
        for stem in self._stems():
            for image in self.into.glob(f"{stem}[._]*nii.gz"):
                sidecar = _sidecar(image)
                is_own = sidecar.get("Series") in (self.own_id, self.earlier_id)
                if is_own and sidecar.get("Images") == self.series.images:
                    yield image

    def suffix(self) -> str:
        """Return how the names end, by the kind of image."""
        kind = self.series.kind
        return f"_{kind.removesuffix('-ce')}" if kind else ""

    def _stems(self) -> tuple[str, str]:
        one = self.series
        agent = "_ce-agent" if one.kind == "T1w-ce" else ""
        first, last = f"{one.person}_{one.visit}", f"{agent}_run-{one.number:03d}"
        return f"{first}{last}", f"{first}_acq-{self.own_id}{last}"

    def _whose(self, stem: str) -> set[object]:
        """Return the ids of the series that have images of a name, whichever part of a series they show."""
        like = re.compile(f"{re.escape(stem)}(_(echo|part)-[a-z0-9]+)*{self.suffix()}\\.nii\\.gz")
        images = self.into.glob(f"{stem}*.nii.gz")
        return {_sidecar(one).get("Series") for one in images if like.fullmatch(one.name)}


def _sidecar(image: Path) -> dict[str, Any]:
    return files.read_note(image.with_name(f"{image.name.removesuffix('.nii.gz')}.json"))


def _convert(workspace: Workspace, place: _Place, headers: list[DicomHeader]) -> int:
    """Make the images of a series, whole or not at all, and return how many there are."""
    with tempfile.TemporaryDirectory(dir=workspace.converted_dir, prefix=".work-") as work:
        given, got = Path(work, "in"), Path(work, "out")
        given.mkdir()
        got.mkdir()
        for number, header in enumerate(headers):
            (given / f"{number:06d}.dcm").symlink_to(header.path.resolve())
        said = _run_dcm2niix(given, got)
        images = sorted(got.glob("*.nii"))
        if not images:
            raise SourceError(f"dcm2niix made no image of it ({said}).")
        named = {image: _part(image.stem) for image in images}
        if strange := [image.stem for image, part in named.items() if part is None]:
            raise SourceError(
                "dcm2niix made several images of it, or filled what is between its slices "
                f"({', '.join(strange)}): they do not lie side by side at equal distances, so no one image "
                "shows them as they were."
            )
        window, stem = _window(headers), place.stem()
        for image, part in named.items():
            _put(image, place.into / f"{stem}{part}{place.suffix()}", place, window)
    return len(images)


def _part(stem: str) -> str | None:
    """Return what tells an image from others of its series; ``None`` where dcm2niix made it up."""
    rest, said = stem.removeprefix("out"), ""
    for theirs, ours in _PARTS:
        if match := re.search(f"{theirs}(?=_|$)", rest):
            said += ours.format(*match.groups())
            rest = rest.replace(match.group(0), "", 1)
    return None if rest else said


def _run_dcm2niix(given: Path, got: Path) -> str:
    """Run dcm2niix and return the last line that it says."""
    options = ["-b", "y", "-ba", "y", "-z", "n", "-f", "out", "-w", "2", "-o", str(got), str(given)]
    try:
        ended = subprocess.run(
            [dcm2niix.bin, *options],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"dcm2niix took more than {_LONGEST_S // 60} minutes.") from error
    except OSError as error:
        raise SourceError(
            f"dcm2niix cannot be run here ({error.strerror}). Install the requirements again ('make run')."
        ) from error
    lines = [line for line in ended.stdout.splitlines() if line.startswith(("Error", "Warning"))]
    return (lines or ["it said nothing"])[-1].replace(str(given), "…").replace(str(got), "…")[:200]


def _window(headers: list[DicomHeader]) -> tuple[float, float] | None:
    """Return level and width as the scanner shows the series: the medians of its slices."""
    told = [(each.numbers("WindowCenter")[:1], each.numbers("WindowWidth")[:1]) for each in headers]
    known = np.array([(level[0], width[0]) for level, width in told if level and width])
    if not len(known):
        return None
    level, width = np.median(known, axis=0)
    return (float(level), float(width)) if width > 0 else None


def _put(image: Path, stem: Path, place: _Place, window: tuple[float, float] | None) -> None:
    """Put an image and its sidecar into place; the image last, since it is what is listed."""
    told = files.read_note(image.with_suffix(".json"))
    kept: dict[str, Any] = {name: told[name] for name in KEPT if name in told}
    kept |= {"Series": place.own_id, "Images": place.series.images}
    if window:
        kept |= {"WindowCenter": window[0], "WindowWidth": window[1]}
    files.write_json(stem.with_name(f"{stem.name}.json"), kept)
    with (
        files.replacing(stem.with_name(f"{stem.name}.nii.gz")) as temporary,
        image.open("rb") as plain,
        temporary.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, 0) as packed,
    ):
        packed.write(_blanked(bytearray(plain.read(352)), window))
        shutil.copyfileobj(plain, packed, 1 << 20)


def _blanked(header: bytearray, window: tuple[float, float] | None) -> bytearray:
    """Return a NIfTI header without the texts in it, and with the scanner's window."""
    for start, length in _TEXTS:
        header[start : start + length] = bytes(length)
    if window:
        level, width = window
        for at, value in ((_CAL_MAX, level + width / 2), (_CAL_MIN, level - width / 2)):
            header[at : at + 4] = np.float32(value).tobytes()
    return header
