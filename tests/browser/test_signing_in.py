"""Signing in with a provider, in a real browser: who comes in, what each may, and how it ends."""

import contextlib
import http.client
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from curation.decisions import audit_trail
from curation.storage.workspace import Workspace
from tests.helpers import oidc_provider
from tests.helpers.dashboard import Dashboard

pytestmark = pytest.mark.browser
WAIT_MS = 120_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Dashboard, str]]:
    """A dashboard at which one signs in, on an empty workspace."""
    folder = tmp_path_factory.mktemp("login")
    workspace = Workspace.create(folder / "workspace")
    oidc_provider.write_access(workspace)
    with ExitStack() as open_:
        asked = open_.enter_context(oidc_provider.provider())
        dashboard = Dashboard(workspace, folder / "log.txt")
        secrets = oidc_provider.write_secrets(folder, asked, f"http://127.0.0.1:{dashboard.port}")
        dashboard.options = ["--secrets.files", str(secrets)]
        yield workspace, dashboard, open_.enter_context(dashboard)


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


def sign_in(context: BrowserContext, address: str, name: str, path: str = "/cohort") -> Page:
    """Go to a page and sign in as somebody."""
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}{path}")
    page.get_by_role("link", name="Sign in").click()
    page.locator("input[name=sub]").fill(name)
    page.get_by_role("button", name="Authorize", exact=True).click()
    return page


def _asked(dashboard: Dashboard, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_nothing_is_answered_to_who_is_not_signed_in(
    served: tuple[Workspace, Dashboard, str],
) -> None:
    _, dashboard, _ = served
    for path in (
        "/",
        "/tiers",
        "/component/pages.ui.served.x/scan.png",
        "/media/0.csv",
        "/_stcore/host-config",
        "/static/none.js",
        "/_stcore/upload_file/session/file",
    ):
        status, said = _asked(dashboard, path)
        assert (status, said) == (401, "Sign in first.\n")
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    assert _asked(dashboard, "/_stcore/stream", **upgrade, **key)[0] == 403
    assert _asked(dashboard, "/_stcore/health")[0] == 200


def test_one_signs_in_and_comes_to_the_page_that_one_wanted(
    served: tuple[Workspace, Dashboard, str], visitor: BrowserContext
) -> None:
    workspace, _, address = served
    page = sign_in(visitor, address, "ada@lab.example", "/tiers?x=1")
    expect(page.get_by_role("heading", name="Where do I cut?")).to_be_visible(timeout=WAIT_MS)
    expect(page.get_by_text("ada@lab.example, rater")).to_be_visible(timeout=WAIT_MS)
    assert page.url.startswith(f"{address}/tiers")
    line = audit_trail.history(workspace).iloc[0]
    assert (line["who"], line["what"]) == ("ada@lab.example", "signed in")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stranger@else.example", "You have no part in this workspace"),
        ("unsure@lab.example", "has not verified your address"),
    ],
)
def test_who_is_not_named_or_not_verified_stays_outside(
    served: tuple[Workspace, Dashboard, str], visitor: BrowserContext, name: str, said: str
) -> None:
    workspace, _, address = served
    page = sign_in(visitor, address, name)
    expect(page.get_by_text(said)).to_be_visible()
    noted = audit_trail.history(workspace)
    assert noted.loc[noted["who"] == name, "what"].str.startswith("sign-in refused").tolist() == [
        True
    ]
    page.goto(f"{address}/cohort")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_signing_out_ends_all_tabs_and_the_cookies_open_nothing(
    served: tuple[Workspace, Dashboard, str], visitor: BrowserContext
) -> None:
    workspace, dashboard, address = served
    first = sign_in(visitor, address, "cora@lab.example")
    expect(first.get_by_text("cora@lab.example, curator")).to_be_visible(timeout=WAIT_MS)
    second = visitor.new_page()
    second.goto(f"{address}/tiers")
    expect(second.get_by_role("heading", name="Where do I cut?")).to_be_visible(timeout=WAIT_MS)
    kept = "; ".join(f"{one['name']}={one['value']}" for one in visitor.cookies())
    assert _asked(dashboard, "/cohort", Cookie=kept)[0] == 200
    first.get_by_role("link", name="Sign out").click()
    first.get_by_role("button", name="End session").click()  # the provider's own question
    expect(first.get_by_text("You are signed out")).to_be_visible()
    expect(second.get_by_text("You are signed out")).to_be_visible(timeout=15_000)
    assert "_streamlit_user" in kept
    assert _asked(dashboard, "/cohort", Cookie=kept)[0] == 401
    assert audit_trail.history(workspace).iloc[0]["what"] == "signed out"


def test_whose_rank_is_taken_away_is_out_within_a_minute(
    served: tuple[Workspace, Dashboard, str], visitor: BrowserContext
) -> None:
    workspace, _, address = served
    page = sign_in(visitor, address, "cora@lab.example")
    expect(page.get_by_text("cora@lab.example, curator")).to_be_visible(timeout=WAIT_MS)
    began = time.monotonic()
    try:
        text = oidc_provider.ACCESS.replace("cora@", "somebody-else@")
        oidc_provider.write_access(workspace, text=text)
        expect(page.get_by_text("You may no longer use this workspace")).to_be_visible()
        assert time.monotonic() - began < 60
    finally:
        oidc_provider.write_access(workspace)


def test_after_idle_time_the_screen_goes_though_the_page_moves_by_itself(
    served: tuple[Workspace, Dashboard, str], visitor: BrowserContext
) -> None:
    workspace, _, address = served
    page = sign_in(visitor, address, "ada@lab.example")
    expect(page.get_by_text("ada@lab.example, rater")).to_be_visible(timeout=WAIT_MS)
    try:
        oidc_provider.write_access(workspace, idle=0.1)
        expect(page.get_by_text("nothing was done for a while")).to_be_visible(timeout=30_000)
    finally:
        oidc_provider.write_access(workspace)


def test_a_rater_is_told_what_only_a_curator_may(
    served: tuple[Workspace, Dashboard, str], visitor: BrowserContext
) -> None:
    workspace, _, address = served
    page = sign_in(visitor, address, "ada@lab.example")
    expect(page.get_by_text("one has to be a curator here")).to_be_visible()
    assert workspace.sources() == []
