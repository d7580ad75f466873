"""The page on which one signs in, and what it says when one may not: plain HTML without any script."""

import html
from urllib.parse import urlencode

from pages.ui.entrance.login_sessions import REASONS

PAGE, GO, OUT = "/sign-in", "/sign-in/go", "/sign-in/out"
_STYLE = (
    "body{margin:0;font:16px/1.5 'Source Sans',system-ui,sans-serif;color:#1f2933;background:#fbfcfc}"
    "main{max-width:30rem;margin:12vh auto 0;padding:2rem 2.25rem;background:#fff;border:1px solid #d5dce2;"
    "border-radius:6px}h1{font-size:1.9rem;font-weight:650;margin:0 0 .25rem}p{margin:.5rem 0 1rem}"
    ".why{background:#e8eef5;border:1px solid #9fb3c8;color:#102a43;border-radius:6px;padding:.4rem .8rem}"
    ".muted{color:#52606d;font-size:.95rem}a.go{display:inline-block;background:#243b53;color:#fff;"
    "text-decoration:none;border-radius:6px;padding:.5rem 1.1rem;font-weight:600}"
    "a:focus-visible{outline:3px solid #d9822b;outline-offset:2px}a{color:#1a5a8a}"
)


def sign_in(why: str, wanted: str) -> str:
    """Return the page that leads to the login.

    Parameters
    ----------
    why : str
        A key of :data:`REASONS`; any other says nothing.
    wanted : str
        Where to go afterwards.
    """
    told = REASONS.get(why, "")
    said = f'<p class="why" role="status">{html.escape(told)}</p>' if told else ""
    way = f"{GO}?{urlencode({'wanted': wanted})}"
    return _page(
        "Tierscope",
        f"<p>Scans and ratings in here are of people. Sign in to see them.</p>{said}"
        f'<p><a class="go" href="{html.escape(way)}">Sign in</a></p>'
        '<p class="muted">What you do is noted under your name.</p>',
    )


def refused(reason: str, *, name: str = "") -> str:
    """Return the page for somebody who may not come in, with the way to sign in as somebody else."""
    who = f" You are signed in as <b>{html.escape(name)}</b>." if name else ""
    return _page(
        "You cannot come in",
        f'<p class="why" role="status">{html.escape(reason)}{who}</p>'
        f'<p><a href="{OUT}">Sign out, to sign in as somebody else</a></p>',
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tierscope</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{html.escape(title)}</h1>{body}</main></body></html>"
    )
