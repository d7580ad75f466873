"""A page over the websocket protocol, without a browser: what a tab sends, and what it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

STREAM = "/_stcore/stream"
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class PageSocket:
    """One tab.

    Parameters
    ----------
    socket : ClientConnection
        Open.
    page : str
        Key of the page.
    """

    def __init__(self, socket: ClientConnection, page: str) -> None:
        self._socket, self._page = socket, page
        self.buttons: dict[str, str] = {}
        self._part_of: dict[str, str] = {}
        self.errors: list[str] = []
        self._script = ""

    async def run(self, press: str | None = None) -> None:
        """Have the page run, with a button pressed by its label, and wait until it is through."""
        asked = BackMsg()
        asked.rerun_script.page_name = self._page
        asked.rerun_script.page_script_hash = self._script
        if press is not None:
            state = asked.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = self.buttons[press], True
            asked.rerun_script.fragment_id = self._part_of[press]  # as the browser does
        await self._socket.send(asked.SerializeToString())
        while not self._hear(await asyncio.wait_for(self._socket.recv(), 120)):
            pass

    def _hear(self, raw: str | bytes) -> bool:
        """Take in one message; return whether the run is through."""
        told = ForwardMsg()
        told.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
        kind = told.WhichOneof("type")
        if kind == "new_session":
            self._script = told.new_session.page_script_hash
        if kind == "delta" and told.delta.HasField("new_element"):
            element = told.delta.new_element
            shown = element.WhichOneof("type")
            if shown == "button":
                self.buttons[element.button.label] = element.button.id
                self._part_of[element.button.label] = told.delta.fragment_id
            elif shown == "exception" or (shown == "alert" and element.alert.format == 1):
                self.errors.append(str(element)[:300])
        return kind == "script_finished" and told.script_finished in _DONE


@contextlib.asynccontextmanager
async def opened(port: int, page: str, headers: dict[str, str]) -> AsyncIterator[PageSocket]:
    """Open a page of a dashboard on this machine."""
    host = f"127.0.0.1:{port}"
    async with connect(
        f"ws://{host}{STREAM}",
        origin=f"http://{host}",  # type: ignore[arg-type]
        additional_headers=headers,
        max_size=None,
        ping_timeout=None,
        open_timeout=120,
    ) as socket:
        tab = PageSocket(socket, page)
        await tab.run()
        yield tab
