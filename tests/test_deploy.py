"""What docs/server.md and ``deploy/`` say of an installation, tried as far as a test may."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from curation.storage.workspace import Workspace
from tests.helpers.paths import ROOT

DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "tierscope.service").read_text()
CONTAINER = (DEPLOY / "Containerfile").read_text()
#: The name to which the page in the image answers, unless another one is given.
NAME = CONTAINER.split("ENV ")[1].split("STREAMLIT_SERVER_ALLOWED_HOSTS=")[1].split()[0]
SERVER = (ROOT / "docs" / "server.md").read_text()
#: What ``systemd-analyze security`` gives the unit at most.
MOST_EXPOSED = 3.5


def _copied() -> list[str]:
    """Return what the image holds of the checkout."""
    return [line.split()[1] for line in CONTAINER.splitlines() if line.startswith("COPY")]


def _commands() -> str:
    begin = SERVER.index("### Installing it on a server")
    return "\n".join(re.findall(r"```sh\n(.*?)```", SERVER[begin:], flags=re.DOTALL))


def test_each_program_that_an_installation_calls_is_installed_before() -> None:
    (installed,) = re.findall(r"^ *apt-get install (.*)$", _commands(), flags=re.MULTILINE)
    called = {"git": "git clone", "python3-venv": "python3 -m venv", "nginx": "nginx -t"}
    for package, command in called.items():
        assert command in _commands()
        assert package in installed.split()


def test_the_files_that_an_installation_names_are_there_and_hold_the_name_it_replaces() -> None:
    replaced = re.findall(r"sed 's/(\S+?)/YOUR.NAME/' (\S+)", _commands())
    assert {file for _, file in replaced} == {"deploy/tierscope.service", "deploy/nginx.conf"}
    for name, file in replaced:
        assert name in (ROOT / file).read_text()


def test_unit_and_image_start_the_same_program_on_the_same_places() -> None:
    start = re.search(r"^ExecStart=(.*?[^\\])$", UNIT, flags=re.MULTILINE | re.DOTALL)
    assert start is not None
    program = start[1].replace("\\\n", "").split("--server.allowedHosts")[0].split()
    command = re.search(r"^CMD \[(.*)\]$", CONTAINER, flags=re.MULTILINE)
    assert command is not None
    in_image = [one.strip().strip('"') for one in command[1].split(",")]
    assert [program[0].removeprefix("/opt/tierscope/"), *program[1:]] == in_image
    for name in ("TIERSCOPE_WORKSPACE", "TIERSCOPE_ACCESS", "TIERSCOPE_SOURCES"):
        value = re.search(rf"{name}=(\S+)", UNIT)
        assert value is not None and f"{name}={value[1]}" in CONTAINER


def test_unit_image_and_proxy_answer_to_the_same_name() -> None:
    (proxy,) = set(re.findall(r"server_name (\S+);", (DEPLOY / "nginx.conf").read_text()))
    assert f"--server.allowedHosts {proxy}\n" in UNIT
    assert proxy == NAME
    assert "--env STREAMLIT_SERVER_ALLOWED_HOSTS=YOUR.NAME" in CONTAINER


def test_no_secret_gets_into_the_image_or_into_git(tmp_path: Path) -> None:
    assert ".streamlit/config.toml" in _copied() and ".streamlit" not in _copied()
    given = (ROOT / ".dockerignore").read_text().splitlines()
    assert given[given.index("*") + 1 : -1] == [f"!{name}" for name in _copied()]
    assert "/.streamlit/secrets.toml" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_image_is_run_by_an_account_that_is_not_root() -> None:
    assert re.findall(r"^USER (\S+)$", CONTAINER, flags=re.MULTILINE) == ["tierscope"]
    assert "--read-only" in CONTAINER


def test_the_lock_can_build_all_that_comes_as_source() -> None:
    locked = (ROOT / "requirements.lock").read_text()
    assert re.search(r"^wheel==", locked, flags=re.MULTILINE)
    assert re.search(r"^setuptools==", locked, flags=re.MULTILINE)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_systemd_understands_the_unit_and_calls_it_little_exposed(tmp_path: Path) -> None:
    unit = tmp_path / "tierscope.service"
    unit.write_text(UNIT.replace("/opt/tierscope/.venv/bin/python", sys.executable))
    said = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60
    )
    assert "tierscope.service" not in said.stderr, said.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit],
        capture_output=True,
        text=True,
        timeout=60,
    )
    level = re.search(r"exposure level for tierscope.service: ([\d.]+)", rated.stdout)
    if level is None:
        pytest.skip("this systemd-analyze rates no file")
    assert float(level[1]) <= MOST_EXPOSED


_ALONE = """
set -e
ip link set lo up
mount --bind {root} {root} && mount -o remount,bind,ro {root}
cd {root}
setpriv --no-new-privs --inh-caps=-all --bounding-set=-all \
  env -i PATH=/usr/bin:/bin HOME={home} MPLCONFIGDIR={home} TIERSCOPE_WORKSPACE={home}/w \
  STREAMLIT_SERVER_ALLOWED_HOSTS={name} PYTHONDONTWRITEBYTECODE=1 \
  {python} -m streamlit run app.py --server.port 8501 > {home}/log 2>&1 &
for try in $(seq 90); do
  sleep 0.5
  {python} -c "{asked}" 2> /dev/null && break
done
touch {root}/x 2>&1 || true
kill %1
"""
_ASKED = (
    "import urllib.request as u; "
    "asked = u.Request('http://127.0.0.1:8501/_stcore/health', headers={{'Host': '{name}'}}); "
    "print(u.urlopen(asked).read().decode())"
)


def test_what_the_image_holds_is_enough_without_a_network_without_rights_and_read_only(
    tmp_path: Path,
) -> None:
    apart = ["unshare", "--mount", "--net", "--pid", "--fork"]
    if os.geteuid() or not all(shutil.which(one) for one in ("unshare", "setpriv", "ip")):
        pytest.skip("this takes root, unshare, setpriv and ip")
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("this machine gives no namespaces")
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    for name in _copied():
        source = ROOT / name
        (root / name).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, root / name)
    Workspace.create(home / "w")
    asked = _ASKED.format(name=NAME)  # as nginx hands on what people type
    script = _ALONE.format(root=root, home=home, name=NAME, python=sys.executable, asked=asked)
    said = subprocess.run(
        [*apart, "bash", "-c", script], capture_output=True, text=True, timeout=200
    )
    assert said.stdout.startswith("ok"), said.stderr + (home / "log").read_text()
    assert "Read-only file system" in said.stdout
