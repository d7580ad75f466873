"""A Slurm of one node for tests: this machine, with its state in a temporary folder, gone afterwards.

It needs root and Debian's packages ``slurmctld``, ``slurmd`` and ``munge``, but no systemd: the daemons are
started by hand. Meanwhile ``/etc/slurm/slurm.conf`` is a link into the folder, since Slurm's own variables do
not reach a job's steps; where there is such a file already, nothing is started. ``python -m
tests.helpers.slurm_cluster`` starts one to try things on, until Ctrl-C.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CONF = Path("/etc/slurm/slurm.conf")
_CONF = """
ClusterName=tierscope
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
KillWait=20
MinJobAge=300
SchedulerParameters=sched_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb} State=UNKNOWN
PartitionName={partition} Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
PARTITION = "tests"


def missing() -> str | None:
    """Return what is missing to start a Slurm, ``None`` where nothing is."""
    lacking = [name for name in DAEMONS if _program(name) is None]
    if lacking:
        return f"no {', '.join(lacking)} (Debian: apt-get install slurmctld slurmd munge)"
    if os.geteuid() != 0:
        return f"only root can write {CONF}"
    if CONF.exists():
        return f"{CONF} is there: this machine has a Slurm of its own, or another test uses it"
    return None


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass
class Cluster:
    """A Slurm that runs.

    Parameters
    ----------
    folder : Path
        Its configuration, state and logs.
    cores : int
        Processor cores that it gives away; they need not be there.
    """

    folder: Path
    cores: int
    daemons: list[subprocess.Popen] = field(default_factory=list, repr=False)

    def call(self, *command: str) -> str:
        """Run one of Slurm's commands and return what it says."""
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def jobs(self) -> list[str]:
        """Return the ids of the jobs that wait or run."""
        return self.call("squeue", "--noheader", "--format=%i").split()

    def start(self) -> None:
        """Start the daemons and wait until the node is ready."""
        self._write()
        self._daemon(
            "munged",
            "--foreground",
            "--force",
            f"--socket={self.folder}/munge.socket",
            f"--key-file={self.folder}/munge.key",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/munged.log",
            f"--seed-file={self.folder}/munged.seed",
        )
        self._wait(lambda: (self.folder / "munge.socket").exists())
        self._daemon("slurmctld", "-D", "-c")
        self._daemon("slurmd", "-D", "-N", socket.gethostname())
        self._wait(self._ready)

    def stop(self) -> None:
        """End all jobs, then the daemons."""
        with contextlib.suppress(subprocess.CalledProcessError):
            for job in self.jobs():
                self.call("scancel", job)
            self._wait(lambda: not self.jobs())
        for daemon in reversed(self.daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        if CONF.is_symlink() and CONF.readlink() == self.folder / "slurm.conf":
            CONF.unlink()

    def _write(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        text = _CONF.format(
            host=socket.gethostname(),
            user=_user(),
            folder=self.folder,
            cores=self.cores,
            controller_port=_free_port(),
            node_port=_free_port(),
            memory_mb=memory_mb // 2,
            partition=PARTITION,
        )
        (self.folder / "slurm.conf").write_text(text)
        CONF.parent.mkdir(parents=True, exist_ok=True)
        CONF.unlink(missing_ok=True)  # a link that leads nowhere
        CONF.symlink_to(self.folder / "slurm.conf")

    def _daemon(self, name: str, *arguments: str) -> None:
        program = _program(name)
        assert program is not None
        with (self.folder / f"{name}.out").open("wb") as output:
            self.daemons.append(
                subprocess.Popen(
                    [program, *arguments], stdout=output, stderr=output, start_new_session=True
                )
            )

    def _ready(self) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.call("sinfo", "--noheader", "--format=%t").strip() == "idle"
        return False

    def _wait(self, until, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            if time.monotonic() > deadline:
                raise RuntimeError("\n".join(p.read_text() for p in self.folder.glob("*.log")))
            time.sleep(0.2)


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def cluster(cores: int | None = None) -> Iterator[Cluster]:
    """Yield a Slurm that runs; see :func:`missing`."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: a socket's path has 108 characters
    folder.chmod(0o755)
    made = Cluster(folder, cores or os.cpu_count() or 1)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with cluster() as running:
        print(f"Slurm is ready, partition {PARTITION}; its logs: {running.folder}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
