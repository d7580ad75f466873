"""GPUs of this machine, from the driver's ``nvidia-smi``; without importing torch."""

import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

_FIELDS = "uuid,name,memory.used,memory.total,utilization.gpu"
_TIMEOUT_S = 10


@dataclass(frozen=True)
class Gpu:
    """Memory and usage of one GPU at one moment.

    Parameters
    ----------
    uuid, name : str
        Its identity.
    memory_used_mb, memory_total_mb : float or None
        Memory in use by all processes, and all there is, MiB; none where the driver does not say.
    use_percent : float or None
        Share of the last moment in which it computed; none where the driver does not say.
    """

    uuid: str
    name: str
    memory_used_mb: float | None
    memory_total_mb: float | None
    use_percent: float | None


def now() -> list[Gpu]:
    """Return the GPUs of this machine as they are now; none where there is no driver."""
    return [gpu for line in _ask(f"--query-gpu={_FIELDS}") if (gpu := _parsed(line))]


def used_by(pids: Collection[int]) -> list[Gpu]:
    """Return the GPUs that any of some processes of this machine computes on.

    In a container the driver may not know a process by the same id; then a machine's only GPU is it.
    """
    there = now()
    if len(there) < 2:
        return there
    pairs = [line.partition(",") for line in _ask("--query-compute-apps=gpu_uuid,pid")]
    known = set(map(str, pids))
    mine = {uuid.strip() for uuid, _, user in pairs if user.strip() in known}
    return [gpu for gpu in there if gpu.uuid in mine]


def _ask(query: str) -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, query, "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return said.stdout.splitlines() if said.returncode == 0 else []


def _parsed(line: str) -> Gpu | None:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != len(_FIELDS.split(",")):
        return None
    return Gpu(parts[0], parts[1], *map(_number, parts[2:]))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # [N/A], [Not Supported]
        return None


@lru_cache(maxsize=1)
def gpu_count() -> int:
    """Count the NVIDIA GPUs that the driver shows, once a process."""
    return len(_ask("--query-gpu=uuid"))
