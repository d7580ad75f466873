"""A WebSocket that ends with its login session: what is heard counts as use, and the end reaches the tab."""

import asyncio
import contextlib

from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from pages.ui.entrance.login_sessions import LoginSession, LoginSessions

#: How often it is looked whether the session is over, seconds.
LOOK_EVERY_S = 2.0
#: The tab in which somebody signs out is on its way to the login, to end the session there too: sent
#: elsewhere meanwhile, it would never get there. So it is given these seconds; nothing is shown in them.
LEAVING_S = 4.0
#: Settings that cannot be read are waited for so often, since somebody may be writing them.
_PATIENCE = 5
#: Where the tab is sent at the end; the reason follows.
SIGNED_OUT = "/sign-in?why="
_POLICY = 1008


class WatchedSocket:
    """One WebSocket of one login session.

    Parameters
    ----------
    app : ASGI application
        What it is connected to.
    sessions : LoginSessions
        The table.
    session : LoginSession
        Whose it is.
    """

    def __init__(self, app: ASGIApp, sessions: LoginSessions, session: LoginSession) -> None:
        self._app, self._sessions, self._session = app, sessions, session
        self._open, self._over = False, False
        self._heard = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Connect both ends until one of them, or the session, ends."""

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                self._note_use(message)
                if self._sessions.over(self._session):
                    return {"type": "websocket.disconnect", "code": _POLICY}
            return message

        async def sending(message: Message) -> None:
            if self._over:
                return
            self._open = self._open or message["type"] == "websocket.accept"
            await send(message)

        watcher = asyncio.create_task(self._watch(send))
        try:
            await self._app(scope, receiving, sending)
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher

    async def _watch(self, send: Send) -> None:
        waited = 0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            why = self._sessions.over(self._session)
            waited = waited + 1 if why == "settings" else 0
            if why is None or (why == "settings" and waited < _PATIENCE):
                continue
            self._over = True
            if why == "signed-out":
                await asyncio.sleep(LEAVING_S)
            if self._open:
                with contextlib.suppress(RuntimeError, OSError):  # the tab was closed by itself
                    await send({"type": "websocket.send", "bytes": _leave(why)})
                    await send({"type": "websocket.close", "code": _POLICY})
            return

    def _note_use(self, message: Message) -> None:
        """Count what a person did; not what a page does by itself, such as showing progress."""
        self._heard += 1
        if self._heard > 1 and is_use(message.get("bytes") or b""):
            self._sessions.use(self._session)


def is_use(told: bytes) -> bool:
    """Return whether a message of the browser was a person's doing."""
    heard = BackMsg()
    try:
        heard.ParseFromString(told)
    except DecodeError:
        return False
    return heard.HasField("rerun_script") and not heard.rerun_script.is_auto_rerun


def _leave(why: str) -> bytes:
    """Return the message that has a tab leave the page."""
    told = ForwardMsg()
    told.auth_redirect.url = SIGNED_OUT + why
    return told.SerializeToString()
