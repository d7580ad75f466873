"""Modality of an image, by its name or by a table, and the modalities that are scored."""

import re
from collections.abc import Mapping

from curation.sources import scan_names

#: What the scores are made for, and what is scored unless a source asks for another.
SCORED = "T1w"
#: What a source may ask to have scored, with what it is.
KINDS: dict[str, str] = {
    "T1w": "T1-weighted",
    "T1w-ce": "T1-weighted with a contrast agent",
    "T2w": "T2-weighted",
    "FLAIR": "FLAIR",
    "PDw": "proton density",
    "T2starw": "T2*-weighted",
    "UNIT1": "MP2RAGE, the uniform image",
}
PET = "pet"
#: BIDS suffixes of images of a head that get a row. The last ones are parts of an MP2RAGE and maps.
ANATOMICAL = (
    *("T1w", "T2w", "FLAIR", "PDw", "T2starw", "PDT2", "inplaneT1", "inplaneT2", "angio", "pet"),
    *("UNIT1", "MP2RAGE", "T1map", "T2map", "T2starmap", "R1map", "PDmap"),
)

#: Which words in a loose file's name tell its kind, first match wins: a PET tells what it lies on.
WORDS = {
    PET: r"r?pet|fdg(?:-?pet)?|amyloid",
    "T1map": r"q?t1[-_ ]?map|qt1|r1map",
    "UNIT1": r"unit1|uni[-_ ]?den|mp2rage.*[-_ ]uni",
    "MP2RAGE": r"mp2rage|inv[-_ ]?[12]",
    "T1w": r"t1(?:w|ce|c|gd|[-_ ]?weighted)?|mprage|spgr|bravo",
    "T2starw": r"t2[-_ ]?star|t2\*|swi",
    "T2w": r"t2(?:w|[-_ ]?weighted)?(?![-_ ]?flair)",
    "FLAIR": r"(?:t2[-_ ]?)?flair",
    "dwi": r"dwi|dti|adc",
    "bold": r"bold|fmri",
    "PDw": r"pdw?",
}
#: What follows such a word is the space that an image was brought to, not what it is.
_BROUGHT_TO = r"(?<![a-z0-9])(?:to|in|on|onto|reg|coreg|registered|space)(?![a-z0-9])"
_AGENT = r"(?:contrast|gd|gad|gadolinium|ce|km)"
_WITHOUT = rf"(?<![a-z])(?:pre|no|non|without|before|ohne)[-_ ]?{_AGENT}(?![a-z0-9])"
#: Words for a contrast agent; short ones only after what says T1, as they may be somebody's initials.
_WITH = (
    rf"(?<![a-z])(?:post[-_ ]?{_AGENT}|contrast[-_ ]?enhanced|gadolinium|ce[-_ ]?t1w?)(?![a-z0-9])",
    r"(?<![a-z])(?:t1w?|mprage|spgr|bravo)(?:[-_ ].*?[-_ ]|[-_ ]?)m?(?:gd|gad|ce|km)(?![a-z0-9])",
    r"(?<![a-z])t1(?:c|\+c)(?![a-z0-9])",
)
#: Words of a table that tell nothing.
_ANY_KIND = ("mr", "mri", "anat", "anatomical", "structural", "smri", "nifti")


def modality_of_bids_name(suffix: str, entities: Mapping[str, str]) -> str | None:
    """Return the modality in a BIDS name; ``None`` where it is no image of a head.

    A T1w with a contrast agent (``ce-``) is ``T1w-ce``, its phase (``part-phase``) ``T1w-phase``.
    """
    if suffix not in ANATOMICAL:
        return None
    if suffix == "T1w" and entities.get("part", "mag") != "mag":
        return f"T1w-{entities['part']}"
    return f"{suffix}-ce" if suffix == "T1w" and "ce" in entities else suffix


def modality_of_file_name(stem: str) -> str | None:
    """Return the kind of image that a loose file's name tells, or ``None``."""
    suffix = stem.rsplit("_", 1)[-1]
    if "_" in stem and (bids := modality_of_bids_name(suffix, scan_names.entities(stem))):
        return "T1w-ce" if bids == "T1w" and _has_agent(stem) else bids
    kind = _first_word(stem)
    return "T1w-ce" if kind == "T1w" and _has_agent(stem) else kind


def _first_word(text: str) -> str | None:
    text = text.lower()
    if _says(text, WORDS[PET]):
        return PET
    for part in (re.split(_BROUGHT_TO, text)[0], text):
        for kind, words in WORDS.items():
            if _says(part, words):
                return kind
    return None


def _says(text: str, words: str) -> bool:
    return re.search(rf"(?<![a-z])(?:{words})(?![a-z0-9])", text) is not None


def _has_agent(text: str) -> bool:
    text = re.sub(_WITHOUT, " ", text.lower())
    return any(re.search(words, text) for words in _WITH)


def modality_of_table(text: str | None) -> str | None:
    """Return the kind of image that a table tells; ``None`` where it tells none.

    What is not understood is returned as it is written: it is then known not to be a T1w.
    """
    if text is None or text.lower() in _ANY_KIND:
        return None
    for kind in (*ANATOMICAL, *KINDS):
        if text.lower() == kind.lower():
            return kind
    return PET if text.lower() == "pt" else modality_of_file_name(text) or text


#: Words before a person's label that tell a visit or a kind of folder, and not whose label it is.
_TELLS_NOBODY = re.compile(
    r"(?:base(?:line)?|bl|follow[-_ ]?up|fu|visit|ses(?:sion)?|time[-_ ]?point|tp|wave|year|month|week|day|"
    r"run|scan|exam|pre|post|[vmywdt])?[-_ ]?\d{0,4}|(?:raw)?data|bids|images?|nii(?:gz)?|nifti|mri?|anat|"
    r"func|dwi|fmap|perf|orig|defaced",
)


def words_besides(place: str) -> tuple[str, ...]:
    """Return the words of a path that tell neither a kind of image nor a visit.

    Examples
    --------
    >>> words_besides("oslo/baseline/T1w"), words_besides("anat")
    (('oslo',), ())
    """
    return tuple(
        word
        for word in re.split(r"[/_\s]+", place)
        if not _TELLS_NOBODY.fullmatch(word.lower()) and modality_of_file_name(word) is None
    )


def status_of(kind: str, asked: str) -> str:
    """Return the status of a readable image: ``ok``, ``pet``, or ``other`` (not scored).

    Parameters
    ----------
    kind : str
        Of the image.
    asked : str
        What its source asks to have scored, one of :data:`KINDS`.
    """
    if kind == asked:
        return "ok"
    return "pet" if kind == PET else "other"


def counts_in_words(kinds: Mapping[str, int]) -> str:
    """Return counts of images by modality in words: ``2 T2w and 1 FLAIR``."""
    told = [f"{count:,} {'PET' if kind == PET else kind}" for kind, count in kinds.items()]
    return " and ".join([*filter(None, [", ".join(told[:-1])]), *told[-1:]])
