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

#: What is changed in NiiVue: name -> pairs of text, as shipped and as wanted. All pairs of a name, or none.
CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "nose left": (("sagittalNoseLeft:!1", "sagittalNoseLeft:!0"),),
    "3D only when asked for": (("multiplanarShowRender:2", "multiplanarShowRender:0"),),
    "gaps between the planes": (("multiplanarPadPixels:0", "multiplanarPadPixels:8"),),
    "thin crosshair": (('crosshairWidthUnit:"voxels"', 'crosshairWidthUnit:"mm"'),),
    "crosshair open in its middle": (("crosshairGap:0,", "crosshairGap:10,"),),
    "quiet crosshair": (("crosshairColor:[1,0,0,1]", "crosshairColor:[.34,.71,.91,.7]"),),
    "images by address": (
        (
            "function Lb(t){const e=window.atob(t)",
            "function Lb(t){if(t instanceof ArrayBuffer)return t;const e=window.atob(t)",
        ),
    ),
    "one canvas for all scans": (
        (
            "Ry(e,1),t.nifti_data)",
            "e.nvArray.value[0]?window.tierscopeEmpty(e.nvArray.value[0]):Ry(e,1),t.nifti_data)",
        ),
    ),
    "a view of our own": (
        (
            "constructor(t){super(t),this.isNew=!0",
            "constructor(t){super(t),window.tierscopeAdopt(this),this.isNew=!0",
        ),
    ),
    "overlays can be taken off": (
        (
            "if(!i||!i.isLoaded||!t.overlays||0===t.overlays.length)return;",
            "if(!i||!i.isLoaded||!t.overlays)return;",
        ),
    ),
    "no light in 3D: no gradients of every image": (
        (
            "0===e&&(this.volumeTexture=s,this.gradientTexture=Ug(",
            "0===e&&(this.volumeTexture=s,this.gradientTexture=(this.gradientTextureAmount>0?Ug:()=>null)(",
        ),
    ),
    "a convention that stays is not applied again": (
        (
            "setRadiologicalConvention(t){this.opts.isRadiologicalConvention=t,",
            "setRadiologicalConvention(t){if(this.opts.isRadiologicalConvention===t)return;"
            "this.opts.isRadiologicalConvention=t,",
        ),
    ),
    "an image that came early is not drawn again": (
        (
            "this.updateGLVolume(),this.initialized=!0",
            "this.back||this.updateGLVolume(),this.initialized=!0",
        ),
    ),
    "the window of the header": (
        (
            'if(!t.img)throw new Error("img undefined");let n=Number.POSITIVE_INFINITY,',
            'if(!t.img)throw new Error("img undefined");const known=window.tierscopeRange(t);if(known)return '
            "t.cal_min=t.robust_min=t.hdr.cal_min,t.cal_max=t.robust_max=t.hdr.cal_max,"
            "t.global_min=known.lowest,t.global_max=known.highest,"
            "[t.cal_min,t.cal_max,t.cal_min,t.cal_max];let n=Number.POSITIVE_INFINITY,",
        ),
    ),
    "grey planes without a shader": (
        (
            "s=this.rgbaTex(this.volumeTexture,Bd,t.dimsRAS),!this.renderShader)",
            "s=window.tierscopeFlat(this,t)||this.rgbaTex(this.volumeTexture,Bd,t.dimsRAS),"
            "!this.renderShader)",
        ),
        (
            "img:n,orientShaderU:this.orientShaderU",
            "img:s.tierscopeFlat?null:n,orientShaderU:this.orientShaderU",
        ),
        (
            "let h=r;if(2===i.datatypeCode)i.intent_code===dg&&(h=l),",
            "let h=r;if(!n);else if(2===i.datatypeCode)i.intent_code===dg&&(h=l),",
        ),
        (
            "for(let p=0;p<n[3];p++){const t=1/n[3]*(p+.5);e.uniform1f(i.uniforms.coordZ,t),",
            "for(let p=r.tierscopeFlat?n[3]:0;p<n[3];p++){const t=1/n[3]*(p+.5);"
            "e.uniform1f(i.uniforms.coordZ,t),",
        ),
    ),
}

#: Without these nothing would be drawn at all.
NEEDED = ("images by address", "one canvas for all scans", "a view of our own")

_PAGE_ADDITION = Path(__file__).with_name("niivue_page.html")
_SCRIPTS = [Path(__file__).with_name(name) for name in ("niivue_layout.js", "niivue_view.js")]


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
        ``changed`` names those of :data:`CHANGES` whose texts stood in the script exactly once.
    """
    shutil.copytree(shipped, folder)
    script, page = folder / "assets" / "index.js", folder / "index.html"
    code, changed = script.read_text(encoding="utf-8"), set()
    for name, pairs in CHANGES.items():
        if all(code.count(old) == 1 for old, _ in pairs):
            for old, new in pairs:
                code = code.replace(old, new)
            changed.add(name)
    script.write_text(code, encoding="utf-8")
    markup, addition, *scripts = (
        path.read_text(encoding="utf-8") for path in (page, _PAGE_ADDITION, *_SCRIPTS)
    )
    added = f"<head><script>{''.join(scripts)}</script>{addition}"
    page.write_text(markup.replace("<head>", added, 1), encoding="utf-8")
    return Build(folder, frozenset(changed))
