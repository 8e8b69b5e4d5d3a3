"""Several handler processes behind a plain round-robin, and somebody who keeps killing them."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import closing, suppress

from infra.cli.embedded import free_port
from tests.support.stack import until


class Handlers:
    """Handler processes that are started again when they die."""

    def __init__(self, count: int, env: Mapping[str, str]) -> None:
        self.ports = [free_port() for _ in range(count)]
        self._env = env
        self._processes = [self._start(port) for port in self.ports]
        for port in self.ports:
            until(lambda port=port: answers(port), "a handler")  # type: ignore[misc]

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "handlers"],
            env={**os.environ, **self._env, "PARLEY_PORT": str(port), "PARLEY_LOG_LEVEL": "ERROR"},
        )

    def kill_and_restart(self, index: int) -> None:
        """SIGKILL one and start it again. Returns when it answers."""
        process = self._processes[index]
        process.send_signal(signal.SIGKILL)
        process.wait()
        port = self.ports[index]
        self._processes[index] = self._start(port)
        until(lambda: answers(port), "a handler that was killed")

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
        return True
    return False


class RoundRobin:
    """Gives each new connection to the next backend that takes it. Knows nothing of HTTP."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._next = 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        backend = self._connect()
        if backend is None:
            client.close()
            return
        back = threading.Thread(target=_pump, args=(backend, client), daemon=True)
        back.start()
        _pump(client, backend)
        back.join()
        client.close()
        backend.close()

    def _connect(self) -> socket.socket | None:
        for _ in self._ports:
            self._next = (self._next + 1) % len(self._ports)
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", self._ports[self._next]), 2)
        return None

    def close(self) -> None:
        self._listening.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    # Whatever ended it ends both ways: a reset must reach the client as one.
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class Killer:
    """Kills one handler after the other, at random moments, until stopped."""

    def __init__(self, handlers: Handlers, seed: int) -> None:
        self.killed = 0
        self._handlers = handlers
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(self._random.uniform(0.1, 0.6)):
            self._handlers.kill_and_restart(self._random.randrange(len(self._handlers.ports)))
            self.killed += 1

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
