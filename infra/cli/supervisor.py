"""Keeps one machine's processes running: starts them in order, restarts the dead, ends them all."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RESTART_AFTER_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"Seconds before the first, second, … restart in a row."
STABLE_AFTER_S = 30.0
"Running this long, a process is trusted again."
PATIENCE_S = 12.0
"Seconds between asking a process to end and ending it."

PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """In the child: end when the supervisor does, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Part:
    """One process that should be running."""

    name: str
    command: Sequence[str]
    env: dict[str, str]
    service: bool
    "Others stand on it: ended last."
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    failures: int = 0
    keeper: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """Starts parts, restarts those that end, and leaves nothing behind.

    Output of each part goes to `logs/<name>.log`. `say` is told, in one line, whatever a person
    should know.
    """

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._say = say
        self._parts: list[Part] = []
        self._ending = False
        logs.mkdir(parents=True, exist_ok=True)

    @property
    def pids(self) -> dict[str, int]:
        return {
            p.name: p.process.pid for p in self._parts if p.process and p.process.returncode is None
        }

    async def start(
        self, name: str, command: Sequence[str], env: dict[str, str], *, service: bool = False
    ) -> None:
        part = Part(name, command, env, service)
        self._parts.append(part)
        await self._spawn(part)
        part.keeper = asyncio.create_task(self._keep(part), name=f"keep {name}")

    async def _spawn(self, part: Part) -> None:
        with (self._logs / f"{part.name}.log").open("ab") as log:
            part.process = await asyncio.create_subprocess_exec(
                *part.command,
                env=part.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C is ours to pass on, and its children end with it.
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        part.started_at = time.monotonic()

    async def _keep(self, part: Part) -> None:
        while True:
            assert part.process is not None
            code = await part.process.wait()
            if self._ending:
                return
            if time.monotonic() - part.started_at > STABLE_AFTER_S:
                part.failures = 0
            delay = RESTART_AFTER_S[min(part.failures, len(RESTART_AFTER_S) - 1)]
            part.failures += 1
            self._say(
                f"{part.name} ended ({_ended(code)}); starting it again. {self.why(part.name)}"
            )
            self._kill_group(part, signal.SIGKILL)
            await asyncio.sleep(delay)
            if self._ending:
                return
            await self._spawn(part)

    def why(self, name: str) -> str:
        """The last line a part wrote, which is usually the reason."""
        log = self._logs / f"{name}.log"
        with log.open("rb") as written:
            written.seek(0, os.SEEK_END)
            written.seek(max(0, written.tell() - 4096))
            lines = [x for x in written.read().decode(errors="replace").splitlines() if x.strip()]
        return f"{lines[-1].strip()} ({log})" if lines else f"({log})"

    def failing(self) -> str | None:
        """A part that ends as often as it is started, None when all is well."""
        return next((p.name for p in self._parts if p.failures >= 3), None)

    async def end(self) -> None:
        """End every part: those that stand on others together, then what they stood on."""
        self._ending = True
        for service in (False, True):
            ended = (self._end(part) for part in self._parts if part.service is service)
            await asyncio.gather(*ended)

    async def _end(self, part: Part) -> None:
        """Ask it to end, wait, then end what has not listened."""
        if part.keeper:
            part.keeper.cancel()
        if part.process is None:
            return
        if part.process.returncode is None:
            part.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await part.process.wait()
            except TimeoutError:
                self._say(f"{part.name} did not end when asked; ending it.")
        self._kill_group(part, signal.SIGKILL)
        await part.process.wait()

    @staticmethod
    def _kill_group(part: Part, sig: signal.Signals) -> None:
        """End what the part itself had started, which may outlive it in its group."""
        assert part.process is not None
        try:
            os.killpg(part.process.pid, sig)
        except ProcessLookupError:
            return


def _ended(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
