"""Commands on cohorts and rules, from ``tiers`` and ``freeze`` to ``export-cohort`` and ``rules``."""

import argparse
import getpass
import sys
from pathlib import Path

from curation.cli import framework
from curation.cli.framework import Command
from curation.cohorts import (
    cohort_diff,
    cohort_draft,
    cohort_export,
    cohort_integrity,
    flow_svg,
    frozen_cohort,
    matched_controls,
)
from curation.cohorts.cohort_draft import CohortDraft
from curation.cohorts.frozen_cohort import Cohort, CohortHeader, newest_pool
from curation.errors import CohortError, RuleError
from curation.sources import duplicates
from curation.storage import files, text_tables, typed_paths
from curation.storage.workspace import ROLES, Workspace
from curation.tiers import rule_versions, rule_yaml, tier_rule
from curation.tiers.rule_columns import plain
from curation.tiers.tier_rule import DEFAULT_RULE, TIER_NAMES, TierRule

_NO_SCORE = "None of these scans has a distortion score."


def add_tiers_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``tiers``."""
    command.add_argument("--rule", type=Path, required=True, help="the rule, a YAML file")
    command.add_argument("--out", type=Path, required=True, help="the TSV to write")
    command.add_argument("--flow", type=Path, help="write the flow chart too, as .svg or .txt")
    command.add_argument(
        "--expect",
        metavar="HASH",
        help="write nothing unless this is the list's hash; the id of a frozen cohort ends in its hash",
    )
    _add_scans(command)


def add_freeze_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``freeze``."""
    command.add_argument("name", help="name of the cohort")
    how = command.add_mutually_exclusive_group()
    how.add_argument("--rule", type=Path, help="the rule, a YAML file")
    how.add_argument(
        "--cutoffs",
        type=float,
        nargs="+",
        metavar="SCORE",
        help="rising cut-offs of the distortion score; without any rule a target takes that of the newest "
        f"pool cohort, a pool {', '.join(map(plain, DEFAULT_RULE.cutoffs))}",
    )
    _add_scans(command)
    _add_author(command)


def add_control_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``control``."""
    command.add_argument("cohort", help="id of a frozen cohort")
    command.add_argument("--tiers", nargs="+", required=True, help="tiers that the control matches")
    command.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    command.add_argument("--name", default="", help="name of the control")
    _add_author(command)


def add_check_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``check-cohort``."""
    command.add_argument("cohort", help="id of a frozen cohort")


def add_export_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``export-cohort``."""
    command.add_argument("cohort", help="id of a frozen cohort")
    command.add_argument(
        "--as", dest="kind", choices=list(cohort_export.EXPORT_FORMATS), default="bids"
    )
    command.add_argument(
        "--tier",
        dest="tiers",
        action="append",
        default=[],
        help="of a list or links: this tier alone (may be repeated)",
    )


def _add_scans(command: argparse.ArgumentParser) -> None:
    command.add_argument("--role", choices=list(ROLES), default="pool", help="which scans")
    command.add_argument(
        "--images-only",
        action="store_true",
        help="leave out scans of tables, which cannot be trained on",
    )
    command.add_argument(
        "--source",
        nargs="+",
        default=(),
        metavar="NAME",
        dest="sources",
        help="only scans of these sources (default: all of the role)",
    )


def _add_author(command: argparse.ArgumentParser) -> None:
    command.add_argument("--author", default=getpass.getuser(), help="who decides")


def run_tiers(chosen: argparse.Namespace) -> int:
    """Write the list that a rule makes: the same, to the byte, as the page freezes and downloads."""
    workspace = Workspace.open(chosen.workspace)
    rule = rule_yaml.read(chosen.rule)
    for path in filter(None, (chosen.out, chosen.flow)):
        _refuse_raw(workspace, path)
    if chosen.flow is not None and chosen.flow.suffix.lower() not in (".svg", ".txt"):
        raise CohortError(
            f"A flow chart is written as .svg or .txt; {chosen.flow.name} is neither."
        )
    draft = _draft(workspace, rule, chosen)
    _say(draft)
    if chosen.expect and chosen.expect.rpartition("-")[2] != draft.hash:
        raise CohortError(
            f"These scans and this rule give a list of hash {draft.hash}, not {chosen.expect}, so nothing "
            "was written. The rule, the scans, their scores or a decision by hand is another one; --role, "
            "--source and --images-only count too."
        )
    try:
        if chosen.flow is not None:
            files.write_text(chosen.flow, _flow(draft, chosen.flow.suffix.lower()))
        files.write_text(chosen.out, draft.text)
    except OSError as error:
        raise CohortError(f"{error.filename} cannot be written: {error.strerror}.") from error
    print("\n".join(draft.flow.lines()))
    print(f"{chosen.out}: {sum(draft.counts.values())} scans ({_counts(draft)})")
    print(draft.images.ranges_said or _NO_SCORE)
    print(f"hash {draft.hash}, rule {rule_versions.content_hash(rule)}")
    return 0


def _draft(workspace: Workspace, rule: TierRule, chosen: argparse.Namespace) -> CohortDraft:
    return cohort_draft.draft_cohort(
        workspace,
        chosen.role,
        rule,
        images_only=chosen.images_only,
        sources=chosen.sources,
    )


def run_freeze(chosen: argparse.Namespace) -> int:
    """Freeze a cohort."""
    workspace = Workspace.open(chosen.workspace)
    rule, said = _rule_to_freeze(workspace, chosen)
    draft = _draft(workspace, rule, chosen)
    _say(draft)
    cohort = frozen_cohort.freeze_draft(workspace, draft, name=chosen.name, author=chosen.author)
    print(f"{cohort.id}: {cohort.size} {cohort.role} scans ({_counts(cohort)}), by {said}")
    print(draft.images.ranges_said or _NO_SCORE)
    for note in duplicates.notes(workspace, set(cohort.scans["source"])):
        print(f"note: {note}", file=sys.stderr)
    return 0


def _rule_to_freeze(workspace: Workspace, chosen: argparse.Namespace) -> tuple[TierRule, str]:
    """Return the rule that was asked for, else the usual one, and where it comes from."""
    if chosen.rule is not None:
        return rule_yaml.read(chosen.rule), f"the rule in {chosen.rule.name}"
    if chosen.cutoffs:
        rule = TierRule(TIER_NAMES[: len(chosen.cutoffs) + 1], tuple(chosen.cutoffs))
        return rule, "the cut-offs given"
    pool = newest_pool(frozen_cohort.list_cohorts(workspace))
    if chosen.role == "target" and pool is not None:
        return pool.rule, f"the rule of the newest pool cohort {pool.id}: {pool.rule.brief()}"
    return DEFAULT_RULE, f"the usual rule: {DEFAULT_RULE.brief()}"


def _say(draft: CohortDraft) -> None:
    """Print warnings."""
    for doubt in draft.doubts:
        print(f"note: {doubt.message}", file=sys.stderr)


def run_control(chosen: argparse.Namespace) -> int:
    """Draw and freeze a control."""
    control = matched_controls.draw_control(
        Workspace.open(chosen.workspace),
        chosen.cohort,
        tuple(chosen.tiers),
        seed=chosen.seed,
        author=chosen.author,
        name=chosen.name,
    )
    matched = matched_controls.matching_criteria(control.scans)
    print(f"{control.id}: {control.size} {control.role} scans ({_counts(control)})")
    print(f"of the same {matched.words} as the tiers {', '.join(chosen.tiers)}. {matched.note}")
    return 0


def run_check(chosen: argparse.Namespace) -> int:
    """Name the changed files of a cohort; exit status 1 where there are some."""
    workspace = Workspace.open(chosen.workspace)
    cohort = frozen_cohort.load(workspace, chosen.cohort)
    with framework.bar("looking") as progress:
        changed = cohort_integrity.changed_files(workspace, cohort, progress)
    for row in changed.itertuples():
        print(f"  {row.scan_id}: {row.reason}")
    print(f"{cohort.id}: {len(changed)} of {cohort.size - cohort.unusable} scans changed")
    return int(len(changed) > 0)


def run_export(chosen: argparse.Namespace) -> int:
    """Export a cohort."""
    workspace = Workspace.open(chosen.workspace)
    cohort = frozen_cohort.load(workspace, chosen.cohort)
    print(cohort_export.export(workspace, cohort, chosen.kind, chosen.tiers))
    return 0


def add_diff_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``diff-cohorts``."""
    command.add_argument("cohort", help="id of a frozen cohort")
    command.add_argument(
        "other", nargs="?", help="id of another one (default: what a rule makes today)"
    )
    command.add_argument(
        "--rule", type=Path, help="the rule of today, a YAML file (default: the cohort's own)"
    )
    command.add_argument("--out", type=Path, help="write every scan with its cause, a TSV")


def run_diff(chosen: argparse.Namespace) -> int:
    """Say which scans entered a cohort, left it or moved, and why."""
    workspace = Workspace.open(chosen.workspace)
    before = frozen_cohort.load(workspace, chosen.cohort)
    if chosen.other:
        after: Cohort | CohortDraft = frozen_cohort.load(workspace, chosen.other)
    else:
        rule = rule_yaml.read(chosen.rule) if chosen.rule else before.rule
        after = cohort_diff.today(workspace, before, rule)
    diff = cohort_diff.compare(workspace, before, after)
    print(diff.sentence())
    for cause, counts in diff.by_cause().items():
        told = ", ".join(f"{number} {change}" for change, number in counts.items() if number)
        print(f"  {cohort_diff.CAUSES[cause]}: {told}")
    if chosen.out:
        _refuse_raw(workspace, chosen.out)
        files.write_text(
            chosen.out, text_tables.csv(diff.in_words(), separator="\t", missing="n/a")
        )
    return 0


def _flow(draft: CohortDraft, suffix: str) -> str:
    if suffix == ".txt":
        return "\n".join(draft.flow.lines()) + "\n"
    return flow_svg.svg(draft.flow, tier_rule.colours(draft.rule))


def _refuse_raw(workspace: Workspace, path: Path) -> None:
    """Refuse to write among the data that the workspace only reads."""
    wanted = typed_paths.resolved(path)
    for source in workspace.sources():
        place = Path(source.path)
        if wanted == place or (place.is_dir() and wanted.is_relative_to(place)):
            raise CohortError(f"{path} lies in the source {source.name}, which is only read.")


def _counts(cohort: CohortHeader | CohortDraft) -> str:
    return ", ".join(f"{tier} {number}" for tier, number in cohort.counts.items())


COMMANDS = (
    Command(
        "tiers",
        "sort the scans of a role into tiers by a rule and write the list, nothing else",
        run_tiers,
        add_tiers_options,
    ),
    Command(
        "freeze",
        "freeze the scans of a role that have a tier as a cohort",
        run_freeze,
        add_freeze_options,
    ),
    Command(
        "control",
        "freeze a random sample of a cohort, matched to some tiers in size, age and site (or source)",
        run_control,
        add_control_options,
    ),
    Command(
        "check-cohort",
        "look whether the files of a cohort are still those that it was frozen with",
        run_check,
        add_check_options,
    ),
    Command(
        "diff-cohorts",
        "say which scans entered a cohort, left it or moved, and why: against another or today",
        run_diff,
        add_diff_options,
    ),
    Command(
        "export-cohort",
        "export a cohort; "
        + "; ".join(f"{kind}: {what}" for kind, what in cohort_export.EXPORT_FORMATS.items()),
        run_export,
        add_export_options,
    ),
)


def add_options(command: argparse.ArgumentParser) -> None:
    """Declare the options of ``rules``."""
    command.add_argument("name", nargs="?", help="print the newest version of this rule")
    command.add_argument("--version", type=int, help="print this version of it")
    command.add_argument(
        "--save", type=Path, metavar="FILE", help="save this YAML as its next version"
    )
    command.add_argument("--author", default=getpass.getuser(), help="who decides")


def run(chosen: argparse.Namespace) -> int:
    """List, print or save rules."""
    workspace = Workspace.open(chosen.workspace)
    if chosen.name is None:
        if chosen.save or chosen.version:
            raise RuleError("Name the rule.")
        for saved in rule_versions.list_rules(workspace):
            print(f"{saved.label}: {saved.hash}, {saved.author}, {saved.at:%Y-%m-%d %H:%M} UTC")
    elif chosen.save is not None:
        rule_yaml.read(chosen.save)  # names file and line of what is wrong
        text = files.read_text(chosen.save, encoding="utf-8-sig")
        saved = rule_versions.save(workspace, chosen.name, text, chosen.author)
        print(f"{saved.label}: {saved.hash}")
    else:
        print(rule_versions.load(workspace, chosen.name, chosen.version).text, end="")
    return 0


COMMAND = Command("rules", "list the saved rules; print one as YAML; save one", run, add_options)
