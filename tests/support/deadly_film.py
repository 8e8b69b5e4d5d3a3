"""The film's maker, and what a segment made to harm it does to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from workers.child import Head, serve
from workers.recordings import film

DEADLY = b"deadly"
"Somewhere in a segment's file."


def answer(head: Head, bodies: list[bytes]) -> Iterator[tuple[Head, list[bytes]]]:
    for clip in head["clips"]:
        if DEADLY in Path(clip["path"]).read_bytes():
            os.kill(os.getpid(), signal.SIGSEGV)
    yield from film.answer(head, bodies)


if __name__ == "__main__":
    serve(answer, refusals=(film.NothingToShow, film.BadFilm))
