"""What a page that was run says, and its parts."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from pages.ui.shell import controls


def checked(page: AppTest) -> AppTest:
    assert not page.exception, [e.value for e in page.exception]
    return page


def words(page: AppTest) -> str:
    """Everything that a page says."""
    kinds = (page.markdown, page.caption, page.info, page.error, page.warning, page.success)
    said = [element.value for kind in kinds for element in kind]
    markup = [element.proto.body for element in page.get("html")]
    drawn = [json.dumps(data, ensure_ascii=False) for data in components(page)]
    return "\n".join(said + markup + drawn).replace("\\", "")


def components(page: AppTest) -> list[dict[str, Any]]:
    """What our components are given to draw."""
    given = [element.proto.json for element in page.get("bidi_component")]
    return [json.loads(data) for data in given if data]


def button(page: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(b for b in page.button if b.label == label)


def field(page: AppTest, kind: str, key: str):  # type: ignore[no-untyped-def]
    """A field that keys and buttons change too, such as the ``'selectbox'`` of ``state.SCAN``."""
    kept, moves = page.session_state, f"{key}_moves"
    changed = kept[moves] if moves in kept else 0  # noqa: SIM401 - it has no 'get'
    return getattr(page, kind)(key=controls.field_key(key, changed))
