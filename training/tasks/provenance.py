"""What a run was trained with, for its result: size of the network, processor, revision of the code."""

import os
import platform
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import nn

_CPUINFO = Path("/proc/cpuinfo")
_CHECKOUT = Path(__file__).parents[2]
_HASH_LENGTH = 10
#: So long git may look through the checkout, s.
_PATIENCE_S = 20.0


def facts(model: nn.Module) -> dict[str, Any]:
    """Return parameters, processor, cores, revision, and whether it was changed, as they are stored."""
    return {
        "parameters": sum(one.numel() for one in model.parameters() if one.requires_grad),
        "processor": processor(),
        "cores": os.cpu_count(),
        "revision": revision(_CHECKOUT),
        "changed": changed(_CHECKOUT),
    }


@lru_cache(maxsize=1)
def processor(cpuinfo: Path = _CPUINFO) -> str:
    """Return the processor's name as the system tells it, else its architecture."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(filter(None, names), platform.machine())


def revision(checkout: Path) -> str | None:
    """Return the commit that is checked out; ``None`` where there is no checkout of git."""
    try:
        folder = checkout / ".git"
        if folder.is_file():  # a worktree: the file names its folder
            folder = Path(folder.read_text(encoding="utf-8").removeprefix("gitdir:").strip())
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref:"):
            head = _of_ref(folder, head.removeprefix("ref:").strip())
    except OSError:
        return None
    return head[:_HASH_LENGTH] or None


def changed(checkout: Path) -> bool | None:
    """Return whether the checkout has changes that were not committed; ``None`` where git does not tell."""
    if not (checkout / ".git").exists():
        return None
    asked = ["git", "--no-optional-locks", "-C", str(checkout), "status", "--porcelain"]
    try:
        told = subprocess.run(asked, capture_output=True, timeout=_PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(told.stdout.strip())


def _of_ref(folder: Path, ref: str) -> str:
    """Return the commit of a branch, which lies in a file of its own or in a list of all."""
    common = folder / "commondir"
    if common.exists():
        folder = (folder / common.read_text(encoding="utf-8").strip()).resolve()
    if (folder / ref).exists():
        return (folder / ref).read_text(encoding="utf-8").strip()
    packed = (folder / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), "")
