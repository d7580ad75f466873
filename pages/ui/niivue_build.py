"""NiiVue as niivue-streamlit ships it, with the defaults that clinicians expect.

niivue-streamlit passes on crosshair, radiological, colorbar and interpolation, but not on which side the
nose points, nor whether a face is rendered in 3D unasked; it wants every image inside a message, and makes
a further canvas for every further image. A copy of its build is made at the start in a temporary folder,
with those defaults changed and :file:`niivue_page.html` put into its page, which fetches images by their
address; where the installed version spells a default differently, that one stays as it is and the screen
says so.
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
    "letters that show on black and on white": (
        "fontColor:[.5,.5,.5,1]",
        "fontColor:[.2,.58,.95,1]",
    ),
    "gaps between the planes": ("multiplanarPadPixels:0", "multiplanarPadPixels:8"),
    "thin crosshair": ('crosshairWidthUnit:"voxels"', 'crosshairWidthUnit:"mm"'),
    "quiet crosshair": ("crosshairColor:[1,0,0,1]", "crosshairColor:[.34,.71,.91,.7]"),
    "images by address": (
        "function Lb(t){const e=window.atob(t)",
        "function Lb(t){if(t instanceof ArrayBuffer)return t;const e=window.atob(t)",
    ),
    "one canvas for all scans": (
        "Ry(e,1),t.nifti_data)",
        "e.nvArray.value[0]?window.tierscopeEmpty(e.nvArray.value[0]):Ry(e,1),t.nifti_data)",
    ),
    "window without sending again": (
        "constructor(t){super(t),this.isNew=!0",
        "constructor(t){super(t),window.tierscopeView=this,this.isNew=!0",
    ),
    "overlays can be taken off": (
        "if(!i||!i.isLoaded||!t.overlays||0===t.overlays.length)return;",
        "if(!i||!i.isLoaded||!t.overlays)return;",
    ),
    "no light in 3D: no gradients of every image": (
        "0===e&&(this.volumeTexture=s,this.gradientTexture=Ug(",
        "0===e&&(this.volumeTexture=s,this.gradientTexture=(this.gradientTextureAmount>0?Ug:()=>null)(",
    ),
    "a convention that stays is not applied again": (
        "setRadiologicalConvention(t){this.opts.isRadiologicalConvention=t,",
        "setRadiologicalConvention(t){if(this.opts.isRadiologicalConvention===t)return;"
        "this.opts.isRadiologicalConvention=t,",
    ),
    "an image that came early is not drawn again": (
        "this.updateGLVolume(),this.initialized=!0",
        "this.back||this.updateGLVolume(),this.initialized=!0",
    ),
}

#: Without these nothing would be drawn at all.
NEEDED = ("images by address", "one canvas for all scans", "window without sending again")

_PAGE_ADDITION = Path(__file__).with_name("niivue_page.html")


@dataclass(frozen=True)
class Build:
    """A folder that a browser can load, and which of :data:`CHANGES` it has."""

    folder: Path
    changed: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of :data:`NEEDED` the installed version does not take."""
        return tuple(name for name in NEEDED if name not in self.changed)


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
    markup, addition = (path.read_text(encoding="utf-8") for path in (page, _PAGE_ADDITION))
    page.write_text(markup.replace("<head>", f"<head>{addition}", 1), encoding="utf-8")
    return Build(folder, frozenset(changed))
