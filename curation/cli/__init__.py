"""Commands of ``python -m curation``."""
