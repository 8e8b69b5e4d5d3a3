"""Sees to it that a stuck event loop does not stay stuck."""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable

LOOK_EVERY_S = 0.5
DUMP_AFTER = 4
"Looks in a row without a beat, 2 s: every thread's stack is written out."
ABORT_AFTER = 20
"10 s: the process ends itself, and whoever supervises it starts another."


class Watchdog:
    """Counts looks, not seconds: a process that was suspended as a whole did nothing wrong."""

    def __init__(
        self,
        *,
        dump: Callable[[], None] = faulthandler.dump_traceback,
        abort: Callable[[], None] = os.abort,
    ) -> None:
        self._dump = dump
        self._abort = abort
        self._alive = True
        self._silent = 0
        self._ended = threading.Event()

    def beat(self) -> None:
        """Called by the loop, several times between two looks."""
        self._alive = True

    def look(self) -> None:
        if self._alive:
            self._alive = False
            self._silent = 0
            return
        self._silent += 1
        if self._silent == DUMP_AFTER:
            self._dump()
        elif self._silent == ABORT_AFTER:
            self._abort()

    def start(self) -> None:
        """Look from a thread of its own until :meth:`stop`."""
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self.look()
