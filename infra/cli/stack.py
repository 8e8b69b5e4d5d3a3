"""The whole of Parley on one machine: what is not configured is embedded."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TextIO

import httpx2
import redis

from infra import secrets
from infra.cli import embedded
from infra.cli.supervisor import Supervisor
from infra.settings import Settings

START_WITHIN_S = 60.0
"Seconds until every part must have answered."


class StackFailed(Exception):
    """The stack cannot run; the message is the one line to print."""


class Stack:
    """A running stack: where it answers, and which processes it is."""

    def __init__(self, settings: Settings, env: dict[str, str], supervisor: Supervisor) -> None:
        self.settings = settings
        self.env = env
        self.supervisor = supervisor

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def operator_key(self) -> str:
        return secrets.load(self.settings).operator_key


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    say: Callable[[str], None],
    *,
    with_s3: bool = False,
    afresh: bool = False,
) -> AsyncIterator[Stack]:
    """Start everything, wait until `/healthz` says so, and end everything afterwards.

    `afresh`: in a home emptied first. Raises StackFailed with the part that is to blame.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    with _only_one(settings.home):
        if settings.port and embedded.port_taken(settings.host, settings.port):
            raise StackFailed(
                f"Port {settings.port} is taken: set PARLEY_PORT, or end what listens there."
            )
        if afresh:
            _empty(settings.home)
        env = embedded.environment(settings)
        supervisor = Supervisor(settings.home / "logs", say)
        try:
            settings = await _services(settings, env, supervisor, say, with_s3=with_s3)
            await _migrate(env, say)
            say("Starting workers, the media pod and the API ...")
            for name, words in PROGRAMS.items():
                await supervisor.start(name, [sys.executable, "-m", *words], env)
            stack = Stack(settings, env, supervisor)
            await _until_healthy(stack)
            (settings.home / "stack.json").write_text(
                json.dumps({"url": stack.url, "pid": os.getpid(), "parts": supervisor.pids})
            )
            yield stack
        finally:
            await supervisor.end()
            (settings.home / "stack.json").unlink(missing_ok=True)


PROGRAMS: dict[str, list[str]] = {
    "worker-commands": ["workers", "--queues", "commands"],
    "worker-recordings": ["workers", "--queues", "uploads,recordings"],
    "worker-transcripts": ["workers", "--queues", "transcripts"],
    "worker-outgoing": ["workers", "--queues", "webhooks,mail"],
    "media": ["media"],
    "api": ["handlers"],
}
"Name to the module and arguments of each program of a stack."


LOCK = "stack.lock"


def _empty(home: Path) -> None:
    """Remove all but the lock, which we hold."""
    for path in home.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


@contextlib.contextmanager
def _only_one(home: Path) -> Any:
    lock: TextIO = (home / LOCK).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StackFailed(
            f"Another stack runs with {home}. End it, or set PARLEY_HOME to another directory."
        ) from None
    try:
        yield
    finally:
        lock.close()


async def _services(
    settings: Settings,
    env: dict[str, str],
    supervisor: Supervisor,
    say: Callable[[str], None],
    *,
    with_s3: bool,
) -> Settings:
    """Start what is not configured; the settings and `env` name it afterwards."""
    changed: dict[str, Any] = {}
    if settings.port == 0:
        changed["port"] = embedded.free_port(settings.host)
    if settings.redis_url is None:
        say("Starting an own Redis ...")
        port = embedded.free_port()
        await supervisor.start(
            "redis", embedded.redis_command(settings.home, port), env, service=True
        )
        changed["redis_url"] = f"redis://127.0.0.1:{port}/0"
        await _until_redis(changed["redis_url"], supervisor)
    if with_s3 and settings.s3_bucket is None:
        say("Starting an own S3 ...")
        port = embedded.free_port()
        await supervisor.start("s3", embedded.s3_command(port), env, service=True)
        changed |= {
            "s3_bucket": "parley",
            "s3_endpoint": f"http://127.0.0.1:{port}",
            "s3_access_key": "parley",
            "s3_secret_key": "parley-embedded",
        }
        await _until_http(changed["s3_endpoint"], supervisor)
    for name, value in changed.items():
        env[f"PARLEY_{name.upper()}"] = str(value)
    settings = Settings.model_validate(_plain(settings) | changed)
    if "s3_bucket" in changed:
        await asyncio.to_thread(embedded.make_bucket, settings)
    return settings


def _plain(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in type(settings).model_fields}


async def _migrate(env: dict[str, str], say: Callable[[str], None]) -> None:
    say("Bringing the database up to date ...")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "infra.db.migrate"),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    if process.returncode:
        lines = out.decode(errors="replace").strip().splitlines()
        raise StackFailed(
            f"The database cannot be migrated: {lines[-1] if lines else 'no word why'}"
        )


async def _until(check: Callable[[], Any], what: str, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    missing: str | None = None
    while time.monotonic() < deadline:
        missing = await check()
        if missing is None:
            return
        if failing := supervisor.failing():
            raise StackFailed(f"{failing} does not start: {supervisor.why(failing)}")
        await asyncio.sleep(0.1)
    raise StackFailed(f"{what} did not answer within {START_WITHIN_S:.0f} s: {missing}")


async def _until_redis(url: str, supervisor: Supervisor) -> None:
    async def check() -> str | None:
        client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
        try:
            await asyncio.to_thread(client.ping)
        except redis.RedisError as error:
            return str(error)
        finally:
            client.close()
        return None

    await _until(check, "Redis", supervisor)


async def _until_http(url: str, supervisor: Supervisor) -> None:
    async with httpx2.AsyncClient(timeout=2, trust_env=False) as http:

        async def check() -> str | None:
            try:
                await http.get(url)
            except httpx2.HTTPError as error:
                return str(error) or type(error).__name__
            return None

        await _until(check, url, supervisor)


async def _until_healthy(stack: Stack) -> None:
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:

        async def check() -> str | None:
            try:
                answer = await http.get(f"{stack.url}/healthz")
            except httpx2.HTTPError as error:
                return f"the API: {str(error) or type(error).__name__}"
            if answer.status_code == 200:
                return None
            parts = answer.json().get("parts", {})
            return ", ".join(
                f"{name}: {part.get('detail') or part.get('status')}"
                for name, part in parts.items()
                if part.get("status") != "ok"
            )

        await _until(check, "The stack", stack.supervisor)
