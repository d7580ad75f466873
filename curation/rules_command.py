"""The command ``rules``: saved tier rules from the command line."""

import argparse
import getpass
from pathlib import Path

from curation import rule_text, rule_versions
from curation.command_line import Command
from curation.errors import RuleError
from curation.workspace import Workspace


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
        rule_text.read(chosen.save)  # names file and line of what is wrong
        text = chosen.save.read_text(encoding="utf-8-sig")
        saved = rule_versions.save(workspace, chosen.name, text, chosen.author)
        print(f"{saved.label}: {saved.hash}")
    else:
        print(rule_versions.load(workspace, chosen.name, chosen.version).text, end="")
    return 0


COMMAND = Command("rules", "list the saved rules; print one as YAML; save one", run, add_options)
