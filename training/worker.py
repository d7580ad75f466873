"""Jobs of a study that was started before 0.4.1 and still runs: its supervisor names them by this module."""

import sys

from training.jobs.worker import main

if __name__ == "__main__":
    sys.exit(main())
