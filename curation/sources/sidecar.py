"""The JSON file beside an image, as dcm2niix writes it and BIDS has it: what it says of kind and scanner."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from curation.sources import allowed_roots, image_modality
from curation.sources.scan_names import as_unicode, stem_of
from curation.storage import files
from curation.storage.workspace_paths import behind_pseudonym

#: A sidecar is small; what is larger is something else.
_LARGEST_BYTES = 1 << 20
#: Fields in which a scanner's protocol names the kind of image, the plainest first.
_NAMING = ("SeriesDescription", "ProtocolName")
_AGENT = ("ContrastBolusIngredient", "ContrastBolusAgent")
_NO_AGENT = ("", "none", "no", "n", "n/a", "no contrast", "without")
#: No T1-weighted image of a head has an echo time of so many seconds; T2-weighted ones and FLAIR have.
_LONG_ECHO_S = 0.05
#: Tesla; what is outside is a slip, such as a field in gauss or megahertz.
_WEAKEST_T, _STRONGEST_T = 0.01, 20.0
#: Field -> how it is written, from BIDS' unit into that of the console.
_TIMES = (
    ("RepetitionTime", "TR", 1000, " ms"),
    ("EchoTime", "TE", 1000, " ms"),
    ("InversionTime", "TI", 1000, " ms"),
    ("FlipAngle", "flip angle", 1, "°"),
)
#: Folders in which files for all images below are looked for.
_LEVELS = 5


class Told(NamedTuple):
    """The kind of an image by name and sidecar together.

    Parameters
    ----------
    modality : str or None
        As in the scans table; ``None`` where neither tells.
    note : str or None
        What was taken from the sidecar, or where it contradicts the name.
    """

    modality: str | None
    note: str | None = None


class Scanner(NamedTuple):
    """What made an image.

    Parameters
    ----------
    manufacturer : str or None
        With its model; ``None`` where no sidecar tells it.
    field_strength_t : float
        Tesla; NaN where no sidecar tells it.
    """

    manufacturer: str | None = None
    field_strength_t: float = math.nan


def scanner(path: Path, root: Path) -> Scanner:
    """Return which scanner made an image, by its sidecar.

    Parameters
    ----------
    path : Path
        The image.
    root : Path
        The source's folder. What the sidecar leaves open is taken from files such as ``T1w.json`` in the
        folders above, the nearest first: BIDS lets them hold for all images below.
    """
    values = _inherited(path, root)
    maker, model = (_words(values.get(name)) for name in ("Manufacturer", "ManufacturersModelName"))
    tesla = values.get("MagneticFieldStrength")
    is_number = isinstance(tesla, int | float) and not isinstance(tesla, bool)
    strength = float(tesla) if tesla is not None and is_number else math.nan
    known = _WEAKEST_T <= strength <= _STRONGEST_T
    return Scanner(" ".join(filter(None, (maker, model))) or None, strength if known else math.nan)


def acquisition(path: Path, root: Path) -> list[str]:
    """Return how an image was acquired, in words with units, as far as its sidecar tells.

    Parameters
    ----------
    path, root : Path
        As :func:`scanner` takes them.

    Returns
    -------
    list of str
        The sequence, TR, TE and TI in ms, and the flip angle; BIDS has the times in seconds.
    """
    values = _inherited(path, root)
    names = (values.get(name) for name in ("SequenceName", "PulseSequenceType", *reversed(_NAMING)))
    sequence = next(filter(None, map(_words, names)), None)
    said = [sequence] if sequence else []
    for name, label, factor, unit in _TIMES:
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            said.append(f"{label} {factor * value:.4g}{unit}")
    return said


def has_any(path: Path, root: Path) -> bool:
    """Return whether anything is told by an image's sidecar; the arguments are those of :func:`scanner`."""
    return bool(_inherited(path, root))


def window(path: Path) -> tuple[float, float] | None:
    """Return black and white as the scanner showed an image; ``None`` where the sidecar does not tell."""
    values = read(path)
    level, width = values.get("WindowCenter"), values.get("WindowWidth")
    numbers = [one for one in (level, width) if isinstance(one, int | float) and math.isfinite(one)]
    if len(numbers) < 2 or numbers[1] <= 0:
        return None
    return numbers[0] - numbers[1] / 2, numbers[0] + numbers[1] / 2


def _inherited(path: Path, root: Path) -> dict[str, Any]:
    """Return the sidecar, filled from files such as ``T1w.json`` in the folders above, the nearest first."""
    path = behind_pseudonym(path)
    values = read(path)
    suffix = stem_of(path).rsplit("_", 1)[-1]
    for folder in _folders_up_to(path, root):
        values = _read_json(folder / f"{suffix}.json") | values
    return values


def _folders_up_to(path: Path, root: Path) -> list[Path]:
    """Return the folders from that of a file up to a source's, the nearest first; its own alone elsewhere."""
    above = [folder for folder in path.parents if folder == root or root in folder.parents]
    return (above or [path.parent])[:_LEVELS]


def _words(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return as_unicode(" ".join(value.split()))[:40] or None  # JSON may hold halves of characters


def told(path: Path, modality: str | None) -> Told:
    """Return the kind of an image.

    Parameters
    ----------
    path : Path
        The image; its sidecar has the same name and ends in ``.json``.
    modality : str or None
        What its name or a table tells.

    Notes
    -----
    Where the name tells nothing the sidecar is believed, and a contrast agent that it names makes a T1w a
    ``T1w-ce``. Where both tell and differ the name is kept, and that is noted.
    """
    values = read(path)
    by_words = _by_words(values)
    kind = modality or by_words
    agent = _agent(values) or ("in its words" if by_words == "T1w-ce" else None)
    if kind == "T1w" and agent:
        return Told("T1w-ce", f"its sidecar names a contrast agent ({agent})")
    if modality is None and by_words is not None:
        return Told(by_words, f"modality told by its sidecar: {by_words}")
    return Told(kind, _contradiction(modality, by_words, values))


def _contradiction(
    modality: str | None, by_words: str | None, values: Mapping[str, Any]
) -> str | None:
    if modality not in image_modality.KINDS:
        return None
    if by_words is not None and by_words.removesuffix("-ce") != modality.removesuffix("-ce"):
        return f"its name says {modality}, its sidecar {by_words}: look at it"
    echo_s = values.get("EchoTime")
    is_long = isinstance(echo_s, int | float) and _LONG_ECHO_S <= echo_s < 1
    if modality.startswith("T1w") and is_long:
        return f"its name says {modality}, but its sidecar has an echo time of {echo_s:g} s: look at it"
    return None


def _by_words(values: Mapping[str, Any]) -> str | None:
    for name in _NAMING:
        words = values.get(name)
        if isinstance(words, str) and (kind := image_modality.modality_of_file_name(words)):
            return kind
    return None


def _agent(values: Mapping[str, Any]) -> str | None:
    for name in _AGENT:
        words = values.get(name)
        if isinstance(words, str) and words.strip().lower() not in _NO_AGENT:
            return as_unicode(words.strip())[:40]
    return None


def read(path: Path) -> dict[str, Any]:
    """Return the sidecar of an image; empty where there is none that can be read."""
    return _read_json(path.parent / f"{stem_of(path)}.json")


def _read_json(sidecar: Path) -> dict[str, Any]:
    """Return what a sidecar holds; empty also of one that is a link out of what may be read."""
    try:
        if sidecar.is_symlink() and allowed_roots.of_the_setting().reason(sidecar):
            return {}
        if sidecar.stat().st_size > _LARGEST_BYTES:
            return {}
        with files.open_file(sidecar) as file:
            values = files.parse_json(file.read(_LARGEST_BYTES).decode("utf-8", errors="replace"))
    except (OSError, ValueError):  # not there, not ours to read, or no JSON: the name alone tells
        return {}
    return values if isinstance(values, dict) else {}
