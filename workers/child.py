"""A child process that can be killed: where foreign bytes are decoded and models run.

Neither can be interrupted in the process itself, and either may take it down. The child is a fresh
interpreter without this one's secrets in its environment, held to limits, that ends when its parent
does. Messages are JSON followed by raw bytes: what a child answers is data, never code.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

Head = dict[str, Any]

MESSAGE_BYTES = 64 * 1024 * 1024
"Longest part of a message either side takes."
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "XDG_CACHE_HOME")
INHERITED_PREFIXES = ("LC_", "OMP_", "CUDA_", "NVIDIA_", "CT2_")


class ChildDied(Exception):
    """The child ended before it answered."""


class TooLate(ChildDied):
    """The child had not answered in time, and was killed."""


class ChildRefused(Exception):
    """The child lives and says it cannot do this; trying again will not help."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use; None: whatever there is."""

    memory_bytes: int | None = None
    "Address space, which is more than what ends up resident."
    cpu_s: int | None = None
    open_files: int | None = 256


class Child:
    """The parent's end. One exchange at a time; not for sharing between threads."""

    def __init__(self, module: str, limits: Limits, *, also: tuple[str, ...] = ()) -> None:
        """Start `python -m module`, which must call :func:`serve`. `also`: prefixes of further
        environment variables it is to have."""
        self._pipe, theirs = Pipe()
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in INHERITED or name.startswith(INHERITED_PREFIXES + also)
        }
        kept["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=kept,
                pass_fds=[theirs.fileno()],
            )
        self._late = False
        self.send(asdict(limits))

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, head: Head, *bodies: bytes, within: float) -> tuple[Head, list[bytes]]:
        """Send and receive under one deadline in seconds."""
        with self._deadline(within):
            self.send(head, *bodies)
            return self._receive()

    def receive(self, *, within: float) -> tuple[Head, list[bytes]]:
        """Raises ChildDied, TooLate or ChildRefused."""
        with self._deadline(within):
            return self._receive()

    def send(self, head: Head, *bodies: bytes) -> None:
        try:
            _put(self._pipe, head, bodies)
        except OSError as error:
            raise self._obituary() from error

    def kill(self) -> None:
        """End it now. A dead child may be killed again."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._pipe.close()

    def _receive(self) -> tuple[Head, list[bytes]]:
        try:
            head, bodies = _get(self._pipe)
        except (EOFError, OSError, ValueError) as error:
            raise self._obituary() from error
        if "refused" in head:
            raise ChildRefused(str(head["refused"]), str(head.get("words", "")))
        return head, bodies

    @contextlib.contextmanager
    def _deadline(self, within: float) -> Iterator[None]:
        timer = threading.Timer(within, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()

    def _obituary(self) -> ChildDied:
        self._process.kill()
        status = self._process.wait()
        if self._late:
            return TooLate("killed: it had not answered in time")
        return ChildDied(f"ended with status {status} before it answered")


Answer = Callable[[Head, list[bytes]], Iterator[tuple[Head, list[bytes]]]]
"What a child does with one message: any number of answers."


def serve(answer: Answer, *, refusals: tuple[type[Exception], ...] = ()) -> None:
    """The child's end: answer messages until the parent is gone. Other exceptions end the child."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with Connection(int(sys.argv[1])) as pipe:
        limits, _ = _get(pipe)
        _limit(Limits(**limits))
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            while True:
                head, bodies = _get(pipe)
                try:
                    for said, parts in answer(head, bodies):
                        _put(pipe, said, parts)
                except refusals as refusal:
                    _put(pipe, {"refused": type(refusal).__name__, "words": str(refusal)}, [])


def _end_with_parent() -> None:
    # Only the parent holds the other end of standard input; it closes when the parent dies.
    sys.stdin.buffer.read()
    os._exit(1)


def _limit(limits: Limits) -> None:
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in wanted.items():
        if most is not None:
            hard = resource.getrlimit(kind)[1]
            most = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (most, most))


def _put(pipe: Connection, head: Head, bodies: list[bytes] | tuple[bytes, ...]) -> None:
    pipe.send_bytes(json.dumps({"head": head, "bodies": len(bodies)}).encode())
    for body in bodies:
        pipe.send_bytes(body)


def _get(pipe: Connection) -> tuple[Head, list[bytes]]:
    message = json.loads(pipe.recv_bytes(MESSAGE_BYTES))
    bodies = [pipe.recv_bytes(MESSAGE_BYTES) for _ in range(int(message["bodies"]))]
    head: Head = message["head"]
    return head, bodies
