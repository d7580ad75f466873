"""Variables by which torchrun or Slurm tell a process that it is one of several, on one machine or on more.

Only read here: no torch is needed to know which process writes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from curation.errors import StudyError


@dataclass(frozen=True)
class Launched:
    """Which of several processes this one is.

    Parameters
    ----------
    by : {'torchrun', 'slurm'}
        Whose variables told it.
    rank, world : int
        Number of this process, from 0, and how many there are.
    local : int
        How many there are on each machine.
    """

    by: Literal["torchrun", "slurm"]
    rank: int
    world: int
    local: int

    @property
    def nodes(self) -> int:
        """Machines, each with as many processes."""
        return self.world // self.local


def launched(variables: Mapping[str, str] | None = None) -> Launched | None:
    """Return which of several processes this one is; none where it is alone.

    Parameters
    ----------
    variables : mapping of str to str, optional
        The process's environment by default.

    Raises
    ------
    StudyError
        When the variables do not say it, or machines have unequal numbers of processes.

    Examples
    --------
    >>> launched({}) is None
    True
    >>> told = {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
    >>> launched(told).nodes
    2
    """
    told = os.environ if variables is None else variables
    try:
        if "TORCHELASTIC_RUN_ID" in told:
            local = int(told.get("LOCAL_WORLD_SIZE", "1"))
            found = Launched("torchrun", int(told["RANK"]), int(told["WORLD_SIZE"]), local)
        elif int(told.get("SLURM_STEP_NUM_TASKS", "1")) > 1:  # srun sets it, no batch script
            world, nodes = int(told["SLURM_NTASKS"]), int(told["SLURM_NNODES"])
            local = world // nodes if world % nodes == 0 else 0
            found = Launched("slurm", int(told["SLURM_PROCID"]), world, local)
        else:
            return None
    except (KeyError, ValueError) as error:
        raise StudyError(
            f"The variables that torchrun or Slurm set do not say which process this is ({error}). Start it "
            "with torchrun or srun, or without them."
        ) from error
    if found.world == 1:
        return None
    if found.local < 1 or found.world % found.local:
        raise StudyError(
            f"{found.world} processes were not spread evenly over the machines. Give each machine as many "
            "(--nproc-per-node, --ntasks-per-node)."
        )
    return found
