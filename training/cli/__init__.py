"""Commands of ``python -m training``."""
