import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from curation.storage import files, processes
from curation.storage.processes import Process
from tests.helpers.paths import ROOT


def _start(tmp_path: Path, code: str) -> Process:
    return processes.start(
        [sys.executable, "-c", code], log=tmp_path / "log.txt", state=tmp_path / "state.json"
    )


def _wait_until(condition, timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_started_task_is_running_until_it_is_stopped(tmp_path: Path) -> None:
    process = _start(tmp_path, "import time; time.sleep(60)")
    assert processes.running(tmp_path / "state.json") == process
    processes.stop(process)
    assert processes.running(tmp_path / "state.json") is None


def test_a_task_that_ended_is_not_running_even_as_a_zombie(tmp_path: Path) -> None:
    process = _start(tmp_path, "pass")
    assert _wait_until(lambda: not process.alive())


def test_what_a_task_prints_is_in_its_log(tmp_path: Path) -> None:
    process = _start(tmp_path, "import sys; print('out'); print('err', file=sys.stderr)")
    assert _wait_until(lambda: not process.alive())
    assert set((tmp_path / "log.txt").read_text().split()) == {"out", "err"}


def test_another_process_under_a_reused_id_is_not_taken_for_the_task(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    files.write_json(state, {"command": [], "pid": os.getpid(), "started": time.time() - 1e6})
    assert processes.running(state) is None


def test_a_clock_that_is_set_ends_no_task(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    process = _start(tmp_path, "import time; time.sleep(60)")
    noted = files.read_json(state)
    files.write_json(state, noted | {"started": noted["started"] - 3600})
    assert processes.running(state) is not None
    processes.stop(process)
    assert processes.running(state) is None


def test_after_a_reboot_nothing_is_running_whatever_the_ids_and_times(tmp_path: Path) -> None:
    state, own = tmp_path / "state.json", Process.of(os.getpid())
    earlier = "00000000-0000-0000-0000-000000000000/" + own.boot.partition("/")[2]
    files.write_json(state, {"command": [], **vars(own)})
    assert processes.running(state) == own
    files.write_json(state, {"command": [], **vars(own), "boot": earlier})
    assert processes.running(state) is None


def test_a_task_of_another_machine_is_not_looked_for_here(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    own = vars(Process.of(os.getpid()))
    files.write_json(state, {"command": [], "host": "elsewhere", **own})
    assert processes.running(state) is None


def test_stopping_ends_the_children_too(tmp_path: Path) -> None:
    note = tmp_path / "child"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    process = _start(tmp_path, code)
    assert _wait_until(lambda: note.exists() and note.read_text())
    child = Process.of(int(note.read_text()))
    processes.stop(process)
    assert _wait_until(lambda: not child.alive())


def test_a_task_that_ignores_a_polite_stop_is_ended_by_force(tmp_path: Path) -> None:
    note = tmp_path / "ready"
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(note)!r}, 'w').close()\n"
        "time.sleep(60)"
    )
    process = _start(tmp_path, code)
    assert _wait_until(note.exists)
    alive: list[bool] = []
    processes.stop(process, grace_s=0.3, meanwhile=lambda: alive.append(process.alive()))
    assert not process.alive()
    assert alive[0]  # who waits is told so while it lasts


def test_no_state_file_is_not_running(tmp_path: Path) -> None:
    assert processes.running(tmp_path / "absent.json") is None


def test_a_task_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from curation.storage import processes as background\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "background.start([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " log=folder / 'log', state=folder / 'state.json')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    process = processes.running(tmp_path / "state.json")
    assert process is not None
    processes.stop(process)


def test_a_process_that_notes_itself_is_running_until_its_block_ends(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with processes.noted(state):
        assert processes.running(state) == Process.of(os.getpid())
    assert processes.running(state) is None


def test_a_note_of_another_live_process_stays(tmp_path: Path) -> None:
    process = _start(tmp_path, "import time; time.sleep(60)")
    with processes.noted(tmp_path / "state.json"):
        assert processes.running(tmp_path / "state.json") == process
    assert processes.running(tmp_path / "state.json") == process
    processes.stop(process)


def test_stopping_a_task_from_a_terminal_spares_its_group(tmp_path: Path) -> None:
    note = tmp_path / "child"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    task = subprocess.Popen([sys.executable, "-c", code])  # in the group of these tests
    assert _wait_until(lambda: note.exists() and note.read_text())
    child = Process.of(int(note.read_text()))
    processes.stop(Process.of(task.pid))
    assert task.wait(10) != 0
    assert _wait_until(lambda: not child.alive())


_POOL = """
import os, time
from curation.storage import processes

def pid(_):
    time.sleep(1)
    return os.getpid()

if __name__ == "__main__":
    with processes.workers(2, spawned=SPAWNED) as pool:
        print(*set(pool.map(pid, range(2))), flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("spawned", [True, False])
def test_workers_end_with_their_parent_even_when_it_is_killed(
    tmp_path: Path, spawned: bool
) -> None:
    script = tmp_path / "pool.py"
    script.write_text(_POOL.replace("SPAWNED", str(spawned)))
    command = [sys.executable, str(script)]
    parent = subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], 20
    )
    assert not alive


def _doubled(number: int) -> int:
    return 2 * number


def test_tasks_are_made_as_they_are_needed_not_all_at_once() -> None:
    made = []

    def tasks() -> Iterator[int]:
        for number in range(40):
            made.append(number)
            yield number

    ahead = [len(made) - at for at, _ in enumerate(processes.in_parallel(_doubled, tasks(), 1))]
    assert len(ahead) == 40
    assert max(ahead) <= 8
    assert sorted(processes.in_parallel(_doubled, iter(range(9)), 2)) == [*range(0, 18, 2)]
    assert list(processes.in_parallel(_doubled, [], 2)) == []


@pytest.mark.parametrize(
    "noted",
    [
        {"pid": -1, "started": 1.0},
        {"pid": 2**40, "started": 1.0},
        {"pid": True, "started": 1.0},
        {"pid": 1, "started": "x"},
        {"pid": 1, "started": 1.0, "host": []},
        {"pid": 1, "started": 1.0, "boot": 3},
    ],
)
def test_a_note_that_names_no_process_is_as_if_it_were_not_there(
    noted: dict, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    files.write_json(path, noted)
    assert processes.read_note(path) == {} and processes.running(path) is None
