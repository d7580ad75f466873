"""Durations in words."""


def in_words(seconds: float) -> str:
    """Return a time span, in seconds, in words.

    Examples
    --------
    >>> in_words(42), in_words(180), in_words(7500)
    ('42 s', '3 min', '2 h 05 min')
    """
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
