"""Folders of static files that streamlit serves to the browser, such as the script of plotly."""

import hashlib
import secrets
from importlib.util import find_spec
from pathlib import Path

import streamlit as st
import streamlit.components.v1 as components

from pages.ui.shell.frame import ASSETS

#: Without it an address could be made by whoever knows where a workspace lies.
_SECRET = secrets.token_hex(16)


def address(folder: Path, kind: str) -> str:
    """Return the address, ending in ``/``, under which streamlit hands out the files of a folder.

    Parameters
    ----------
    folder : Path
        Must exist. Everything in it can be fetched by whoever knows the address, which a page tells.
    kind : str
        Begins the name that the address shows; the rest of it is drawn anew whenever the server starts.
    """
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{f'/{base}' if base else ''}/component/{_served(str(folder), kind)}/"


def plotly_script() -> str:
    """Return the address of the plotly.js that the installed plotly package ships."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("plotly is not installed")
    return f"{address(Path(spec.origin).parent / 'package_data', 'plotly')}plotly.min.js"


def drawing(name: str) -> str:
    """Return one of our scripts that draw with plotly, preceded by the loader of plotly."""
    return "\n".join(
        (ASSETS / f"{part}.js").read_text(encoding="utf-8") for part in ("plotly", name)
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _served(folder: str, kind: str) -> str:
    name = f"tierscope_{kind}_{hashlib.sha256(f'{_SECRET}{folder}'.encode()).hexdigest()[:32]}"
    return components.declare_component(name, path=folder).name
