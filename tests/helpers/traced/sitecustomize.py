"""Writes down, and refuses, every connection of a Python process to anything but this machine.

Python imports a module of this name by itself where its folder lies on PYTHONPATH; processes that a traced
process starts are traced with it. Nothing leaves the machine on its account: what is asked for is refused.
"""

import ipaddress
import os
import sys
from pathlib import Path

LOG_VARIABLE = "TIERSCOPE_TRACE"
_HOST_FIRST = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_ADDRESS_SECOND = ("socket.connect", "socket.sendto", "socket.sendmsg")


def _is_here(host: object) -> bool:
    name = os.fsdecode(host) if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        return False


def _watch(event: str, given: tuple) -> None:
    if event in _HOST_FIRST:
        host = given[0]
    elif event in _ADDRESS_SECOND and isinstance(given[1], tuple):
        host = given[1][0]
    else:
        return
    if not _is_here(host):
        with Path(os.environ[LOG_VARIABLE]).open("a") as log:
            log.write(f"{event} {host}\n")
        raise PermissionError(f"traced: {event} {host}")


if LOG_VARIABLE in os.environ:
    sys.addaudithook(_watch)
