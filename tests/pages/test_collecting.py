"""Garbage collection after each run of a page stays cheap: libraries are not visited again."""

import gc

from pages.ui.shell import frame


def test_after_a_pages_first_run_the_collector_passes_over_what_stays(full, run) -> None:
    gc.unfreeze()
    frame._collected.clear()  # another test may have been the first to open the page
    gc.collect()  # what earlier tests left does not stay
    known = len(gc.get_objects())
    run("review", full.workspace)
    assert gc.get_freeze_count() >= known / 2
    assert len(gc.get_objects()) < known / 2
