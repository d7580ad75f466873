"""NiiVue as niivue-streamlit ships it, with the defaults that clinicians expect.

niivue-streamlit passes on crosshair, radiological, colorbar and interpolation, but not on which side the
nose points, nor whether a face is rendered in 3D unasked. Both are defaults in its one JavaScript file. A
copy of its build is made at the start in a temporary folder, with those defaults changed; where the
installed version spells one of them differently, that one stays as it is and the screen says so.
"""

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: What is changed in the defaults of NiiVue's options: name -> (as shipped, as wanted).
CHANGES: dict[str, tuple[str, str]] = {
    "nose left": ("sagittalNoseLeft:!1", "sagittalNoseLeft:!0"),
    "3D only when asked for": ("multiplanarShowRender:2", "multiplanarShowRender:0"),
    "letters on both sides": ("showAllOrientationMarkers:!1", "showAllOrientationMarkers:!0"),
    "bright letters": ("fontColor:[.5,.5,.5,1]", "fontColor:[.9,.93,.96,1]"),
    "gaps between the planes": ("multiplanarPadPixels:0", "multiplanarPadPixels:8"),
    "thin crosshair": ('crosshairWidthUnit:"voxels"', 'crosshairWidthUnit:"mm"'),
    "quiet crosshair": ("crosshairColor:[1,0,0,1]", "crosshairColor:[.34,.71,.91,.7]"),
}

# The image in the middle of a black panel; its cross that would take the image away is not shown, and a
# file dropped on it is not shown under this scan's name.
_PAGE_ADDITION = """
<style>
  body, #root .bg-gray-900 { background: #000 !important; }
  #root .flex-wrap { justify-content: center; margin: 0; }
  #root button { display: none; }
  #root .text-outline { font: 12px sans-serif; opacity: .85; }
</style>
<script>
  for (const kind of ["dragover", "drop"]) window.addEventListener(
    kind, (event) => { event.preventDefault(); event.stopImmediatePropagation(); }, true);
</script>
"""


@dataclass(frozen=True)
class Build:
    """A folder that a browser can load, and which of :data:`CHANGES` it has."""

    folder: Path
    changed: frozenset[str]


def shipped_folder() -> Path:
    """Return the build that niivue-streamlit ships, without importing it."""
    spec = find_spec("niivue_component")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("niivue-streamlit is not installed")
    return Path(spec.origin).parent / "frontend" / "build"


def derive(shipped: Path, folder: Path) -> Build:
    """Copy the shipped build to ``folder`` and change its defaults.

    Parameters
    ----------
    shipped : Path
        As :func:`shipped_folder` returns.
    folder : Path
        Must not exist yet.

    Returns
    -------
    Build
        ``changed`` names those of :data:`CHANGES` that stood in the script exactly once.
    """
    shutil.copytree(shipped, folder)
    script, page = folder / "assets" / "index.js", folder / "index.html"
    code, changed = script.read_text(encoding="utf-8"), set()
    for name, (old, new) in CHANGES.items():
        if code.count(old) == 1:
            code = code.replace(old, new)
            changed.add(name)
    script.write_text(code, encoding="utf-8")
    markup = page.read_text(encoding="utf-8")
    page.write_text(markup.replace("<head>", f"<head>{_PAGE_ADDITION}", 1), encoding="utf-8")
    return Build(folder, frozenset(changed))
