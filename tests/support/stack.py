"""A whole stack as users start it: `parley run` in a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from infra.cli.embedded import free_port

START_WITHIN_S = 90.0


class StackUnderTest:
    """The running stack: its address, keys and processes, and what tests do with them."""

    def __init__(self, home: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self.process = process
        self.http = httpx2.Client(base_url=self.url, timeout=15, trust_env=False)

    @property
    def operator_key(self) -> str:
        return (self.home / "keys" / "operator").read_text().strip()

    def pid(self, part: str) -> int:
        """Process id of a part as `/proc` has it now: the supervisor may have started it again."""
        names = {
            "api": "handlers",
            "media": "media",
            "worker-commands": "commands",
            "worker-recordings": "uploads,recordings",
            "worker-transcripts": "transcripts",
            "worker-outgoing": "webhooks,mail",
        }
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent != self.process.pid:
                continue
            # A Redis rewrites its command line to one word with its address in it.
            if names[part] in words if part in names else "-server" in words[0]:
                return int(entry.name)
        raise LookupError(part)

    def kill(self, part: str) -> int:
        """SIGKILL a part; returns the pid that is gone."""
        pid = self.pid(part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def tenant(self, **body: Any) -> Tenant:
        answer = self.http.post(
            "/api/v1/tenants",
            json={"name": "Test school", **body},
            headers={"X-API-Key": self.operator_key},
        )
        assert answer.status_code == 201, answer.text
        return Tenant(self, answer.json()["id"], answer.json()["api_key"])

    def health(self) -> Any:
        return self.http.get("/healthz").json()


class Tenant:
    """One tenant's way in."""

    def __init__(self, stack: StackUnderTest, tenant_id: str, key: str) -> None:
        self.stack = stack
        self.id = tenant_id
        self.key = key

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """A path without a leading `/api/` is below `/api/v1`."""
        full = path if path.startswith("/api/") else f"/api/v1{path}"
        return self.stack.http.request(
            method, full, json=body, headers={"X-API-Key": self.key, **headers}
        )

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.call("POST", path, body if body is not None else {})
        assert answer.status_code in (200, 201, 202), f"POST {path}: {answer.text}"
        return answer.json()

    def persist(self, path: str, body: Any, key: str, within: float = 60.0) -> Any:
        """POST as a careful client does: the same Idempotency-Key until there is an answer."""

        def attempt() -> Any:
            try:
                answer = self.call("POST", path, body, **{"Idempotency-Key": key})
            except httpx2.TransportError:
                return None
            return answer.json() if answer.status_code < 300 else None

        return until(attempt, f"POST {path}", within)


def until(check: Callable[[], Any], what: str, within: float = 60.0, every: float = 0.2) -> Any:
    """Wait for something to be true of a system that has its own pace; the value is returned."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(every)
    raise AssertionError(f"{what}: not within {within:.0f} s")


@contextmanager
def running_stack(home: Path, **env: str) -> Iterator[StackUnderTest]:
    """Start it, wait for `/healthz`, and see to it that Ctrl-C leaves no process behind."""
    port = free_port()
    log = (home.parent / f"{home.name}.out").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "run"],
        env={**os.environ, "PARLEY_HOME": str(home), "PARLEY_PORT": str(port), **env},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=home.parent,
    )
    stack = StackUnderTest(home, port, process)

    def up() -> bool:
        assert process.poll() is None, Path(log.name).read_text()
        return (home / "stack.json").exists()

    try:
        until(up, "the stack", START_WITHIN_S)
        yield stack
        parts = json.loads((home / "stack.json").read_text())["parts"]
    finally:
        stack.http.close()
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        log.close()
    assert code == 0, Path(log.name).read_text()
    left = [name for name, pid in parts.items() if Path(f"/proc/{pid}").exists()]
    assert not left, f"still running after Ctrl-C: {left}"
