"""Tier rules as YAML, written and read, with the line of an error."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import yaml

from curation.errors import RuleError
from curation.storage import files, tag_columns
from curation.tiers import rule_checks, rule_columns
from curation.tiers.rule_checks import UNUSABLE, WITH_TAG, WITHOUT_TAG, Gate
from curation.tiers.rule_columns import SCORE, plain
from curation.tiers.tier_rule import TierRule

MAX_LENGTH = 100_000
_KEYS = ("column", "tiers", "cutoffs", "by_site", "gates")
_WITH, _WITHOUT = "with_tag", "without_tag"
_GATE_KEYS = ("column", "above", "below", _WITH, _WITHOUT, "tier")


def parse(text: str) -> TierRule:
    """Read a rule.

    Parameters
    ----------
    text : str
        YAML with ``tiers`` (best to worst), ``cutoffs`` (best to worst), and, where wanted, ``column`` (the
        distortion score by default), ``by_site`` (site: cut-offs) and ``gates`` (each with ``column``,
        ``above`` or ``below``, or with ``with_tag`` or ``without_tag``, and ``tier``, by default
        ``unusable``). See :func:`to_yaml` for its looks.

    Returns
    -------
    TierRule

    Raises
    ------
    RuleError
        With the line where the text makes no sense, and why.
    """
    if len(text) > MAX_LENGTH:
        raise RuleError(f"A rule is a short text; this one has {len(text):,} letters.")
    parts = _mapping(_compose(text), _KEYS, "a rule")
    for key, example in (("tiers", "[A, B, C]"), ("cutoffs", "[25, 50]")):
        if key not in parts:
            raise RuleError(f"The rule has no {key}: write '{key}: {example}'.")
    column = SCORE
    if "column" in parts:
        column = _text(parts["column"])
    with _at(parts.get("column")):
        rule_column = rule_checks.check_column(column)
    with _at(parts["tiers"]):
        names = tuple(map(_text, _list(parts["tiers"], "tiers")))
        rule_checks.check_names(names)
    with _at(parts["cutoffs"]):
        cutoffs = _numbers(parts["cutoffs"])
        rule_checks.check_cutoffs(names, cutoffs, rule_column)
    by_site = {}
    for site, node in _sites(parts.get("by_site")).items():
        with _at(node):
            by_site[site] = _numbers(node)
            rule_checks.check_cutoffs(names, by_site[site], rule_column, site)
    gates = _gates(parts.get("gates"), names)
    return TierRule(names, cutoffs, column, gates, by_site)


def read(path: Path) -> TierRule:
    """Read the rule of a file.

    Raises
    ------
    RuleError
        When there is none, it is no text, or it makes no sense, with file and line.
    """
    try:
        text = files.read_text(path, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{path} cannot be read as a rule ({error}). Name a YAML file.") from error
    try:
        return parse(text)
    except RuleError as error:
        raise RuleError(f"{path.name}: {error}") from error


def to_yaml(rule: TierRule) -> str:
    """Return a rule as text that people can read and change, and that :func:`parse` reads back.

    Parameters
    ----------
    rule : TierRule
        Any.

    Returns
    -------
    str
        The same for the same rule, to the byte.
    """
    rule_column = rule.rule_column
    unit = f"{rule_column.unit}; " if rule_column.unit else ""
    begins = ", ".join(
        f"{name} begins at {plain(cut)}"
        for name, cut in zip(rule.names[1:], rule.cutoffs, strict=True)
    )
    lines = [
        "# Sorts scans into quality tiers. A scan exactly on a cut-off goes to the worse tier.",
        f"column: {rule.column}  # {unit}{rule_column.direction}",
        f"tiers: {_flow(rule.names)}  # best to worst",
        f"cutoffs: {_cuts(rule.cutoffs)}  # {_comment(begins)}",
    ]
    if rule.by_site:
        lines.append("by_site:  # cut-offs of single sites, in the place of those above")
        lines += [f"  {_scalar(site)}: {_cuts(cuts)}" for site, cuts in rule.by_site.items()]
    if rule.gates:
        lines.append("gates:  # whatever the cut-offs say; of several the worst tier counts")
        lines += [f"  - {_gate_text(gate)}" for gate in rule.gates]
    return "\n".join(lines) + "\n"


# ---- writing -----------------------------------------------------------------------------------------


def _flow(texts: tuple[str, ...]) -> str:
    """Return a list of texts in one line, quoted where YAML would misread them."""
    return f"[{', '.join(map(_scalar, texts))}]"


def _scalar(text: str) -> str:
    dumped = yaml.safe_dump([text], default_flow_style=True, allow_unicode=True, width=10**6)
    return dumped.strip()[1:-1]


def _cuts(cutoffs: tuple[float, ...]) -> str:
    return f"[{', '.join(map(plain, cutoffs))}]"


def _gate_text(gate: Gate) -> str:
    if gate.tag is not None:
        said = _WITH if gate.above is not None else _WITHOUT
        return f"{{{said}: {_scalar(gate.tag)}, tier: {_scalar(gate.tier)}}}"
    side = "above" if gate.above is not None else "below"
    return f"{{column: {gate.column}, {side}: {plain(gate.limit)}, tier: {_scalar(gate.tier)}}}"


def _comment(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


# ---- reading -----------------------------------------------------------------------------------------


def _compose(text: str) -> yaml.Node:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise RuleError(f"This is not valid YAML: {said}.", mark and mark.line + 1) from error
    except RecursionError as error:
        raise RuleError("This is not a rule: its parts lie too deep in each other.") from error
    if node is None:
        raise RuleError("The rule is empty. Write 'tiers: [A, B, C]' and 'cutoffs: [25, 50]'.")
    return node


@contextlib.contextmanager
def _at(node: yaml.Node | None) -> Iterator[None]:
    """Say in an error of the block which line it is about."""
    try:
        yield
    except RuleError as error:
        if node is None or error.line is not None:
            raise
        raise RuleError(str(error), _line(node)) from error


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _mapping(node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
    """Return the parts of a mapping, refusing other nodes, unknown keys and repeated ones."""
    if not isinstance(node, yaml.MappingNode):
        raise RuleError(f"Here {what} is expected, with {', '.join(known)}.", _line(node))
    parts: dict[str, yaml.Node] = {}
    for key, value in _pairs(node):
        if key.value not in known:
            near = rule_columns.closest(str(key.value), known, f"; {what} has {', '.join(known)}.")
            raise RuleError(f"{key.value!r} is no part of {what}{near}", _line(key))
        parts[key.value] = value
    return parts


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    seen = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RuleError("A name is expected before the colon.", _line(key))
        if key.value in seen:
            raise RuleError(f"{key.value!r} is said twice.", _line(key))
        seen.add(key.value)
        yield key, value


def _list(node: yaml.Node, what: str) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise RuleError(f"Here a list of {what} is expected, in square brackets.", _line(node))
    return list(node.value)


def _text(node: yaml.Node) -> str:
    """Return a text as it is written: NO is a site in Norway, 001 keeps its zeros."""
    if not isinstance(node, yaml.ScalarNode) or not node.value:
        raise RuleError("Here a name is expected.", _line(node))
    return str(node.value)


def _number(node: yaml.Node) -> float:
    if isinstance(node, yaml.ScalarNode):
        if node.value in ("", "~", "null"):
            raise RuleError("A number is missing here.", _line(node))
        with contextlib.suppress(ValueError):
            return float(node.value.replace("_", "?"))
    raise RuleError(f"Here a number is expected, not {_shown(node)}.", _line(node))


def _shown(node: yaml.Node) -> str:
    return repr(node.value[:40]) if isinstance(node, yaml.ScalarNode) else "a list"


def _numbers(node: yaml.Node) -> tuple[float, ...]:
    return tuple(map(_number, _list(node, "cut-offs")))


def _sites(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise RuleError("Under by_site, each line is 'SITE: [cut-offs]'.", _line(node))
    return {_text(key): value for key, value in _pairs(node)}


def _gates(node: yaml.Node | None, names: tuple[str, ...]) -> tuple[Gate, ...]:
    gates: list[Gate] = []
    for item in [] if node is None else _list(node, "gates"):
        with _at(item):
            gate = _gate(item)
            rule_checks.check_gate(gate, names)
            rule_checks.check_overlaps([*gates, gate], names)
        gates.append(gate)
    return tuple(gates)


def _gate(node: yaml.Node) -> Gate:
    parts = _mapping(node, _GATE_KEYS, "a gate")
    tier = _text(parts["tier"]) if "tier" in parts else UNUSABLE
    if said := [key for key in (_WITH, _WITHOUT) if key in parts]:
        if len(set(parts) - {"tier"}) > 1:
            raise RuleError(f"A gate with {said[0]} has a tier besides, nothing else.", _line(node))
        return _tag_gate(_text(parts[said[0]]), tier, there=said[0] == _WITH)
    if "column" not in parts:
        raise RuleError(
            "The gate has no column: say which score or metric it looks at.", _line(node)
        )
    limits = {side: _number(parts[side]) for side in ("above", "below") if side in parts}
    return Gate(_text(parts["column"]), **limits, tier=tier)


def _tag_gate(tag: str, tier: str, *, there: bool) -> Gate:
    if not tag_columns.is_tag(tag):
        raise RuleError(f"{tag!r} can be no tag.")
    above, below = WITH_TAG if there else WITHOUT_TAG
    return Gate(tag_columns.column_of(tag), above=above, below=below, tier=tier)
