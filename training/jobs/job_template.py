"""Template process of a study's jobs: it has imported what they need, and each is a fork of it.

Started by :mod:`training.jobs.warm_start`, which says why.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import NoReturn

from training.jobs import worker

_STOPS = (signal.SIGTERM, signal.SIGINT)


def _serve(listening: int) -> int:
    """Fork a process for each job that is asked for, until the supervisor ends."""
    for number in (*_STOPS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_IGN)  # a stop is for the jobs, and none stays a zombie
    with socket.socket(fileno=listening) as listener:
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            connection = listener.accept()[0]
            signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)  # one that comes now is the job's too
            if os.fork() == 0:
                listener.close()
                _end(_do(connection))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            connection.close()
            _import_torch()  # what comes first, preparing volumes, needs none
        address = Path(listener.getsockname())
    with contextlib.suppress(OSError):  # the supervisor was killed: nobody else tidies up
        address.unlink()
        address.parent.rmdir()
    return 0


def _import_torch() -> None:
    from training.jobs import monitoring  # noqa: F401
    from training.tasks import finetune, pretrain  # noqa: F401


def _do(connection: socket.socket) -> int:
    """Do the job that a client asks for, in a process that was forked for it."""
    for number in (*_STOPS, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    request, outputs, _, _ = socket.recv_fds(connection, 2**16, 2)
    for place, output in enumerate([os.open(os.devnull, os.O_RDONLY), *outputs]):
        os.dup2(output, place)
        os.close(output)
    os.register_at_fork(after_in_child=connection.close)  # its end is to mean that of this process
    threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
    connection.send(b"begun")
    status = worker.main(json.loads(request))
    with contextlib.suppress(OSError):  # the client was killed
        connection.send(bytes([status]))
    return status


def _end(status: int) -> NoReturn:
    """End this process at once: freeing what the template imported, a copy by then, takes a second or two."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _end_with(client: socket.socket) -> None:
    """Stop the job politely once its client was asked to stop, or is gone."""
    client.recv(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(_serve(int(sys.argv[1])))
