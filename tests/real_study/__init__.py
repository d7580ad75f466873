"""The question of the paper on real people, from images to a page of the documentation: ``make study``."""
