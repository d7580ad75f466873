"""Command line of the curation side: ``python -m curation COMMAND --workspace W``."""

import sys

from curation.cli import (
    assess,
    audit,
    cohorts,
    describe_metrics,
    dicom,
    faces,
    framework,
    interchange,
    people,
    sources,
    tags,
    upkeep,
    workspaces,
)

#: In the order of the help.
COMMANDS = (
    sources.INGEST_COMMAND,
    dicom.COMMAND,
    people.COMMAND,
    assess.COMMAND,
    *interchange.MRIQC_COMMANDS,
    interchange.JOIN_COMMAND,
    *interchange.RATING_COMMANDS,
    describe_metrics.COMMAND,
    *cohorts.COMMANDS,
    cohorts.COMMAND,
    tags.COMMAND,
    audit.COMMAND,
    *upkeep.COMMANDS,
    *faces.COMMANDS,
    workspaces.DATABASE_COMMAND,
    workspaces.SHARE_COMMAND,
    workspaces.DEMO_COMMAND,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of ours is one sentence and exit status 2."""
    parser = framework.parser("python -m curation", __doc__, COMMANDS)
    return framework.run(
        parser, arguments, "What was finished is kept; run the same command to go on."
    )


if __name__ == "__main__":
    sys.exit(main())
