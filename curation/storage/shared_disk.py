"""Disks that several machines see: which kind of file system a path lies on."""

import os
from pathlib import Path

import psutil

#: File systems of a network or cluster, as kernels name them. Memory that processes share, which SQLite's
#: write-ahead log needs, reaches one machine only.
NETWORK_KINDS = frozenset(
    (
        *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "afpfs", "9p"),
        *("ceph", "lustre", "gpfs", "beegfs", "panfs", "glusterfs", "pvfs2", "orangefs"),
        *("ocfs2", "gfs", "gfs2", "davfs", "webdav", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph"),
        *("fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.beegfs", "fuse.davfs2"),
    )
)


def network_kind(path: Path) -> str | None:
    """Return the kind of network or cluster file system that a path lies on; ``None`` on a disk of its own.

    Parameters
    ----------
    path : Path
        Need not be there.
    """
    place = Path(os.path.realpath(path))
    mounts = (
        each for each in psutil.disk_partitions(all=True) if place.is_relative_to(each.mountpoint)
    )
    # of several at one place the last one mounted is what one sees
    found = max(enumerate(mounts), key=lambda one: (len(one[1].mountpoint), one[0]), default=None)
    kind = found[1].fstype if found else ""
    return kind if kind in NETWORK_KINDS else None
