"""Warm start of jobs on this machine: one template process imports what they need and forks each of them.

The imports of a run (torch, MONAI, Lightning) take seconds, which for a small network is most of its time. So
the supervisor of a study keeps a template. A job is still a process of its own: Snakemake starts a small
client, which hands its output over, asks for the job, and ends as the job ends; what stops or ends the client
stops the job. Where there is no template any more, the client becomes the job itself. The template is
:mod:`training.jobs.job_template`; nothing here may take time to import.

Not on a machine with GPUs: a process in which CUDA is in use cannot be forked, and a run takes long there.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_STOPS = (signal.SIGTERM, signal.SIGINT)
#: Lets memory be in large pages, which are looked up less often; said where glibc begins, or it is too late.
_LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


@contextlib.contextmanager
def template(arguments: list[str]) -> Iterator[Path]:
    """Keep a template process while the block runs.

    Parameters
    ----------
    arguments : list of str
        Workspace and study as options: processes of a study are known by them.

    Yields
    ------
    Path
        The socket that clients ask on, in a folder that only this user may enter.
    """
    with tempfile.TemporaryDirectory(prefix="tierscope-", ignore_cleanup_errors=True) as folder:
        address = Path(folder) / "jobs"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(str(address))
            listener.listen(128)  # before a client can ask
            number = listener.fileno()
            command = [sys.executable, "-m", "training.jobs.job_template", str(number), *arguments]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, pass_fds=[number], env=_LARGE_PAGES | os.environ
            )
        try:
            yield address
        finally:
            process.kill()  # the jobs that it forked go on
            process.communicate()


# ---- the client ----------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Have a job done by a fork of the template, or do it here; return its exit status.

    Parameters
    ----------
    arguments : list of str
        The template's socket, and the arguments of :mod:`training.jobs.worker`.
    """
    address, *job = arguments
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with contextlib.suppress(OSError):
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(job).encode()], [1, 2])
        if connection.recv(16):
            return _wait_for_the_end(connection)
    return os.execv(sys.executable, [sys.executable, "-m", "training.jobs.worker", *job])  # noqa: S606


def _wait_for_the_end(connection: socket.socket) -> int:
    def stop(*_: object) -> None:
        connection.shutdown(socket.SHUT_WR)

    for number in _STOPS:
        signal.signal(number, stop)
    status = connection.recv(1)
    connection.recv(1)  # nothing comes; it returns when the process is gone
    return status[0] if status else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
