"""Random controls as cohorts of their own: as large, as old and from the same sites (or sources) as tiers."""

from curation import cohort_flow, cohort_lists, cohorts, matching
from curation.cohorts import Cohort
from curation.errors import CohortError
from curation.workspace import Workspace


def draw_control(
    workspace: Workspace,
    cohort_id: str,
    tiers: tuple[str, ...],
    *,
    seed: int,
    author: str,
    name: str = "",
) -> Cohort:
    """Freeze a random sample of a cohort that matches some of its tiers, see :func:`curation.matching.draw`.

    Parameters
    ----------
    workspace : Workspace
        Where the cohort is and the control will be.
    cohort_id : str
        What is drawn from; its unusable scans are not.
    tiers : tuple of str
        Tiers of the cohort that the control matches; it is drawn from all tiers, these included.
    seed : int
        0 or more; kept with the control. The same seed draws the same control.
    author : str
        Who decides.
    name : str
        ``control-TIERS-of-COHORT-seed-SEED`` by default.

    Returns
    -------
    Cohort
        Its ``drawn`` says from which cohort, for which tiers and with which seed.

    Raises
    ------
    CohortError
        When there is no such cohort or tier, its tiers have nobody or are all there is, or the seed makes no
        sense.
    """
    source = cohorts.load(workspace, cohort_id)
    pool = cohort_lists.included(source.scans)
    members = pool["tier"].isin(tiers).to_numpy()
    _check(source, tiers, seed, int(members.sum()), len(pool))
    drawn = pool[pool["scan_id"].isin(matching.draw(pool, members, seed))]
    found = drawn["tier"].value_counts()
    return cohorts.store(
        workspace,
        cohort_lists.to_tsv(drawn, source.rule),
        name=name.strip() or f"control-{'-'.join(tiers)}-of-{source.name}-seed-{seed}",
        author=author,
        rule=source.rule,
        role=source.role,
        reference=source.reference,
        counts={tier: int(found.get(tier, 0)) for tier in source.rule.names},
        images_only=source.images_only,
        flow=cohort_flow.of_draw(f"Cohort {source.id}, in tiers", pool, drawn, source.rule.names),
        drawn={"cohort": source.id, "tiers": list(tiers), "seed": seed},
    )


def _check(cohort: Cohort, tiers: tuple[str, ...], seed: int, members: int, size: int) -> None:
    unknown = [tier for tier in tiers if tier not in cohort.rule.names]
    if not tiers or unknown:
        raise CohortError(
            f"A control matches tiers of its cohort, {', '.join(cohort.rule.names)}; "
            f"{', '.join(unknown) or 'none'} came."
        )
    if seed < 0:
        raise CohortError(f"A seed is a whole number of 0 or more, not {seed}.")
    if not 0 < members < size:
        what = "have nobody" if not members else "are all there is, so there is nothing to draw"
        raise CohortError(f"The tiers {', '.join(tiers)} of cohort {cohort.id} {what}.")
