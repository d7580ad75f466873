"""Command line of the training side: ``python -m training COMMAND --workspace W``."""

import sys

from curation.cli import framework
from training.cli import demo, export, launch, power, studies, world

#: In the order of the help.
COMMANDS = (
    power.POWER_COMMAND,
    launch.COST_COMMAND,
    launch.LAUNCH_COMMAND,
    *studies.COMMANDS,
    export.EXPORT_COMMAND,
    export.PREPARE_COMMAND,
    export.RECONSTRUCT_COMMAND,
    export.REPORT_COMMAND,
    world.WORLD_COMMAND,
    demo.DEMO_COMMAND,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of ours is one sentence and exit status 2."""
    parser = framework.parser("python -m training", __doc__, COMMANDS)
    return framework.run(
        parser, arguments, "A study that was started goes on; stop it with 'stop'."
    )


if __name__ == "__main__":
    sys.exit(main())
