"""Command line of the curation side: ``python -m curation COMMAND --workspace W``."""

import sys

from curation import (
    assess_command,
    cohort_command,
    command_line,
    database_command,
    demo_command,
    ingest_command,
    metrics_page,
    people_command,
    ratings_command,
    rules_command,
    tables_command,
)

#: In the order of the help.
COMMANDS = (
    ingest_command.INGEST_COMMAND,
    people_command.PEOPLE_COMMAND,
    assess_command.COMMAND,
    *tables_command.MRIQC_COMMANDS,
    *ratings_command.RATING_COMMANDS,
    metrics_page.COMMAND,
    *cohort_command.COMMANDS,
    rules_command.COMMAND,
    database_command.DATABASE_COMMAND,
    demo_command.DEMO_COMMAND,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of ours is one sentence and exit status 2."""
    parser = command_line.parser("python -m curation", __doc__, COMMANDS)
    return command_line.run(
        parser, arguments, "What was finished is kept; run the same command to go on."
    )


if __name__ == "__main__":
    sys.exit(main())
