"""Chromium as tests and benchmarks drive it: arguments, fresh windows, and when a page is ready."""

import io

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from pages.ui.shell.frame import PAGES

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",  # WebGL is drawn by software anyway; pages in half the time
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1400, "height": 1000}
#: Marks the moment from which streamlit hears keys: hotkeys-js listens to the document, a little after
#: the buttons are drawn, with functions that fall back on the global event.
NOTICE_LISTENING = """
const add = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (type, listener, ...rest) {
  if (type === "keydown" && this === document && String(listener).includes("window.event"))
    window.tierscopeListens = true;
  return add.call(this, type, listener, ...rest);
};
"""
#: The file that NiiVue has drawn, once it is another one than before.
_DRAWN = """(old) => {
  const said = document.querySelector('iframe[title*=niivue]')?.contentDocument?.documentElement?.dataset;
  return said && said.image === 'drawn' && said.file !== old ? said.file : null;
}"""

#: Whether NiiVue's canvas has kept its size and place for some frames; then it is drawn once more: one that
#: was resized is wiped, and the page draws it again when it will.
_RESTS = """() => {
  const frame = document.querySelector('iframe[title*=niivue]'), view = frame?.contentWindow.tierscopeView;
  if (!view) return false;
  const { canvas } = view, place = frame.getBoundingClientRect();
  const now = [canvas.width, canvas.height, canvas.offsetWidth, canvas.offsetHeight, place.x, place.y].join();
  const kept = (window.tierscopeRest ??= {});
  if (now !== kept.seen) Object.assign(kept, { seen: now, frames: 0, since: performance.now() });
  if (++kept.frames < 15 || performance.now() - kept.since < 300) return false;
  delete window.tierscopeRest;
  view.drawScene();
  return true;
}"""

#: Whether all of a page is drawn: plots and images are there, nothing fades or moves, and its elements, and
#: those of its frames, have stayed as they are for a while. What never rests is left after the longest time.
_STILL = """([quiet_ms, longest_ms]) => {
  const seen = (element) => element.getClientRects().length > 0;
  const frames = [...document.querySelectorAll('iframe')].filter(seen).map((one) => one.contentDocument);
  const now = performance.now();
  const kept = (window.tierscopeStill ??= { began: now, changed: now, watched: new Map() });
  for (const root of [document, ...frames.filter(Boolean)]) {
    if (kept.watched.has(root)) continue;
    const changes = new MutationObserver(() => { kept.changed = performance.now(); });
    changes.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    kept.watched.set(root, changes);
    kept.changed = now;
  }
  const all = (selector, holds) => [...document.querySelectorAll(selector)].filter(seen).every(holds);
  const drawn = all('[data-testid=stSkeleton], [data-stale=true]', () => false)
    && all('[data-testid=stPlotlyChart]', (one) => one.querySelector('.main-svg'))
    && all('img', (one) => one.complete)
    && all('iframe[title*=niivue]', ({ contentDocument }) =>
      ['drawn', 'failed'].includes(contentDocument?.documentElement?.dataset.image))
    && document.getAnimations().every((one) => one.playState !== 'running');
  if (!(drawn && now - kept.changed > quiet_ms) && now - kept.began < longest_ms) return false;
  for (const changes of kept.watched.values()) changes.disconnect();
  delete window.tierscopeStill;
  return true;
}"""
_QUIET_MS, _LONGEST_MS = 400, 2500


def fresh_context(browser: Browser) -> BrowserContext:
    """Return a browser window without memories, of desktop size, that tells when keys are heard."""
    context = browser.new_context(viewport=DESKTOP)
    context.set_default_timeout(30_000)
    context.add_init_script(NOTICE_LISTENING)
    return context


def listening(page: Page) -> None:
    """Wait until a page that was just loaded hears keys: one pressed before is lost."""
    page.wait_for_function("window.tierscopeListens", timeout=30_000)


def opened(page: Page, address: str, name: str) -> None:
    """Open a page of the dashboard and wait until all of it stands."""
    page.goto(f"{address}/{name}")
    expect(page.get_by_role("heading", name=PAGES[name].question)).to_be_visible()
    settled(page)


def settled(page: Page) -> None:
    """Wait until streamlit has nothing left to do."""
    expect(page.locator("[data-testid=stApp]")).to_have_attribute(
        "data-test-script-state", "notRunning", timeout=30_000
    )


def still(page: Page) -> None:
    """Wait until all of a page is drawn that comes after streamlit is done."""
    settled(page)
    page.wait_for_function(_STILL, arg=[_QUIET_MS, _LONGEST_MS])


def drawn(page: Page, old: str | None = None) -> str:
    """Wait until NiiVue has drawn a file, another one than before, and return it."""
    return page.wait_for_function(_DRAWN, arg=old, timeout=60_000).json_value()


def resting(page: Page) -> None:
    """Wait until NiiVue's canvas has the size that it keeps, and all of it is drawn."""
    page.wait_for_function(_RESTS, timeout=60_000)


def grey_levels(page: Page) -> np.ndarray:
    """Return the brightness of NiiVue's canvas as it is on the screen."""
    canvas = page.frame_locator("iframe[title*=niivue]").locator("canvas")
    shot = canvas.first.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L"))
