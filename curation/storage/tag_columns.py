"""Tags as columns of numbers: ``tag.WORD`` is 1 for scans that have the tag WORD, 0 for all others.

The name of one says all that a rule needs, so that a rule can be read where nobody has tagged anything.
"""

import re

MAX_TAG = 40
_PREFIX = "tag."
_WORD = re.compile(r"\w(?:[\w .+-]*[\w+])?")


def column_of(tag: str) -> str:
    """Return the column of a tag.

    >>> column_of("motion")
    'tag.motion'
    """
    return f"{_PREFIX}{tag}"


def tag_of(column: str) -> str | None:
    """Return the tag of a column; ``None`` where it is another's.

    >>> tag_of("tag.motion"), tag_of("certainty"), tag_of("tag. ")
    ('motion', None, None)
    """
    word = column.removeprefix(_PREFIX)
    return word if column.startswith(_PREFIX) and is_tag(word) else None


def is_tag(word: str) -> bool:
    """Return whether a word can be a tag: letters, digits, spaces and ``. _ + -``, 40 at most."""
    return len(word) <= MAX_TAG and _WORD.fullmatch(word) is not None
