"""Signing in through nginx with TLS, set up as docs/server.md and deploy/ say."""

import getpass
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from curation.decisions import audit_trail
from curation.storage.workspace import Workspace
from tests.browser.test_signing_in import WAIT_MS, sign_in
from tests.helpers import oidc_provider
from tests.helpers.dashboard import Dashboard
from tests.helpers.paths import ROOT

pytestmark = pytest.mark.browser
_EXAMPLE = ROOT / "deploy/nginx.conf"


@contextmanager
def nginx(
    folder: Path, port: int, behind: int, change: Callable[[str], str] = str
) -> Iterator[None]:
    """Run nginx with the example's settings, its names and places made those of the test."""
    key, certificate = folder / "scans.key", folder / "scans.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = change(_EXAMPLE.read_text())
    for before, after in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen [::]:443 ssl": f"listen [::1]:{port} ssl",
        "scans.hospital.example": "localhost",
        "/etc/ssl/scans.pem": str(certificate),
        "/etc/ssl/private/scans.key": str(key),
        "127.0.0.1:8501": f"127.0.0.1:{behind}",
        "Host $host;": "Host $http_host;",  # since the port is another than 443
    }.items():
        assert before in server, before
        server = server.replace(before, after)
    server = re.sub(r"server \{\s*listen 80;.*?\n\}\n", "", server, flags=re.DOTALL)
    whole = folder / "nginx.conf"
    temporary = "".join(
        f"  {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole.write_text(
        f"user {getpass.getuser()};\n"
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\n  access_log off;\n{temporary}{server}}}\n"
    )
    process = subprocess.Popen(["nginx", "-c", str(whole)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_one_signs_in_through_tls_and_the_cookie_leaves_by_tls_alone(
    browser: Browser, tmp_path: Path
) -> None:
    if not shutil.which("nginx"):
        pytest.skip("no nginx on this machine (Debian: apt-get install nginx)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"https://localhost:{port}"
    workspace = Workspace.create(tmp_path / "workspace")
    oidc_provider.write_access(workspace)
    with ExitStack() as open_:
        asked = open_.enter_context(oidc_provider.provider())
        dashboard = Dashboard(workspace, tmp_path / "log.txt")
        secrets = oidc_provider.write_secrets(tmp_path, asked, address)
        dashboard.options = ["--secrets.files", str(secrets)]
        open_.enter_context(dashboard)
        open_.enter_context(nginx(tmp_path, port, dashboard.port))
        context = browser.new_context(ignore_https_errors=True)
        page = sign_in(context, address, "ada@lab.example", "/tiers")
        expect(page.get_by_role("heading", name="Where do I cut?")).to_be_visible(timeout=WAIT_MS)
        ours = [one for one in context.cookies() if one["name"].startswith("tierscope-login")]
        assert [(one["secure"], one["httpOnly"]) for one in ours] == [(True, True)]
        page.get_by_role("link", name="Sign out").click()
        page.get_by_role("button", name="End session").click()
        expect(page.get_by_text("You are signed out")).to_be_visible()
        context.close()
    assert audit_trail.history(workspace)["what"].tolist() == ["signed out", "signed in"]


_PEOPLE = '[login]\nby = "header"\n[people]\nrater = ["rosa", "tom"]\n'


def test_nginx_asks_for_a_password_and_says_who_it_is(browser: Browser, tmp_path: Path) -> None:
    """As docs/server.md has it for a department without a provider."""
    if not shutil.which("nginx"):
        pytest.skip("no nginx on this machine (Debian: apt-get install nginx)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", "a ghost"], check=True, capture_output=True, text=True
    )
    passwords = tmp_path / "tierscope.passwords"
    passwords.write_text(f"rosa:{hashed.stdout}")

    def asking(example: str) -> str:
        """Take in the lines for a proxy that says who it is."""
        before, commented = example.split("# auth_basic  ", 1)
        lines = re.sub(r"(?m)^( *)# ", r"\1", f"    # auth_basic  {commented}")
        for theirs, ours in (
            ("/etc/nginx/tierscope.passwords", str(passwords)),
            ("the key in TIERSCOPE_KEY", "x" * 24),
        ):
            assert theirs in lines
            lines = lines.replace(theirs, ours)
        return before.rstrip(" ") + lines

    workspace = Workspace.create(tmp_path / "workspace")
    oidc_provider.write_access(workspace, text=_PEOPLE)
    address = f"https://localhost:{port}"
    with ExitStack() as open_:
        dashboard = Dashboard(workspace, tmp_path / "log.txt", key="x" * 24)
        open_.enter_context(dashboard)
        open_.enter_context(nginx(tmp_path, port, dashboard.port, asking))
        known = {"username": "rosa", "password": "a ghost"}
        wrong = browser.new_context(
            ignore_https_errors=True,
            http_credentials=known | {"password": "no"},
            extra_http_headers={"X-Forwarded-Email": "rosa", "Tierscope-Key": "x" * 24},
        )
        answer = wrong.new_page().goto(f"{address}/rate")
        assert answer is not None and answer.status == 401
        wrong.close()
        context = browser.new_context(
            ignore_https_errors=True,
            http_credentials=known,
            extra_http_headers={"X-Forwarded-Email": "tom"},
        )
        page = context.new_page()
        page.goto(f"{address}/rate")
        page.get_by_role("link", name="Sign in").click()
        expect(page.get_by_role("heading", name="What do raters say?")).to_be_visible(
            timeout=WAIT_MS
        )
        expect(page.get_by_text("rosa").first).to_be_visible()
        assert not page.get_by_text("tom", exact=True).count()
        context.close()
    told = audit_trail.history(workspace)
    assert set(told["who"]) == {"rosa"}
