"""A child process that does what it is told, for better or worse."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

from workers.child import Head, serve


class No(Exception):
    """A polite refusal."""


def answer(head: Head, bodies: list[bytes]) -> Iterator[tuple[Head, list[bytes]]]:
    match head["do"]:
        case "echo":
            yield head, bodies
        case "count":
            for n in range(head["to"]):
                yield {"n": n}, []
        case "refuse":
            raise No("not today")
        case "environment":
            yield dict(os.environ), []
        case "sleep":
            time.sleep(60)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "raise":
            raise ValueError("a bug")
        case "take":
            yield {"bytes": len(bytearray(head["bytes"]))}, []
        case "open":
            yield (
                {"files": len([os.open("/dev/null", os.O_RDONLY) for _ in range(head["files"])])},
                [],
            )


if __name__ == "__main__":
    serve(answer, refusals=(No,))
