"""A provider of OpenID Connect on this machine: a process of its own, whose users are made up."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.storage.workspace import Workspace

GROUP = "raters"
#: Name of each -> claims.
PEOPLE = {
    "vera@lab.example": {},
    "ada@lab.example": {"groups": [GROUP]},
    "cora@lab.example": {},
    "it@lab.example": {},
    "stranger@else.example": {},
    "unsure@lab.example": {"email_verified": False},
}
ACCESS = """
[login]
by = "oidc"
idle_minutes = {idle}
[people]
viewer = ["vera@lab.example", "unsure@lab.example"]
rater = ["group:raters"]
curator = ["cora@lab.example"]
administrator = ["it@lab.example"]
[audit]
views = true
"""
SECRETS = """
[auth]
redirect_uri = "{address}/oauth2callback"
cookie_secret = "{secret}"
client_id = "tierscope"
client_secret = "of no worth here"
server_metadata_url = "{provider}/.well-known/openid-configuration"
client_kwargs = {{ prompt = "login" }}
"""


@contextlib.contextmanager
def provider() -> Iterator[str]:
    """Run the provider and yield its address; skip where it is not installed."""
    pytest.importorskip("flask", reason="no provider of OpenID Connect (tests/requirements.txt)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    for name, claims in PEOPLE.items():
        said = {"sub": name, "email": name, "email_verified": True, **claims}
        command += ["--user-claims", json.dumps(said)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/.well-known/openid-configuration", process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(urllib.error.URLError, TimeoutError),
            urllib.request.urlopen(address, timeout=2),  # noqa: S310 - ours
        ):
            return
        time.sleep(0.1)
    raise RuntimeError("the provider did not start")


def write_access(workspace: Workspace, *, idle: float = 15, text: str = ACCESS) -> Path:
    """Write who may come in, as an administrator does."""
    workspace.access_path.write_text(text.format(idle=idle))
    workspace.access_path.chmod(0o640)
    return workspace.access_path


def write_secrets(folder: Path, provider: str, address: str) -> Path:
    """Write the secrets of streamlit's login."""
    path = folder / "secrets.toml"
    path.write_text(SECRETS.format(address=address, provider=provider, secret="x" * 40))
    path.chmod(0o600)
    return path
