"""The dashboard: ``streamlit run app.py``. Its pages are listed in :mod:`pages.ui.shell.frame`."""

import sys

from starlette.middleware import Middleware
from streamlit.starlette import App

from curation import logs
from curation.errors import TierscopeError
from curation.storage import sharing
from curation.storage.workspace import Workspace
from pages.ui.entrance import entrance
from pages.ui.shell import door, door_key

if __name__ == "__main__":  # streamlit runs it for a browser's tab
    from pages.ui.shell import frame  # caches want the server, which is not there yet below

    frame.navigation()
else:  # the server imports it, and finds `app` by its name
    try:
        logs.configure("INFO")
        named = Workspace(Workspace.named().resolve())
        door_key.key()  # a setting that is none is refused now
        door.refuse_open_settings(login=entrance.open_for(named, door_key.key))
        sharing.follow(named.root)
    except TierscopeError as error:
        sys.exit(f"error: {error}")
    app = App(__file__, middleware=[Middleware(door.Door)], lifespan=door.lifespan)
