"""Image cache of the viewer: prepared images as files that the server hands out by their address.

They lie in a temporary folder of the server, named so that no name says what they hold; the oldest go
when there are too many. Nothing of an image stays in the server's memory.
"""

import hashlib
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Files in the cache at once, and bytes of all of them together: fifty raters' present and next scans, with
#: overlays and scans beside them; but never more than a share of what is free where they lie.
MAX_FILES, MAX_BYTES, MAX_SHARE = 400, 4_000_000_000, 0.25
#: How long making ahead waits, so that it does not take the machine from what is drawn at the moment.
PAUSE_S = 0.5


@dataclass(frozen=True)
class CachedImage:
    """One file in the cache.

    Parameters
    ----------
    path : Path
        A NIfTI image, not compressed.
    facts : object
        What its maker wants to remember of it.
    """

    path: Path
    facts: Any = field(default=None, repr=False)


class ImageCache:
    """Files by key, made once, the least used ones removed.

    Parameters
    ----------
    folder : Path
        Is made; holds nothing else.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._secret = secrets.token_hex(16)
        self._items: OrderedDict[str, CachedImage] = OrderedDict()
        self._busy: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="image-cache")
        self._asked: set[str] = set()

    def has(self, key: Hashable) -> bool:
        """Return whether a file is ready."""
        return self._found(self._name(key)) is not None

    def path_of(self, key: Hashable) -> Path:
        """Return where the file of a key is, or will be."""
        return self._path(self._name(key))

    def get(self, key: Hashable, make: Callable[[Path], Any]) -> CachedImage:
        """Return the file of ``key``; if missing, ``make`` writes it and returns its facts.

        Two that ask for the same at once wait for one making.
        """
        name = self._name(key)
        with self._lock:
            busy = self._busy.setdefault(name, threading.Lock())
        try:
            with busy:
                return self._found(name) or self._made(name, make)
        finally:
            with self._lock:
                self._busy.pop(name, None)

    def prepare(self, key: Hashable, make: Callable[[Path], Any], *, at_once: bool = False) -> None:
        """Make a file in the background, so that it is ready when it is asked for.

        One at a time; what fails here fails again, and is said, when it is asked for.
        """
        name = self._name(key)
        with self._lock:
            if name in self._items or name in self._asked or len(self._asked) > 2:
                return
            self._asked.add(name)
        wait_s = 0.0 if at_once else PAUSE_S
        self._ahead.submit(self._later, wait_s, key, make).add_done_callback(
            lambda _: self._done(name)
        )

    def _later(self, wait_s: float, key: Hashable, make: Callable[[Path], Any]) -> CachedImage:
        time.sleep(wait_s)
        return self.get(key, make)

    def _done(self, name: str) -> None:
        with self._lock:
            self._asked.discard(name)

    def _name(self, key: Hashable) -> str:
        return hashlib.sha256(f"{self._secret}{key!r}".encode()).hexdigest()[:32]

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.nii"

    def _found(self, name: str) -> CachedImage | None:
        with self._lock:
            item = self._items.get(name)
            if item is None or not item.path.is_file():
                return None
            self._items.move_to_end(name)
            return item

    def _made(self, name: str, make: Callable[[Path], Any]) -> CachedImage:
        path = self._path(name)
        temporary = path.with_suffix(".part")
        try:
            facts = make(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        item = CachedImage(path, facts)
        with self._lock:
            self._items[name] = item
            self._drop()
        return item

    def _drop(self) -> None:
        sizes = {n: i.path.stat().st_size for n, i in self._items.items() if i.path.is_file()}
        held = sum(sizes.values())
        room = min(MAX_BYTES, MAX_SHARE * (shutil.disk_usage(self.folder).free + held))
        while len(self._items) > 1 and (len(self._items) > MAX_FILES or held > room):
            name, oldest = self._items.popitem(last=False)
            oldest.path.unlink(missing_ok=True)
            held -= sizes.get(name, 0)
