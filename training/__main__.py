"""Command line of the training side: ``python -m training COMMAND --workspace W``."""

import sys

from curation import command_line
from training import (
    export_command,
    launch_command,
    reconstruct_command,
    report_command,
    study_commands,
)

#: In the order of the help.
COMMANDS = (
    launch_command.COMMAND,
    *study_commands.COMMANDS,
    export_command.EXPORT_COMMAND,
    reconstruct_command.COMMAND,
    report_command.REPORT_COMMAND,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of ours is one sentence and exit status 2."""
    parser = command_line.parser("python -m training", __doc__, COMMANDS)
    return command_line.run(
        parser, arguments, "A study that was started goes on; stop it with 'stop'."
    )


if __name__ == "__main__":
    sys.exit(main())
